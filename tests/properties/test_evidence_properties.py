from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from epm.evidence.engine import compare, read_listing
from epm.evidence.entailment import entailment_problems, quote_problems
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import AxisFinding, Rationale
from epm.relation import Relation

LISTINGS = st.from_type(Listing)
TITLES = LISTINGS.map(lambda listing: listing.title)


@settings(max_examples=300, deadline=None)
@given(LISTINGS, LISTINGS)
def test_swapping_the_sides_swaps_the_rationale_and_nothing_else(left: Listing, right: Listing) -> None:
    pair = Pair("p", left, right)
    evidence, swapped = compare(pair), compare(pair.swapped())

    assert swapped.relation is evidence.relation
    assert swapped.factor == evidence.factor
    assert swapped.probability == evidence.probability
    assert swapped.rationale.label is evidence.rationale.label
    assert {axis: finding.verdict for axis, finding in _findings(swapped.rationale)} == {
        axis: finding.verdict for axis, finding in _findings(evidence.rationale)
    }


@settings(max_examples=300, deadline=None)
@given(LISTINGS, LISTINGS)
def test_every_rationale_is_grounded_and_entails_its_label(left: Listing, right: Listing) -> None:
    evidence = compare(Pair("p", left, right))

    assert quote_problems(evidence.rationale, left.texts(), right.texts()) == ()
    assert entailment_problems(evidence.rationale) == ()
    assert (evidence.probability >= 0.5) is (evidence.relation is Relation.EXACT)
    assert 0.0 <= evidence.probability <= 1.0
    assert compare(Pair("p", left, right)) == evidence


@settings(max_examples=300, deadline=None)
@given(LISTINGS)
def test_every_span_slices_back_to_its_quote(listing: Listing) -> None:
    texts = listing.texts()
    for values in read_listing(listing).values.values():
        for value in values:
            assert value.span.quote
            assert texts[value.span.field][value.span.start : value.span.end] == value.span.quote


@settings(max_examples=200, deadline=None)
@given(TITLES.filter(lambda title: any(c.isascii() and c.isalnum() for c in title)))
def test_a_listing_is_never_a_different_product_than_itself(title: str) -> None:
    listing = Listing("x", title)

    assert compare(Pair("p", listing, listing)).relation in {Relation.EXACT, Relation.UNDECIDABLE}


def test_a_two_megabyte_title_is_read_in_linear_time() -> None:
    for unit in ("a", "1", "1 x ", "12.", "for ", "+ ", "6er pack of ", "KX-", "1.7 l ", "(((", "½"):
        start = time.perf_counter()
        compare(Pair("p", Listing("l", unit * (2_000_000 // len(unit))), Listing("r", "Kolvra KX-120 kettle")))
        assert time.perf_counter() - start < 1.0, unit


def _findings(rationale: Rationale) -> list[tuple[str, AxisFinding]]:
    return [("core", rationale.core), ("identifier", rationale.identifier), ("variant", rationale.variant)]
