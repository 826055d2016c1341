"""Colours by alias: ``space grey``, ``Anthrazit`` and ``gris`` are one base colour, ``black`` and ``white`` are two."""

from __future__ import annotations

from collections.abc import Sequence

from epm.evidence.atoms import Value
from epm.evidence.fields import Field, Taken, is_free
from epm.evidence.normalise import squeeze


def described_colour(fields: Sequence[Field]) -> tuple[Value, ...]:
    """The colour of the description, if it names exactly one: where the title is silent, that one is meant."""
    found = [
        field.value("colour", phrase.value, place, "colour-described")
        for field in fields
        if field.kind == "description"
        for phrase, place in field.phrases_of("colour")
    ]
    return tuple(found[:1]) if len({value.key for value in found}) == 1 else ()


def read_colours(field: Field, taken: Taken) -> tuple[Value, ...]:
    """The colours a field names; a colour field with an unknown word states that word itself."""
    found = [
        field.value("colour", phrase.value, place, "colour-word") for phrase, place in field.phrases_of("colour") if is_free(place, taken)
    ]
    if field.kind == "colour" and not found and field.words:
        place = (field.words[0].start, field.words[-1].end)
        found.append(field.value("colour", squeeze(field.folded.text), place, "colour-field"))
    return tuple(found)
