"""No command lets a terminal obey what a listing, a file's name or an option holds: not on stdout, not on stderr, not as JSON."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from epm.cli.app import main
from epm.store.store import RunStore

ATTACK = "\x1b[35;7mowned\x1b[0m \x9b35m \u202eesrever\u2066 \rover \x08\x07 \x7f"
TITLE = f"Kolvra KX-120 kettle {ATTACK} 1.7 l"
OBEYED = set(map(chr, [*range(32), *range(0x7F, 0xA0), *range(0x2066, 0x206A), *range(0x202A, 0x202F)])) - {"\n"}
PAIR_ID = f"p {ATTACK}"
RUN = "RUN"
COMMANDS = (
    ("match", "p.jsonl", "--matcher", "evidence-rules"),
    ("match", "p.jsonl", "--matcher", "evidence-rules", "--on-bad-row", "skip", "--json", "-o", f"o {ATTACK[:12]}.jsonl"),
    ("match", "bad.csv", "--matcher", "evidence-rules", "--on-bad-row", "skip"),
    ("match", "bad.csv", "--matcher", "evidence-rules"),
    ("match", "p.jsonl", "--matcher", f"no such {ATTACK}"),
    ("match", f"absent {ATTACK}.jsonl", "--matcher", "evidence-rules"),
    ("match", "p.jsonl", f"--no-such-{ATTACK}"),
    ("match", "p.jsonl", "--matcher", "zero-shot", "--model", f"none/{ATTACK}", "--api-base", "http://127.0.0.1:9", "--limit", "1"),
    ("match", "p.jsonl", "--matcher", "zero-shot", "--model", "openai/x", "--api-base", "http://127.0.0.1:9", "--dry-run"),
    ("compare", TITLE, TITLE),
    ("compare", TITLE, TITLE, "--json"),
    ("bench", "p.jsonl", "--matcher", "evidence-rules", "--matcher", f"recorded:r{ATTACK[:6]}.jsonl"),
    ("teach", "p.jsonl", "--model", "rules", "--embedder", "hash"),
    ("teach", f"p {ATTACK[:12]}.jsonl", "--model", "rules", "--embedder", "hash", "--fresh"),
    ("judge", "score", RUN, "--judge", "checks"),
    ("runs", "list"),
    ("runs", "compare", RUN, RUN),
    ("runs", "show", RUN),
    ("runs", "show", f"no such {ATTACK}"),
    ("runs", "show", RUN, "--json"),
    ("why", PAIR_ID),
    ("why", PAIR_ID, "--full"),
    ("why", PAIR_ID, "--json"),
    ("why", f"none {ATTACK}"),
    ("export", RUN, "-o", f"sft {ATTACK[:12]}.jsonl"),
    ("export", RUN, "--format", "rationales", "-o", "rationales"),
    ("review", "next", "--rater", f"ann {ATTACK}"),
    ("review", "next", "--rater", "ann", "--json"),
    ("review", "agreement"),
    ("review", "export", "--rater", "ann", "-o", f"s {ATTACK[:12]}.csv"),
    ("review", "import", "bad.csv"),
    ("knowledge", "add", "notes.txt", f"l {ATTACK[:12]}.csv", "--embedder", "hash"),
    ("knowledge", "search", TITLE, "--embedder", "hash"),
    ("knowledge", "list"),
    ("knowledge", "list", "--json"),
    ("data", "inspect", "t.csv", "-o", "m.toml"),
    ("data", "inspect", "t.csv", "-o", "m.toml", "--json"),
    ("data", "inspect", "l.csv", "--listings", "-o", "ml.toml"),
    ("data", "import", "t.csv", "--map", "m.toml", "-o", "i.jsonl", "--on-bad-row", "skip"),
    ("data", "import", "t.csv", "--map", "m.toml", "-o", "i.jsonl"),
    ("data", "split", "p.jsonl", "-o", f"parts {ATTACK[:12]}"),
    ("data", "purge", "--listing", f"none {ATTACK}"),
    ("block", "l.csv", "l.csv", "--gold", "gold.jsonl", "--channel", "characters"),
    ("block", "l.csv", "l.csv", "--gold", "gold.jsonl", "--channel", "characters", "--json"),
    ("select", "p.jsonl", "--n", "2", "--matcher", "evidence-rules", "-o", "chosen.jsonl"),
    ("import", "explanations", "e.jsonl", "--pairs", "p.jsonl"),
    ("audit", "p.jsonl", "--student", "evidence-rules", "--oracle", "evidence-rules"),
)  # fmt: skip
ON_A_TERMINAL = (
    ("compare", TITLE, TITLE),
    ("teach", "p.jsonl", "--model", "rules", "--embedder", "hash"),
    ("why", PAIR_ID),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    listing = {"title": TITLE, "brand": f"Kolvra {ATTACK}", "attributes": {f"colour {ATTACK}": f"red {ATTACK}"}}
    pairs = [
        {"pair_id": PAIR_ID if i == 0 else f"{i} {ATTACK}", "left": {"id": f"l{i} {ATTACK}", **listing}, "right": {"id": f"r{i}", **listing},
         "label": i % 2, f"extra {ATTACK}": "x"}
        for i in range(6)
    ]  # fmt: skip
    lines = "\n".join(map(json.dumps, pairs)) + "\n"
    for name in ("p.jsonl", f"p {ATTACK[:12]}.jsonl"):
        (folder / name).write_text(lines)
    rows = [
        ["left_title", "right_title", "label", f"extra {ATTACK}"],
        [TITLE, TITLE, "1", ATTACK],
        [TITLE, TITLE, f"maybe {ATTACK}", ATTACK],
    ]
    for name in ("bad.csv", "t.csv"):
        with (folder / name).open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    for name in ("l.csv", f"l {ATTACK[:12]}.csv"):
        with (folder / name).open("w", newline="") as stream:
            csv.writer(stream).writerows([["id", "title"], [f"a {ATTACK}", TITLE], ["b", "drill 12 V"]])
    (folder / "notes.txt").write_text(f"The kettle {ATTACK} holds 1.7 l.\n")
    (folder / "gold.jsonl").write_text(json.dumps({"left": f"a {ATTACK}", "right": "b"}) + "\n")
    (folder / "e.jsonl").write_text(json.dumps({"pair_id": PAIR_ID, "answer": ATTACK}) + "\n")
    return folder


def obeyed(text: str) -> list[str]:
    return sorted({repr(text[max(0, i - 30) : i + 10]) for i, character in enumerate(text) if character in OBEYED})


def test_no_command_prints_what_a_terminal_obeys(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    found: dict[str, list[str]] = {}
    codes: dict[str, int | str | None] = {}
    for command in COMMANDS:
        given = [_teach_run(folder) if part == RUN else part for part in command]
        monkeypatch.setattr(sys, "argv", ["epm", *given])
        with pytest.raises(SystemExit) as end:
            main()
        shown = capfd.readouterr()
        codes[" ".join(command)] = end.value.code
        for name, text in (("stdout", shown.out), ("stderr", shown.err)):
            if obeyed(text):
                found[f"{name} of {' '.join(command)}"] = obeyed(text)

    assert found == {}
    assert set(codes.values()) <= {0, 2}
    assert sum(code == 0 for code in codes.values()) >= 31, codes  # a command that is refused prints no listing


@pytest.mark.parametrize("command", ON_A_TERMINAL, ids=lambda command: command[0])
def test_what_is_drawn_on_a_terminal_holds_our_own_sequences_alone(folder: Path, command: tuple[str, ...]) -> None:
    ours, theirs = pty.openpty()
    program = [sys.executable, "-c", "from epm.cli.app import main; main()", *command]
    with subprocess.Popen(program, cwd=folder, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}):
        os.close(theirs)
        shown = b"".join(_until_hung_up(ours)).decode()
    os.close(ours)

    assert "\x1b[" in shown  # it is drawn
    assert [part for part in ("\x1b[35;7m", "\x9b", "\u202e", "\u2066", "\rover", "\x08", "\x07", "\x7f") if part in shown] == []
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)  # theirs may be cut by a sequence of ours


def _until_hung_up(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # how Linux says that the other end is closed
            return
        if not part:
            return
        yield part


def _teach_run(folder: Path) -> str:
    with RunStore.open_to_read(folder / ".epm" / "store.db") as store:
        return min(run.run_id for run in store.runs() if run.spec.command == "teach")
