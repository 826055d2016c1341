"""Bundles: what is added to the main product (``+ case``, ``inkl. Tasche``, ``bundle with …``)."""

from __future__ import annotations

import re
from dataclasses import replace

from epm.evidence.atoms import Value
from epm.evidence.fields import Field, Taken, end_of_talk, is_free

_PLUS = re.compile(r"(?<=[^\W\d_]{2})\+\s(?=[^\W\d_])|(?<=[)\"'])\+\s(?=[^\W\d_])|(?<=\s)\+\s?(?=\w)")
"""What a plus adds; right behind a number or a single letter ("1+ adult", "S21+ case") it is a part of that word."""
_PART_END = re.compile(r"[,;|()\[\]/!]| - ")
_MAX_PART_CHARS = 60


def read_bundles(field: Field, taken: Taken) -> tuple[Value, ...]:
    """The parts that a field says are added; ``trust`` is ``strong`` for words that can mean nothing else."""
    found: list[Value] = []
    marks = [(place, "strong" if phrase.value != "with" else "weak", phrase.value) for phrase, place in field.phrases_of("bundle")]
    if field.kind == "title":
        marks += [(m.span(), "strong", "plus-sign") for m in _PLUS.finditer(field.folded.text)]
    for place, trust, rule in sorted(marks):
        start = place[0] + len(field.folded.text[place[0] : place[1]]) - len(field.folded.text[place[0] : place[1]].lstrip())
        end = _part_end(field, place[1])
        if not is_free((start, max(place[1], start + 1)), taken) or (found and found[-1].end > start):
            continue
        key = field.folded.text[place[1] : end].strip() or rule
        if trust == "weak" and end == place[1]:
            continue  # "with UK plug": what follows is a region or a condition, nothing is added
        found.append(replace(field.value("bundle", key, (start, end), f"bundle-{rule}"), trust=trust))
    if field.kind == "bundle" and not found and field.words:
        place = (field.words[0].start, field.words[-1].end)
        found.append(replace(field.value("bundle", field.folded.text[slice(*place)], place, "bundle-field"), trust="strong"))
    return tuple(found)


def _part_end(field: Field, start: int) -> int:
    cut = _PART_END.search(field.folded.text, start, start + _MAX_PART_CHARS + 3)
    end = min(cut.start() if cut else len(field.folded.text), start + _MAX_PART_CHARS, end_of_talk(field, start))
    return max(start + len(field.folded.text[start:end].rstrip()), start)
