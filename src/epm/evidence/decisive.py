"""Which attributes a pair leaves open that decide its label, and how many of them a set of questions asks for.

An attribute is open when one listing states it and the other never does, nor writes the value elsewhere. It decides under an identity rule when the label
would be one if the silent listing said the same, and another if it said something else. So a colour decides under
``strict`` and never under ``family``, and nothing decides where the texts settle the case. Pack, additions and condition are
never open: they belong to one offer, so that no other text can tell them, and silence says the usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from epm.evidence.atoms import Atom
from epm.evidence.compare import Compared, compare_parsed
from epm.evidence.engine import read_texts
from epm.evidence.fields import attribute_kind
from epm.evidence.parsed import ParsedListing
from epm.evidence.verdict import judge
from epm.identity import STRICT, IdentityRule
from epm.rationale import AXIS_ATTRIBUTES, Verdict
from epm.relation import Label

_KNOWN = tuple(name for names in AXIS_ATTRIBUTES.values() for name in names)
_OF_THE_OFFER = frozenset({"pack", "bundle", "condition"})
_RULES = {("model", Verdict.SAME): "model-shared", ("model", Verdict.DIFFERENT): "model-sibling"}
"""Rules that the case of the codes is read off."""
_STRENGTH = 0.9


@dataclass(frozen=True, slots=True)
class QuestionCoverage:
    """How a set of questions covers what is decisive. ``asked`` are the decisive attributes asked for; ``n_idle`` questions ask for none."""

    decisive: tuple[str, ...]
    asked: tuple[str, ...]
    n_questions: int
    n_idle: int


def decisive_attributes(left: Mapping[str, str], right: Mapping[str, str], identity: IdentityRule = STRICT) -> tuple[str, ...]:
    """The open attributes that decide, in the order of the axes; the same for swapped sides.

    Sides are the texts of a listing (``Listing.texts()``).
    """
    sides = (read_texts(left), read_texts(right))
    compared = compare_parsed(*sides)
    return tuple(
        name for name in _KNOWN
        if name not in _OF_THE_OFFER and _is_open(compared.of(name), sides)
        and _label(compared, name, Verdict.SAME, identity) is not _label(compared, name, Verdict.DIFFERENT, identity)
    )  # fmt: skip


def question_coverage(decisive: Iterable[str], asked: Iterable[str]) -> QuestionCoverage:
    """What questions about the attributes ``asked`` cover; names in other words or languages ("farbe") count as what they mean."""
    wanted, named = tuple(decisive), [attribute_name(name) for name in asked]
    return QuestionCoverage(wanted, tuple(name for name in wanted if name in named), len(named), sum(name not in wanted for name in named))


def attribute_name(name: str) -> str:
    """The engine's own name of an attribute, or the given one, case and spacing apart."""
    plain = " ".join(name.casefold().split())
    kind = attribute_kind(plain)
    return plain if plain in _KNOWN or kind == "other" else kind


def _is_open(atoms: tuple[Atom, ...], sides: tuple[ParsedListing, ParsedListing]) -> bool:
    return bool(atoms) and not any(atom.is_decisive or _is_stated_twice(atom, sides) for atom in atoms)


def _is_stated_twice(atom: Atom, sides: tuple[ParsedListing, ParsedListing]) -> bool:
    """True if both sides state a value, or the one without writes the other's somewhere: a part number within its title."""
    value, other = (atom.left, sides[1]) if atom.right is None else (atom.right, sides[0])
    if value is None or (atom.left is not None and atom.right is not None):
        return True
    return value.key in other.grams or value.key in other.description_grams


def _label(compared: Compared, name: str, verdict: Verdict, identity: IdentityRule) -> Label | None:
    """The label if the silent side gave this verdict on an open attribute."""
    return identity.label(
        judge(
            Compared(tuple(_answered(atom, verdict) if atom.attribute == name else atom for atom in compared.atoms), compared.names)
        ).relation
    )


def _answered(atom: Atom, verdict: Verdict) -> Atom:
    value = atom.left or atom.right
    rule = _RULES.get((atom.attribute, verdict), atom.rule)
    return replace(atom, left=value, right=value, rule=rule, verdict=verdict, strength=_STRENGTH)
