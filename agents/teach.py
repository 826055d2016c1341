"""Teaching: a matcher writes a rationale for each pair, and every item is in the store as soon as it is done.

A run is resumed by repeating it: its id comes from what it does (input, matcher, prompts, model, seed, settings), never
from limits, and items that are done are not done again. Gold labels are taken off before a pair reaches the matcher; they
are only looked at afterwards, for the report. In label-conditioned teaching the matcher holds them apart from the pairs, and
the run is another one, marked as such.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import cast

from epm.agents.answered import resume_answered
from epm.agents.context import WEB_RESEARCH
from epm.agents.matcher import ItemTools
from epm.agents.report import TeachReport, summarise
from epm.agents.state import blind
from epm.config import DEFAULT_CONCURRENCY
from epm.decision import LABEL_GIVEN, Decision, Outcome
from epm.egress import OPEN, EgressPolicy
from epm.errors import BudgetError, StoreLockedError
from epm.gateway.gateway import Gateway
from epm.gateway.request import ModelSettings, StructuredMode
from epm.gateway.watching import with_traffic
from epm.identity import STRICT, IdentityRule
from epm.judges.run_identity import identity_settings
from epm.knowledge.catalogue import listing_entries
from epm.knowledge.index import KnowledgeIndex
from epm.knowledge.web_search import WebSearch
from epm.matcher import MatchContext, Matcher
from epm.pair import Pair
from epm.progress import NoticeSink, ProgressEvent, ProgressSink, silent, unheard
from epm.prompts.library import load_prompt
from epm.run import run_items
from epm.stopping import StopRequestedError
from epm.store.call_figures import CallFigures, call_figures
from epm.store.holding import HeldRun, holding
from epm.store.launch import Launch, add_launch, latest_launch
from epm.store.records import ItemResult, RunSpec, RunStatus
from epm.store.review_queue import answered_ids
from epm.store.run_figures import N_PAIRS
from epm.store.store import RunStore

COMMAND = "teach"


@dataclass(frozen=True, slots=True)
class Again:
    """A known run to work on, and the status it keeps if that goes well."""

    run_id: str
    status: RunStatus


@dataclass(frozen=True, slots=True)
class TeachJob:
    """What a teaching run is: these values decide its id, except ``concurrency``, ``is_fresh`` and those from ``only`` to ``launch``.

    ``prompts_sha`` covers the prompts that the matcher uses; ``knowledge_name`` says which index and vectors it searches;
    ``only`` names the items to do now, for a sample of the run or to try some of a known run ``again``. ``launch`` is kept
    with the run so that a part of it can be done again. ``is_label_given`` says that the matcher was made with the labels.
    """

    matcher: Matcher
    model: ModelSettings
    input_sha: str
    prompts_sha: str
    knowledge_name: str
    identity: IdentityRule = STRICT
    seed: int = 0
    concurrency: int = DEFAULT_CONCURRENCY
    is_fresh: bool = False
    egress: EgressPolicy = OPEN
    only: frozenset[str] | None = None
    again: Again | None = None
    web_search: WebSearch | None = None
    launch: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    is_label_given: bool = False

    def marked(self, decision: Decision) -> Decision:
        """The decision, saying that its writer was told the label where that is so: here, so that no matcher can forget it."""
        return replace(decision, provenance={**decision.provenance, LABEL_GIVEN: True}) if self.is_label_given else decision

    def spec(self) -> RunSpec:
        """The identity of the run in the store."""
        settings = {
            "matcher_version": self.matcher.version, **identity_settings(self.identity), "knowledge": self.knowledge_name,
            "temperature": str(self.model.temperature), "max_tokens": str(self.model.max_tokens), "api_base": self.model.api_base or "",
        }  # fmt: skip
        if self.model.structured is not StructuredMode.JSON_SCHEMA:
            settings["structured"] = self.model.structured.value
        if self.model.api_version is not None:
            settings["api_version"] = self.model.api_version
        if self.model.reasoning_effort is not None:
            settings["reasoning_effort"] = self.model.reasoning_effort
        if self.model.sample:
            settings["sample"] = str(self.model.sample)
        if self.web_search is not None:
            prompt = load_prompt(WEB_RESEARCH).sha256[:12]
            settings["web_search"] = f"{self.web_search.name} {self.web_search.version}, prompt {prompt}"
        if self.egress.fields is not None:
            settings["egress_fields"] = self.egress.fields_text()
        if self.is_label_given:
            settings[LABEL_GIVEN] = "yes"
        return RunSpec(
            command=COMMAND, input_sha=self.input_sha, matcher=self.matcher.name, prompts_sha=self.prompts_sha,
            model=self.model.name, seed=self.seed, settings=settings,
        )  # fmt: skip


@dataclass(slots=True)
class _Tally:
    """Running sums for the progress line."""

    n_before: int
    n_todo: int
    n_new: int = 0
    n_failed: int = 0
    n_cached: int = 0

    def add(self, decision: Decision) -> None:
        self.n_new += 1
        self.n_failed += decision.outcome is Outcome.FAILED
        self.n_cached += decision.is_cached

    def done_of(self, n_items: int) -> str:
        """How far the run came, failed items apart: they are tried again with the rest."""
        failed = f", {self.n_failed:,} failed" if self.n_failed else ""
        return f"{self.n_before + self.n_new - self.n_failed:,} of {n_items:,} items done{failed}"

    def event(self, event: ProgressEvent) -> ProgressEvent:
        return replace(
            event, n_total=event.n_total + self.n_before, n_done=event.n_done + self.n_before, n_before=self.n_before,
            n_failed=self.n_failed, n_cached=self.n_cached,
        )  # fmt: skip


async def teach(
    pairs: Sequence[Pair],
    job: TeachJob,
    *,
    store: RunStore,
    gateway: Gateway,
    knowledge: KnowledgeIndex,
    on_progress: ProgressSink = silent,
    on_notice: NoticeSink = unheard,
) -> TeachReport:
    """The report of a run in which every pair has its decision in the store.

    The knowledge index gets all listings in one batch first; time for that is reported apart.

    Raises:
        BudgetError: a cap was reached; repeat the command to go on.
        RunHeldError: another process works on the run; nothing was sent.
        StoreError: the store cannot be written.
    """
    again = job.again
    run_id = (store.begin(job.spec(), fresh=job.is_fresh) if again is None else store.resume(again.run_id)).run_id
    with holding(store, run_id, COMMAND) as held:
        with _run_status(store, run_id, again):
            worked = await _work(pairs, job, held, gateway=gateway, knowledge=knowledge, on_progress=on_progress, on_notice=on_notice)
        report = _report(run_id, pairs, store, job, worked.calls_before, n_new=worked.n_items)
    return replace(report, n_indexed=knowledge.count(), index_s=worked.index_s, elapsed_s=worked.elapsed_s)


@dataclass(frozen=True, slots=True)
class _Worked:
    """What this start of the run did, and where the ledger stood before."""

    n_items: int
    index_s: float
    elapsed_s: float
    calls_before: CallFigures


async def _work(
    pairs: Sequence[Pair],
    job: TeachJob,
    held: HeldRun,
    *,
    gateway: Gateway,
    knowledge: KnowledgeIndex,
    on_progress: ProgressSink,
    on_notice: NoticeSink,
) -> _Worked:
    store, run_id = held.store, held.run_id
    await resume_answered(store, run_id, ItemTools(gateway, job.model, knowledge, time.time()), job.identity, on_notice)
    remaining, n_done = remaining_pairs(pairs, store, run_id)
    if n_done and remaining:
        on_notice(f"resuming, {n_done:,} of {len(pairs):,} done")
    remaining = [pair for pair in remaining if job.only is None or pair.id in job.only]
    shown = [job.egress.visible(pair) for pair in pairs]
    index_s = _index_once(shown, job, store, run_id, knowledge, on_progress) if remaining else 0.0
    ctx = MatchContext(
        job.identity, gateway, job.model, knowledge, run_id, job.seed, job.egress, job.concurrency, web_search=job.web_search
    )
    tally, start, calls_before = _Tally(n_done, len(remaining)), time.perf_counter(), _calls(store, run_id)

    async def decide(pair: Pair) -> Decision:
        held.check()
        return job.marked((await job.matcher.decide([blind(job.egress.visible(pair))], ctx))[0])

    async def keep(pair: Pair, decision: Decision) -> None:
        await store.finish_item(run_id, ItemResult(pair.id, pair, decision))
        tally.add(decision)

    show = with_traffic(on_progress, gateway)
    with _cut_told(run_id, tally, len(pairs), show):
        await run_items(
            remaining, decide, concurrency=job.concurrency, on_result=keep, seed=job.seed, stage=COMMAND,
            on_progress=lambda event: show(tally.event(event)),
        )  # fmt: skip
    return _Worked(len(remaining), index_s, time.perf_counter() - start, calls_before)


def remaining_pairs(pairs: Sequence[Pair], store: RunStore, run_id: str) -> tuple[list[Pair], int]:
    """The pairs that the run has not done yet, and how many it has; one that a person answered is done even where the teacher failed."""
    done = store.done_ids(run_id) | store.read(lambda connection: answered_ids(connection, run_id))
    remaining = [pair for pair in pairs if pair.id not in done]
    return remaining, len(pairs) - len(remaining)


def _report(run_id: str, pairs: Sequence[Pair], store: RunStore, job: TeachJob, calls_before: CallFigures, *, n_new: int) -> TeachReport:
    calls = _calls(store, run_id)
    report = summarise(
        run_id, _kept_items(pairs, store, run_id), store.judgements(run_id), n_new=n_new, calls=calls, calls_now=calls.since(calls_before)
    )
    return replace(report, knowledge=job.knowledge_name, is_label_given=job.is_label_given)


def _calls(store: RunStore, run_id: str) -> CallFigures:
    return store.read(lambda connection: call_figures(connection, run_id, judging=False))


def _kept_items(pairs: Sequence[Pair], store: RunStore, run_id: str) -> list[tuple[Pair, Decision]]:
    """What the run holds of these pairs."""
    wanted = {pair.id for pair in pairs}
    return [(item.pair, item.decision) for item in store.items(run_id) if item.pair.id in wanted]


@contextmanager
def _run_status(store: RunStore, run_id: str, again: Again | None) -> Iterator[None]:
    """Writes down how the run ended, whichever way that was."""
    status = RunStatus.FAILED
    try:
        yield
        status = RunStatus.DONE if again is None else again.status
    except BudgetError:
        status = RunStatus.BUDGET
        raise
    except (asyncio.CancelledError, KeyboardInterrupt, StopRequestedError, StoreLockedError):
        status = RunStatus.INTERRUPTED
        raise
    finally:
        store.finish_run(run_id, status)


@contextmanager
def _cut_told(run_id: str, tally: _Tally, n_items: int, show: ProgressSink) -> Iterator[None]:
    """Where a cap cuts the run: shows its last state, and says in the error which run it is and how far it came."""
    try:
        yield
    except StopRequestedError as error:
        msg = f"interrupted; {tally.done_of(n_items)}; repeat the command to resume"
        raise StopRequestedError(msg) from error
    except BudgetError as error:
        show(tally.event(ProgressEvent(COMMAND, tally.n_todo, tally.n_new)))
        raise BudgetError(f"run {run_id} of 'epm {COMMAND}': {tally.done_of(n_items)}; {error}") from error


def _index_once(
    pairs: Sequence[Pair], job: TeachJob, store: RunStore, run_id: str, knowledge: KnowledgeIndex, on_progress: ProgressSink
) -> float:  # fmt: skip
    """Seconds for the index: none where an earlier launch of the run has put these pairs into it. The launch is written down."""
    earlier = latest_launch(store, run_id, COMMAND)
    known = {} if earlier is None or earlier.settings.get("knowledge_folder") != job.launch.get("knowledge_folder") else earlier.settings
    n_known = cast(int, known.get(N_PAIRS, 0)) if knowledge.count() else 0
    # the pairs are the first so many of one file: its content is a part of the run's identity
    index_s = _index_listings(pairs, knowledge, job.input_sha, on_progress) if n_known < len(pairs) else 0.0
    settings = {**job.launch, "concurrency": job.concurrency, N_PAIRS: max(n_known, len(pairs))}
    add_launch(store, Launch(run_id, COMMAND, job.model, settings))
    return index_s


def _index_listings(pairs: Sequence[Pair], knowledge: KnowledgeIndex, input_sha: str, on_progress: ProgressSink) -> float:
    """Seconds it took to store every listing, all of them encoded in one batch."""
    start = time.perf_counter()
    entries = listing_entries(pairs, provenance=f"input {input_sha[:12]}", now_s=time.time())
    on_progress(ProgressEvent("index", n_total=len(entries), n_done=0))
    knowledge.add(entries)
    on_progress(ProgressEvent("index", n_total=len(entries), n_done=len(entries)))
    return time.perf_counter() - start
