"""What two labelled sets share: pairs, listings, products. Every evaluation says which kind of split it is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from epm.listing import Listing
from epm.pair import Pair


@dataclass(frozen=True, slots=True)
class Leakage:
    """How many of ``n`` evaluated pairs share something with the validation (or training) pairs."""

    n: int
    n_same_pair: int
    n_shared_listing: int
    n_shared_product: int

    @property
    def kind(self) -> str:
        """``shared pairs``, ``shared listings``, ``shared products`` or ``disjoint products``: the strongest that holds."""
        if self.n_same_pair:
            return "shared pairs"
        if self.n_shared_listing:
            return "shared listings"
        return "shared products" if self.n_shared_product else "disjoint products"


def leakage(evaluated: Sequence[Pair], other: Sequence[Pair]) -> Leakage:
    """What the evaluated pairs share with the other set; listings are compared by content, products by cluster id or listing id."""
    seen_pairs = {_pair_key(pair) for pair in other}
    seen_listings = {listing.content_sha() for listing in _listings(other)}
    seen_products = {_product_key(listing) for listing in _listings(other)}
    return Leakage(
        n=len(evaluated),
        n_same_pair=sum(_pair_key(pair) in seen_pairs for pair in evaluated),
        n_shared_listing=sum(any(side.content_sha() in seen_listings for side in (pair.left, pair.right)) for pair in evaluated),
        n_shared_product=sum(any(_product_key(side) in seen_products for side in (pair.left, pair.right)) for pair in evaluated),
    )


def _listings(pairs: Iterable[Pair]) -> Iterable[Listing]:
    for pair in pairs:
        yield pair.left
        yield pair.right


def _pair_key(pair: Pair) -> frozenset[str]:
    return frozenset((pair.left.content_sha(), pair.right.content_sha()))


def _product_key(listing: Listing) -> tuple[str, str | None, str]:
    if listing.cluster_id is not None:
        return ("cluster", listing.source, listing.cluster_id)
    return ("listing", listing.source, listing.id)
