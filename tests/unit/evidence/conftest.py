from __future__ import annotations

from collections.abc import Callable

import pytest

from epm.evidence.engine import PairEvidence, compare
from epm.listing import Listing
from epm.pair import Pair

MakePair = Callable[..., Pair]
CompareTitles = Callable[..., PairEvidence]


@pytest.fixture
def make_pair() -> MakePair:
    """A pair of two titles, or of two field mappings."""

    def make(left: str | dict[str, object], right: str | dict[str, object]) -> Pair:
        sides = [{"title": side} if isinstance(side, str) else side for side in (left, right)]
        return Pair("p", *(Listing(id=name, **side) for name, side in zip(("l", "r"), sides, strict=True)))  # type: ignore[arg-type]

    return make


@pytest.fixture
def compare_titles(make_pair: MakePair) -> CompareTitles:
    """The evidence of two titles."""
    return lambda left, right: compare(make_pair(left, right))
