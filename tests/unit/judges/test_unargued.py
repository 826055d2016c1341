"""A rationale that walks past a strong reading of the other label is at fault; one that quotes it is not."""

from __future__ import annotations

import pytest

from epm.evidence.engine import compare
from epm.identity import FAMILY, STRICT
from epm.judges.unargued import unargued_faults
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Rationale

SIBLINGS = Pair("p", Listing("l", "Kolvra KX-120 kettle"), Listing("r", "Kolvra KX-130 kettle"))
TWINS = Pair("p", Listing("l", "Kolvra kettle", mpn="KX-120"), Listing("r", "Kettle Kolvra", mpn="KX120"))


def rationale(label: str, *cells: tuple[str, str, str, str]) -> Rationale:
    comparisons = [dict(zip(("attribute", "left", "right", "verdict"), cell, strict=True)) for cell in cells]
    verdict = "same" if label == "match" else "different"
    nothing = {"comparisons": [], "verdict": "unknown"}
    relation = "exact" if label == "match" else "different"
    core = {"comparisons": comparisons, "verdict": verdict}
    return Rationale.model_validate({"core": core, "identifier": nothing, "variant": nothing, "relation": relation, "label": label})


@pytest.mark.parametrize(
    ("pair", "written", "n_faults"),
    [
        (SIBLINGS, rationale("match", ("brand", "Kolvra", "Kolvra", "same")), 1),
        (SIBLINGS, rationale("match", ("name", "Kolvra KX-120 kettle", "Kolvra KX-130 kettle", "same")), 1),
        (SIBLINGS, rationale("match", ("product", "Kolvra KX-120 kettle", "Kolvra KX-130 kettle", "same")), 1),
        (SIBLINGS, rationale("match", ("model", "KX-120", "KX-130", "unknown")), 0),
        (SIBLINGS, rationale("no_match", ("brand", "Kolvra", "Kolvra", "same")), 0),
        (TWINS, rationale("no_match", ("type", "kettle", "Kettle", "different")), 2),
        (TWINS, rationale("no_match", ("mpn", "KX-120", "KX120", "same")), 0),
    ],
)
def test_only_silence_about_a_strong_reading_is_a_fault(pair: Pair, written: Rationale, n_faults: int) -> None:
    assert len(list(unargued_faults(pair, written, STRICT))) == n_faults


def test_what_the_engine_writes_itself_is_never_at_fault() -> None:
    for rule in (STRICT, FAMILY):
        for pair in (SIBLINGS, TWINS):
            assert list(unargued_faults(pair, compare(pair, rule).rationale, rule)) == []
