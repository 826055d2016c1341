"""One offer of one seller: what a shop page or a feed row says about a product.

Invariant: a missing value is ``None`` (or an absent attribute), never an empty string; text is kept as given.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})

TEXT_FIELDS = ("title", "brand", "description", "price", "currency", "gtin", "mpn", "category")
"""The listing fields that hold raw text, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One offer; ``price`` is the raw page string, ``attributes`` are free named values, ``extras`` unknown columns."""

    id: str
    title: str
    brand: str | None = None
    description: str | None = None
    price: str | None = None
    currency: str | None = None
    gtin: str | None = None
    mpn: str | None = None
    category: str | None = None
    attributes: Mapping[str, str] = field(default_factory=lambda: _NO_ATTRIBUTES, hash=False)
    cluster_id: str | None = None
    source: str | None = None
    extras: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}), hash=False, compare=False)

    def texts(self) -> dict[str, str]:
        """Every text a matcher may read, by field name; attributes are named ``attributes.<name>``.

        ``id``, ``cluster_id``, ``source`` and ``extras`` are bookkeeping and never stand here: a cluster id is the label.
        """
        found = {name: value for name in TEXT_FIELDS if (value := getattr(self, name)) is not None}
        found.update({f"attributes.{name}": value for name, value in self.attributes.items()})
        return found

    def content_sha(self) -> str:
        """SHA-256 (hex) of what the listing says; equal for equal offers whatever their ids."""
        canonical = json.dumps(self.texts(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()

    def product_id(self) -> str:
        """The best known product key for resampling and splits: ``cluster_id``, else the listing's own id."""
        return self.cluster_id if self.cluster_id is not None else self.id
