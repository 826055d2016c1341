"""A program that is given lines and answers lines, at the same time, until it is ended.

Invariants: no call here waits longer than it was told to, whatever the program does, for its pipes have a thread each; and
a program that floods its pipes fills no memory.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

_GRACE_S = 1.0
"""What a program is left to end by itself once its output has ended."""
_MAX_LINE_CHARS = 1 << 20
"""A longer line is read in pieces, none of which is an answer."""
_MAX_WAITING_LINES = 1000
_LOOK_S = 0.1
_CAN_SIGNAL_GROUP = hasattr(os, "killpg")


class LineProcess:
    """A started program, whose input ends with the lines it was given; what it writes on stderr goes to our stderr."""

    def __init__(self, command: Sequence[str], lines: Sequence[str]) -> None:
        """Start it, without a shell.

        Raises:
            OSError: it cannot be started.
        """
        self.last_words = ""
        """The last line on stderr that is not blank: a traceback ends in its reason."""
        self._has_ended = False
        # A session of its own: what the program starts is ended with it.
        self._process = subprocess.Popen(  # noqa: S603  # the user's own program, named by the user
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
            start_new_session=True,
        )  # fmt: skip
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None  # noqa: S101  # pipes were asked for
        assert stdout is not None  # noqa: S101
        assert stderr is not None  # noqa: S101
        self._read: queue.Queue[str | None] = queue.Queue(_MAX_WAITING_LINES)
        self._listener = threading.Thread(target=self._listen, args=(stderr,), daemon=True)
        self._listener.start()
        threading.Thread(target=_write_all, args=(stdin, lines), daemon=True).start()
        threading.Thread(target=self._read_all, args=(stdout,), daemon=True).start()

    def receive(self, timeout_s: float) -> str | None:
        """The next line; ``None`` when its output has ended, which is told once.

        Raises:
            TimeoutError: no line came in time; at once, whatever waits, where there is no time left.
        """
        if timeout_s <= 0:
            raise TimeoutError
        try:
            return self._read.get(timeout=timeout_s)
        except queue.Empty as error:
            raise TimeoutError from error

    def exit_code(self) -> int | None:
        """The exit status of a program whose output has ended; ``None`` if it does not end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(_GRACE_S)
            self._listener.join(_GRACE_S)  # its last words are on their way
            return code
        return None

    def end(self) -> None:
        """End the program and all that it started."""
        self._has_ended = True
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all of it has ended
            if _CAN_SIGNAL_GROUP:
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()

    def _read_all(self, stdout: IO[str]) -> None:
        with contextlib.suppress(OSError, ValueError), stdout:
            while line := stdout.readline(_MAX_LINE_CHARS):
                self._put(line)
        self._put(None)

    def _put(self, line: str | None) -> None:
        while not self._has_ended:  # whoever floods us waits until somebody reads, or until it is ended
            with contextlib.suppress(queue.Full):
                self._read.put(line, timeout=_LOOK_S)
                return
        with contextlib.suppress(queue.Full):
            self._read.put_nowait(None)  # whoever still waits for a line learns that none will come

    def _listen(self, stderr: IO[str]) -> None:
        with contextlib.suppress(OSError, ValueError), stderr:
            while line := stderr.readline(_MAX_LINE_CHARS):
                self.last_words = line.strip() or self.last_words
                sys.stderr.write(line)


def _write_all(stdin: IO[str], lines: Sequence[str]) -> None:
    """Write all lines and end the input; a program that no longer reads is told of by its output's end."""
    with contextlib.suppress(OSError, ValueError), stdin:
        stdin.writelines(f"{line}\n" for line in lines)
