"""The page of worked jobs is run as it stands, from the first command to the last, and prints what it says it prints.

Every ``bash`` block and every ``$`` line of a ``console`` block runs, in order and in one folder; ``sh`` blocks, which need a key or
start a server, do not. ``…`` on the page stands for anything. Only speeds and run ids may differ; the fake server has another port.
A command beneath ``timeout -s KILL`` is killed when it has done one more item, not after the seconds of whoever wrote the page.
"""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from forked_python import EPM, run_forked

PAGE = Path(__file__).parents[2] / "docs" / "jobs.md"
BLOCK = re.compile(r"^```(bash|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RUN_ID = re.compile(r"\b[0-9a-f]{12}\b")
UNSTABLE = re.compile(r"\d[\d,.]*/s\b|(?<=indexed in )[\d.]+ s\b")
KILLED = "timeout -s KILL "


class Server(Protocol):
    url: str

    def script(self, **settings: object) -> None: ...

    def n_requests(self) -> int: ...


@dataclass
class Shell:
    """Runs the commands of the page in one folder and remembers its variables and the run ids that stand for the page's."""

    folder: Path
    address: str
    variables: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def run(self, command: str) -> str:
        """What it printed: the messages of stderr without progress, then stdout."""
        for page_id, own_id in self.ids.items():
            command = command.replace(page_id, own_id)
        command = command.replace("127.0.0.1:8099", self.address)
        if command.startswith(KILLED):
            return self.killed(command.split(maxsplit=4)[4])
        program, _, rest = command.partition(" ")
        if program == "epm":
            return told(run_forked(EPM, *self.words(rest), cwd=self.folder, env=self.environment()))
        return told(
            subprocess.run(["bash", "-c", command], check=False, cwd=self.folder, env=self.environment(), capture_output=True, text=True)
        )

    def words(self, text: str) -> list[str]:
        for name, value in self.variables.items():
            text = text.replace(f"${name}", value)
        return shlex.split(text)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "COLUMNS": "150", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def killed(self, command: str) -> str:
        before = self.n_done()
        words = [sys.executable, "-c", EPM, *self.words(command.removeprefix("epm "))]
        process = subprocess.Popen(words, cwd=self.folder, env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while self.n_done() == before and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        process.kill()
        assert process.wait() == -9, "the command ended before it could be killed"
        return "Killed\n"

    def n_done(self) -> int:
        with sqlite3.connect(self.folder / ".epm" / "store.db", timeout=30) as store:
            return int(store.execute("SELECT count(*) FROM items").fetchone()[0])

    def check(self, wanted: str, printed: str) -> None:
        """Hold what was printed against the page, and learn the ids of the runs that the page names."""
        found = re.fullmatch(self.pattern(wanted), printed)
        assert found is not None, f"the page says\n{wanted}\nand the command printed\n{printed}"
        self.ids.update({name.removeprefix("id_"): own_id for name, own_id in found.groupdict().items()})

    def pattern(self, wanted: str) -> str:
        lines = [r"(?:.*\n)*?" if line == "…" else self.line_pattern(line) + r"\n" for line in wanted.splitlines()]
        return "".join(lines)

    def line_pattern(self, line: str) -> str:
        text = r"\s+".join(re.escape(word) for word in UNSTABLE.sub("…", line).split()).replace("…", ".*")
        return r"\s*" + RUN_ID.sub(lambda found: self.ids.get(found[0], f"(?P<id_{found[0]}>[0-9a-f]{{12}})"), text) + r"\s*"


def told(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.splitlines(keepends=True)
    said = [line for line in lines if line.startswith(("epm: ", "resuming")) or line.endswith("went on\n")]
    is_capped = any("the cap of this run is reached" in line for line in said)
    is_refused = bool(said) and said[0].startswith("epm: ")
    assert done.returncode == (3 if is_capped else 2 if is_refused else 0), done.stderr
    return "".join(said) + done.stdout


def steps() -> Iterator[tuple[str, str | None]]:
    """Each command of the page with what it prints; ``None`` for the blocks that only write files."""
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "bash":
            yield text, None
            continue
        for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, printed = step.partition("\n")
            yield command, printed


@pytest.mark.timeout(600)
def test_every_command_of_the_page_prints_what_the_page_says_and_nothing_is_paid_twice(tmp_path: Path, fake_server: Server) -> None:
    fake_server.script(double={"kind": "honest"})
    shell = Shell(tmp_path, fake_server.url.removeprefix("http://").removesuffix("/v1"))
    n_kills = 0
    for command, wanted in steps():
        if variable := re.fullmatch(r'(\w+)="(.*)"\n', command):
            shell.variables[variable[1]] = variable[2].replace("127.0.0.1:8099", shell.address)
            continue
        n_kills += command.startswith(KILLED)
        printed = shell.run(command)
        shell.check(wanted or "", printed)

    with sqlite3.connect(tmp_path / ".epm" / "store.db") as store:
        counted = "SELECT count(*) FROM calls WHERE transport != 'rules' AND NOT is_cached"
        (n_rows,) = store.execute(counted).fetchone()
        most_taken = store.execute("SELECT max(n) FROM (SELECT count(*) n FROM items GROUP BY run_id, item_id)").fetchone()[0]
    assert n_kills == 1
    assert 0 <= fake_server.n_requests() - n_rows <= n_kills  # one call at a time was in flight when the process was killed
    assert most_taken == 1
