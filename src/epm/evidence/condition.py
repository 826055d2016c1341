"""Condition and region: closed word lists with a default when nothing is said (new; no particular region)."""

from __future__ import annotations

from dataclasses import replace

from epm.evidence.atoms import Value
from epm.evidence.fields import Field, Taken, is_free
from epm.evidence.normalise import MAX_CHARS

NEW = "new"
_MAX_MARK = 3
"""Letters of marks that are words too: "us", "eu", "pal"."""
_LANGUAGES = frozenset({"de", "fr", "es", "it", "en", "qwerty"})
"""Editions and keyboards; the other keys are markets. A German keyboard says nothing against a European plug."""


def read_conditions(field: Field, taken: Taken) -> tuple[Value, ...]:
    """The conditions a field states."""
    return _read(field, taken, "condition")


def read_regions(field: Field, taken: Taken) -> tuple[Value, ...]:
    """The regions, plugs and languages a field names; a mark of up to three letters ("US", "PAL") counts only in capitals."""
    values = _read(field, taken, "region")
    is_plain = bool(values) and not any(c.isupper() for c in field.folded.raw[:MAX_CHARS])
    return tuple(
        replace(v, dimension="language" if v.key in _LANGUAGES else "market")
        for v in values
        if is_plain or len(v.span.quote) > _MAX_MARK or v.span.quote.isupper() or not v.span.quote.isascii()
    )


def _read(field: Field, taken: Taken, kind: str) -> tuple[Value, ...]:
    return tuple(
        field.value(kind, phrase.value, place, f"{kind}-word") for phrase, place in field.phrases_of(kind) if is_free(place, taken)
    )
