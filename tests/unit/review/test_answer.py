"""What counts as an answer: a label, or a relation that says its label under the run's identity rule."""

from __future__ import annotations

import pytest

from epm.errors import DataError
from epm.identity import IDENTITY_RULES, STRICT
from epm.relation import Label, Relation
from epm.review.answer import MAX_RATER_CHARS, Answer, Said, check_rater, read_answer


def test_a_label_a_relation_or_both_are_an_answer() -> None:
    assert read_answer(" match ", "", " sure ", STRICT) == Said(Answer.MATCH, None, "sure")
    assert read_answer("", "variant", "", STRICT) == Said(Answer.NO_MATCH, Relation.VARIANT)
    assert read_answer("", "variant", "", IDENTITY_RULES["family"]) == Said(Answer.MATCH, Relation.VARIANT)
    assert read_answer("unsure", "undecidable", "", STRICT) == Said(Answer.UNSURE, Relation.UNDECIDABLE)
    assert read_answer("", " ", "", STRICT) is None


@pytest.mark.parametrize(
    ("label", "relation", "note", "reason"),
    [
        ("maybe", "", "", "label 'maybe' is unknown: use one of match, no_match, unsure"),
        ("", "twin", "", "relation 'twin' is unknown"),
        ("match", "variant", "", "label 'match' contradicts relation 'variant', which is 'no_match' under the identity rule 'strict'"),
        ("", "", "hm", "has a note 'hm' and no label"),
    ],
)
def test_what_is_no_answer_is_refused_with_the_reason(label: str, relation: str, note: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason.replace("(", r"\(")):
        read_answer(label, relation, note, STRICT)


@pytest.mark.parametrize("name", ["", "  ", "a\x1b[31m", "a" * (MAX_RATER_CHARS + 1), "a\nb"])
def test_a_rater_has_a_name_that_prints(name: str) -> None:
    with pytest.raises(DataError, match="is no name"):
        check_rater(name)


def test_unsure_is_no_label() -> None:
    assert [answer.label() for answer in Answer] == [Label.MATCH, Label.NO_MATCH, None]
    assert check_rater(" ann ") == "ann"
