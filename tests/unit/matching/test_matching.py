"""``match`` from Python: one decision a pair in order, in notebooks too, as rows, frames and files."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from epm.decision import Decision, Outcome
from epm.errors import ConfigError, DataError, ErrorClass
from epm.gateway.request import ModelSettings
from epm.identity import STRICT
from epm.listing import Listing
from epm.match_output import write_match_result
from epm.matcher import MatchContext, require_usable
from epm.matching import ASKS_A_MODEL, ASKS_THE_MODEL, BATCH_SIZE, ROW_FIELDS, MatchResult, decide_all, match, open_context
from epm.pair import Pair
from epm.rationale import AxisFinding, Rationale, Verdict
from epm.registry import MATCHERS, make_matcher
from epm.relation import Label, Relation
from epm.sync import run_sync

EMPTY = AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)
PACK = Rationale(core=EMPTY, identifier=EMPTY, variant=EMPTY, relation=Relation.OTHER_PACK, factor=6, label=Label.NO_MATCH)


@pytest.fixture
def pairs() -> list[Pair]:
    return [
        Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{100 + i} kettle"), Listing(f"r{i}", f"Kettle Kolvra KX{100 + i}")) for i in range(3)
    ]


@pytest.fixture
def result(pairs: list[Pair]) -> MatchResult:
    decisions = (
        Decision("p0", Outcome.DECIDED, label=Label.MATCH, probability=0.75, cost_usd=0.01),
        Decision.from_rationale("p1", PACK),
        Decision.failed("p2", ErrorClass.TIMEOUT, '=HYPERLINK("x"), "quoted"\nand broken'),
    )
    return MatchResult(tuple(pairs), decisions)


@dataclass
class Counting:
    """Notes the size of each batch."""

    sizes: list[int]
    name: str = "counting"
    version: str = "1"

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        self.sizes.append(len(batch))
        return [Decision.from_rationale(pair.id, PACK) for pair in batch]


class Tuned(Counting):
    """The same, with thresholds that can be tuned."""

    def tuned(self, valid: Sequence[Pair]) -> Tuned:
        return self


def test_a_registered_matcher_decides_every_pair_in_order(pairs: list[Pair]) -> None:
    found = match(pairs, "evidence-rules")
    assert [decision.pair_id for decision in found] == ["p0", "p1", "p2"]
    assert found[0].label is Label.MATCH
    assert (len(found), found.counts()["match"]) == (3, 3)


def test_match_works_inside_a_running_event_loop(pairs: list[Pair]) -> None:
    async def notebook_cell() -> Label | None:
        return match(pairs, "evidence-rules")[0].label

    assert asyncio.run(notebook_cell()) is Label.MATCH


def test_an_error_inside_a_running_loop_is_the_same_error() -> None:
    async def failing() -> None:
        raise DataError("row 7")

    async def notebook_cell() -> None:
        run_sync(failing())

    with pytest.raises(DataError, match="row 7"):
        asyncio.run(notebook_cell())


def test_unknown_names_are_user_errors(pairs: list[Pair]) -> None:
    with pytest.raises(ConfigError, match="matcher 'nope' is unknown"):
        match(pairs, "nope")
    with pytest.raises(ConfigError, match="identity rule 'loose' is unknown"):
        match(pairs, "evidence-rules", identity="loose")


def test_work_comes_in_batches_but_a_tunable_matcher_sees_all_pairs_at_once() -> None:
    many = [Pair(str(i), Listing(f"l{i}", "a"), Listing(f"r{i}", "b")) for i in range(BATCH_SIZE + 6)]
    batched, whole = Counting([]), Tuned([])
    run_sync(decide_all(batched, many, MatchContext()))
    run_sync(decide_all(whole, many, MatchContext()))
    assert (batched.sizes, whole.sizes) == ([BATCH_SIZE, 6], [BATCH_SIZE + 6])


def test_a_model_named_by_the_spec_opens_a_gateway_and_two_models_are_refused(tmp_path: Path) -> None:
    with open_context(["multi-agent-rag:rules", "tfidf"], model=None, identity=STRICT, store=tmp_path / "store.db") as ctx:
        assert ctx.model is not None
        assert (ctx.model.name, ctx.gateway is None) == ("rules", False)
    with open_context(["tfidf"], model=None, identity=STRICT) as ctx:
        assert (ctx.model, ctx.gateway) == (None, None)
    specs = ["multi-agent-rag:a", "multi-agent-rag:b"]
    with pytest.raises(ConfigError, match="name 2 models"), open_context(specs, model=None, identity=STRICT, store=tmp_path / "x.db"):
        pass


def test_without_a_model_whose_calls_it_could_hold_no_store_is_made(tmp_path: Path) -> None:
    place = tmp_path / "none.db"
    with open_context(["tfidf"], model=None, identity=STRICT, store=place) as ctx:
        assert ctx.gateway is None
    assert not place.exists()


@pytest.mark.parametrize("title", ["", " \t", None, float("nan")])
def test_a_listing_without_a_title_is_refused_by_pair_and_side(pairs: list[Pair], title: object) -> None:
    untitled = replace(pairs[1], right=replace(pairs[1].right, title=title))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="pair 'p1': the right listing has no title"):
        match([pairs[0], untitled], "evidence-rules")


def test_an_id_that_stands_twice_is_refused_with_both_places(pairs: list[Pair]) -> None:
    with pytest.raises(DataError, match=r"pair 'p0' stands twice, as pairs\[0\] and pairs\[2\]"):
        match([pairs[0], pairs[1], replace(pairs[2], id="p0")], "evidence-rules")


def test_rows_hold_every_field_of_a_decision(result: MatchResult) -> None:
    rows = result.to_rows()
    assert all(tuple(row) == ROW_FIELDS for row in rows)
    assert (rows[0]["label"], rows[0]["probability"], rows[0]["rationale"]) == ("match", 0.75, None)
    assert (rows[1]["relation"], rows[1]["factor"]) == ("other_pack", 6)
    assert "<relation>other_pack 6</relation>" in str(rows[1]["rationale"])
    assert (rows[2]["outcome"], rows[2]["error_class"], rows[2]["label"]) == ("failed", "timeout", None)
    assert result.counts() == {"pairs": 3, "match": 1, "no_match": 1, "abstained": 0, "failed": 1}
    assert [d.pair_id for d in result[1:]] == ["p1", "p2"]


def test_a_data_frame_has_one_row_for_each_pair(result: MatchResult) -> None:
    frame = result.to_pandas()
    assert list(frame.columns) == list(ROW_FIELDS)
    assert frame["pair_id"].tolist() == ["p0", "p1", "p2"]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_every_file_format_gives_the_rows_back(result: MatchResult, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_match_result(path, result)
    if name.endswith(".jsonl"):
        assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == result.to_rows()
    elif name.endswith(".parquet"):
        assert pq.read_table(path).to_pylist() == result.to_rows()
    else:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert [row["error"] for row in rows] == ["", "", result[2].error]
        assert (rows[0]["probability"], rows[1]["factor"], rows[2]["label"]) == ("0.75", "6", "")


def test_an_unknown_format_is_refused_with_those_allowed(result: MatchResult, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'.*out\.xlsx': use a name that ends in \.jsonl"):
        write_match_result(tmp_path / "out.xlsx", result)


def test_what_is_no_pair_is_refused_by_its_type() -> None:
    with pytest.raises(ConfigError, match="Pair objects, got tuple"):
        match([("Kolvra kettle", "Kolvra Wasserkocher")], "tfidf")  # type: ignore[list-item]


def test_every_agent_pipeline_is_known_to_ask_a_model_and_refuses_what_cannot_answer_it_before_a_pair() -> None:
    agents = {name for name, target in MATCHERS.items() if target.startswith("epm.agents.")}
    assert agents == {*ASKS_A_MODEL, *ASKS_THE_MODEL}
    for name in ASKS_THE_MODEL:
        with pytest.raises(ConfigError, match="--model"):
            require_usable([make_matcher(name)], MatchContext(model=ModelSettings("rules")))
