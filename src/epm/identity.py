"""What counts as the same product: the policy that maps a Relation to a label.

``strict`` (the default) accepts exact pairs only, ``family`` adds variants, ``per-unit`` adds other pack sizes; a TOML
file names any other set:

    name = "colour-blind"
    matching = ["exact", "variant"]
    statement = "Listings that differ only in colour or size are the same product."
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from epm.errors import ConfigError
from epm.relation import Label, Relation


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """Relations that count as a match, with the sentence that states the rule in prompts."""

    name: str
    matching: frozenset[Relation]
    statement: str

    def label(self, relation: Relation) -> Label | None:
        """The label of a relation; ``None`` for ``undecidable``, which the rule cannot settle."""
        if relation is Relation.UNDECIDABLE:
            return None
        return Label.MATCH if relation in self.matching else Label.NO_MATCH


STRICT = IdentityRule(
    "strict",
    frozenset({Relation.EXACT}),
    "Two listings match only if they offer exactly the same product: same brand, model, generation, variant "
    "(colour, size, capacity, region), same number of units per pack, same condition, nothing added and nothing left out.",
)
FAMILY = IdentityRule(
    "family",
    frozenset({Relation.EXACT, Relation.VARIANT}),
    "Two listings match if they offer the same product, or variants of it that differ only in colour, size, capacity or "
    "region. Other pack sizes, bundles, accessories and other conditions do not match.",
)
PER_UNIT = IdentityRule(
    "per-unit",
    frozenset({Relation.EXACT, Relation.OTHER_PACK}),
    "Two listings match if the single unit is exactly the same product, whatever the number of units in the pack. "
    "Variants, bundles, accessories and other conditions do not match.",
)
IDENTITY_RULES = {rule.name: rule for rule in (STRICT, FAMILY, PER_UNIT)}


class _RuleFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    matching: frozenset[Relation]
    statement: str


def load_identity_rule(name_or_path: str) -> IdentityRule:
    """The rule of that name, or the one in a TOML file.

    Raises:
        ConfigError: neither a known name nor a readable rule file.
    """
    known = IDENTITY_RULES.get(name_or_path)
    if known is not None:
        return known
    path = Path(name_or_path)
    if path.suffix != ".toml" or not path.is_file():
        msg = f"identity rule {name_or_path!r} is unknown: use one of {sorted(IDENTITY_RULES)} or the path of a .toml file"
        raise ConfigError(msg)
    try:
        rule = _RuleFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError, RecursionError, OSError) as error:
        msg = f"identity rule file {name_or_path!r} is not valid: {error}"
        raise ConfigError(msg) from error
    if Relation.UNDECIDABLE in rule.matching:
        msg = f"identity rule file {name_or_path!r} lists 'undecidable' as matching: an undecidable pair has no label"
        raise ConfigError(msg)
    return IdentityRule(rule.name, rule.matching, rule.statement)
