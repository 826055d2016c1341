"""Importing loses no line of an answer in silence, whatever a model wrote."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from epm.imports.structured_answer import parse_answer

PARTS = st.sampled_from(
    ["attribute=", "brand", "|||", "###", "importance=0.5", "values=", "Kolvra", "missing", "similarity=", "1.0", "-2", "attribute/", " ", "Yes.", "|", "#"]
)  # fmt: skip
LINES = st.lists(PARTS, max_size=12).map("".join) | st.text(max_size=30)
ANSWERS = st.lists(LINES, max_size=8).map("\n".join)


@given(st.sampled_from(["Yes.\n", "no\n\n", "Maybe\n", ""]), ANSWERS)
def test_every_line_is_the_label_an_entry_or_listed_with_a_reason(first: str, rest: str) -> None:
    text = first + rest
    answer = parse_answer(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert (answer.label is not None) + len(answer.entries) + len(answer.unparsed) == len(lines)
    assert all(listed.reason and listed.text == text.splitlines()[listed.number - 1].strip() for listed in answer.unparsed)
