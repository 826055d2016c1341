"""What holds for every pair and every set of questions: decisive attributes, coverage and preferences."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from epm.decision import Decision, Outcome
from epm.distill.question_preferences import question_preferences
from epm.evidence.decisive import attribute_name, decisive_attributes, question_coverage
from epm.evidence.engine import compare
from epm.identity import FAMILY, STRICT
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import AXIS_ATTRIBUTES
from epm.relation import Label

LISTINGS = st.from_type(Listing)
KNOWN = [name for names in AXIS_ATTRIBUTES.values() for name in names]
NAMES = st.lists(st.sampled_from([*KNOWN, "Farbe", "price", ""]) | st.text(max_size=12), max_size=6)
LABELS = st.sampled_from(["match", "no_match", None])
VARIANTS = st.lists(st.tuples(LABELS, st.integers(0, 4), st.sampled_from(["q1", "q2", "q3"])), max_size=6)
PROMPT = {"id": "teacher/ask.v1", "sha256": "0", "system": "s", "user": "u"}


@dataclass(frozen=True)
class Item:
    pair: Pair
    decision: Decision


@settings(max_examples=150)
@given(LISTINGS, LISTINGS)
def test_what_decides_is_the_same_for_swapped_sides_and_nothing_a_listing_beside_itself_leaves_open(left: Listing, right: Listing) -> None:
    found = decisive_attributes(left.texts(), right.texts())
    assert found == decisive_attributes(right.texts(), left.texts())
    assert set(found) <= set(KNOWN)
    assert decisive_attributes(left.texts(), left.texts()) == ()


@settings(max_examples=150)
@given(LISTINGS, LISTINGS)
def test_what_decides_is_stated_by_exactly_one_side(left: Listing, right: Listing) -> None:
    rows = compare(Pair("p", left, right)).rationale
    stated = {c.attribute for finding in (rows.core, rows.identifier, rows.variant) for c in finding.comparisons if c.left and c.right}
    variant = {"colour", "size", "capacity", "region"}
    assert not set(decisive_attributes(left.texts(), right.texts(), STRICT)) & stated & variant
    if compare(Pair("p", left, right), FAMILY).rationale.label is not None:  # where nothing else tells, a variant is a match at least
        assert not set(decisive_attributes(left.texts(), right.texts(), FAMILY)) & {"colour", "region"}


@given(st.lists(st.sampled_from(KNOWN), unique=True, max_size=5), NAMES, st.randoms())
def test_coverage_is_bounded_and_does_not_depend_on_the_order_of_the_questions(decisive: list[str], asked: list[str], rng) -> None:
    found = question_coverage(decisive, asked)
    assert set(found.asked) <= set(found.decisive)
    assert 0 <= found.n_idle <= found.n_questions == len(asked)
    assert len(found.asked) <= found.n_questions - found.n_idle
    shuffled = rng.sample(asked, len(asked))
    assert question_coverage(decisive, shuffled) == found
    assert all(attribute_name(attribute_name(name)) == attribute_name(name) for name in asked)


@given(VARIANTS, st.sampled_from(Label), st.randoms())
def test_a_preference_is_never_of_a_worse_set_and_its_scores_do_not_depend_on_the_order_of_the_variants(variants, gold: Label, rng) -> None:
    def rows(order):
        stored = [{"examples": [], "reply": reply, "label": label, "error_class": None, "n_searches": n} for label, n, reply in order]
        provenance = {"model": "m", "ask_prompt": PROMPT, "examples_sha": "0", "variants": stored}
        pair = Pair("p", Listing("l", "a"), Listing("r", "b"), gold_label=gold)
        return question_preferences([Item(pair, Decision("p", Outcome.ABSTAINED, provenance=provenance))], "r").rows

    found = rows(variants)
    for row in found:
        assert -1 <= row.score_rejected < row.score_chosen <= 1
        assert row.chosen != row.rejected
        assert (row.label_chosen is gold) is (row.score_chosen == 1)
        best = [(n, reply) for label, n, reply in variants if label == (row.label_chosen and row.label_chosen.value)]
        assert row.n_searches_chosen == min(n for n, _ in best)
    if len({reply for *_, reply in variants}) == len(variants):
        scores = [(row.score_chosen, row.score_rejected) for row in found]
        assert [(row.score_chosen, row.score_rejected) for row in rows(rng.sample(variants, len(variants)))] == scores
