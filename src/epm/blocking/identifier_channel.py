"""The ``identifiers`` channel: listings that share a trusted identifier or a model code.

A GTIN with a valid check digit, an ASIN and a part number count wherever they stand; a code of the title meets a part
number of the other table. An identifier is worth less the more listings carry it, for then it names no product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from epm.blocking.candidate import Links, make_links
from epm.blocking.channel import ChannelName
from epm.evidence.engine import read_texts
from epm.listing import Listing
from epm.progress import ProgressEvent, ProgressSink, silent

_MAX_PAIRS = 400
"""An identifier that would link more pairs than this is a default value or a shop's own mark, and links none."""

_REPORT_EVERY = 500
_CODE_KIND = {"gtin": "gtin", "asin": "asin", "mpn": "code", "model": "code"}


class IdentifierState(StrEnum):
    """What the identifiers of two listings say to each other."""

    SHARED = "shared"
    NONE_SHARED = "none_shared"
    MISSING = "missing"


def identifier_keys(listing: Listing) -> frozenset[str]:
    """The identifiers of a listing as ``kind:key``; those of its description name other products too and are left out."""
    parsed = read_texts({name: text for name, text in listing.texts().items() if name != "description"})
    values = [(kind, value) for attribute, kind in _CODE_KIND.items() for value in parsed.of(attribute)]
    return frozenset(f"{kind}:{value.key}" for kind, value in values if kind != "gtin" or value.trust == "valid")


class IdentifierChannel:
    """Links of the listings that share an identifier; strength in (0, 1], 1 where nobody else carries it."""

    name: ChannelName = "identifiers"

    def __init__(self, left: Sequence[Listing], right: Sequence[Listing], *, on_progress: ProgressSink = silent) -> None:
        keys: list[frozenset[str]] = []
        for n_read, listing in enumerate((*left, *right), start=1):
            keys.append(identifier_keys(listing))
            if n_read % _REPORT_EVERY == 0 or n_read == len(left) + len(right):
                on_progress(ProgressEvent(self.name, len(left) + len(right), n_read))
        self._left, self._right = keys[: len(left)], keys[len(left) :]

    def links(self) -> Links:
        """Every link with the strength of its rarest identifier: one over the root of the pairs that it links."""
        carriers = (_carriers(self._left), _carriers(self._right))
        strength: dict[tuple[int, int], float] = {}
        for key in sorted(carriers[0].keys() & carriers[1].keys()):
            lefts, rights = carriers[0][key], carriers[1][key]
            n_pairs = len(lefts) * len(rights)
            if n_pairs > _MAX_PAIRS:
                continue
            for pair in ((left, right) for left in lefts for right in rights):
                strength[pair] = max(strength.get(pair, 0.0), n_pairs**-0.5)
        pairs = np.array(list(strength), dtype=np.int64).reshape(-1, 2)
        return make_links(pairs[:, 0], pairs[:, 1], np.array(list(strength.values()), dtype=np.float32))


def identifier_state(left: Listing, right: Listing) -> IdentifierState:
    """What the identifiers of two listings say; ``missing`` when a side has none."""
    left_keys, right_keys = identifier_keys(left), identifier_keys(right)
    if not left_keys or not right_keys:
        return IdentifierState.MISSING
    return IdentifierState.SHARED if left_keys & right_keys else IdentifierState.NONE_SHARED


def _carriers(keys: Sequence[frozenset[str]]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for row, own in enumerate(keys):
        for key in own:
            found[key].append(row)
    return found
