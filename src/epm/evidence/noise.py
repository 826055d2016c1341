"""Noise: promotional phrases, platform tags and warranty talk. They change nothing; their places are kept for audit."""

from __future__ import annotations

import re

from epm.evidence.atoms import Value
from epm.evidence.fields import Field

_WARRANTY = re.compile(
    r"\d{1,2}[ -]?(?:years?|yrs?|jahre?|ans|anos|anni|months?|monate|mois)(?: (?:de |di )?(?:warranty|guarantee|garantie|garantia|garanzia))?"
)
_PERCENT = re.compile(r"-? ?\d{1,3} ?%(?: (?:off|rabatt|sale|discount|reduziert|de reduction|descuento|sconto))?")


def read_noise(field: Field) -> tuple[Value, ...]:
    """The stretches of a field that say nothing about the product."""
    found = [field.value("noise", phrase.value, place, "noise-phrase") for phrase, place in field.phrases_of("noise")]
    for rule, pattern in (("noise-warranty", _WARRANTY), ("noise-percent", _PERCENT)):
        found.extend(field.value("noise", rule, m.span(), rule) for m in pattern.finditer(field.folded.text))
    return tuple(found)
