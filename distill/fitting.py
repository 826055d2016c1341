"""Prompts that fit: long listings are shortened, never the rest of the prompt and never the answer."""

from __future__ import annotations

import re
from collections.abc import Callable

_SIDES = re.compile(r"<left>([^<]*)</left><right>([^<]*)</right>(<[a-z]+>\n)")
_MIN_CHARS = 8

CountTokens = Callable[[str], int]


def fit_prompt(prompt: str, max_tokens: int, count_tokens: CountTokens) -> str:
    """The prompt with both listings cut so that it has at most ``max_tokens`` tokens.

    The longer listing is cut first. A prompt that already fits comes back unchanged; one that is no ``student-prompt``
    or whose listings are down to a few characters comes back as short as it can be.
    """
    found = _SIDES.fullmatch(prompt)
    if found is None:
        return prompt
    left, right, mode = found.groups()
    while (n_tokens := count_tokens(prompt)) > max_tokens and max(len(left), len(right)) > _MIN_CHARS:
        keep = max(_MIN_CHARS, int((len(left) + len(right)) * min(max_tokens / n_tokens, 0.97) / 2))
        n_left, n_right = _shares(len(left), len(right), 2 * keep)
        left, right = left[:n_left], right[:n_right]
        prompt = f"<left>{left}</left><right>{right}</right>{mode}"
    return prompt


def _shares(n_left: int, n_right: int, n_total: int) -> tuple[int, int]:
    shorter = min(n_left, n_right, n_total // 2)
    longer = n_total - shorter
    return (min(n_left, longer), shorter) if n_left > n_right else (shorter, min(n_right, longer))
