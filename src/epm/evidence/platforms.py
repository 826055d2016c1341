"""Platforms: the console or system that a game, a program or its accessory is made for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from epm.evidence.atoms import Value
from epm.evidence.fields import Field, Taken
from epm.evidence.normalise import fold
from epm.evidence.words import word_list


@lru_cache(maxsize=1)
def _platforms() -> Mapping[str, str]:
    return {fold("", form).text: platform for platform, forms in word_list("platform").items() for form in forms}


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    forms = sorted(_platforms(), key=lambda form: (-len(form), form))
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, forms))})(?![^\W_])")


def read_platforms(field: Field, taken: Taken) -> tuple[Value, ...]:  # noqa: ARG001  # one signature for all readers
    """The platforms a field names; they stay words of the name too."""
    return tuple(
        field.value("platform", _platforms()[m.group()], m.span(), "platform-word") for m in _pattern().finditer(field.folded.text)
    )
