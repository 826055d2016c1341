"""The evidence engine: reads listings and compares pairs; deterministic, offline, and the same for swapped sides.

    evidence = compare(pair)
    evidence.relation, evidence.probability, evidence.rationale

It never raises on any text: what cannot be read is silence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from epm.evidence.atoms import Atom
from epm.evidence.compare import Compared, compare_parsed
from epm.evidence.parsed import ParsedListing, parse_texts
from epm.evidence.rationale import write_rationale
from epm.evidence.verdict import DEFAULT_THRESHOLDS, Thresholds, judge
from epm.identity import STRICT, IdentityRule
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Rationale
from epm.relation import Relation

_CACHED_LISTINGS = 16384
_VERSION_CHARS = 12
_UNDECIDED = 0.49


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """What the engine says about a pair; ``probability`` of ``exact`` in [0, 1], at least 0.5 exactly for ``exact``."""

    atoms: tuple[Atom, ...]
    relation: Relation
    factor: int | None
    probability: float
    rationale: Rationale


def read_listing(listing: Listing) -> ParsedListing:
    """Everything the engine reads in a listing; equal content is read once."""
    return read_texts(listing.texts())


def read_texts(texts: Mapping[str, str]) -> ParsedListing:
    """Everything the engine reads in the texts of a listing (the keys of ``Listing.texts()``)."""
    return _parse(tuple(texts.items()))


@lru_cache(maxsize=_CACHED_LISTINGS)
def _parse(items: tuple[tuple[str, str], ...]) -> ParsedListing:
    return parse_texts(dict(items))


def compare(pair: Pair, identity: IdentityRule = STRICT, *, thresholds: Thresholds = DEFAULT_THRESHOLDS) -> PairEvidence:
    """The evidence of a pair under an identity rule."""
    return compare_listings(read_listing(pair.left), read_listing(pair.right), identity, thresholds=thresholds)


def compare_listings(
    left: ParsedListing, right: ParsedListing, identity: IdentityRule = STRICT, *, thresholds: Thresholds = DEFAULT_THRESHOLDS
) -> PairEvidence:
    """The evidence of two listings that have been read."""
    compared: Compared = compare_parsed(left, right)
    finding = judge(compared, thresholds)
    rationale = write_rationale(left, right, compared, finding, identity)
    probability = finding.probability if rationale.relation is finding.relation else min(finding.probability, _UNDECIDED)
    return PairEvidence(compared.atoms, rationale.relation, rationale.factor, probability, rationale)


@lru_cache(maxsize=1)
def engine_version() -> str:
    """A short hash of the engine's sources and word files: it changes whenever an answer could."""
    digest = hashlib.sha256()
    package = files("epm.evidence")
    parts = sorted(
        [
            *(p for p in package.iterdir() if p.name.endswith(".py")),
            *(p for p in (package / "words").iterdir() if p.name.endswith(".toml")),
        ],
        key=lambda part: part.name,
    )
    for part in parts:
        digest.update(part.name.encode() + b"\0" + part.read_bytes() + b"\0")
    return digest.hexdigest()[:_VERSION_CHARS]


def __getattr__(name: str) -> str:
    if name == "ENGINE_VERSION":
        return engine_version()
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
