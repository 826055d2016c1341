"""Condition and region: closed word lists with a default when nothing is said (new; no particular region)."""

from __future__ import annotations

from collections.abc import Sequence

from epm.evidence.atoms import Value
from epm.evidence.fields import Field, is_free

NEW = "new"


def read_conditions(field: Field, taken: Sequence[tuple[int, int]]) -> tuple[Value, ...]:
    """The conditions a field states."""
    return _read(field, taken, "condition")


def read_regions(field: Field, taken: Sequence[tuple[int, int]]) -> tuple[Value, ...]:
    """The regions or plugs a field names; a bare two-letter mark counts only when written in capitals."""
    found = []
    for value in _read(field, taken, "region"):
        quote = value.span.quote
        is_shouted = quote.isupper() or not any(c.isupper() for c in field.folded.raw)
        if len(quote) > 2 or is_shouted:  # noqa: PLR2004  # "us" and "eu" are words of some languages
            found.append(value)
    return tuple(found)


def _read(field: Field, taken: Sequence[tuple[int, int]], kind: str) -> tuple[Value, ...]:
    return tuple(
        field.value(kind, phrase.value, place, f"{kind}-word") for phrase, place in field.phrases_of(kind) if is_free(place, taken)
    )
