"""Which splits may be learnt from: train, and those that the user names.

A rationale about a test pair that slips into training makes every later figure on that test worthless, and nothing
afterwards shows it. So it is refused where rows are written, and again where a trainer reads them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, TypeVar

from epm.errors import DataError

_TRAIN = re.compile(r"train(ing)?(?![^\W\d_])", re.IGNORECASE)
"""``train``, ``training``, ``train_small``, ``train-2``: the names that public sets give the part to learn from."""


class _Row(Protocol):
    @property
    def split(self) -> str | None: ...


Row = TypeVar("Row", bound=_Row)


def rows_to_learn_from(rows: Sequence[Row], named: Collection[str]) -> list[Row]:
    """The rows of the named splits; all of them where none is named and all are train.

    Raises:
        DataError: a row is of another split than train, and none is named; or no row is of a named one.
    """
    require_train_splits((row.split for row in rows), named)
    return [row for row in rows if not named or row.split in named]


def is_train(split: str | None) -> bool:
    """True for a split to learn from; a pair without a split is in none that is held out."""
    return split is None or _TRAIN.match(split) is not None


def require_train_splits(splits: Iterable[str | None], named: Collection[str]) -> None:
    """Nothing, when every split is train, or the user has named those that are wanted.

    Raises:
        DataError: rows of another split would be learnt from; says of which and how many. Or a named split is in none of them.
    """
    found = Counter(splits)
    missing = sorted(set(named) - {split for split in found if split is not None})
    if missing:
        present = ", ".join(sorted(str(split) for split in found)) or "none"
        raise DataError(f"--split {missing[0]!r} is the split of nothing here: there are {present}")
    held_out = {split: n for split, n in sorted(found.items(), key=str) if not is_train(split)}
    if named or not held_out:
        return
    counts = ", ".join(f"{n:,} of {split!r}" for split, n in held_out.items())
    msg = (
        f"of {found.total():,} rationales or rows, {counts} are of no split to learn from: a test that was learnt from measures nothing; "
        "name the splits to take with --split, e.g. --split train"
    )
    raise DataError(msg)
