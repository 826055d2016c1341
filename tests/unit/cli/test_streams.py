"""What is printed: disarmed for a terminal, escaped where the encoding lacks a character, and never a traceback."""

from __future__ import annotations

import errno
import io
import json
import os
import sys

import pytest

from epm.cli.streams import PIPE_CLOSED, guarded_streams, require_whole_output, rich_console
from epm.errors import OutputError

HOSTILE = "a\x1b[31m\x9b31m\u202eb\u2066c\rd\x7f\u200e\U000e0041 größer € 😀 \ud800"


class Broken(io.RawIOBase):
    def __init__(self, number: int) -> None:
        self.number = number

    def writable(self) -> bool:
        return True

    def write(self, _content: object, /) -> int:
        raise OSError(self.number, os.strerror(self.number))


def stream(encoding: str) -> tuple[io.BytesIO, io.TextIOWrapper]:
    content = io.BytesIO()
    return content, io.TextIOWrapper(content, encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii", "cp1252"])
def test_json_keeps_its_meaning_in_every_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content, out = stream(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    with guarded_streams():
        sys.stdout.write(json.dumps({"title": HOSTILE}, ensure_ascii=False) + "\n")
    written = content.getvalue().decode(encoding)

    assert json.loads(written)["title"] == HOSTILE
    assert [c for c in written if not c.isprintable()] == ["\n"]


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_what_a_terminal_obeys_is_written_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content, out = stream("utf-8")
    monkeypatch.setattr(sys, name, out)
    with guarded_streams():
        getattr(sys, name).write(HOSTILE.replace("\r", "") + "\n")

    assert [c for c in content.getvalue().decode() if not c.isprintable()] == ["\n"]


def test_rich_draws_and_foreign_text_turns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    content, out = stream("utf-8")
    monkeypatch.setattr(sys, "stdout", out)
    with guarded_streams():
        rich_console().print("[red]1\u202e2\x9b3")

    assert content.getvalue().decode() == "[red]1\\u202e2\\u009b3\n"


def test_a_full_stdout_is_an_error_that_names_it_even_where_a_library_swallows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(Broken(errno.ENOSPC)), encoding="utf-8"))
    with guarded_streams():
        with pytest.raises(OutputError, match=r"cannot write to standard output: No space left on device; make room"):
            sys.stdout.write("a")
        with pytest.raises(OutputError):
            require_whole_output()


def test_a_reader_that_has_gone_ends_the_command_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(Broken(errno.EPIPE)), encoding="utf-8"))
    with guarded_streams(), pytest.raises(SystemExit) as end:
        sys.stdout.write("a")

    assert end.value.code == PIPE_CLOSED


def test_a_full_stderr_loses_messages_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BufferedWriter(Broken(errno.ENOSPC)), encoding="utf-8"))
    with guarded_streams():
        sys.stderr.write("a")
