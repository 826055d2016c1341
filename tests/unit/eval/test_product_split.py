"""Parts without a common product: what is joined, what is dropped, and what the report says."""

from __future__ import annotations

import pytest

from epm.errors import ConfigError, DataError
from epm.eval.product_split import parse_parts, split_products
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label

SHARES = {"train": 0.6, "valid": 0.2, "test": 0.2}


def listing(number: int, shop: str, title: str = "", **fields: str) -> Listing:
    return Listing(id=f"{shop}{number}", title=title or f"Kolvra {number} {shop}", source=shop, **fields)


def catalogue(n: int) -> list[Pair]:
    """A match for each product, and a non-match with the next product of its group of ten."""
    pairs = []
    for i in range(n):
        pairs.append(Pair(f"m{i}", listing(i, "a"), listing(i, "b"), Label.MATCH))
        other = i // 10 * 10 + (i + 1) % 10
        pairs.append(Pair(f"n{i}", listing(i, "a"), listing(other, "b"), Label.NO_MATCH))
    return pairs


def test_parts_share_no_listing_and_no_product_and_every_pair_is_kept_or_counted() -> None:
    pairs = catalogue(200)
    split = split_products(pairs, SHARES, seed=1)
    names = {name: {side.title for pair in found for side in (pair.left, pair.right)} for name, found in split.parts.items()}

    assert not names["train"] & names["valid"]
    assert not names["train"] & names["test"]
    assert not names["valid"] & names["test"]
    assert {found.kind for found in split.leakage.values()} == {"disjoint products"}
    assert set(split.leakage) == {"valid against train", "test against train", "test against valid"}
    assert sum(map(len, split.parts.values())) + split.n_cross == len(pairs)
    assert set(split.cross_labels) <= {"no_match"}
    assert sum(split.n_products.values()) == 200
    assert all(pair.split == name for name, found in split.parts.items() for pair in found)


def test_sizes_follow_the_shares_and_few_pairs_are_lost() -> None:
    split = split_products(catalogue(500), SHARES, seed=3)

    assert [len(found) / 1000 for found in split.parts.values()] == pytest.approx([0.6, 0.2, 0.2], abs=0.05)
    assert split.n_cross < 50


def test_a_match_joins_products_that_nothing_else_joins() -> None:
    # a chain of matches through shops: one product under six ids
    chain = [Pair(f"c{i}", listing(i, "x"), listing(i + 1, "x"), Label.MATCH) for i in range(5)]
    split = split_products([*catalogue(30), *chain], SHARES, seed=1)

    assert sum(sum(pair.id.startswith("c") for pair in found) > 0 for found in split.parts.values()) == 1
    assert split.n_products.total() == 31  # type: ignore[attr-defined]


@pytest.mark.parametrize("same", ["content", "cluster"])
def test_the_same_text_or_cluster_under_other_ids_is_one_product(same: str) -> None:
    fields = {"title": "Velso 9"} if same == "content" else {"cluster_id": "c1"}
    twins = [Pair(f"t{i}", listing(1000 + i, "y", **fields), listing(2000 + i, "z"), Label.NO_MATCH) for i in range(8)]
    split = split_products([*catalogue(60), *twins], SHARES, seed=2)
    holders = [name for name, found in split.parts.items() if any(pair.id.startswith("t") for pair in found)]

    assert len(holders) == 1
    assert {found.kind for found in split.leakage.values()} == {"disjoint products"}


def test_the_same_seed_gives_the_same_parts_and_another_one_others() -> None:
    pairs = catalogue(100)
    assert split_products(pairs, SHARES, seed=5) == split_products(pairs, SHARES, seed=5)
    assert split_products(pairs, SHARES, seed=5).parts != split_products(pairs, SHARES, seed=6).parts


def test_one_product_cannot_be_cut() -> None:
    pairs = [Pair(f"c{i}", listing(0, "x"), listing(i, "x"), Label.MATCH) for i in range(1, 9)]
    with pytest.raises(DataError, match="hang together too closely"):
        split_products(pairs, SHARES, seed=1)


@pytest.mark.parametrize(
    "text", ["train", "train=0.8,valid=0.3", "train=0.5,train=0.5", "train=1.5,valid=-0.5", "../x=0.5,y=0.5", "train=nan,valid=0.5"]
)
def test_shares_that_cannot_be(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_parts(text)
