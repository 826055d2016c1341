"""The last line of the egress policy: a process-wide audit hook that refuses names and addresses at the socket.

Python announces every name lookup and connection to audit hooks before it happens; an exception from the hook stops it.
A hook cannot be taken off again, so one is installed once and follows the policy that is in force. Sockets opened by
C libraries themselves (libpq) are not announced: their address is checked where it is given.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from epm.egress import OPEN, EgressPolicy, is_local
from epm.errors import ConfigError


class _Guard:
    """The policy in force, and whether the hook is installed."""

    def __init__(self) -> None:
        self.policy = OPEN
        self._is_installed = False

    def enforce(self, policy: EgressPolicy) -> None:
        self.policy = policy
        if not self._is_installed and policy != OPEN:
            sys.addaudithook(self._hear)
            self._is_installed = True

    def _hear(self, event: str, args: tuple[object, ...]) -> None:
        if not event.startswith("socket."):
            return
        if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
            host = args[0].decode(errors="replace") if isinstance(args[0], bytes) else args[0]
            if isinstance(host, str) and not self.policy.allows_host(host):
                raise _refusal(host)
        elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            address = args[1]
            host = address[0] if isinstance(address, tuple) and address else None
            # A name was refused at its lookup; beneath a list of hosts, the addresses that they resolve to must pass.
            if isinstance(host, str) and not is_local(host) and (self.policy.is_local_only or not _is_address(host)):
                raise _refusal(host)


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


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _refusal(host: str) -> ConfigError:
    return ConfigError(f"refused to reach {host!r}: --local-only or [egress] hosts forbids it; nothing was sent")
