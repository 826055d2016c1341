"""A program of the user's, started for real: whatever becomes of it ends as a record of each pair, and nothing stays behind."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from epm.decision import Decision
from epm.egress import EgressPolicy
from epm.errors import ConfigError, ErrorClass
from epm.listing import TEXT_FIELDS, Listing
from epm.matcher import MatchContext
from epm.matchers.own_program import make
from epm.matching import decide_all
from epm.pair import Pair
from epm.relation import Label, Relation
from epm.socket_guard import guard_sockets

WriteProgram = Callable[[str], str]
READ = "import json, sys, time, os\npairs = [json.loads(line) for line in sys.stdin]\ndef say(id_, label=True): print(json.dumps({'id': id_, 'label': label}), flush=True)\n"
ALL = "".join(f"say('p{i}')\n" for i in range(4))


def pair_of(id_: str) -> Pair:
    left = Listing("l1", "Kolvra KX-7 kettle", mpn="KX-7", cluster_id="SECRET-1", source="SECRET-2", extras={"is_match": "SECRET-3"})
    right = Listing("r1", "Kettle Kolvra KX-7", cluster_id="SECRET-1")
    return Pair(id_, left, right, gold_label=Label.MATCH, relation=Relation.EXACT, split="SECRET-4", extras={"label": "SECRET-5"})


PAIRS = [pair_of(f"p{i}") for i in range(4)]


@pytest.fixture
def program(tmp_path: Path) -> WriteProgram:
    def write(text: str) -> str:
        path = tmp_path / "own.py"
        path.write_text(text, encoding="utf-8")
        return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"

    return write


def decide(command: str, timeout_s: float = 20.0) -> list[Decision]:
    return asyncio.run(make(command).decide(PAIRS, MatchContext(timeout_s=timeout_s)))


def test_a_filter_is_shown_each_pair_without_anything_that_tells_its_label(program: WriteProgram, tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    decisions = decide(program(READ + f"open({str(seen)!r}, 'w').write(json.dumps(pairs))\n" + ALL))

    assert [(decision.pair_id, decision.label) for decision in decisions] == [(pair.id, Label.MATCH) for pair in PAIRS]
    shown = json.loads(seen.read_text(encoding="utf-8"))
    assert "SECRET" not in json.dumps(shown)
    assert "match" not in json.dumps(shown)
    assert [list(record) for record in shown] == [["id", "left", "right"]] * 4
    assert set(shown[0]["left"]) == {"id", *TEXT_FIELDS, "attributes"}


@pytest.mark.parametrize(
    ("text", "n_failed", "error_class", "reason"),
    [
        ("say('p0'); raise ValueError('no mpn')", 3, "bug", "exit status 1 before it answered this pair; it last said 'ValueError: no mpn'"),
        ("say('p0'); os.kill(os.getpid(), 9)", 3, "bug", "ended by signal 9"),
        ("say('p0'); say('p1')", 2, "invalid_structure", "ended without an answer to this pair: 2 lines in all"),
        ("say('p0'); time.sleep(60)", 3, "timeout", "no answer for 3 s and was ended; raise --timeout-s"),
        ("say('p0')\nwhile True: print('working')", 3, "timeout", "after line 2 'working' answers no pair"),
        ("say('p0'); print('x' * (1 << 22)); say('p1'); say('p2'); say('p3')", 0, "", ""),
        ("sys.stderr.write('e' * (1 << 20)); " + ALL, 0, "", ""),
        (f"{ALL}sys.exit(3)", 0, "", ""),
        (f"{ALL}time.sleep(60)", 0, "", ""),
    ],
)  # fmt: skip
def test_what_becomes_of_the_program_is_the_reason_of_the_pairs_that_it_left_open(
    program: WriteProgram, text: str, n_failed: int, error_class: str, reason: str
) -> None:
    decisions = decide(program(READ + text), timeout_s=3.0 if error_class == "timeout" else 30.0)

    assert [decision.pair_id for decision in decisions] == [pair.id for pair in PAIRS]
    assert {decision.label for decision in decisions[: 4 - n_failed]} == {Label.MATCH}
    failed = decisions[4 - n_failed :]
    assert {str(decision.error_class) for decision in failed} == ({error_class} if n_failed else set())
    assert all(reason in str(decision.error) for decision in failed)


def test_a_program_that_reads_nothing_and_one_that_answers_line_by_line_work(program: WriteProgram) -> None:
    by_line = (
        "import json, sys\nfor line in iter(sys.stdin.readline, ''):\n    print(json.dumps({'id': json.loads(line)['id'], 'label': 1}))"
    )
    deaf = "import json, sys\nsys.stdin.close()\nfor i in range(4): print(json.dumps({'id': f'p{i}', 'label': 1}))"
    for text in (by_line, deaf):
        assert {decision.label for decision in decide(program(text))} == {Label.MATCH}


def test_one_process_decides_all_pairs_of_a_command(program: WriteProgram, tmp_path: Path) -> None:
    command = program(READ + f"open({str(tmp_path / 'starts')!r}, 'a').write('x')\nfor pair in pairs: say(pair['id'])")
    decisions = asyncio.run(decide_all(make(command), [pair_of(f"n{i}") for i in range(300)], MatchContext()))

    assert {decision.label for decision in decisions} == {Label.MATCH}
    assert (tmp_path / "starts").read_text(encoding="utf-8") == "x"


def test_what_a_program_says_on_stderr_is_passed_on(program: WriteProgram, capsys: pytest.CaptureFixture[str]) -> None:
    decide(program(READ + "print('LOADED', file=sys.stderr)\n" + ALL))

    out, err = capsys.readouterr()
    assert (out, err) == ("", "LOADED\n")


def test_a_hung_program_is_ended_with_all_it_started(program: WriteProgram, tmp_path: Path) -> None:
    child = tmp_path / "child"
    text = f"import subprocess\nc = subprocess.Popen(['sleep', '60'])\nopen({str(child)!r}, 'w').write(str(c.pid))\ntime.sleep(60)"
    started = time.perf_counter()
    decisions = decide(program(READ + text), timeout_s=3.0)

    assert {decision.error_class for decision in decisions} == {ErrorClass.TIMEOUT}
    assert time.perf_counter() - started < 15
    assert not _is_alive(int(child.read_text(encoding="utf-8")))


def test_a_cancelled_call_leaves_no_program_behind(program: WriteProgram, tmp_path: Path) -> None:
    own = tmp_path / "pid"
    matcher = make(program(READ + f"open({str(own)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"))

    async def cancelled() -> None:
        task = asyncio.create_task(matcher.decide(PAIRS, MatchContext()))
        while not (own.exists() and own.read_text(encoding="utf-8")):  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(cancelled(), 20))
    assert not _is_alive(int(own.read_text(encoding="utf-8")))


def test_a_program_is_refused_where_nobody_could_hold_it_to_the_rule(program: WriteProgram) -> None:
    command = program(READ + ALL)
    made = make(command)
    with guard_sockets(EgressPolicy(is_local_only=True)):
        with pytest.raises(ConfigError, match=r"nobody watches a program's sockets.*python:FILE"):
            make(command)
        with pytest.raises(ConfigError, match="nobody watches"):
            asyncio.run(made.decide(PAIRS, MatchContext()))


@pytest.mark.parametrize(
    ("arg", "reason"),
    [
        (None, "needs a command line"),
        ("", "needs a command line"),
        ("'python", "close every quote"),
        ("no-such-program-here x", "finds no program"),
    ],
)
def test_a_wrong_command_is_refused_before_any_pair(arg: str | None, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        make(arg)


def test_quotes_around_the_whole_command_are_taken_off(program: WriteProgram) -> None:
    assert {decision.label for decision in decide(f'"{program(READ + ALL)}"')} == {Label.MATCH}


def _is_alive(pid: int) -> bool:
    """Whether the process works; one that is dead waits a moment for its parent."""
    deadline = time.perf_counter() + 5
    while time.perf_counter() < deadline:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat")
            if state.exists() and state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
                return False
        except (ProcessLookupError, FileNotFoundError):
            return False
        time.sleep(0.05)
    return True
