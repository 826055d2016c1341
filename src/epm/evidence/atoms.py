"""Values read in a listing and the atoms that compare them.

Invariant: ``Span.quote == listing.texts()[span.field][span.start:span.end]`` for every span of every value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from epm.rationale import Verdict


@dataclass(frozen=True, slots=True)
class Span:
    """Where a value stands: a verbatim quote of one field."""

    field: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Value:
    """One value of one attribute. ``key`` is what is compared, ``start`` and ``end`` are places in the folded text.

    ``amount`` and ``dimension`` are set for measured values; ``trust`` is the grade of an identifier.
    """

    attribute: str
    key: str
    span: Span
    rule: str
    start: int
    end: int
    amount: Decimal | None = None
    dimension: str = ""
    trust: str = ""

    @property
    def field(self) -> str:
        """The field it was read in."""
        return self.span.field


@dataclass(frozen=True, slots=True)
class Atom:
    """One comparison: what each side says, by which rule, with what verdict and strength in [0, 1].

    ``is_decisive`` marks an atom that settles the relation although one side is silent (single against "6er Pack").
    """

    attribute: str
    left: Value | None
    right: Value | None
    rule: str
    verdict: Verdict
    strength: float
    is_decisive: bool = False

    def swapped(self) -> Atom:
        """The atom of the swapped pair."""
        return replace(self, left=self.right, right=self.left)
