"""The matcher ``command:"PROGRAM ARGUMENTS"``: the user's own system as a process that filters lines, in any language.

A line of JSON goes to its stdin for each pair, ``{"id", "left", "right"}``, then its input ends; a line comes back on its
stdout for each, in the same order, with the same ``id`` and a ``label``, a ``probability`` or an ``error``:

    for line in sys.stdin:
        pair = json.loads(line)
        print(json.dumps({"id": pair["id"], "label": pair["left"]["mpn"] == pair["right"]["mpn"]}))

It is started once for all pairs of a file, so it may load what it needs, read everything first, and buffer. No shell reads
the command; stderr is passed on. A pair that has not exactly one answer in its place is failed, with the reason.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from epm.decision import Decision
from epm.errors import ConfigError
from epm.matcher import MatchContext
from epm.matchers.line_exchange import LineExchange
from epm.matchers.line_process import LineProcess
from epm.matchers.own_system import pair_record
from epm.pair import Pair
from epm.socket_guard import policy_in_force


def make(arg: str | None) -> OwnProgram:
    """The matcher of a command line.

    Raises:
        ConfigError: there is none, a quote is not closed, no such program is found, or an egress policy is in force.
    """
    try:
        command = shlex.split(arg or "")
        if len(command) == 1 and any(char.isspace() for char in command[0]) and not Path(command[0]).exists():
            command = shlex.split(command[0])  # quoted as a whole, as in a file, where no shell takes the quotes off
    except ValueError as error:
        raise ConfigError(f"matcher 'command' cannot split {arg!r}: {error}; close every quote") from error
    if not command:
        raise ConfigError("matcher 'command' needs a command line: write 'command:PROGRAM ARGUMENTS'")
    if shutil.which(command[0]) is None:
        raise ConfigError(f"matcher 'command' finds no program {command[0]!r}: give its path, or one on PATH that may be run")
    _require_no_policy(f"command:{arg}")  # here too: nothing is paid for rows before it
    return OwnProgram(f"command:{arg}", command)


class OwnProgram:
    """Decides pairs by a program of the user, which is started for each batch; its batch is all pairs of a command."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.version = "1"
        self._command = command

    def groups(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        """All pairs: one process is given them."""
        return [list(pairs)]

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        """One decision for each pair, in the same order: ``failed`` where the program did not answer it, or wrongly.

        Raises:
            ConfigError: the program cannot be started, or an egress policy is in force that it could not be held to.
        """
        _require_no_policy(self.name)
        try:
            process = LineProcess(self._command, [json.dumps(pair_record(pair)) for pair in batch])
        except OSError as error:
            raise ConfigError(f"cannot start {self.name!r}: {error}") from error
        try:
            return await asyncio.to_thread(LineExchange(self.name, batch, ctx).run, process)
        finally:
            process.end()  # a call that is cancelled leaves no program behind, and no thread that waits for one


def _require_no_policy(name: str) -> None:
    policy = policy_in_force()
    if policy.is_local_only or policy.hosts is not None:
        msg = (
            f"matcher {name!r} cannot be held to the rule that {policy.rule}: nobody watches a program's sockets; "
            "run it without the rule, or as 'python:FILE.py:FUNCTION'"
        )
        raise ConfigError(msg)
