"""Two listings to be compared, with what is known about them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from epm.listing import Listing
from epm.relation import Label, Relation


@dataclass(frozen=True, slots=True)
class Pair:
    """A left and a right listing. ``gold_label`` is what people or the data set say, never a model's answer."""

    id: str
    left: Listing
    right: Listing
    gold_label: Label | None = None
    relation: Relation | None = None
    factor: int | None = None
    split: str | None = None
    extras: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}), hash=False, compare=False)

    @staticmethod
    def hashed_id(left: Listing, right: Listing) -> str:
        """A 16-hex-digit id from the content of both listings, for pairs that come without one."""
        joined = f"{left.id}\0{left.content_sha()}\0{right.id}\0{right.content_sha()}"
        return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def swapped(self) -> Pair:
        """The same pair with its sides exchanged; every symmetric matcher must answer it alike."""
        return replace(self, left=self.right, right=self.left)
