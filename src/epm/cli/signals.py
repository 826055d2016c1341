"""Ctrl-C, SIGTERM and SIGHUP: the first finishes the calls in flight, the second stops at once."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import FrameType

from epm import stopping

_STDERR = 2
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE_S = 2.0
"""Argued, not measured: time to commit after the second signal; a thread that hangs is not waited for longer."""
_SHELL_BASE = 128
"""Shells report a process that a signal ended as 128 and the signal's number."""


class SignalHandler:
    """What the signals of one command do; ``exit_code`` is the status that the first of them asks for."""

    def __init__(self) -> None:
        self.exit_code = _SHELL_BASE + signal.SIGINT

    def install(self) -> None:
        """Take the signals over, except those that the parent process told us to ignore (``nohup``, a shell's ``&``)."""
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._heed)

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        if stopping.is_requested():
            self._stop_now()
        self.exit_code = _SHELL_BASE + number
        is_draining = stopping.is_draining()
        n_calls, longest_s = stopping.request()
        if not is_draining:
            _tell("epm: interrupted, no call was in flight; repeat the command to resume")
            raise KeyboardInterrupt
        _tell(f"epm: finishing {n_calls} calls in flight, up to {longest_s:g} s; press Ctrl-C again to stop now")

    def _stop_now(self) -> None:
        timer = threading.Timer(_GRACE_S, os._exit, (self.exit_code,))
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt


def _tell(words: str) -> None:
    """Write past ``sys.stderr``: its lock may be held by the very code that the signal came into."""
    with suppress(OSError):  # a closed terminal is no reason not to stop
        os.write(_STDERR, f"{words}\n".encode())
