from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from epm.distill.label_words import found_label_words, label_words
from epm.evidence.engine import compare
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Relation
from epm.sample import World, generate

MakeRationale = Callable[[Relation], Rationale]


def leaking(rationale: Rationale, attribute: str = "model", left: str | None = None, right: str | None = None) -> Rationale:
    """The rationale with one more comparison."""
    cell = Comparison(attribute=attribute, left=left, right=right, verdict=Verdict.UNKNOWN)
    return rationale.model_copy(update={"variant": AxisFinding(comparisons=(cell,), verdict=Verdict.UNKNOWN)})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("according to the label", "according to the label"),
        ("The gold answer is yes", "gold answer"),
        ("recorded_label", "recorded label"),
        ("isMatch", "match"),
        ("NO-MATCH", "no match"),
        ("Ｇｒｏｕｎｄ truth", "ground truth"),
        ("laut Label dasselbe", "laut label"),
        ("keine Übereinstimmung", "keine übereinstimmung"),
        ("selon l'étiquette", "selon l étiquette"),
        ("según la etiqueta", "según la etiqueta"),
        ("secondo l'etichetta", "secondo l etichetta"),
        ("정답은 같은 상품입니다", "정답"),
    ],
)
def test_a_label_word_is_found_in_names_and_quotes_of_either_side(text: str, word: str, pair: Pair, rationale_of: MakeRationale) -> None:
    rationale = rationale_of(Relation.EXACT)
    for place in ("attribute", "left", "right"):
        assert word in label_words(leaking(rationale, **{place: text}), pair), place


@pytest.mark.parametrize("text", ["matchbox", "golden", "label", "mismatched socks set", "labelmaker", "Rematch 3000"])
def test_a_word_inside_another_word_is_none(text: str, pair: Pair, rationale_of: MakeRationale) -> None:
    assert label_words(leaking(rationale_of(Relation.EXACT), left=text), pair) == ()


def test_what_the_quoted_listing_says_itself_is_no_leak_but_what_only_the_other_says_is(pair: Pair, rationale_of: MakeRationale) -> None:
    cards = replace(pair, left=Listing("l", "Kolvra MATCH card game, Gold edition"))
    rationale = rationale_of(Relation.EXACT)
    assert label_words(leaking(rationale, left="MATCH"), cards) == ()
    assert label_words(leaking(rationale, attribute="match edition"), cards) == ()
    assert label_words(leaking(rationale, right="MATCH"), cards) == ("match",)


def test_a_colour_that_no_listing_states_is_a_wrong_quote_and_no_leak(pair: Pair, rationale_of: MakeRationale) -> None:
    assert label_words(leaking(rationale_of(Relation.EXACT), attribute="colour", left="Rose Gold"), pair) == ()


def test_relation_label_and_verdicts_are_fields_and_no_leak(pair: Pair, rationale_of: MakeRationale) -> None:
    assert all(label_words(rationale_of(relation), pair) == () for relation in Relation)


def test_a_clean_rationale_is_not_flagged() -> None:
    """Rationales of the engine quote listings and name attributes, so that every flag would be a false one."""
    shown = [(one.pair, compare(one.pair).rationale) for world in World for one in generate(world, 60, seed=5)]
    assert found_label_words(shown).pair_ids == ()
    assert sum(len(rationale.core.comparisons) for _, rationale in shown) > 200  # there was something to flag


def test_findings_are_counted_by_word_and_name_every_pair(pair: Pair, rationale_of: MakeRationale) -> None:
    rationale = rationale_of(Relation.EXACT)
    told = [(replace(pair, id=f"p{n}"), leaking(rationale, attribute="ground truth")) for n in range(7)]
    found = found_label_words([*told, (pair, rationale)])
    assert (found.n_rationales, found.by_word, found.pair_ids) == (8, {"ground truth": 7}, tuple(f"p{n}" for n in range(7)))
    assert found.summary() == (
        "label words in free text: 7 of 8 rationales ('ground truth' 7), pairs 'p0', 'p1', 'p2', 'p3', 'p4', …"
    )  # fmt: skip
