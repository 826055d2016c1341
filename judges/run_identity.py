"""The identity rule of a run, kept in its settings so that judges hold labels against the rule they were decided by."""

from __future__ import annotations

from collections.abc import Mapping

from epm.identity import IDENTITY_RULES, STRICT, IdentityRule
from epm.relation import Relation

_SEPARATOR = " "


def identity_settings(identity: IdentityRule) -> dict[str, str]:
    """The rule as run settings."""
    matching = _SEPARATOR.join(sorted(relation.value for relation in identity.matching))
    return {"identity": identity.name, "identity_matching": matching, "identity_statement": identity.statement}


def identity_of(settings: Mapping[str, str]) -> IdentityRule:
    """The rule that a run's settings name: what ``identity_settings`` wrote, a built-in name, or ``strict`` without one."""
    name = settings.get("identity", STRICT.name)
    matching, statement = settings.get("identity_matching"), settings.get("identity_statement")
    if matching is None or statement is None:
        return IDENTITY_RULES.get(name, STRICT)
    return IdentityRule(name, frozenset(Relation(value) for value in matching.split(_SEPARATOR) if value), statement)
