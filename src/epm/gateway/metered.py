"""The gateway itself: cache, single flight, limiter, breaker, budget, deadline, retries, ledger, in that order.

Invariants: it alone retries; every physical attempt is one ledger row; the row and the kept reply are committed before
the caller sees the reply, so a killed process re-sends at most what was in flight. Failures, truncations and refusals
are kept beside their ledger row and never in the cache.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from epm import stopping
from epm.errors import EgressError, ErrorClass, ModelError
from epm.gateway.backoff import LONGEST_WAIT_S, MAX_ATTEMPTS, Backoff
from epm.gateway.breaker import CircuitBreaker
from epm.gateway.budget import Budget, Hold
from epm.gateway.completion import fault_of
from epm.gateway.deadline import ItemTimeoutError, left_s
from epm.gateway.ledger import CachedReply, CallLog, CallRecord, MemoryCallLog, cache_key
from epm.gateway.limiter import Limiter
from epm.gateway.request import CallScope, ChatReply, ChatRequest, Transport, Usage
from epm.gateway.sent import sent_fields, sent_to

_Flight = asyncio.Future[ChatReply | ModelError | None]
_MAYBE_BILLED = frozenset({ErrorClass.TIMEOUT, ErrorClass.CONNECTION, ErrorClass.CANCELLED, ErrorClass.REPLY_TOO_LONG})
_ERROR_CHARS = 500
_CHECK_S = 1.0
"""Between two looks at the breaker while a call waits for its next try."""


class MeteredGateway:
    """The only way to a model; implements ``Gateway``. Without a store, ledger and cache live in memory.

    Args:
        transport: what sends one request once.
        store: keeps ledger and cache; ``None`` for memory.
        concurrency: most calls in flight.
        max_attempts: most physical calls for one request, the first included.
        timeout_s: deadline of one attempt, in seconds.
        seed: of the jitter between attempts.
        backoff_s: ceiling of the first wait between attempts, in seconds; it grows each time.
        budget: holds and settles what calls cost; ``None`` for no caps.
        limiter: shared with other gateways to the account; ``concurrency`` is then its matter. ``None``: one of its own.
        breaker: stops the run when its calls must fail; ``None``: every call stands for itself.
    """

    def __init__(  # noqa: PLR0913  # each is a bound of its own
        self, transport: Transport, store: CallLog | None, *, concurrency: int = 8, max_attempts: int = MAX_ATTEMPTS, timeout_s: float = 60.0,
        seed: int = 0, backoff_s: float = 0.5, budget: Budget | None = None, limiter: Limiter | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:  # fmt: skip
        self.transport = transport
        self.log: CallLog = MemoryCallLog() if store is None else store
        self.limiter = limiter or Limiter(concurrency, first_spacing_s=backoff_s)
        self._breaker = breaker
        self._max_attempts = max_attempts
        self._timeout_s = timeout_s
        self._backoff = Backoff(first_s=backoff_s, seed=seed)
        self.budget = budget or Budget()
        self.usage = Usage(0, 0)  # of all replies that came, unusable ones included
        self.n_hits = 0  # replies of the cache, and of identical calls in flight
        self.cost_usd = 0.0  # of all physical calls, as the ledger has it: failed and lost ones included
        self._flights: dict[str, _Flight] = {}

    @property
    def n_tokens(self) -> int:
        """Tokens in and out of all replies that came."""
        return self.usage.prompt_tokens + self.usage.completion_tokens

    async def send(self, request: ChatRequest, scope: CallScope) -> ChatReply:
        """The reply, from the cache, from an identical call in flight, or from the transport.

        Raises:
            ModelError: the call failed for good; ``error_class`` says how.
            BudgetError: a cap was reached before the call was sent.
            RunStoppedError: calls kept failing so that the whole run was stopped.
            StoreError: the ledger cannot be written.
            EgressError: the egress policy stopped the call at its socket.
        """
        key = cache_key(self.transport, request, sample_index=scope.sample_index)
        while (flight := self._flights.get(key)) is not None:
            outcome = await _within_item(asyncio.shield(flight))
            if isinstance(outcome, ModelError):
                raise ModelError(str(outcome), outcome.error_class, retry_after_s=outcome.retry_after_s)
            if outcome is not None:
                return self._hit(outcome, key, request, scope)
        kept = self.log.cached(key)
        if kept is not None:
            return self._hit(kept.as_hit(), key, request, scope)
        return await self._lead(key, request, scope)

    async def reject(self, request: ChatRequest, scope: CallScope, error_class: ErrorClass, reason: str) -> None:
        """Take the reply to a request out of the cache: it proved useless, and a later attempt asks the model again."""
        await self.log.reject(cache_key(self.transport, request, sample_index=scope.sample_index), scope, error_class, reason)

    async def _lead(self, key: str, request: ChatRequest, scope: CallScope) -> ChatReply:
        flight: _Flight = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        outcome: ChatReply | ModelError | None = None  # None sends the followers round again: this leader was cut off
        try:
            reply = outcome = await self._send_with_retries(key, request, scope)
        except ModelError as error:
            outcome = None if isinstance(error, ItemTimeoutError) else error
            raise
        finally:
            del self._flights[key]
            flight.set_result(outcome)
        return reply

    async def _send_with_retries(self, key: str, request: ChatRequest, scope: CallScope) -> ChatReply:
        attempt = 1
        while True:
            try:
                return await self._attempt(key, request, scope, attempt)
            except ItemTimeoutError:
                raise
            except ModelError as error:
                if not error.error_class.is_retryable:
                    raise
                wait_s = self._backoff.wait_s(attempt, error.retry_after_s, error.error_class)
                if attempt == self._max_attempts or wait_s > LONGEST_WAIT_S:
                    why = (
                        ""
                        if wait_s <= LONGEST_WAIT_S
                        else f"the server asked to wait {wait_s:.0f} s, longer than the {LONGEST_WAIT_S:.0f} s that are waited; "
                    )
                    raise ModelError(
                        f"{error} ({why}gave up at attempt {attempt})", error.error_class, retry_after_s=error.retry_after_s
                    ) from error
                left = left_s()
                if left is not None and wait_s >= left:
                    raise ItemTimeoutError(f"before attempt {attempt + 1} could be made (the last: {error})") from error
            async with stopping.let_go_on_stop():
                await self._pause(wait_s)
            attempt += 1

    async def _pause(self, wait_s: float) -> None:
        """Wait, and end with the run where it is stopped meanwhile."""
        while self._breaker is not None and wait_s > _CHECK_S:
            await asyncio.sleep(_CHECK_S)
            self._breaker.check()
            wait_s -= _CHECK_S
        await asyncio.sleep(wait_s)

    async def _attempt(self, key: str, request: ChatRequest, scope: CallScope, attempt: int) -> ChatReply:
        """One physical call, when its turn has come."""
        breaker = self._breaker
        if breaker is not None:
            breaker.check()
        async with self.limiter.slot(longest_wait_s=left_s(), check=None if breaker is None else breaker.check) as slot:
            stopping.check()
            if breaker is None:
                reply = await self._send_once(key, request, scope, attempt)
            else:
                with breaker.watching(scope):
                    reply = await self._send_once(key, request, scope, attempt)
            slot.n_tokens = reply.usage.prompt_tokens + reply.usage.completion_tokens
            return reply

    async def _send_once(self, key: str, request: ChatRequest, scope: CallScope, attempt: int) -> ChatReply:
        async with self.budget.hold(request, scope) as hold:
            return await self._send_held(key, request, scope, attempt, hold)

    async def _send_held(self, key: str, request: ChatRequest, scope: CallScope, attempt: int, hold: Hold) -> ChatReply:
        started_at_s, start, host = time.time(), time.perf_counter(), sent_to(self.transport)
        sent = None if host is None else sent_fields(request)

        def record(*, reply: ChatReply | None = None, failure: tuple[ErrorClass, str] | None = None, is_unsent: bool = False) -> CallRecord:
            usage, cost_usd = hold.bill(reply, is_lost=failure is not None and failure[0] in _MAYBE_BILLED and not is_unsent)
            self.cost_usd += cost_usd or 0.0
            return CallRecord(
                scope, key, self.transport.name, str(request.body.get("model", "")), None if reply is None else reply.model, attempt,
                usage=usage, cost_usd=cost_usd,
                latency_s=time.perf_counter() - start, started_at_s=started_at_s,
                error_class=None if failure is None else failure[0], error=None if failure is None else failure[1][:_ERROR_CHARS],
                host=host, sent=sent,
            )  # fmt: skip

        try:
            reply = await self._deliver(replace(request, sample_index=scope.sample_index))
        except ModelError as error:
            await self.log.record_call(record(failure=(error.error_class, str(error)), is_unsent=error.is_unsent), None)
            raise
        except EgressError as error:  # a row, for a server may have been reached that sent the call on to where none may go
            await self.log.record_call(record(failure=(ErrorClass.EGRESS, str(error))), None)
            raise
        except asyncio.CancelledError:
            self.log.post_call(record(failure=(ErrorClass.CANCELLED, "the caller stopped waiting")))
            raise
        self.usage = self.usage.plus(reply.usage)
        fault, row = fault_of(reply.body), CachedReply(key, self.transport.identity, request.body, reply)
        await self.log.record_call(record(reply=reply, failure=fault), row)
        if fault is not None:
            raise ModelError(f"model {reply.model!r}: {fault[1]}", fault[0])
        return reply

    async def _deliver(self, request: ChatRequest) -> ChatReply:
        left = left_s()
        timeout_s = self._timeout_s if left is None else min(left, self._timeout_s)
        try:
            with stopping.call_in_flight(timeout_s):
                async with asyncio.timeout(timeout_s):
                    # one number for every call: an HTTP client is kept for each, and the shorter bound is kept to here
                    return await self.transport.send(request, timeout_s=self._timeout_s)
        except TimeoutError as error:
            if timeout_s < self._timeout_s:
                raise ItemTimeoutError(f"while model {request.body.get('model')!r} was answering") from error
            msg = f"model {request.body.get('model')!r} did not answer within {self._timeout_s:g} s; lower --concurrency, or raise --timeout-s"
            raise ModelError(msg, ErrorClass.TIMEOUT) from error

    def _hit(self, reply: ChatReply, key: str, request: ChatRequest, scope: CallScope) -> ChatReply:
        hit = replace(reply, cost_usd=0.0, is_cached=True)
        self.n_hits += 1
        if self._breaker is not None:
            self._breaker.answered(scope, is_cached=True)
        self.log.post_call(
            CallRecord(
                scope, key, self.transport.name, str(request.body.get("model", "")), hit.model, attempt=1,
                usage=hit.usage, cost_usd=0.0, latency_s=0.0, started_at_s=time.time(), is_cached=True,
            )
        )  # fmt: skip
        return hit


async def _within_item(flight: _Flight) -> ChatReply | ModelError | None:
    """What a call that another item leads comes to, waited for as long as this item has time."""
    try:
        async with asyncio.timeout(left_s()):
            return await flight
    except TimeoutError as error:
        raise ItemTimeoutError("waiting for the same call of another item") from error
