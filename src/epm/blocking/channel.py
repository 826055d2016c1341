"""The channel seam: a way to say how alike two listings are, and to find each listing's nearest of the other table."""

from __future__ import annotations

from typing import Literal, Protocol

from epm.blocking.candidate import Links, Rows, Similarities
from epm.progress import ProgressSink, silent

ChannelName = Literal["identifiers", "characters", "dense"]
CHANNELS: tuple[ChannelName, ...] = ("identifiers", "characters", "dense")
DEFAULT_CHANNELS: tuple[ChannelName, ...] = ("identifiers", "characters")
"""A channel that adds no recall at an equal number of candidates is off; ``benchmarks/blocking.py`` measures it."""


class SimilarityChannel(Protocol):
    """Similarities of two tables, symmetric: exchanging the tables exchanges the answers."""

    name: ChannelName

    def nearest(self, top_k: int, *, on_progress: ProgressSink = silent) -> Links:
        """The ``top_k`` nearest right rows of each left row and the ``top_k`` nearest left rows of each right row."""
        ...

    def similarity(self, left: Rows, right: Rows) -> Similarities:
        """The similarity in [0, 1] of each given pair of rows, shape [pairs]."""
        ...

    def n_nearer(self, left: Rows, right: Rows) -> tuple[Rows, Rows]:
        """For each pair: how many right rows are nearer to its left row, how many left rows are nearer to its right row."""
        ...
