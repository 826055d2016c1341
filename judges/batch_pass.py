"""Getting the batches of a run answered: submitted once, looked at until they end, and delivered into ledger and cache.

Making a batch is the one request that must not be made twice. So it is claimed in the store first; whoever finds an old
claim without a batch asks the vendor for a batch of that very input file before making one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from epm.errors import EpmError, ErrorClass, ModelError, RunStoppedError
from epm.gateway.backoff import Backoff
from epm.gateway.batch import BatchState, LineFailure, LineResult, input_line, read_results
from epm.gateway.batch_record import BatchOrigin, record_line
from epm.gateway.request import ChatRequest, ModelSettings
from epm.gateway.transports.litellm_batch import LitellmBatches
from epm.judges.score import BatchFigures
from epm.progress import ProgressEvent, ProgressSink
from epm.store import batches
from epm.store.batches import StoredBatch
from epm.store.store import RunStore

FIRST_LOOK_S = 1.0
LONGEST_LOOK_S = 60.0
"""Batches take minutes to hours: a look a minute is soon enough, and small ones need not wait for it."""
_GROWTH = 1.5
_MOST_ATTEMPTS = 10
"""Of one request to the vendor, over some four minutes: waiting is what a batch is for."""
_MOST_TRIES = 4
"""Of making one batch; after each the vendor is asked whether it was made all the same."""
_LEASE_MARGIN_S = 2.0
_AT_ONCE = 500

T = TypeVar("T")


@dataclass(slots=True)
class BatchPass:
    """The batches of one run at one place; ``host`` is where its calls go."""

    store: RunStore
    run_id: str
    model: ModelSettings
    identity: str
    host: str
    on_progress: ProgressSink
    figures: BatchFigures = field(default_factory=BatchFigures)
    _backoff: Backoff = field(default_factory=lambda: Backoff(first_s=0.5, seed=0))
    _failures: list[str] = field(default_factory=list)

    async def finish(self) -> None:
        """Submit what was not, wait for all, and deliver what came.

        Raises:
            RunStoppedError: a batch could not be submitted or did not go through, or the vendor cannot be asked; the message says
                what to do. What was answered is kept.
        """
        waiting = self.store.read(lambda connection: batches.open_batches(connection, self.run_id, self.identity))
        n_total = sum(batch.n_lines for batch in waiting)
        self.on_progress(ProgressEvent("batch", n_total, 0, note="submitting"))
        submitted = [await self._submitted(batch) for batch in waiting]
        pending = [batch for batch in submitted if batch is not None]
        wait_s, n_ended = FIRST_LOOK_S, n_total - sum(batch.n_lines for batch in pending)
        while pending:
            n_answered = 0
            for batch in list(pending):
                state = await self._patiently(partial(self._server(batch).look, str(batch.vendor_id)))
                if state.is_ended:
                    await self._deliver(batch, state)
                    pending.remove(batch)
                    n_ended += batch.n_lines
                else:
                    n_answered += state.n_answered
            note = ", ".join(str(batch.vendor_id) for batch in pending)
            self.on_progress(
                ProgressEvent("batch", n_total, n_ended + n_answered, self.figures.n_failed, cost_usd=self.figures.cost_usd, note=note)
            )
            if pending:
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * _GROWTH, LONGEST_LOOK_S)
        if self._failures:
            raise RunStoppedError("; ".join(self._failures))

    async def _submitted(self, batch: StoredBatch) -> StoredBatch | None:
        """The batch with the vendor's id; ``None`` when the vendor refused it, which its lines now say."""
        server = self._server(batch)
        lease_s = server.longest_s + _LEASE_MARGIN_S
        n_tries = 0
        while batch.vendor_id is None:
            if batch.file_id is not None:
                await asyncio.sleep(max(0.0, (batch.claimed_at_s or 0.0) + lease_s - time.time()))
                found = await self._patiently(partial(server.find, batch.file_id))
                if found is not None:
                    self._set_submitted(batch, found)
                    break
            try:
                await self._make(batch, server, lease_s)
            except ModelError as error:
                if not error.error_class.is_retryable:
                    await self._refused(batch, error)
                    return None
                n_tries += 1
                if n_tries == _MOST_TRIES:
                    raise _stopped(error) from error
            batch = self._anew(batch)
        return self._anew(batch)

    async def _make(self, batch: StoredBatch, server: LitellmBatches, lease_s: float) -> None:
        """Make the batch at the vendor, if nobody else is about to."""
        file_id = batch.file_id
        if file_id is None:
            content = self._content(batch, server)
            file_id = await self._patiently(lambda: server.upload(content), is_fatal=False)
        file_id = str(file_id)
        if self.store.write(lambda connection: batches.claim(connection, batch, file_id, lease_s=lease_s)):
            self._set_submitted(batch, await server.create(file_id))

    def _content(self, batch: StoredBatch, server: LitellmBatches) -> bytes:
        return self.store.read(
            lambda connection: b"".join(
                input_line(line.key, server.url, server.body(ChatRequest(line.request)))
                for line in batches.waiting_lines(connection, batch)
                if line.request is not None
            )
        )

    async def _deliver(self, batch: StoredBatch, state: BatchState) -> None:
        """Write what came of each line, then have the vendor delete the files."""
        for file_id in state.result_files:
            content = await self._patiently(partial(self._server(batch).read, file_id))
            results = list(read_results(content))
            for start in range(0, len(results), _AT_ONCE):
                self._write(batch, results[start : start + _AT_ONCE])
        self._write_rest(batch, state.of_missing_line())
        if not state.is_whole:
            self._failures.append(
                f"batch {batch.vendor_id} of run {self.run_id} {state.status}{state.error}: what it answered is kept; repeat the command to "
                "send the rest in a new batch, or leave out --batch to ask for it call by call"
            )
        await self._tidy(batch, (str(batch.file_id), *state.result_files))
        self.store.write(lambda connection: batches.set_ended(connection, batch, state.status))

    async def _refused(self, batch: StoredBatch, error: ModelError) -> None:
        """Write down that the vendor did not take a batch: its calls failed and cost nothing."""
        batch = self._anew(batch)
        self._write_rest(batch, LineFailure(error.error_class, f"the batch was refused: {error}"))
        if batch.file_id is not None:
            await self._tidy(batch, (batch.file_id,))
        self.store.write(lambda connection: batches.set_ended(connection, batch, "refused"))
        self._failures.append(
            f"a batch of {batch.n_lines:,} calls was refused ({error.error_class.value}): {error}; leave out --batch, or mend the cause"
        )

    def _write(self, batch: StoredBatch, results: Sequence[LineResult]) -> None:
        self._record(batch, {result.key: result.outcome for result in results})

    def _write_rest(self, batch: StoredBatch, failure: LineFailure) -> None:
        left = self.store.read(lambda connection: [line.key for line in batches.waiting_lines(connection, batch)])
        for start in range(0, len(left), _AT_ONCE):
            self._record(batch, dict.fromkeys(left[start : start + _AT_ONCE], failure))

    def _record(self, batch: StoredBatch, outcomes: Mapping[str, Mapping[str, object] | LineFailure]) -> None:
        origin = BatchOrigin(self.identity, self.host, batch.price, batch.created_at_s)
        written = self.store.write(
            lambda connection: batches.deliver(
                connection, batch, list(outcomes), lambda line: record_line(origin, line, outcomes[line.key])
            )
        )
        self.figures = replace(
            self.figures, n_calls=self.figures.n_calls + len(written),
            n_failed=self.figures.n_failed + sum(call.error_class is not None for call in written),
            cost_usd=self.figures.cost_usd + sum(call.cost_usd or 0.0 for call in written),
        )  # fmt: skip

    async def _tidy(self, batch: StoredBatch, file_ids: Sequence[str]) -> None:
        """Have the files deleted, which hold prompts and replies; one that stays is the vendor's to expire."""
        for file_id in file_ids:
            try:
                await self._server(batch).delete(file_id)
            except ModelError as error:
                if error.error_class is not ErrorClass.BAD_REQUEST:  # else it is gone already
                    self.on_progress(ProgressEvent("batch", 1, 1, note=f"file {file_id} stays at the vendor: {error}"))

    def _set_submitted(self, batch: StoredBatch, vendor_id: str) -> None:
        self.store.write(lambda connection: batches.set_submitted(connection, batch, vendor_id))

    def _anew(self, batch: StoredBatch) -> StoredBatch:
        return self.store.read(lambda connection: batches.find_batch(connection, batch.batch_id))

    def _server(self, batch: StoredBatch) -> LitellmBatches:
        return LitellmBatches(replace(self.model, name=batch.model))

    async def _patiently(self, request: Callable[[], Awaitable[T]], *, is_fatal: bool = True) -> T:
        """What a request that may be repeated comes to; ``is_fatal``: that it cannot be made stops the command."""
        attempt = 1
        while True:
            try:
                return await request()
            except ModelError as error:
                if not error.error_class.is_retryable or attempt == _MOST_ATTEMPTS:
                    raise _stopped(error) if is_fatal or error.error_class.is_retryable else error from error
                wait_s = self._backoff.wait_s(attempt, error.retry_after_s, error.error_class)
            await asyncio.sleep(wait_s)
            attempt += 1


def _stopped(error: ModelError) -> EpmError:
    return RunStoppedError(
        f"{error.error_class.value}: {error}; the batches of the run are kept: repeat the command to go on waiting for them"
    )
