"""The last line of the egress policy: a process-wide audit hook that refuses names and addresses at the socket.

Python announces every name lookup and connection to audit hooks before it happens; an exception from the hook stops it.
A hook cannot be taken off again, so one is installed once and follows the policy that is in force. Beneath a list of hosts a
connection goes to an address, not to a name: it passes where the address is listed itself, or was the answer to a lookup of a
listed name. Answers are not announced, so ``socket.getaddrinfo`` is wrapped to note them; whoever looks names up past it is
refused. Sockets opened by C libraries themselves (libpq) are not announced: their address is checked where it is given.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps

from epm.egress import OPEN, EgressPolicy, is_local, plain_host
from epm.errors import EgressError

_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_SENDINGS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_lookup = socket.getaddrinfo


class _Guard:
    """The policy in force, whether the hook is installed, and which names each address was an answer to."""

    def __init__(self) -> None:
        self.policy = OPEN
        self._is_installed = False
        self._lock = threading.Lock()
        self._names_of: dict[str, frozenset[str]] = {}

    def enforce(self, policy: EgressPolicy) -> None:
        self.policy = policy
        if not self._is_installed and policy != OPEN:
            socket.getaddrinfo = _noting(self)  # type: ignore[assignment]  # the same answers, less narrowly typed
            sys.addaudithook(self._hear)
            self._is_installed = True

    def note(self, host: object, addresses: Iterator[object]) -> None:
        """Remember what a name resolved to. A name of this machine speaks for no address elsewhere."""
        name = _text(host)
        if name is None or is_local(name):
            return
        with self._lock:
            for address in addresses:
                key = plain_host(str(address))
                self._names_of[key] = self._names_of.get(key, frozenset()) | {name}

    def _hear(self, event: str, args: tuple[object, ...]) -> None:
        if event in _LOOKUPS:
            host = _text(args[0])
        elif event in _SENDINGS:
            address = args[1]
            host = _text(address[0]) if isinstance(address, tuple) and address else None
        else:
            return
        if host is None or self.policy.allows_host(host):
            return
        if event in _LOOKUPS or not any(map(self.policy.allows_host, self._names_of.get(plain_host(host), ()))):
            raise EgressError(f"refused to reach {host!r}: {self.policy.rule}; nothing was sent there")


_Answers = Sequence[tuple[object, object, int, str, tuple[object, ...]]]


def _noting(guard: _Guard) -> Callable[..., _Answers]:
    """The lookup, each of whose answers the guard hears of."""

    @wraps(_lookup)
    def getaddrinfo(
        host: bytes | str | None, port: bytes | str | int | None, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0,  # noqa: A002
    ) -> _Answers:  # fmt: skip
        found = _lookup(host, port, family, type, proto, flags)
        guard.note(host, (entry[4][0] for entry in found))
        return found

    return getaddrinfo


def _text(host: object) -> str | None:
    """A host as text: sockets take bytes too."""
    if isinstance(host, bytes | bytearray):
        return host.decode(errors="replace")
    return host if isinstance(host, str) else None


_guard = _Guard()


def policy_in_force() -> EgressPolicy:
    """The policy that the sockets of this process follow now."""
    return _guard.policy


@contextmanager
def guard_sockets(policy: EgressPolicy) -> Iterator[None]:
    """Inside the ``with`` block no socket of this process goes where the policy forbids."""
    before = _guard.policy
    _guard.enforce(policy)
    try:
        yield
    finally:
        _guard.policy = before


def refusal_in(error: BaseException) -> EgressError | None:
    """The guard's refusal that a library's error stems from, however often it was wrapped; ``None`` if it has another cause."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        found = waiting.pop()
        if isinstance(found, EgressError):
            return found
        if id(found) not in seen:
            seen.add(id(found))
            waiting += [cause for cause in (found.__cause__, found.__context__) if cause is not None]
            waiting += found.exceptions if isinstance(found, BaseExceptionGroup) else ()
    return None
