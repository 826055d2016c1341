"""Ages on the command line: ``90d``, ``12h``."""

from __future__ import annotations

import re

from epm.errors import ConfigError

_AGE = re.compile(r"([1-9][0-9]*)([dh])")
_SECONDS = {"d": 86_400.0, "h": 3_600.0}


def age_s(text: str) -> float:
    """The age in seconds.

    Raises:
        ConfigError: it is none.
    """
    found = _AGE.fullmatch(text)
    if found is None:
        raise ConfigError(f"--older-than {text!r} is no age: give days or hours, such as 90d or 12h")
    return int(found[1]) * _SECONDS[found[2]]


def shown_age(seconds: float) -> str:
    """An age in its largest whole unit, such as ``3 d``; below an hour ``now``."""
    hours = int(seconds // 3_600)
    return f"{hours // 24} d" if hours >= 24 else f"{hours} h" if hours else "now"  # noqa: PLR2004  # hours of a day
