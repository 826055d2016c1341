"""How two listings relate, and the binary label that follows from it."""

from __future__ import annotations

from enum import StrEnum


class Label(StrEnum):
    """The binary answer; an undecidable pair has none."""

    MATCH = "match"
    NO_MATCH = "no_match"


class Relation(StrEnum):
    """What connects two listings (the reasons are in GS1's and marketplaces' rules)."""

    EXACT = "exact"
    OTHER_PACK = "other_pack"
    VARIANT = "variant"
    BUNDLE_OF = "bundle_of"
    ACCESSORY_FOR = "accessory_for"
    CONDITION = "condition"
    DIFFERENT = "different"
    UNDECIDABLE = "undecidable"
