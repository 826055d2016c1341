"""Two quotes have something in common by a word or by the engine's reading, or nobody here can tell."""

from __future__ import annotations

import pytest

from epm.identity import STRICT
from epm.judges.checks import find_faults
from epm.judges.common_token import has_common_token
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Rationale


@pytest.mark.parametrize(
    ("left", "right"),
    [("1.7 L", "1700 ml"), ("black", "schwarz"), ("KX-120", "kx120b"), ("\u0447\u0430\u0439\u043d\u0438\u043a", "kettle")],
)
def test_equal_values_in_other_words_have_a_common_token(left: str, right: str) -> None:
    assert has_common_token(left, right)


@pytest.mark.parametrize(("left", "right"), [("black", "red"), ("Kolvra", "Zem"), ("espresso machine", "toaster"), ("1.7 L", "900 ml")])
def test_unlike_values_have_none(left: str, right: str) -> None:
    assert not has_common_token(left, right)


def test_a_cell_that_says_same_over_unlike_quotes_is_a_fault_of_the_checks() -> None:
    nothing = {"comparisons": [], "verdict": "unknown"}
    cell = {"attribute": "colour", "left": "black", "right": "red", "verdict": "same"}
    brand = {"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}
    written = Rationale.model_validate({
        "core": {"comparisons": [brand], "verdict": "same"}, "identifier": nothing, "variant": {"comparisons": [cell], "verdict": "same"},
        "relation": "exact", "label": "match",
    })  # fmt: skip
    pair = Pair("p", Listing("l", "Kolvra kettle black"), Listing("r", "Kolvra kettle red"))
    assert "common token" in {fault.check for fault in find_faults(pair, written, STRICT)}
