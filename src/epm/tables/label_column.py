"""A label column that is not called as labels are: known by what its cells say, and pointed out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from epm.tables.columns import ColumnGuess
from epm.tables.label_words import known_label, label_key
from epm.tables.table_sample import Sample

_MAX_WORDS = 12
_MIN_KNOWN = 0.5
"""Of the filled cells; the rest may be words such as "perhaps"."""


def with_worded_label(guess: ColumnGuess, sample: Sample) -> tuple[ColumnGuess, tuple[str, ...]]:
    """The guess with the one unused column as its label whose words say both yes and no, and what to look at; else as it was."""
    if "label" in guess.pair:
        return guess, ()
    worded = [name for name in guess.unmapped if _says_yes_and_no([cell for _, cell in sample.cells(name)])]
    if len(worded) != 1:
        named = f"; such words stand in {', '.join(map(repr, worded))}" if worded else ""
        return guess, (f"no column was recognised as the label; the pairs will have none unless pair.label is filled in{named}",)
    found = replace(guess, pair={**guess.pair, "label": worded[0]}, unmapped=tuple(name for name in guess.unmapped if name != worded[0]))
    return found, (
        f"column {worded[0]!r} was taken as the label by its words, not by its name; correct pair.label if it says something else",
    )


def _says_yes_and_no(cells: Sequence[str]) -> bool:
    words = Counter(map(label_key, cells))
    # numbers say too little: any flag or count holds 0 and 1
    known = {word: label for word in words if not word[:1].isdigit() and (label := known_label(word)) is not None}
    is_known = sum(words[word] for word in known) >= _MIN_KNOWN * len(cells)
    return len(words) <= _MAX_WORDS and set(known.values()) == {"match", "no_match"} and is_known
