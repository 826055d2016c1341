"""Recording: everything that a command is answered with goes onto a cassette, whether a server said it or the cache.

So a command that was half cached is recorded whole, and replaying it needs neither the store nor the server. A recording
adds to a cassette that is there: a reply that stands on it already is not written twice, and one that differs from what
stands there stops the recording, for nothing on a cassette is ever changed under those who replay it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from epm.errors import ConfigError
from epm.gateway.cassette import CassetteWriter, read_cassette
from epm.gateway.ledger import CachedReply, CallLog, CallRecord, canonical_json


class Recorder:
    """A call log that passes everything on and writes each usable reply to a cassette before the caller sees it.

    Raises:
        ConfigError: the cassette cannot be written, or is none.
    """

    def __init__(self, inner: CallLog, cassette: Path) -> None:
        self._inner = inner
        self._cassette = cassette
        self._said = read_cassette(cassette, _said) if cassette.is_file() else {}
        self._writer = CassetteWriter(cassette)

    def keep(self, rows: Iterable[CachedReply]) -> None:
        """Write down what earlier commands of this run were answered.

        Raises:
            ConfigError: the cassette holds another reply to one of these requests.
        """
        for row in rows:
            self._keep(row)

    def cached(self, key: str) -> CachedReply | None:
        """The reply kept under a key, which is on the cassette then."""
        kept = self._inner.cached(key)
        if kept is not None:
            self._keep(kept)
        return kept

    async def record_call(self, call: CallRecord, kept: CachedReply | None) -> None:
        """Write ledger and cache row, then the line of the cassette: a reply that is paid for is safe first."""
        await self._inner.record_call(call, kept)
        if kept is not None:
            self._keep(kept)

    def post_call(self, call: CallRecord) -> None:
        """Write the ledger row."""
        self._inner.post_call(call)

    async def forget(self, key: str) -> None:
        """Drop the row from the cache and the cassette."""
        await self._inner.forget(key)
        if self._said.pop(key, None) is not None:
            self._writer.forget(key)

    def _keep(self, row: CachedReply) -> None:
        said, stands = _said(row), self._said.get(row.key)
        if stands is None:
            self._writer.add(row)
            self._said[row.key] = said
        elif stands != said:
            msg = (
                f"cassette {str(self._cassette)!r} holds another reply to request {row.key[:12]} already, and a recording changes nothing on it: "
                "record to a new file (what was answered so far stands in the store and is not paid again)"
            )
            raise ConfigError(msg)


def _said(row: CachedReply) -> bytes:
    """What decides whether two replies are the same: their choices, not the id and time that a server gives each anew."""
    return hashlib.sha256(canonical_json(row.reply.body.get("choices")).encode("ascii")).digest()
