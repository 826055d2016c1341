from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from epm.decision import Decision, Outcome
from epm.errors import ConfigError, DataError
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.matchers.recorded import make
from epm.pair import Pair
from epm.relation import Label

WriteRows = Callable[..., Path]
TEXT = {"pair_id": "1", "prompt_name": "p,1", "answer_text": "Yes", "score": 0.25, "usd": 0.5, "secs": "1.5", "probability": 0.9}
MAPPING = "probability=score,cost_usd=usd,latency_s=secs"


@pytest.fixture
def write(tmp_path: Path) -> WriteRows:
    def write_rows(*rows: dict[str, object]) -> Path:
        path = tmp_path / "own.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
        return path

    return write_rows


def decide(arg: str, *ids: str) -> list[Decision]:
    return asyncio.run(make(arg).decide([Pair(id_, Listing("a", "x"), Listing("b", "y")) for id_ in ids], MatchContext()))


@pytest.mark.parametrize("prompt", ["p,1,", ""])
def test_named_columns_are_read_and_the_text_still_says_the_label(write: WriteRows, prompt: str) -> None:
    (decision,) = decide(f"{write(TEXT)}@{prompt}{MAPPING}", "1")

    assert (decision.label, decision.probability, decision.cost_usd, decision.latency_s) == (Label.MATCH, 0.25, 0.5, 1.5)


def test_without_a_mapping_no_such_column_is_read(write: WriteRows) -> None:
    (decision,) = decide(f"{write(TEXT)}@p,1", "1")

    assert (decision.probability, decision.cost_usd, decision.latency_s) == (1.0, 0.0, 0.0)


def test_rows_without_text_and_prompt_are_decided_by_their_probability(write: WriteRows) -> None:
    path = write(*({"pair_id": str(i), "p": p} for i, p in enumerate((0.5, 0.49, None))))
    match, no_match, empty = decide(f"{path}@probability=p", "0", "1", "2")

    assert (match.label, match.probability) == (Label.MATCH, 0.5)
    assert (no_match.label, no_match.probability) == (Label.NO_MATCH, 0.49)
    assert empty.outcome is Outcome.ABSTAINED
    assert "disagreements" not in match.provenance


def test_a_text_that_cannot_be_parsed_is_not_decided_by_the_probability(write: WriteRows) -> None:
    (decision,) = decide(f"{write({**TEXT, 'answer_text': 'Hard to say'})}@{MAPPING}", "1")

    assert decision.outcome is Outcome.ABSTAINED


@pytest.mark.parametrize(
    ("mapping", "error", "reason"),
    [
        ("probability=scor", ConfigError, r"no column 'scor': it has .*'score'"),
        ("probability=", ConfigError, "to no column"),
        ("cost_usd=usd,cost_usd=score", ConfigError, "'cost_usd' twice"),
        ("probability=usd2", DataError, "line 1: probability"),
        ("cost_usd=minus", DataError, "line 1: cost_usd"),
        ("latency_s=words", DataError, "line 1: latency_s"),
        ("label=score", ConfigError, "no prompt 'label=score'"),
    ],
)
def test_a_wrong_mapping_or_cell_is_refused(write: WriteRows, mapping: str, error: type[Exception], reason: str) -> None:
    path = write({**TEXT, "usd2": 2, "minus": -1, "words": "long"})

    with pytest.raises(error, match=reason):
        make(f"{path}@{mapping}")
