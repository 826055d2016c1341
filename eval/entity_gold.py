"""Whether two listings offer one product, by gold: what tells a rightly reused answer from a wrong one.

Cluster ids say it where both listings have one. Else the labels do: listings that say the same, or are joined by gold matches,
are one product; two products between which a gold ``no_match`` stands are two. About all others gold is silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from epm.listing import Listing
from epm.pair import Pair
from epm.product_groups import ProductGroups
from epm.relation import Label


class EntityGold:
    """The products of labelled pairs. Only for scoring: no matcher may ever be given one."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._groups = ProductGroups[str]()
        kept = list(pairs)
        for pair in kept:
            if pair.gold_label is Label.MATCH:
                self._groups.join(pair.left.content_sha(), pair.right.content_sha())
        self._apart = {frozenset(self._roots(pair)) for pair in kept if pair.gold_label is Label.NO_MATCH}

    def is_same(self, left: Listing, right: Listing) -> bool | None:
        """True or False where gold tells, else ``None``."""
        if left.cluster_id is not None and right.cluster_id is not None:
            return left.cluster_id == right.cluster_id
        roots = frozenset(self._groups.root(listing.content_sha()) for listing in (left, right))
        if len(roots) == 1:
            return True
        return False if roots in self._apart else None

    def is_any_same(self, first: Sequence[Listing], second: Sequence[Listing]) -> bool | None:
        """True if a listing of each is one product, False if gold says of all that they are two."""
        found = {self.is_same(left, right) for left in first for right in second}
        return True if True in found else None if None in found else False

    def _roots(self, pair: Pair) -> tuple[str, str]:
        return self._groups.root(pair.left.content_sha()), self._groups.root(pair.right.content_sha())
