"""Check digits, quantities and codes, each against a second opinion."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from epm.sample import SamplePair, World
from epm.sample.gtin import check_digit, gtin13
from epm.sample.names import joined, near_code, new_code, open_name
from epm.sample.quantity import quantity_forms
from epm.sample.world import Dimension, load_lexicon, named_words

UNIT_SIZE = {"ml": 1, "cl": 10, "l": 1000, "L": 1000, "g": 1, "kg": 1000, "GB": 1, "TB": 1000, "mm": 1, "cm": 10, "m": 1000}


@pytest.mark.parametrize(("body", "digit"), [("400638133393", 1), ("978030640615", 7), ("03600029145", 2), ("9638507", 4)])
def test_check_digits_agree_with_published_examples(body: str, digit: int) -> None:
    assert check_digit(body) == digit


def test_every_generated_gtin_is_valid_and_of_an_unassigned_company_prefix(all_pairs: tuple[SamplePair, ...]) -> None:
    gtins = [listing.gtin for sample in all_pairs for listing in (sample.pair.left, sample.pair.right) if listing.gtin]
    assert len(gtins) > 300
    for gtin in gtins:
        assert len(gtin) == 13
        assert 150 <= int(gtin[:3]) < 190
        assert sum(int(digit) * weight for digit, weight in zip(gtin, (1, 3) * 6 + (1,), strict=True)) % 10 == 0


def test_a_gtin_depends_on_the_product_and_on_nothing_else() -> None:
    assert gtin13("Kolvra", "a") == gtin13("Kolvra", "a")
    assert len({gtin13("Kolvra", f"product {i}") for i in range(2000)}) == 2000


@pytest.mark.parametrize(
    ("dimension", "amount"),
    [("volume", 500), ("volume", 8000), ("mass", 85), ("data", 2000), ("data", 512), ("length", 7), ("length", 25000)],
)
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_spelling_of_an_amount_means_the_same(dimension: Dimension, amount: int, language: str) -> None:
    forms = quantity_forms(dimension, amount, language)
    assert len(forms) >= 2
    for form in forms:
        number = form.rstrip("abcdefghijklmnopqrstuvwxyzLGTB").strip()
        unit = form[len(number) :].strip()
        assert Fraction(number.replace(",", ".")) * UNIT_SIZE[unit] == amount, form


def test_half_a_litre_is_written_in_four_units_and_the_usual_one_comes_first() -> None:
    assert quantity_forms("volume", 500, "de") == ("500 ml", "500ml", "0,5 l", "0,5l", "50 cl", "50cl", "0,5 L", "0,5L")


@pytest.mark.parametrize("world", list(World))
def test_a_near_code_differs_by_one_character_or_one_swap(world: World) -> None:
    rng, lexicon = Random(5), load_lexicon(world)
    for _ in range(300):
        code = new_code(rng, lexicon)
        old, new = joined(code), joined(near_code(rng, code, lexicon))
        assert old != new
        changed = [i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
        assert len(new) == len(old) + 1 if len(new) > len(old) else len(changed) == 1 or _is_swap(old, new, changed)


def test_invented_names_avoid_the_names_of_the_fixed_worlds() -> None:
    rng = Random(1)
    names = {open_name(rng).casefold() for _ in range(5000)}
    assert len(names) > 4000
    assert not names & named_words()


def _is_swap(old: str, new: str, changed: list[int]) -> bool:
    return len(changed) == 2 and old[changed[0]] == new[changed[1]] and old[changed[1]] == new[changed[0]]
