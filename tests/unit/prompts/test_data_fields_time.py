"""The time to clean a text grows with its length, whatever stands in it: twice the text takes about twice the time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from epm.prompts.data_fields import clean_text, listing_block
from epm.prompts.orders import order_in

_N = 4_000
_MOST = 3.2
"""A quadratic pattern takes four times as long for twice the text."""
HOSTILE: dict[str, Callable[[int], str]] = {
    "line breaks": lambda n: "\n" * n,
    "spaces": lambda n: " " * n,
    "line breaks and spaces": lambda n: "\n " * (n // 2),
    "carriage returns and tabs": lambda n: "\r\n\t" * (n // 3),
    "nested bars": lambda n: "<|" * (n // 4) + "|>" * (n // 4),
    "nested names": lambda n: "<|a" * (n // 5) + "|>" * (n // 5),
    "nested halves": lambda n: "[I" * (n // 8) + "[INST]" + "NST]" * (n // 8),
    "nested tags": lambda n: "<" * (n // 4) + "<s>" + "s>" * (n // 4),
    "brackets": lambda n: "<" * n,
    "square brackets": lambda n: "[INST" * (n // 5),
    "ticks": lambda n: "`` " * (n // 3),
    "open data": lambda n: "<data " * (n // 6),
    "closing tags": lambda n: "</ " * (n // 3),
    "hashes": lambda n: ("\n" + "#" * 6 + " " * 20) * (n // 27),
    "line breaks and hashes": lambda n: "\n" * (n // 2) + "#" * (n // 2),
    "escapes": lambda n: "&amp;" * (n // 5),
    "words of an order": lambda n: "ignore answer label " * (n // 20),
    "a label and spaces": lambda n: "label" + " " * n,
    "digits of base64": lambda n: "A" * n,
    "invisible": lambda n: "\u200b" * n,
}


def _seconds(of: Callable[[str], object], text: str) -> float:
    """CPU time of a call: the least of seven, for noise only adds."""
    taken = []
    for _ in range(7):
        start = time.process_time()
        of(text)
        taken.append(time.process_time() - start)
    return min(taken)


def _ratio(of: Callable[[str], object], make: Callable[[int], str]) -> float:
    """How many times as long twice the text takes; the better of three tries."""
    found = []
    for _ in range(3):
        once = max(2e-4, _seconds(of, make(_N)))  # below that lies the clock's noise
        found.append(_seconds(of, make(2 * _N)) / once)
        if found[-1] < _MOST:
            break
    return min(found)


@pytest.mark.parametrize("kind", HOSTILE)
def test_cleaning_twice_the_text_takes_about_twice_the_time(kind: str) -> None:
    assert _ratio(lambda text: clean_text(text, len(text)), HOSTILE[kind]) < _MOST


@pytest.mark.parametrize("kind", HOSTILE)
def test_looking_for_orders_in_twice_the_text_takes_about_twice_the_time(kind: str) -> None:
    assert _ratio(lambda text: order_in([text]), HOSTILE[kind]) < _MOST


def test_a_listing_of_many_long_fields_costs_no_more_than_its_cut_ones() -> None:
    def block(n_chars: int) -> float:
        return _seconds(lambda text: listing_block("a", {f"f{i}": text for i in range(40)}), "\n" * n_chars)

    assert block(100_000) < _MOST * block(1_200)
