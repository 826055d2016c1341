"""Compatibility phrases: ``for iPhone 12``, ``passend für``, ``compatible avec``. They make a listing an accessory of what they name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from epm.evidence.atoms import Value
from epm.evidence.fields import Field, end_of_talk, is_free

_TARGET_END = re.compile(r"[,;|()\[\]/]| - | \+ ")
_MAX_TARGET_CHARS = 60


def read_compatibility(field: Field, taken: Sequence[tuple[int, int]]) -> tuple[Value, ...]:
    """What a field says the product is for; ``trust`` tells a strong phrase ("fits") from a bare "for"."""
    found: list[Value] = []
    if field.kind == "compatibility" and field.words:
        place = (field.words[0].start, field.words[-1].end)
        return (replace(field.value("compatibility", field.folded.text[slice(*place)], place, "for-field"), trust="strong"),)
    for phrase, place in field.phrases_of("compatibility"):
        rest_start = place[1]
        cut = _TARGET_END.search(field.folded.text, rest_start + 1)
        rest_end = min(cut.start() if cut else len(field.folded.text), rest_start + _MAX_TARGET_CHARS, end_of_talk(field, rest_start))
        target = field.folded.text[rest_start:rest_end]
        if not target.strip() or not is_free(place, taken) or any(v.end > place[0] for v in found):
            continue
        end = rest_start + len(target.rstrip())
        value = field.value("compatibility", target.strip(), (place[0], end), f"for-{phrase.value}")
        found.append(replace(value, trust=phrase.value))
    return tuple(found)
