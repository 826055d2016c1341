r"""The standard streams of the program: what is written to them never ends in a traceback, and a terminal never obeys foreign text.

| the stream | what happens |
| --- | --- |
| stdout is full, or breaks | ``OutputError``: one line on stderr, exit status 2 |
| its reader has gone (``epm runs list | head``) | the command ends quietly with status 141, as a program that SIGPIPE ended |
| its encoding lacks a character | the character is written as ``\u20ac``: JSON stays JSON |
| stdout or stderr is closed (``>&-``) | as if sent to ``/dev/null``; no file that is opened later becomes standard output |
| stderr is full or broken | messages are lost, the work goes on |
"""

from __future__ import annotations

import codecs
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper, UnsupportedOperation
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

import typer

from epm.cli.visible import disarmed, json_escape, visible_lines
from epm.errors import OutputError

if TYPE_CHECKING:
    from rich.console import Console

PIPE_CLOSED = 141
"""128 and the number of SIGPIPE: what a shell reports of ``yes | head``, so that ``set -o pipefail`` treats all programs alike."""
_ESCAPES = "epm.json"
_RICH_WRITES = "\x1b\r"
"""What rich needs to draw; the texts that it is given have passed ``visible``."""
_BARS_WRITE = "\r"
"""Progress bars of libraries on stderr (a model's download) go back to the start of their line."""


class GuardedStream(TextIOWrapper):
    """Standard output or error over the bytes of another stream: characters that a terminal obeys are written out, except those in ``kept``."""

    def __init__(self, base: TextIO, *, kept: str, is_result: bool) -> None:
        self.base = base
        super().__init__(base.buffer, encoding=base.encoding, errors=_ESCAPES, newline="\n", write_through=True)
        self._kept, self._is_result = kept, is_result
        self._failure: OSError | None = None

    @property
    def buffer(self) -> BinaryIO:
        """The bytes below; an ASCII stream hides them, since typer would write UTF-8 past it."""
        if codecs.lookup(self.encoding).name == "ascii":
            raise AttributeError("buffer")
        return cast("BinaryIO", super().buffer)

    def write(self, text: str, /) -> int:
        """Write the text disarmed; the number of its characters."""
        shown = disarmed(text, kept=self._kept)
        if shown:  # typer tries out streams with empty texts, and forgets what that raises
            with self._broken_told():
                super().write(shown)
                super().flush()
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        if not self.closed:
            with self._broken_told():
                super().flush()

    def close(self) -> None:
        """Hand on what was written; the bytes below belong to another stream, and stay open."""
        self.flush()

    @contextmanager
    def _broken_told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._drop_the_rest()
            if self._is_result:
                self._failure = error
                self.require_whole()

    def require_whole(self) -> None:
        """Nothing, unless a write failed: then ``OutputError``, or the quiet end where the reader has gone."""
        if self._failure is None:
            return
        if self._failure.errno == errno.EPIPE:
            raise SystemExit(PIPE_CLOSED) from self._failure
        msg = f"cannot write to standard output: {self._failure.strerror or self._failure}; make room, or send it elsewhere"
        raise OutputError(msg) from self._failure

    def _drop_the_rest(self) -> None:
        """What is still buffered must not fail once more when the interpreter ends."""
        with suppress(OSError, ValueError):
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, self.fileno())
            os.close(sink)


@contextmanager
def guarded_streams() -> Iterator[None]:
    """While open, ``sys.stdout`` and ``sys.stderr`` are guarded; the first thing that the program does."""
    codecs.register_error(_ESCAPES, _escaped)
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        _reopen(number)
        if vars(sys)[name] is None:  # what Python makes of a closed descriptor
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    if isinstance(sys.stdin, TextIOWrapper):
        with suppress(UnsupportedOperation):  # somebody has read of it: a program that runs ours inside itself
            sys.stdin.reconfigure(errors="replace")
    outer = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _guarded(outer[0], kept="", is_result=True), _guarded(outer[1], kept=_BARS_WRITE, is_result=False)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = outer


def require_whole_output() -> None:
    """Nothing, unless a write to stdout failed, even where a library swallowed its error: then that error."""
    if isinstance(sys.stdout, GuardedStream):
        sys.stdout.require_whole()


def note(text: str, *, nl: bool = True) -> None:
    """Print a message for people on stderr, with foreign text made visible."""
    typer.echo("\n".join(visible_lines(text)), nl=nl, err=True)


def rich_console(*, is_stderr: bool = False) -> Console:
    """A console on this terminal, for texts that have passed ``visible``; nothing in them is read as markup or as a number."""
    from rich.console import Console

    base = sys.stderr if is_stderr else sys.stdout
    file = _guarded(base.base, kept=_RICH_WRITES, is_result=not is_stderr) if isinstance(base, GuardedStream) else base
    return Console(file=file, highlight=False, emoji=False, markup=False)


def _guarded(base: TextIO, *, kept: str, is_result: bool) -> TextIO:
    """The stream guarded, where it is one of bytes: a test's or a notebook's own is left as it is."""
    return GuardedStream(base, kept=kept, is_result=is_result) if isinstance(base, TextIOWrapper) else base


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(json_escape, error.object[error.start : error.end])), error.end


def _reopen(number: int) -> None:
    """A closed descriptor is the next one to be given out: a database would then get what is printed."""
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)
