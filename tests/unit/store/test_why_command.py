"""``epm why`` tells one pair's whole story, and a hostile title cannot touch the terminal."""

from __future__ import annotations

import asyncio
import io
import json
import sys

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from epm.cli import runs, why
from epm.cli.visible import cut, visible
from epm.decision import Decision
from epm.errors import ErrorClass, StoreError
from epm.gateway.completion import completion_body
from epm.gateway.ledger import CachedReply, CallRecord
from epm.gateway.request import CallScope, ChatReply, Usage
from epm.listing import Listing
from epm.pair import Pair
from epm.store.records import ItemResult, RunSpec
from epm.store.store import RunStore

HOSTILE = "\x1b[31mred\x1b[2J \x9b1m [bold]cheap[/bold] [/] \u202egnp.exe \ud800 :smile: \x07"
"""ANSI colour, a cleared screen, the eight-bit form, rich markup, reversed reading, half a character, a shortcode, the bell."""


def invoke(*arguments: object) -> str:
    app = typer.Typer()
    why.register(app)
    runs.register(app)
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False).stdout


def test_every_event_of_the_pair_stands_in_the_order_of_time(filled: tuple[str, str]) -> None:
    address, run_id = filled
    shown = json.loads(invoke("why", "p1", "--store", address, "--json"))
    [part] = shown["runs"]
    assert part["run"]["run_id"] == run_id
    assert [event["kind"] for event in part["events"]] == ["call", "call", "decision", "judgement"]
    asked, refused, decision, judgement = part["events"]
    assert (asked["role"], asked["prompt_id"], asked["prompt_sha"], asked["model_asked"], asked["model_answered"]) == (
        "teacher/decide", "teacher/decide.v1", "ab" * 32, "m", "m-1",
    )  # fmt: skip
    assert (asked["prompt_tokens"], asked["cost_usd"], asked["latency_s"], asked["attempt"], asked["is_cached"]) == (
        10,
        0.25,
        2.0,
        1,
        False,
    )
    assert asked["reply"] == "it is a QUILLFEATHER"
    assert [message["role"] for message in asked["prompt"]] == ["system", "user"]
    assert (refused["error_class"], refused["refused"]["error_class"], refused["reply"]) == ("refusal", "refusal", "no QUILLFEATHER")
    assert (decision["label"], decision["state"], decision["rationale"]["relation"]) == ("no_match", "done", "different")
    assert [score["score"] for score in judgement["scores"]] == [0.5, None]


def test_what_was_retrieved_is_shown_apart(filled: tuple[str, str]) -> None:
    address, _ = filled
    events = json.loads(invoke("why", "p2", "--store", address, "--json"))["runs"][0]["events"]
    [retrieved] = [one for event in events for one in event.get("retrieved") or []]
    assert retrieved["kind"] == "rivals"
    assert "QUILLFEATHER kettle KX-120 black" in retrieved["text"]


def test_plain_text_names_what_is_not_kept_and_cuts_long_texts(filled: tuple[str, str]) -> None:
    address, run_id = filled
    shown = invoke("why", "p1", "--store", address)
    for part in (
        f"run: {run_id}",
        "failed reply: no QUILLFEATHER",
        "failed, refusal",
        "core 0.50 (partial)",
        "variant unscored",
        "reply: it is a",
    ):
        assert part in shown
    with RunStore.open(address) as store:
        long = completion_body("m", {"content": "word " * 500})
        reply = CachedReply("k9", "id", {"messages": []}, ChatReply(long, Usage(1, 1), "m", 0.0, 0.0))
        asyncio.run(store.record_call(CallRecord(CallScope(run_id, "p1", "r"), "k9", "t", "m", "m", 1, Usage(1, 1), 0.0, 0.0, 9.0), reply))
    assert "more characters)" in invoke("why", "p1", "--store", address)
    assert "word " * 500 in invoke("why", "p1", "--store", address, "--full")


