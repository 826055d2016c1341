"""What is at stake in each pair: a number column of the user's own, revenue, traffic or price, as a rank among the candidates.

Ranks, because such columns are heavy-tailed: at their own scale the largest few would be the only ones with a value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from epm.errors import DataError
from epm.listing import Listing
from epm.pair import Pair
from epm.tables.prices import plain_price

_PRICE = "price"


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """``amounts`` as written, NaN where a cell is empty or no number; ``ranks`` in [0, 1], equal for equal amounts, 0 without one."""

    column: str
    amounts: npt.NDArray[np.float64]
    ranks: npt.NDArray[np.float64]
    n_missing: int


def read_values(pairs: Sequence[Pair], column: str) -> Values:
    """The values of a column: of the pair, else the higher of the two listings' own (``left_NAME`` and ``right_NAME``, or ``price``).

    Raises:
        DataError: no pair has a number there.
    """
    amounts = np.array([_amount(pair, column) for pair in pairs], dtype=np.float64)
    known = ~np.isnan(amounts)
    if not known.any():
        names = sorted({str(name) for pair in pairs for name in (*pair.extras, *pair.left.extras, *pair.right.extras)})
        present = ", ".join(names) or "none"
        msg = f"no pair has a number in the value column {column!r}: use a column of the pairs or of their listings ({present}), or 'price'"
        raise DataError(msg)
    ranks = np.zeros(len(pairs))
    order = np.sort(amounts[known])
    # the middle of equal amounts, over their number: the highest of many different ones comes near 1
    ranks[known] = (np.searchsorted(order, amounts[known], "left") + np.searchsorted(order, amounts[known], "right")) / (2 * len(order))
    return Values(column, amounts, ranks, int((~known).sum()))


def _amount(pair: Pair, column: str) -> float:
    if column in pair.extras:
        return _number(pair.extras[column])
    found = [_number(_cell(listing, column)) for listing in (pair.left, pair.right)]
    return max((amount for amount in found if not math.isnan(amount)), default=math.nan)


def _cell(listing: Listing, column: str) -> object:
    return listing.price if column == _PRICE else listing.extras.get(column)


def _number(cell: object) -> float:
    """The number of a cell, NaN if it is none; prices may be written in any locale."""
    if cell is None or isinstance(cell, bool):
        return math.nan
    text = str(cell).strip()
    try:
        amount = float(text)
    except ValueError:
        try:
            amount = float(plain_price(text, "mixed").text)
        except ValueError:
            return math.nan
    return amount if math.isfinite(amount) else math.nan
