"""What goes into the run store and what comes out, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from epm.decision import Decision
from epm.errors import ErrorClass
from epm.judgement import Judgement
from epm.pair import Pair
from epm.store.causes import Cause


class RunStatus(StrEnum):
    """How far a run came. Every status but ``done`` is resumed by repeating the command."""

    RUNNING = "running"
    DONE = "done"
    INTERRUPTED = "interrupted"
    BUDGET = "budget"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What makes two runs the same run: the work and how it is done, never limits such as budget or concurrency."""

    command: str
    input_sha: str
    matcher: str
    prompts_sha: str
    model: str
    seed: int
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)


@dataclass(frozen=True, slots=True)
class RunHandle:
    """A run that was begun or found again. ``repeat`` counts ``--fresh`` repetitions from 0."""

    run_id: str
    repeat: int
    n_done: int
    is_resumed: bool


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as it stands in the store."""

    run_id: str
    spec: RunSpec
    repeat: int
    status: RunStatus
    provenance: Mapping[str, object]
    created_at_s: float
    finished_at_s: float | None


@dataclass(frozen=True, slots=True)
class ItemResult:
    """An item that reached its last step, or failed on the way (``decision.outcome``)."""

    item_id: str
    pair: Pair
    decision: Decision
    judgements: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item's standing result: its done attempt, else its latest failed one. ``attempt`` counts from 1."""

    item_id: str
    pair: Pair
    decision: Decision
    attempt: int


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Items whose standing result failed with one class, and one of them as an example."""

    error_class: ErrorClass
    n_items: int
    example_item_id: str
    example_error: str


@dataclass(frozen=True, slots=True)
class SentTo:
    """What went to one host in a run: physical calls, failed ones included, and what of the pairs stood in the prompts.

    ``fields`` are listing fields and names of other data blocks, sorted.
    """

    host: str
    n_calls: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in figures. Tokens, cost and latency count physical calls only; cache hits are free.

    ``n_calls_failed`` are physical calls that brought no usable reply, ``n_calls_estimated`` had no token counts,
    ``n_replies_refused`` are replies that came whole and that schema or checks refused afterwards; ``causes`` are the commonest
    of ``n_causes``. ``n_calls_unpriced`` calls had an unknown price (they are not in ``cost_usd``). ``sent`` is what left the machine;
    ``n_sent_unrecorded`` calls may have left it too: they are of an epm that did not note where calls went. ``traced_to`` are
    the places that whole traces were sent to (``--trace-langsmith``).
    """

    run: RunRecord
    n_done: int
    n_failed: int
    failures: tuple[FailureGroup, ...]
    n_calls: int
    n_calls_failed: int
    n_calls_cached: int
    n_calls_estimated: int
    n_calls_unpriced: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    mean_latency_s: float | None
    models_answered: tuple[str, ...]
    sent: tuple[SentTo, ...] = ()
    n_sent_unrecorded: int = 0
    traced_to: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    n_causes: int = 0
    n_replies_refused: int = 0