def test_one_run_can_be_chosen_and_calls_outside_runs_are_shown_without(filled: tuple[str, str]) -> None:
    address, run_id = filled
    with RunStore.open(address) as store:
        other = store.begin(RunSpec("teach", "in2", "m", "p", "m", 0)).run_id
        asyncio.run(
            store.finish_item(
                other, ItemResult("p1", Pair("p1", Listing("a", "x"), Listing("b", "y")), Decision.failed("p1", ErrorClass.TIMEOUT, "late"))
            )
        )
        asyncio.run(store.record_call(CallRecord(CallScope(None, "p1", "match"), "k8", "t", "m", "m", 1, Usage(1, 1), 0.0, 0.0, 9.0), None))
    parts = json.loads(invoke("why", "p1", "--store", address, "--json"))["runs"]
    assert [part["run"] and part["run"]["run_id"] for part in parts] == [run_id, other, None]
    [part] = json.loads(invoke("why", "p1", "--store", address, "--run", other[:8], "--json"))["runs"]
    assert [event["error_class"] for event in part["events"]] == ["timeout"]


def test_an_unknown_pair_names_some_that_are_there(filled: tuple[str, str]) -> None:
    address, run_id = filled
    with pytest.raises(StoreError, match=r"'p77' is not in any run .* 'p1', 'p2'"):
        invoke("why", "p77", "--store", address)
    with pytest.raises(StoreError, match=rf"'p77' is not in run {run_id}"):
        invoke("why", "p77", "--run", run_id, "--store", address)


@pytest.fixture
def hostile(address: str) -> tuple[str, str]:
    with RunStore.open(address) as store:
        run_id = store.begin(RunSpec("teach", "in", "m", "p", "m", 0)).run_id
        pair = Pair("p1", Listing("l\x1b[0m", HOSTILE, attributes={HOSTILE: HOSTILE}), Listing("r", HOSTILE))
        asyncio.run(store.finish_item(run_id, ItemResult("p1", pair, Decision.failed("p1", ErrorClass.BUG, HOSTILE))))
        body = {"messages": [{"role": HOSTILE, "content": f"one\n{HOSTILE}"}]}
        reply = ChatReply(completion_body("m", {"content": HOSTILE}), Usage(1, 1), HOSTILE, 0.0, 0.0)
        call = CallRecord(CallScope(run_id, "p1", "r"), "k", "t", "m", "m\x1b[1m", 1, Usage(1, 1), 0.0, 0.0, 9.0)
        asyncio.run(store.record_call(call, CachedReply("k", "id", body, reply)))
    return address, run_id


@pytest.mark.parametrize("more", [(), ("--full",), ("--json",)])
def test_no_control_character_reaches_the_output(hostile: tuple[str, str], more: tuple[str, ...]) -> None:
    address, run_id = hostile
    for command in (("why", "p1"), ("runs", "show", run_id)):
        if "--full" in more and command[0] == "runs":
            continue
        shown = invoke(*command, "--store", address, *more)
        assert "cheap" in shown
        assert [c for c in shown if not c.isprintable() and c != "\n"] == []


def test_on_a_terminal_only_our_own_styles_are_drawn_and_markup_stays_text(
    hostile: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _ = hostile
    screen = io.StringIO()

    class Terminal(Console):
        def __init__(self, **settings: object) -> None:
            super().__init__(**{**settings, "file": screen}, force_terminal=True, color_system="standard", width=4_000)  # type: ignore[arg-type]

    monkeypatch.setattr("rich.console.Console", Terminal)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    from epm.cli.why import _show
    from epm.cli.why_lines import history_lines
    from epm.store.history import pair_history

    with RunStore.open(address) as store:
        _show(history_lines(pair_history(store, "p1"), full=True))
    drawn = screen.getvalue()
    assert "[bold]cheap[/bold] [/]" in drawn
    assert ":smile:" in drawn
    own = {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m"}
    sequences = {"\x1b" + rest.split("m")[0] + "m" for rest in drawn.split("\x1b")[1:]}
    assert sequences <= own
    assert "\x1b[31mred" not in drawn
    assert [c for c in drawn.replace("\x1b", "") if not c.isprintable() and c != "\n"] == []


def test_visible_writes_out_what_does_not_print() -> None:
    assert visible("a\x1b[1m\u202eb\ud800\x9b") == "a\\x1b[1m\\u202eb\\ud800\\x9b"
    assert visible("a\tb\u00a0c ü") == "a b c ü"
    assert cut("a  b\n c", 10) == "a b c"
    assert cut("abcdef", 3) == "abc… (3 more characters)"
