from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Callable
from concurrent.futures import thread as threads
from pathlib import Path

import pytest

from epm.decision import Decision, Outcome
from epm.errors import ConfigError, ErrorClass
from epm.listing import TEXT_FIELDS, Listing
from epm.matcher import MatchContext
from epm.matchers.own_function import make
from epm.pair import Pair
from epm.relation import Label, Relation

WriteRule = Callable[..., str]
LEFT = Listing(
    "l1",
    "Kolvra KX-7 kettle",
    mpn="KX-7",
    attributes={"colour": "red"},
    cluster_id="SECRET-1",
    source="SECRET-2",
    extras={"is_match": "SECRET-3"},
)
RIGHT = Listing("r1", "Kettle Kolvra KX-7", cluster_id="SECRET-1")
PAIR = Pair("p1", LEFT, RIGHT, gold_label=Label.MATCH, relation=Relation.EXACT, split="SECRET-4", extras={"label": "SECRET-5"})


@pytest.fixture
def rule(tmp_path: Path) -> WriteRule:
    def write(text: str, function: str = "same") -> str:
        path = tmp_path / "rules.py"
        path.write_text(text, encoding="utf-8")
        return f"{path}:{function}"

    return write


def decide(spec: str, *pairs: Pair) -> list[Decision]:
    return asyncio.run(make(spec).decide(pairs or [PAIR], MatchContext()))


@pytest.mark.parametrize(
    ("said", "label", "probability"),
    [
        ("True", Label.MATCH, None),
        ("False", Label.NO_MATCH, None),
        ("'match'", Label.MATCH, None),
        ("'No match'", Label.NO_MATCH, None),
        ("0.5", Label.MATCH, 0.5),
        ("0.49", Label.NO_MATCH, 0.49),
        ("1", Label.MATCH, 1.0),
        ("__import__('numpy').float32(0.25)", Label.NO_MATCH, 0.25),
        ("__import__('numpy').bool_(True)", Label.MATCH, None),
        ("{'label': 0, 'probability': 0.9}", Label.NO_MATCH, 0.9),
        ("{'probability': __import__('numpy').float64(0.75)}", Label.MATCH, 0.75),
        ("{'label': None}", None, None),
        ("{'label': 'match', 'reason': 'same mpn'}", Label.MATCH, None),
    ],
)
def test_what_a_rule_may_answer(rule: WriteRule, said: str, label: Label | None, probability: float | None) -> None:
    (decision,) = decide(rule(f"def same(left, right): return {said}"))

    assert (decision.label, decision.probability) == (label, probability)
    assert decision.outcome is (Outcome.ABSTAINED if label is None else Outcome.DECIDED)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("None", "NoneType"),
        ("'perhaps'", "'perhaps' is no label"),
        ("1.5", "probability"),
        ("float('nan')", "probability"),
        ("-1", "probability"),
        ("[True]", "list"),
        ("{}", "neither a label nor a probability"),
        ("{'label': True, 'cost_usd': -1}", "cost_usd"),
        ("{'labl': True}", "labl does not exist"),
        ("{'label': [1]}", "label"),
        ("{'probability': '0.5'}", "probability"),
    ],
)
def test_a_wrong_answer_fails_its_pair_and_names_the_value(rule: WriteRule, said: str, reason: str) -> None:
    (decision,) = decide(rule(f"def same(left, right): return {said}"))

    assert decision.error_class is ErrorClass.INVALID_STRUCTURE
    assert reason in str(decision.error)


def test_cost_is_kept_and_latency_is_measured_unless_it_is_stated(rule: WriteRule) -> None:
    text = "import time\ndef same(pair):\n    time.sleep(0.02)\n    return {'label': True, 'cost_usd': 0.25, **({'latency_s': 7} if pair['id'] == 'p2' else {})}"
    measured, stated = decide(rule(text), PAIR, Pair("p2", LEFT, RIGHT))

    assert measured.cost_usd == 0.25
    assert 0.02 <= measured.latency_s < 5
    assert stated.latency_s == 7


@pytest.mark.parametrize("parameters", ["left, right", "pair", "left, right, threshold=0.5", "*both"])
def test_a_rule_sees_what_the_listings_say_and_nothing_that_tells_the_label(rule: WriteRule, tmp_path: Path, parameters: str) -> None:
    seen = tmp_path / "seen.json"
    (decision,) = decide(
        rule(
            f"import json, pathlib\ndef same({parameters}):\n    pathlib.Path({str(seen)!r}).write_text(json.dumps(locals()))\n    return True"
        )
    )

    assert decision.label is Label.MATCH
    shown = json.loads(seen.read_text(encoding="utf-8"))
    assert "SECRET" not in json.dumps(shown)
    assert "match" not in json.dumps(shown)
    left = shown["pair"]["left"] if "pair" in shown else shown["both"][0] if "both" in shown else shown["left"]
    assert set(left) == {"id", *TEXT_FIELDS, "attributes"}
    assert (left["mpn"], left["brand"], left["attributes"]) == ("KX-7", None, {"colour": "red"})


