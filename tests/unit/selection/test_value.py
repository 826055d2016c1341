"""The value column: whose it is, how it is written, and what an empty cell counts."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest

from epm.errors import DataError
from epm.files.rows import WrittenNumber
from epm.listing import Listing
from epm.pair import Pair
from epm.selection.value import read_values


def pair(extras: dict[str, object] | None = None, left: dict[str, object] | None = None, right: dict[str, object] | None = None) -> Pair:
    sides = (Listing("x", "a", extras=MappingProxyType(side or {})) for side in (left, right))
    return Pair("p", *sides, extras=MappingProxyType(extras or {}))


@pytest.mark.parametrize(
    ("cell", "amount"),
    [(3, 3.0), ("1200", 1200.0), ("1.299,50 €", 1299.5), ("-4.5", -4.5), (WrittenNumber("19.90"), 19.9), (" 7 ", 7.0)],
)
def test_numbers_are_read_as_they_are_written(cell: object, amount: float) -> None:
    assert read_values([pair({"revenue": cell})], "revenue").amounts.tolist() == [amount]


@pytest.mark.parametrize("cell", [None, "", "much", "inf", "nan", True, float("nan"), "12 %"])
def test_what_is_no_number_counts_as_the_lowest_and_is_counted(cell: object) -> None:
    found = read_values([pair({"revenue": cell}), pair({"revenue": 5})], "revenue")
    assert (found.ranks.tolist(), found.n_missing) == ([0.0, 0.5], 1)


def test_ranks_not_amounts_count_and_equal_amounts_count_alike() -> None:
    found = read_values([pair({"v": amount}) for amount in (1, 10**9, 2, 2)], "v")
    assert found.ranks.tolist() == [0.125, 0.875, 0.5, 0.5]


def test_a_column_of_the_listings_counts_by_its_higher_side_and_the_pairs_own_comes_first() -> None:
    found = read_values(
        [pair({}, {"traffic": 3}, {"traffic": "9"}), pair({}, {"traffic": 4}), pair({"traffic": 1}, {"traffic": 8})], "traffic"
    )
    assert found.amounts.tolist() == [9.0, 4.0, 1.0]


def test_a_price_may_be_the_value() -> None:
    sides = Listing("l", "a", price="£12.50"), Listing("r", "b", price="1.020,00 EUR")
    assert read_values([Pair("p", *sides)], "price").amounts.tolist() == [1020.0]


def test_a_column_without_any_number_is_a_user_error_that_names_the_others() -> None:
    with pytest.raises(DataError, match=r"value column 'revnue'.*\(revenue, shop\)"):
        read_values([pair({"revenue": 4}, {"shop": "a"})], "revnue")
    assert not np.isnan(read_values([pair({"revenue": 4})], "revenue").ranks).any()
