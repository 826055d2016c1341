"""Every line of an answer is parsed or listed with its reason."""

from __future__ import annotations

import pytest

from epm.imports.structured_answer import parse_answer
from epm.relation import Label

LINE = "attribute={}|||importance=0.5|||values={}|||similarity={}"


def test_an_answer_has_a_label_and_its_entries() -> None:
    answer = parse_answer(
        "Yes.\n\n" + LINE.format("brand", "Kolvra###KOLVRA", "1.00") + "\n" + LINE.format("rpm", "missing###7200", "0.00")
    )
    assert answer.label is Label.MATCH
    brand, rpm = answer.entries
    assert (brand.attribute, brand.left, brand.right, brand.similarity, brand.importance) == ("brand", "Kolvra", "KOLVRA", 1.0, 0.5)
    assert (rpm.left, rpm.right, rpm.has_both_sides) == (None, "7200", True)
    assert (answer.unparsed, answer.n_lacking_a_side) == ((), 0)


@pytest.mark.parametrize("values", ["A1###B2", "A1|||B2", "A1 ### B2 "])
def test_either_separator_parts_the_two_values(values: str) -> None:
    entry = parse_answer("No.\n" + LINE.format("model", values, "0.1")).entries[0]
    assert (entry.left, entry.right, entry.similarity) == ("A1", "B2", 0.1)


def test_separators_in_the_wrong_place_still_give_two_values() -> None:
    entry = parse_answer("No.\nattribute=features|||importance=-0.85|||values=HD Video|||missing###similarity=0.00").entries[0]
    assert (entry.left, entry.right, entry.similarity) == ("HD Video", None, 0.0)


@pytest.mark.parametrize(
    ("line", "reason", "lacking"),
    [
        ("Overall, the two are alike.", "not an attribute line", 0),
        ("attribute=", "no attribute name", 0),
        ("attribute=video output|||importance=0", "no values", 1),
        ("attribute=ports|||importance=0.2|||values=2xUSB", "cut off after one value", 1),
        ("attribute=audio|||importance=0.05|||values=missing###8ch", "no similarity", 0),
        (LINE.format("model", "A|||B###C", "0.0"), "3 values instead of two", 0),
    ],
)
def test_a_line_that_is_no_entry_is_listed_with_its_reason(line: str, reason: str, lacking: int) -> None:
    answer = parse_answer("No.\n" + line)
    assert answer.entries == ()
    assert [(u.number, u.text, u.reason) for u in answer.unparsed] == [(2, line, reason)]
    assert answer.n_lacking_a_side == lacking


def test_a_lone_value_is_an_entry_that_lacks_a_side() -> None:
    answer = parse_answer("No.\n" + LINE.format("type", "Tape", "missing"))
    assert (answer.entries[0].left, answer.entries[0].has_both_sides, answer.entries[0].similarity) == ("Tape", False, None)
    assert answer.n_lacking_a_side == 1


@pytest.mark.parametrize(
    ("text", "label"), [('"Yes.', Label.MATCH), ("no", Label.NO_MATCH), ("Nothing fits", None), ("", None), ("The two…", None)]
)
def test_only_a_first_word_yes_or_no_is_a_label(text: str, label: Label | None) -> None:
    assert parse_answer(text).label is label


@pytest.mark.parametrize("similarity", ["1.7", "nan", "-0.1", "high"])
def test_a_similarity_outside_its_range_is_unreadable(similarity: str) -> None:
    assert parse_answer("No.\n" + LINE.format("a", "b###c", similarity)).entries[0].similarity is None