def test_a_rule_that_changes_its_dicts_changes_no_listing(rule: WriteRule) -> None:
    spec = rule("def same(left, right):\n    left['title'] = ''\n    left['attributes'].clear()\n    return True")
    decide(spec, PAIR, PAIR)

    assert (LEFT.title, LEFT.attributes) == ("Kolvra KX-7 kettle", {"colour": "red"})


@pytest.mark.parametrize(
    ("raised", "error_class"),
    [
        ("ValueError('no mpn')", ErrorClass.BUG),
        ("TimeoutError('no mpn')", ErrorClass.TIMEOUT),
        ("ConnectionResetError('no mpn')", ErrorClass.CONNECTION),
        ("SystemExit('no mpn')", ErrorClass.BUG),
    ],
)
def test_an_exception_fails_its_pair_alone_with_class_and_message(rule: WriteRule, raised: str, error_class: ErrorClass) -> None:
    spec = rule(f"def same(pair):\n    if pair['id'] == 'p1':\n        raise {raised}\n    return True")
    failed, decided = decide(spec, PAIR, Pair("p2", LEFT, RIGHT))

    assert failed.error_class is error_class
    assert failed.error == f"{raised.partition('(')[0]}: no mpn"
    assert decided.label is Label.MATCH


def test_the_file_is_loaded_alone_without_path_cache_or_an_older_version(rule: WriteRule, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("ANSWER = True", encoding="utf-8")
    path = list(sys.path)

    assert decide(rule("def same(pair): return 'yes'"))[0].label is Label.MATCH
    assert decide(rule("def same(pair): return 'non'"))[0].label is Label.NO_MATCH  # same size, same second
    with pytest.raises(ConfigError, match=r"ModuleNotFoundError.*beside.*PYTHONPATH"):
        make(rule("import beside\ndef same(pair): return beside.ANSWER"))
    assert sys.path == path
    assert not (tmp_path / "__pycache__").exists()


def test_dataclasses_threads_and_loops_work_in_a_rule(rule: WriteRule) -> None:
    text = """
from __future__ import annotations
import asyncio, dataclasses, sqlite3
TABLE = sqlite3.connect(":memory:")
@dataclasses.dataclass
class Found:
    n: int
async def later(): return TABLE.execute("select 1").fetchone()[0]
def same(pair): return Found(asyncio.run(later())).n == 1
"""
    assert decide(rule(text))[0].label is Label.MATCH


ASYNC_RULE = """
import asyncio
import gc
QUEUE = asyncio.Queue()
SEEN = {"now": 0, "most": 0, "loops": set()}
async def same(pair):
    SEEN["loops"].add(id(asyncio.get_running_loop()))
    SEEN["now"] += 1
    SEEN["most"] = max(SEEN["most"], SEEN["now"])
    await asyncio.sleep(0.05)
    SEEN["now"] -= 1
    if pair["id"] == "raises":
        raise ValueError("no mpn")
    if pair["id"] == "hangs":
        await asyncio.sleep(60)
    if pair["id"] == "cancels":
        raise asyncio.CancelledError
    return {"label": len(SEEN["loops"]) == 1, "reason": str(SEEN["most"])}
"""


def test_an_asynchronous_rule_decides_several_pairs_at_a_time_in_one_loop(rule: WriteRule) -> None:
    matcher = make(rule(ASYNC_RULE))
    pairs = [Pair(f"p{i}", LEFT, RIGHT) for i in range(6)]
    heard: list[str] = []
    ctx = MatchContext(concurrency=3, on_decision=lambda decision: heard.append(decision.pair_id))
    decisions = [decision for _ in range(2) for decision in asyncio.run(matcher.decide(pairs, ctx))]

    assert [decision.pair_id for decision in decisions] == [pair.id for pair in pairs] * 2
    assert {decision.label for decision in decisions} == {Label.MATCH}
    assert decisions[-1].provenance == {"reason": "3"}
    assert all(0.05 <= decision.latency_s < 5 for decision in decisions)
    assert sorted(heard) == sorted(pair.id for pair in pairs * 2)


def test_an_asynchronous_rule_fails_its_pair_alone(rule: WriteRule) -> None:
    pairs = [Pair(name, LEFT, RIGHT) for name in ("raises", "hangs", "cancels", "p4")]
    raised, hung, cancelled, decided = asyncio.run(make(rule(ASYNC_RULE)).decide(pairs, MatchContext(timeout_s=0.3)))

    assert (raised.error_class, raised.error) == (ErrorClass.BUG, "ValueError: no mpn")
    assert hung.error_class is ErrorClass.TIMEOUT
    assert "no answer for 0.3 s; raise --timeout-s" in str(hung.error)
    assert cancelled.error_class is ErrorClass.CANCELLED
    assert decided.label is Label.MATCH


def test_a_cancelled_call_ends_an_asynchronous_rule_at_once(rule: WriteRule) -> None:
    matcher = make(rule(ASYNC_RULE))

    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(matcher.decide([Pair("hangs", LEFT, RIGHT)], MatchContext()), 0.3)

    asyncio.run(cancelled())
    (decision,) = asyncio.run(asyncio.wait_for(matcher.decide([PAIR], MatchContext()), 5))
    assert decision.label is Label.MATCH


def test_what_a_rule_prints_goes_to_stderr(rule: WriteRule, capfd: pytest.CaptureFixture[str]) -> None:
    decide(rule("import os\nprint('LOADED')\ndef same(pair):\n    print('PRINTED')\n    os.system('echo STARTED')\n    return True"))
    print("RESULT")  # noqa: T201

    out, err = capfd.readouterr()
    assert out == "RESULT\n"
    assert {"LOADED", "PRINTED", "STARTED"} <= set(err.split())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def other(pair): return True", r"no function 'same': it has \['other'\]"),
        ("same = 3", "no function 'same'"),
        ("def same(): return True", "two listings, or of one pair"),
        ("def same(a, b, c): return True", "two listings, or of one pair"),
        ("def same(pair) return True", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_wrong_file_is_refused_before_any_pair(rule: WriteRule, text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        make(rule(text))


@pytest.mark.parametrize("arg", [None, "", "rules.py", "rules.py:", "absent.py:same", "rules.py:not a name"])
def test_a_wrong_spec_is_refused(arg: str | None) -> None:
    with pytest.raises(ConfigError, match=r"python:FILE\.py:FUNCTION"):
        make(arg)


def test_the_version_follows_the_content_of_the_file(rule: WriteRule) -> None:
    first = make(rule("def same(pair): return True"))
    second = make(rule("def same(pair): return None"))

    assert first.name == second.name == "python:rules.py:same"
    assert first.version != second.version


@pytest.mark.timeout(30)
def test_a_matcher_is_let_go_by_any_thread_whatever_lock_that_one_holds(rule: WriteRule) -> None:
    matcher = make(rule("async def same(pair): return True"))
    assert asyncio.run(matcher.decide([PAIR], MatchContext()))[0].label is Label.MATCH
    with threads._global_shutdown_lock:  # garbage is collected at any line, also of a thread that starts threads
        del matcher
        gc.collect()


@pytest.mark.parametrize(
    ("text", "error_class"),
    [
        ("class Mute(Exception):\n    def __str__(self): raise ValueError('no words')\ndef same(left, right): raise Mute", ErrorClass.BUG),
        (
            "class Odd:\n    def __repr__(self): raise ValueError('no repr')\ndef same(left, right): return Odd()",
            ErrorClass.INVALID_STRUCTURE,
        ),
        (
            "class Odd:\n    def __str__(self): raise ValueError('no str')\ndef same(left, right): return {'probability': Odd()}",
            ErrorClass.INVALID_STRUCTURE,
        ),
        (
            "class Odd(dict):\n    def items(self): raise RuntimeError('no items')\ndef same(left, right): return Odd(label=True)",
            ErrorClass.INVALID_STRUCTURE,
        ),
    ],
    ids=["error without words", "value without repr", "field without str", "mapping that raises"],
)
def test_an_object_that_cannot_be_looked_at_fails_its_pair_alone(rule: WriteRule, text: str, error_class: ErrorClass) -> None:
    (decision,) = decide(rule(text))
    assert decision.outcome is Outcome.FAILED
    assert decision.error_class is error_class


@pytest.mark.parametrize(
    "said", ["{'label': True, 'reason': chr(0xD800)}", "exec('raise ValueError(chr(0xD800))')"], ids=["reason", "exception"]
)
def test_what_a_rule_says_can_be_written_as_utf_8(rule: WriteRule, said: str) -> None:
    (decision,) = decide(rule(f"def same(left, right):\n    return {said}"))
    told = decision.error or str(decision.provenance["reason"])
    assert "\\ud800" in told.encode("utf-8").decode()
