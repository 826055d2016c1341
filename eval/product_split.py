"""Labelled pairs cut into parts that share no product; pairs across the cut are dropped and counted.

Listings belong to one product if they have the same product key, say exactly the same, or form a gold match. Products are
then dealt out whole. Two products of one part may be compared with each other, two of different parts may not: such cross
pairs are dropped. To drop few of them, products that are compared with each other are kept together where the sizes allow
it: linear deterministic greedy partitioning in breadth-first order (Stanton and Kliot, KDD 2012). The parts are therefore
neighbourhoods of products, which is what a catalogue that was never seen looks like.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from epm.errors import ConfigError, DataError
from epm.eval.leakage import Leakage, leakage
from epm.listing import Listing
from epm.pair import Pair
from epm.product_groups import ProductGroups
from epm.relation import Label

_SHARE_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class ProductSplit:
    """The pairs of each part, how many were dropped across the cut (by label), and what the parts share with each other."""

    parts: Mapping[str, tuple[Pair, ...]]
    n_products: Mapping[str, int]
    n_cross: int
    cross_labels: Mapping[str, int]
    leakage: Mapping[str, Leakage]
    """By ``part against other``, for every part but the first against each part before it."""

    def to_json(self) -> dict[str, object]:
        """Counts by part, and the leakage report."""
        return {
            "parts": {
                name: {"n_pairs": len(pairs), "labels": _labels(pairs), "n_products": self.n_products[name]} for name, pairs in self.parts.items()
            },
            "n_cross_dropped": self.n_cross,
            "cross_labels": dict(self.cross_labels),
            "leakage": {
                name: {
                    "kind": found.kind, "n": found.n, "n_same_pair": found.n_same_pair, "n_shared_listing": found.n_shared_listing,
                    "n_shared_product": found.n_shared_product,
                }
                for name, found in self.leakage.items()
            },
        }  # fmt: skip


def parse_parts(text: str) -> dict[str, float]:
    """The shares of ``train=0.8,valid=0.1,test=0.1``.

    Raises:
        ConfigError: a name that is no plain word, a share outside (0, 1), or shares that do not add up to 1.
    """
    parts: dict[str, float] = {}
    for entry in text.split(","):
        name, _, share = (word.strip() for word in entry.partition("="))
        try:
            parts[name] = float(share)
        except ValueError:
            parts[name] = 0.0
        if not name.isidentifier() or not 0 < parts[name] < 1:
            raise ConfigError(
                f"part {entry!r} is not allowed: write NAME=SHARE with a share between 0 and 1, such as train=0.8,valid=0.1,test=0.1"
            )
    if len(parts) != len(text.split(",")) or abs(sum(parts.values()) - 1) > _SHARE_TOLERANCE:
        raise ConfigError(f"parts {text!r} are not allowed: names must differ and shares add up to 1, got {sum(parts.values()):g}")
    return parts


def split_products(pairs: Sequence[Pair], shares: Mapping[str, float], *, seed: int) -> ProductSplit:
    """Pairs in parts without a common product; the same seed gives the same parts.

    Raises:
        DataError: a part would get no pair: the products hang together too closely, or there are too few.
    """
    product_of = _products(pairs)
    neighbours: dict[int, Counter[int]] = defaultdict(Counter)
    ends = [(product_of[_content(pair.left)], product_of[_content(pair.right)]) for pair in pairs]
    weights: Counter[int] = Counter()
    for left, right in ends:
        weights.update((left, right))
        if left != right:
            neighbours[left][right] += 1
            neighbours[right][left] += 1
    part_of = _deal(weights, neighbours, shares, random.Random(seed))
    kept: dict[str, list[Pair]] = {name: [] for name in shares}
    cross: Counter[str] = Counter()
    for pair, (left, right) in zip(pairs, ends, strict=True):
        if part_of[left] == part_of[right]:
            kept[part_of[left]].append(replace(pair, split=part_of[left]))
        else:
            cross[pair.gold_label.value if pair.gold_label else "none"] += 1
    empty = next((name for name, found in kept.items() if not found), None)
    if empty is not None:
        raise _no_pair(empty, shares[empty], len(pairs), len(weights))
    parts = {name: tuple(found) for name, found in kept.items()}
    names = list(parts)
    shared = {f"{name} against {other}": leakage(parts[name], parts[other]) for i, name in enumerate(names) for other in names[:i]}
    return ProductSplit(parts, Counter(part_of.values()), cross.total(), cross, shared)


def _no_pair(part: str, share: float, n_pairs: int, n_products: int) -> DataError:
    if n_pairs * share < 1:
        return DataError(
            f"part {part!r} got no pair: there are too few, {share:g} of {n_pairs} is less than one; give more pairs, or use fewer or larger parts"
        )
    return DataError(
        f"part {part!r} got no pair of {n_pairs}: the {n_products} products hang together too closely; use fewer or larger parts"
    )


def _products(pairs: Sequence[Pair]) -> dict[str, int]:
    """A product number for every listing content, products being joined by key, content and gold match."""
    groups = ProductGroups[Hashable]()
    for pair in pairs:
        sides = [_content(listing) for listing in (pair.left, pair.right)]
        for side, listing in zip(sides, (pair.left, pair.right), strict=True):
            groups.join(side, ("key", listing.source, listing.product_id()))
        if pair.gold_label is Label.MATCH:
            groups.join(*sides)
    numbers: dict[Hashable, int] = {}
    return {node: numbers.setdefault(groups.root(node), len(numbers)) for node in groups if isinstance(node, str)}


def _deal(
    weights: Mapping[int, int], neighbours: Mapping[int, Counter[int]], shares: Mapping[str, float], rng: random.Random
) -> dict[int, str]:
    total = sum(weights.values())
    room = {name: share * total for name, share in shares.items()}
    used = dict.fromkeys(shares, 0.0)
    part_of: dict[int, str] = {}
    for product in _in_breadth(sorted(weights), neighbours, rng):
        near: Counter[str] = Counter()
        for other, n in neighbours.get(product, {}).items():
            if other in part_of:
                near[part_of[other]] += n

        def worth(name: str, near: Counter[str] = near) -> tuple[float, float]:
            free = 1 - used[name] / room[name]
            return (near[name] * free if free > 0 else free, free)

        chosen = max(shares, key=worth)
        part_of[product] = chosen
        used[chosen] += weights[product]
    return part_of


def _in_breadth(products: Sequence[int], neighbours: Mapping[int, Counter[int]], rng: random.Random) -> Iterator[int]:
    starts = list(products)
    rng.shuffle(starts)
    seen: set[int] = set()
    for start in starts:
        queue = deque([] if start in seen else [start])
        seen.add(start)
        while queue:
            product = queue.popleft()
            yield product
            found = [other for other in neighbours.get(product, {}) if other not in seen]
            seen.update(found)
            queue.extend(found)


def _content(listing: Listing) -> str:
    return listing.content_sha()


def _labels(pairs: Sequence[Pair]) -> dict[str, int]:
    return dict(Counter(pair.gold_label.value if pair.gold_label else "none" for pair in pairs))
