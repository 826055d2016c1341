"""Which line answers which pair: one for each, in order, by id; whatever else a program prints fails a pair and says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from epm.decision import Decision, Outcome
from epm.errors import ErrorClass
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.matchers.line_exchange import LineExchange
from epm.pair import Pair
from epm.relation import Label

PAIRS = [Pair(f"p{i}", Listing("l", "Kolvra KX-7 kettle"), Listing("r", "Kettle Kolvra KX-7")) for i in range(4)]


def yes(id_: object) -> str:
    return json.dumps({"id": id_, "label": True}) + "\n"


def no(id_: object) -> str:
    return json.dumps({"id": id_, "label": False}) + "\n"


@dataclass
class Said:
    """A program that has printed these lines; without an exit code it is silent from then on."""

    lines: list[str]
    code: int | None = 0
    last_words: str = ""
    waits: list[float] = field(default_factory=list)

    def receive(self, timeout_s: float) -> str | None:
        self.waits.append(timeout_s)
        if self.lines:
            return self.lines.pop(0)
        if self.code is None:
            raise TimeoutError
        return None

    def exit_code(self) -> int | None:
        return self.code


def run(said: Said) -> list[Decision]:
    heard: dict[str, Decision] = {}
    ctx = MatchContext(timeout_s=7, on_decision=lambda decision: heard.update({decision.pair_id: decision}))
    decisions = LineExchange("command:own", PAIRS, ctx).run(said)  # type: ignore[arg-type]
    assert [decision.pair_id for decision in decisions] == [pair.id for pair in PAIRS]
    assert heard == {decision.pair_id: decision for decision in decisions}
    return decisions


ALL = [yes("p0"), yes("p1"), yes("p2"), yes("p3")]


def cases() -> Iterator[tuple[list[str], list[str], str]]:
    """The lines, the pairs that fail, and the reason."""
    yield [ALL[1], ALL[0], *ALL[2:]], ["p0"], "line 1 answers pair 'p1', which comes after it"
    yield ALL[::-1], ["p0", "p1", "p2"], "line 1 answers pair 'p3', which comes after it"
    yield [ALL[0], *ALL[2:]], ["p1"], "line 2 answers pair 'p2', which comes after it"
    yield ALL[:2], ["p2", "p3"], "ended without an answer to this pair: 2 lines in all"
    yield [], ["p0", "p1", "p2", "p3"], "0 lines in all"
    yield [*ALL, no("p3")], ["p3"], "twice, the second time in line 5"
    yield [*ALL[:2], no("p0"), *ALL[2:]], ["p0"], "twice, the second time in line 3"
    yield [ALL[0], "{oops\n", *ALL[2:]], ["p1"], "line 2 '{oops' answers no pair"
    yield [ALL[0], "[" * 100_000, *ALL[2:]], ["p1"], "line 2 '[[["
    yield [ALL[0], '{"label": true}\n', *ALL[2:]], ["p1"], "line 2 '{\"label\": true}' answers no pair"
    yield [yes("p9"), *ALL[1:]], ["p0"], "answers no pair"
    yield [*ALL[:3], "true\n"], ["p3"], "ended without an answer to this pair: line 4 'true' answers no pair"
    yield ['{"id": "p0", "label": "perhaps"}', *ALL[1:]], ["p0"], "'perhaps' is no label"
    yield ['{"id": "p0"}', *ALL[1:]], ["p0"], "neither a label nor a probability"
    yield ['{"id": "p0", "label": true, "gold": 1}', *ALL[1:]], ["p0"], "gold does not exist"
    yield ['{"id": "p0", "probability": NaN}', *ALL[1:]], ["p0"], "probability"
    yield [yes(["p0"]), *ALL[1:]], ["p0"], "answers no pair"
    yield ["loading\n", "\n", *ALL, "done\n"], [], ""


@pytest.mark.parametrize(("lines", "failing", "reason"), list(cases()))
def test_a_pair_without_one_answer_in_its_place_is_failed_and_no_other(lines: list[str], failing: list[str], reason: str) -> None:
    decisions = run(Said(list(lines)))

    failed = [decision for decision in decisions if decision.outcome is Outcome.FAILED]
    assert [decision.pair_id for decision in failed] == failing
    assert all(decision.error_class is ErrorClass.INVALID_STRUCTURE and reason in str(decision.error) for decision in failed)
    assert {decision.label for decision in decisions if decision not in failed} <= {Label.MATCH}


@pytest.mark.parametrize(
    ("said", "error_class", "reason"),
    [
        (Said([ALL[0]], code=None), ErrorClass.TIMEOUT, "gave no answer for 7 s and was ended; raise --timeout-s"),
        (Said([ALL[0], "working\n"], code=None), ErrorClass.TIMEOUT, "for 7 s after line 2 'working' answers no pair"),
        (Said([ALL[0]], code=2), ErrorClass.BUG, "ended with exit status 2 before it answered this pair"),
        (Said([ALL[0]], code=-11), ErrorClass.BUG, "was ended by signal 11"),
        (Said([ALL[0]], code=1, last_words="KeyError: 'mpn'"), ErrorClass.BUG, "it last said \"KeyError: 'mpn'\""),
    ],
)
def test_the_pairs_that_a_program_left_open_fail_with_what_became_of_it(said: Said, error_class: ErrorClass, reason: str) -> None:
    first, *left_open = run(said)

    assert first.label is Label.MATCH
    assert {decision.error_class for decision in left_open} == {error_class}
    assert all(reason in str(decision.error) for decision in left_open)
    assert {decision.label for decision in left_open} == {None}


def test_noise_gives_no_more_time_and_an_answer_does() -> None:
    said = Said([ALL[0], "working\n", "working\n"], code=None)
    run(said)

    assert said.waits[0] <= 7
    assert said.waits[1] > said.waits[2] > said.waits[3]


def test_lines_that_answer_no_pair_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    run(Said(list(ALL)))
    assert caplog.text == ""
    run(Said(["loading\n", "\n", *ALL, "done\n"]))

    assert "command:own: 2 lines answered no pair" in caplog.text


def test_ids_that_a_reader_turned_into_numbers_are_known() -> None:
    pairs = [Pair(str(i), pair.left, pair.right) for i, pair in enumerate(PAIRS)]
    decisions = LineExchange("command:own", pairs, MatchContext()).run(Said([yes(i) for i in range(4)]))  # type: ignore[arg-type]

    assert {decision.label for decision in decisions} == {Label.MATCH}


def test_an_answer_may_hold_more_than_a_label() -> None:
    answers = [
        {"id": "p0", "probability": 0.25, "cost_usd": 0.5, "latency_s": 7, "reason": "odd colour"},
        {"id": "p1", "label": None},
        {"id": "p2", "error": "no mpn"},
        {"id": "p3", "label": "No match", "error": None},
    ]
    scored, abstained, failed, labelled = run(Said([json.dumps(answer) for answer in answers]))

    assert (scored.label, scored.probability, scored.cost_usd, scored.latency_s) == (Label.NO_MATCH, 0.25, 0.5, 7)
    assert scored.provenance == {"reason": "odd colour"}
    assert abstained.outcome is Outcome.ABSTAINED
    assert (failed.error_class, failed.error) == (ErrorClass.BUG, "no mpn")
    assert labelled.label is Label.NO_MATCH


@pytest.mark.parametrize("field", [{"error": "\ud800"}, {"label": True, "reason": "\ud800"}], ids=["error", "reason"])
def test_half_characters_of_an_answer_can_be_written_as_utf_8(field: dict[str, object]) -> None:
    first = run(Said([json.dumps({"id": "p0", **field}) + "\n", *ALL[1:]]))[0]
    told = first.error or str(first.provenance["reason"])
    assert told.encode("utf-8") == b"\\ud800"
