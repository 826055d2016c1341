"""What is wrong with outside data, in one line: the first of the problems that validation found."""

from __future__ import annotations

from pydantic import ValidationError


def first_problem(error: ValidationError) -> str:
    """The place, the reason and the value of the first problem, such as ``file.delimiter: must be one character, got ';;'``."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        return f"{place} does not exist; remove it or correct its name"
    shown = "" if first["type"] in {"value_error", "missing"} else f", got {str(first['input'])[:60]!r}"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}{shown}"
