"""Progress of long work as plain values; the command line decides how to show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from epm.gateway.limiter import LimiterState


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """How far a stage is. ``n_done`` counts every finished item, failed and unscored ones included.

    ``n_cached`` items took calls, all of which the cache answered. ``n_before`` of the done ones an earlier command had done:
    all other figures are of this command. ``limiter`` tells at any moment what the model's account lets through, ``n_tokens``
    how many tokens, in and out, this stage has taken.
    """

    stage: str
    n_total: int
    n_done: int
    n_failed: int = 0
    n_unscored: int = 0
    n_cached: int = 0
    cost_usd: float = 0.0
    note: str = ""
    n_before: int = 0
    limiter: Callable[[], LimiterState] | None = None
    n_tokens: Callable[[], int] | None = None


ProgressSink = Callable[[ProgressEvent], None]


NoticeSink = Callable[[str], None]
"""Takes one line that the user should read, once."""


def silent(_event: ProgressEvent) -> None:
    """The sink that shows nothing."""


def unheard(_notice: str) -> None:
    """The sink that tells nothing."""
