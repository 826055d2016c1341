"""What stands where a purge took text away."""

from __future__ import annotations

from types import MappingProxyType

from epm.listing import Listing
from epm.pair import Pair

PURGED = "[purged]"
_MARK = "purged"


def purged_listing(listing: Listing) -> Listing:
    """The listing with its ids and nothing that it says."""
    return Listing(
        listing.id, PURGED, cluster_id=listing.cluster_id, source=listing.source, extras=MappingProxyType({_MARK: True})
    )  # fmt: skip


def is_purged(pair: Pair) -> bool:
    """True when a listing of the pair lost its text, so that the pair cannot be decided again."""
    return any(listing.extras.get(_MARK) is True for listing in (pair.left, pair.right))
