"""The answer text of a structured explanation, parsed line by line.

    Yes.

    attribute=brand|||importance=0.05|||values=Seagate###Seagate|||similarity=1.00

The first line answers; each further line compares one attribute. Models also write ``|||`` between the two values, drop
a value, or end in prose or in the middle of a line. Every line is parsed or listed with its reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from epm.relation import Label

_SEPARATOR = re.compile(r"\|\|\||###")
_ANSWERS = {"yes": Label.MATCH, "no": Label.NO_MATCH}
_MISSING = {"", "-", "missing", "none", "null", "n/a", "not mentioned", "not specified"}
_TWO_SIDES = 2
NO_VALUES = "no values"
ONE_VALUE_CUT_OFF = "cut off after one value"


@dataclass(frozen=True, slots=True)
class Entry:
    """One compared attribute. ``has_both_sides`` is False when the answer gives one value without saying whose it is.

    ``left`` and ``right`` are ``None`` for a value the answer calls missing. A lone value stands in ``left``.
    ``similarity`` is in [0, 1], ``importance`` in [-1, 1]; ``None`` when unreadable.
    """

    attribute: str
    left: str | None
    right: str | None
    has_both_sides: bool
    similarity: float | None
    importance: float | None


@dataclass(frozen=True, slots=True)
class UnparsedLine:
    """A line of an answer that is no entry, and why."""

    number: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class StructuredAnswer:
    """A parsed answer; ``label`` is ``None`` when its first line is neither yes nor no."""

    label: Label | None
    entries: tuple[Entry, ...]
    unparsed: tuple[UnparsedLine, ...]

    @property
    def n_lacking_a_side(self) -> int:
        """Attribute lines that give fewer than two values: entries with a lone value, and lines cut off before the second."""
        lone = sum(not entry.has_both_sides for entry in self.entries)
        return lone + sum(line.reason in {NO_VALUES, ONE_VALUE_CUT_OFF} for line in self.unparsed)


class _LineError(ValueError):
    """Why a line is no entry."""


def parse_answer(text: str) -> StructuredAnswer:
    """The answer of that text; never raises, every unreadable line is listed."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    label = _label(lines[0][1]) if lines else None
    entries, unparsed = [], []
    for number, line in lines if label is None else lines[1:]:
        try:
            entries.append(_entry(line))
        except _LineError as error:
            unparsed.append(UnparsedLine(number, line, str(error)))
    return StructuredAnswer(label, tuple(entries), tuple(unparsed))


def _label(line: str) -> Label | None:
    found = re.match(r"\W*(yes|no)\b", line, re.IGNORECASE)
    return None if found is None else _ANSWERS[found.group(1).lower()]


def _entry(line: str) -> Entry:
    parts = [part.strip() for part in _SEPARATOR.split(line)]
    if not parts[0].startswith("attribute="):
        raise _LineError("not an attribute line")
    attribute = parts[0].removeprefix("attribute=").strip()
    if not attribute:
        raise _LineError("no attribute name")
    starts = [i for i, part in enumerate(parts) if part.startswith("values=")]
    if not starts:
        raise _LineError(NO_VALUES)
    ends = [i for i, part in enumerate(parts) if part.startswith("similarity=") and i > starts[0]]
    if not ends:
        raise _LineError(ONE_VALUE_CUT_OFF if starts[0] + 1 == len(parts) else "no similarity")
    values = [parts[starts[0]].removeprefix("values=").strip(), *parts[starts[0] + 1 : ends[0]]]
    if len(values) > _TWO_SIDES:
        raise _LineError(f"{len(values)} values instead of two")
    importance = next((part for part in parts[1 : starts[0]] if part.startswith("importance=")), "importance=")
    sides = [None if value.casefold() in _MISSING else value for value in values]
    return Entry(
        attribute=attribute,
        left=sides[0],
        right=sides[1] if len(sides) == _TWO_SIDES else None,
        has_both_sides=len(sides) == _TWO_SIDES,
        similarity=_number(parts[ends[-1]].removeprefix("similarity="), 0.0),
        importance=_number(importance.removeprefix("importance="), -1.0),
    )


def _number(text: str, lowest: float) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if lowest <= number <= 1.0 else None
