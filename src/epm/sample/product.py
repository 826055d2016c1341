"""The true product behind a listing: exact attribute values, in no language and no seller's spelling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b

from epm.sample.gtin import gtin13, part_number
from epm.sample.names import Code, joined
from epm.sample.world import Dimension, Words

NEW = "new"


@dataclass(frozen=True, slots=True)
class Host:
    """The model that an accessory fits."""

    brand: str
    line: str
    code: Code | None

    @property
    def key(self) -> str:
        """Equal for equal hosts."""
        return f"{self.brand}/{joined(self.code) if self.code else self.line}".casefold()


@dataclass(frozen=True, slots=True)
class Product:
    """One sellable thing.

    ``types`` and ``extra`` are five translations; ``amount`` counts the smallest unit; ``shares_ids`` says that packs and
    bundles of it are sold under the identifiers of the single unit, as real sellers do.
    """

    category: str
    brand: str
    types: Words
    line: str | None = None
    code: Code | None = None
    edition: str | None = None
    generation: int | None = None
    host: Host | None = None
    colour: str | None = None
    dimension: Dimension | None = None
    amount: int | None = None
    region: int | None = None
    pack: int = 1
    extra: Words | None = None
    condition: str = NEW
    has_part_number: bool = True
    shares_ids: bool = False

    @property
    def model_key(self) -> str:
        """What its core identity is: equal for all variants, packs, bundles and conditions."""
        parts = (self.brand, self.line, joined(self.code or ()), self.edition, self.generation, self.host.key if self.host else None)
        return "/".join("" if part is None else str(part) for part in parts).casefold()

    @property
    def key(self) -> str:
        """What it is exactly: equal exactly for pairs that are the same product under the strict rule."""
        extra = self.extra[0] if self.extra else ""
        accessory = self.types[0] if self.host else ""
        return f"{self.model_key}/{accessory}/{self.colour}/{self.amount}/{self.region}/{self.pack}/{extra}/{self.condition}"

    @property
    def cluster_id(self) -> str:
        """A short hash of ``key``: it tells a reader nothing about the product."""
        return blake2b(self.key.encode(), digest_size=8).hexdigest()

    @property
    def gtin(self) -> str:
        """Its GTIN-13; used and refurbished goods keep the number of the new ones."""
        return gtin13(self.brand, self._id_owner().key)

    @property
    def mpn(self) -> str:
        """Its manufacturer part number: the model code without separators, or a number of its own."""
        return joined(self.code) if self.code and not self.has_part_number else part_number(self._id_owner().key)

    def _id_owner(self) -> Product:
        return replace(self, condition=NEW, pack=1, extra=None) if self.shares_ids else replace(self, condition=NEW)
