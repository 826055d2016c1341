from __future__ import annotations

import asyncio
import gzip
import json
import os
from pathlib import Path

import pytest

from epm.listing import Listing
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.registry import make_matcher
from epm.relation import Label

SHARED = Path(os.environ.get("EPM_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
PUBLISHED = [
    ("llama-3.1-8b-instruct-abt-buy-no-explanations-abt-buy-full--f4d88d", "domain-simple-force", (0.933702, 0.820388, 0.873385)),
    ("llama-3.1-8b-instruct-wdc-small-abt-buy-full--db49ec", "domain-simple-free", (0.788288, 0.849515, 0.817757)),
    ("llama-3.1-8b-instruct-wdc-small-explanation-structured-abt-buy-full--fdf3d0", "domain-complex-force", (0.868932, 0.868932, 0.868932)),
    ("llama-3.1-70b-instruct-small-abt-buy-full--e1ff01", "domain-complex-force", (0.697318, 0.883495, 0.779443)),
    ("gpt-3.5--batch-covering--abt-buy", "batcher-diverse-covering", (0.832618, 0.941748, 0.883827)),
]


@pytest.fixture(scope="module")
def abt_buy_test() -> list[Pair]:
    path = SHARED / "abt-buy" / "test.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no shared data at {path}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Pair(row["pair_id"], *(Listing(row[side]["id"], row[side]["title"]) for side in ("left", "right")), _label(row["label"]))
        for row in rows
    ]


def _label(label: int) -> Label:
    return Label.MATCH if label == 1 else Label.NO_MATCH


@pytest.mark.shared
@pytest.mark.parametrize(("file", "prompt", "figures"), PUBLISHED)
def test_recorded_answers_give_the_published_figures(
    abt_buy_test: list[Pair], file: str, prompt: str, figures: tuple[float, float, float]
) -> None:
    matcher = make_matcher(f"recorded:{SHARED / 'llm-outputs' / file}.jsonl.gz@{prompt}")

    decisions = asyncio.run(matcher.decide(abt_buy_test, MatchContext()))

    outcomes = [
        (pair.gold_label is Label.MATCH, decision.label is Label.MATCH) for pair, decision in zip(abt_buy_test, decisions, strict=True)
    ]
    n_true, n_false, n_missed = outcomes.count((True, True)), outcomes.count((False, True)), outcomes.count((True, False))
    precision, recall = n_true / (n_true + n_false), n_true / (n_true + n_missed)
    measured = (precision, recall, 2 * precision * recall / (precision + recall))
    assert tuple(round(value, 6) for value in measured) == figures
