"""Which process is meant, so that a later one can tell whether it still runs.

A process id alone is given out again, so its start is kept beside it. Ids are compared only where they count the same
processes: on one machine since it booted, and inside one container.
"""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_START_FIELD = 19
"""Of ``/proc/PID/stat`` behind the name: the 22nd field of all (proc(5)), less the pid, the name, and counting from 0."""
_ENDED = ("Z", "X")
"""States of a process that has ended and was not collected yet (proc(5), ps(1))."""
_PS_TIMEOUT_S = 5.0
"""``ps`` takes milliseconds; one that hangs must not keep a command from starting."""


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """One process. ``host`` is for people; ``machine`` says among which processes ``pid`` counts; ``started`` is compared as it is."""

    pid: int
    host: str
    machine: str
    started: str | None


def own_process() -> ProcessMark:
    """This process."""
    host = socket.gethostname()
    return ProcessMark(os.getpid(), host, _machine(host), _state(os.getpid())[1])


def is_running(process: ProcessMark) -> bool | None:
    """Whether the process still runs; ``None`` where that cannot be seen from here."""
    if process.machine != _machine(socket.gethostname()) or os.name != "posix":
        return None
    try:
        os.kill(process.pid, 0)  # sends nothing: only asks whether there is one
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # there is one, of another user
    state, started = _state(process.pid)
    if state is None or process.started is None:
        return None
    return started == process.started and state not in _ENDED


def _machine(host: str) -> str:
    """The host, with its boot and its space of process ids where the system tells them."""
    parts = [host]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115  # no path: "pid:[4026531836]"
    return " ".join(parts)


def _state(pid: int) -> tuple[str | None, str | None]:
    """The state's letter and the start of a process; ``None`` for what the system does not tell."""
    if Path("/proc/self/stat").exists():
        with suppress(OSError, IndexError):
            # the name stands in brackets and may hold any character, brackets included
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            return fields[0], fields[_START_FIELD]
        return None, None
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]  # macOS and the BSDs, which have no /proc
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_PS_TIMEOUT_S).stdout  # noqa: S603
        state, started = told.strip().split(maxsplit=1)
        return state[:1], started
    return None, None
