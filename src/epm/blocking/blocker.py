"""Blocking: two tables of listings in, the pairs worth comparing out.

    blocked = block(left, right)
    blocked.candidates[0].channels
    blocked.pairs()

Neither ids nor cluster ids nor labels are read; the same tables give the same candidates, whichever is named first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from epm.blocking.candidate import Candidate, Links
from epm.blocking.channel import CHANNELS, DEFAULT_CHANNELS, ChannelName, SimilarityChannel
from epm.blocking.dense import DenseChannel
from epm.blocking.fusion import fuse
from epm.blocking.identifier_channel import IdentifierChannel
from epm.blocking.lexical import CharacterChannel
from epm.blocking.mirror import MirroredChannel, is_mirrored, mirrored_candidates, mirrored_links
from epm.errors import ConfigError
from epm.knowledge.embedder import AUTO, make_embedder
from epm.listing import Listing
from epm.pair import Pair
from epm.progress import ProgressEvent, ProgressSink, silent

PER_LISTING = 3.5
TOP_K = 20


@dataclass(frozen=True, slots=True)
class BlockingPolicy:
    """How candidates are found. ``per_listing`` times the larger table is how many are kept; ``top_k`` what a channel may find for a row.

    ``embedder`` and ``index`` (a folder for chromadb; ``None`` searches exactly in memory) are for the dense channel.
    """

    channels: tuple[ChannelName, ...] = DEFAULT_CHANNELS
    per_listing: float = PER_LISTING
    top_k: int = TOP_K
    embedder: str = AUTO
    index: Path | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.channels if name not in CHANNELS]
        if unknown or not self.channels:
            raise ConfigError(f"channel {unknown[0] if unknown else ''!r} is unknown: use one or more of {', '.join(CHANNELS)}")
        if not (self.per_listing > 0 and math.isfinite(self.per_listing)):
            raise ConfigError(f"{self.per_listing} candidates for each listing is not allowed: use a number above 0")
        if self.top_k < 1:
            raise ConfigError(f"top_k {self.top_k} is not allowed: use 1 or more")


@dataclass(frozen=True, slots=True)
class Blocked:
    """The candidates of two tables, and what found them.

    ``links`` are the pairs that each channel found before the cut. ``index_recall`` is the share of exact neighbours
    that the index on disk finds, ``None`` where none was used.
    """

    left: tuple[Listing, ...]
    right: tuple[Listing, ...]
    candidates: tuple[Candidate, ...]
    links: tuple[tuple[ChannelName, Links], ...]
    similarity: tuple[SimilarityChannel, ...]
    policy: BlockingPolicy
    index_recall: float | None = None

    @property
    def reduction_ratio(self) -> float:
        """The share in [0, 1] of all pairs that need not be compared; 0 when there is none."""
        n_all = len(self.left) * len(self.right)
        return 1.0 - len(self.candidates) / n_all if n_all else 0.0

    def pairs(self) -> Iterator[Pair]:
        """The candidates as pairs without labels, in order of left listing and rank; their extras say who found them."""
        for found in self.candidates:
            left, right = self.left[found.left], self.right[found.right]
            extras = {
                "candidate_rank": found.left_rank, "candidate_rank_right": found.right_rank, "candidate_score": round(found.score, 6),
                "candidate_channels": "+".join(found.channels),
            }  # fmt: skip
            yield Pair(Pair.hashed_id(left, right), left, right, extras=MappingProxyType(extras))


def block(
    left: Sequence[Listing], right: Sequence[Listing], policy: BlockingPolicy | None = None, *, on_progress: ProgressSink = silent
) -> Blocked:
    """The candidates of two tables under a policy (the default one if absent).

    Raises:
        ConfigError: the embedder is unknown or not installed, or an index was asked for without chromadb.
        ArtifactError: the folder of the index cannot be used.
    """
    chosen = policy or BlockingPolicy()
    if is_mirrored(left, right):
        return _mirrored(_search(right, left, chosen, on_progress))
    return _search(left, right, chosen, on_progress)


def _search(left: Sequence[Listing], right: Sequence[Listing], policy: BlockingPolicy, on_progress: ProgressSink) -> Blocked:
    names = [name for name in CHANNELS if name in policy.channels]
    identifiers: Links | None = None
    similarity: list[tuple[SimilarityChannel, Links]] = []
    for name in names:
        on_progress(ProgressEvent(name, len(left) if name != "identifiers" else len(left) + len(right), 0))
        if name == "identifiers":
            identifiers = IdentifierChannel(left, right, on_progress=on_progress).links()
        else:
            channel = _similarity_channel(name, left, right, policy)
            similarity.append((channel, channel.nearest(policy.top_k, on_progress=on_progress)))
    on_progress(ProgressEvent("ranking", 1, 0))
    n_kept = math.ceil(policy.per_listing * max(len(left), len(right)))
    candidates = fuse(similarity, identifiers, n_right=len(right), n_kept=n_kept)
    on_progress(ProgressEvent("ranking", 1, 1))
    links: list[tuple[ChannelName, Links]] = [] if identifiers is None else [("identifiers", identifiers)]
    links.extend((channel.name, found) for channel, found in similarity)
    recall = next((channel.index_recall() for channel, _ in similarity if isinstance(channel, DenseChannel)), None)
    return Blocked(tuple(left), tuple(right), tuple(candidates), tuple(links), tuple(channel for channel, _ in similarity), policy, recall)


def _mirrored(blocked: Blocked) -> Blocked:
    return replace(
        blocked, left=blocked.right, right=blocked.left, candidates=mirrored_candidates(blocked.candidates),
        links=tuple((name, mirrored_links(links)) for name, links in blocked.links),
        similarity=tuple(MirroredChannel(channel) for channel in blocked.similarity),
    )  # fmt: skip


def _similarity_channel(name: ChannelName, left: Sequence[Listing], right: Sequence[Listing], policy: BlockingPolicy) -> SimilarityChannel:
    if name == "dense":
        return DenseChannel(left, right, make_embedder(policy.embedder).inner, folder=policy.index)
    return CharacterChannel(left, right)
