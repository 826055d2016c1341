"""Recording: everything that came of a command's calls goes onto a cassette, whether a server said it or the cache.

So a command that was half cached is recorded whole, and replaying it needs neither the store nor the server. Calls that failed
are on it too, in their order: a replay fails where the recorded command failed. A recording adds to a cassette that is there:
a call that stands on it already is not written twice, and a usable reply that differs from what stands there stops the recording,
for nothing on a cassette is ever changed under those who replay it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from epm.errors import ConfigError, ErrorClass
from epm.gateway.cassette import CassetteWriter, FailedCall, read_cassette
from epm.gateway.ledger import CachedReply, CallLog, CallRecord, canonical_json
from epm.gateway.request import CallScope

_OUR_DOING = frozenset({ErrorClass.CANCELLED, ErrorClass.BUDGET, ErrorClass.EGRESS})
"""Not what a server said: a command that goes on asks again, and so does its replay."""


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call of an earlier command, which began at ``command_s``.

    ``row`` is what came, if anything did, ``is_refused`` whether it proved useless afterwards.
    """

    call: CallRecord
    command_s: float
    row: CachedReply | None
    is_refused: bool = False


class Recorder:
    """A call log that passes everything on and writes what came of each call to a cassette before the caller sees it.

    Args:
        identity: of the transport whose calls are recorded.

    Raises:
        ConfigError: the cassette cannot be written, or is none.
    """

    def __init__(self, inner: CallLog, cassette: Path, *, identity: str) -> None:
        self._inner = inner
        self._cassette = cassette
        self._identity = identity
        self._standing: dict[str, bytes] = {}
        self._useless: set[tuple[str, bytes]] = set()
        for key, recorded in read_cassette(cassette, _said).items() if cassette.is_file() else ():
            for one in recorded:
                if one.is_refused or one.taken.is_failed:
                    self._useless.add((key, one.taken.digest))
                else:
                    self._standing[key] = one.taken.digest
        self._writer = CassetteWriter(cassette)
        self._began_s = self._command_s = time.time()

    def keep(self, calls: Iterable[PastCall]) -> None:
        """Write down what came of this run's calls in earlier commands.

        Raises:
            ConfigError: the cassette holds another reply to one of these requests.
        """
        for past in calls:
            self._command_s = past.command_s
            failed = FailedCall.of(past.call, self._identity, past.row)
            if failed is not None:
                self._fail(failed)
            elif past.row is not None and past.is_refused:
                if (past.row.key, _said(past.row).digest) not in self._useless:
                    self._writer.add(past.row, self._command_s)
                    self._refuse(past.row.key, _said(past.row).digest)
            elif past.row is not None:
                self._keep(past.row)
        self._command_s = self._began_s

    def cached(self, key: str) -> CachedReply | None:
        """The reply kept under a key, which is on the cassette then."""
        kept = self._inner.cached(key)
        if kept is not None:
            self._keep(kept)
        return kept

    async def record_call(self, call: CallRecord, reply: CachedReply | None) -> None:
        """Write ledger row and reply, then the line of the cassette: a reply that is paid for is safe first."""
        await self._inner.record_call(call, reply)
        failed = FailedCall.of(call, self._identity, reply)
        if failed is not None:
            self._fail(failed)
        elif reply is not None:
            self._keep(reply)

    def post_call(self, call: CallRecord) -> None:
        """Write the ledger row."""
        self._inner.post_call(call)

    async def reject(self, key: str, scope: CallScope, error_class: ErrorClass, reason: str) -> None:
        """Move the reply out of the cache; on the cassette it stays, for a replay is to see what was refused."""
        await self._inner.reject(key, scope, error_class, reason)
        digest = self._standing.pop(key, None)
        if digest is not None:
            self._refuse(key, digest)

    def _refuse(self, key: str, digest: bytes) -> None:
        self._useless.add((key, digest))
        self._writer.refuse(key)

    def _fail(self, failed: FailedCall) -> None:
        digest = _said(failed).digest
        if failed.error_class in _OUR_DOING or (failed.key, digest) in self._useless:
            return
        self._useless.add((failed.key, digest))
        self._writer.add(failed, self._command_s)

    def _keep(self, row: CachedReply) -> None:
        said, stands = _said(row).digest, self._standing.get(row.key)
        if stands is None:
            self._writer.add(row, self._command_s)
            self._standing[row.key] = said
        elif stands != said:
            msg = (
                f"cassette {str(self._cassette)!r} holds another reply to request {row.key[:12]} already, and a recording changes nothing on it: "
                "record to a new file (what was answered so far stands in the store and is not paid again)"
            )
            raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class _Said:
    digest: bytes
    is_failed: bool


def _said(call: CachedReply | FailedCall) -> _Said:
    """What decides whether two calls are the same.

    Of replies their choices, not the id and time that a server gives each anew; of failures when they happened, for the same
    failure twice is two calls.
    """
    if isinstance(call, FailedCall):
        return _Said(canonical_json(call.at_s).encode("ascii"), is_failed=True)
    return _Said(hashlib.sha256(canonical_json(call.reply.body.get("choices")).encode("ascii")).digest(), is_failed=False)
