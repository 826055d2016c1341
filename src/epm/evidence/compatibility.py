"""Compatibility phrases: ``for iPhone 12``, ``passend für``, ``compatible avec``. They make a listing an accessory of what they name."""

from __future__ import annotations

import re
from dataclasses import replace

from epm.evidence.atoms import Value
from epm.evidence.fields import Cover, Field, Taken, end_of_talk, is_free
from epm.evidence.normalise import fold

_TARGET_END = re.compile(r"[,;|()\[\]/]| - | \+ ")
_MAX_TARGET_CHARS = 60
# Korean names the target first: "Zorin Z9 호환", "Z9용". Folding takes the syllables apart, so the pattern is folded too.
_AFTER_TARGET = re.compile(
    rf"(?<![^\W_])((?:[a-z][a-z0-9]{{1,20}} )?[^\W_]{{1,60}}?)(?: ?{fold('', '호환').text}(?:{fold('', '용').text})?|(?<=[a-z0-9]){fold('', '용').text})(?![^\W_])"
)


def read_compatibility(field: Field, taken: Taken) -> tuple[Value, ...]:
    """What a field says the product is for; ``trust`` tells a strong phrase ("fits") from a bare "for"."""
    found: list[Value] = []
    if field.kind == "compatibility" and field.words:
        place = (field.words[0].start, field.words[-1].end)
        return (replace(field.value("compatibility", field.folded.text[slice(*place)], place, "for-field"), trust="strong"),)
    after = Cover()
    for m in () if field.folded.text.isascii() else _AFTER_TARGET.finditer(field.folded.text):
        if is_free(m.span(), taken):
            after.add(m.span())
            found.append(replace(field.value("compatibility", m.group(1), m.span(), "for-after"), trust="strong"))
    last = 0
    for phrase, place in field.phrases_of("compatibility"):
        rest_start = place[1]
        cut = _TARGET_END.search(field.folded.text, rest_start + 1, rest_start + _MAX_TARGET_CHARS + 3)
        rest_end = min(cut.start() if cut else len(field.folded.text), rest_start + _MAX_TARGET_CHARS, end_of_talk(field, rest_start))
        target = field.folded.text[rest_start:rest_end]
        if not target.strip() or not is_free(place, taken) or last > place[0] or not after.is_free(place):
            continue
        end = last = rest_start + len(target.rstrip())
        value = field.value("compatibility", target.strip(), (place[0], end), f"for-{phrase.value}")
        found.append(replace(value, trust=phrase.value))
    return tuple(sorted(found, key=lambda value: value.start))
