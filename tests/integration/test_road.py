"""The whole road at a small size: every stage does its work on what the stage before it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from epm.progress import silent

pytest.importorskip("torch")
pytest.importorskip("chromadb")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

from epm.agents.teach_file import TeachOptions, teach_file  # noqa: E402 - torch may be absent
from epm.artifact import read_card  # noqa: E402
from epm.cli.road import ORACLE, RULES, Road, RoadResults, RoadSizes, walk_road  # noqa: E402
from epm.cli.road_report import write_road_report  # noqa: E402
from epm.distill.dataset_files import read_sft_rows  # noqa: E402
from epm.files.pairs import read_pairs  # noqa: E402

SIZES = RoadSizes(
    n_train=60, n_reinforce=60, n_valid=40, n_test=40, sft_epochs=1, grpo_steps=1, seed=8
)  # a seed whose teacher errs now and then


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Road, RoadResults]:
    road = Road(tmp_path_factory.mktemp("road"), SIZES, silent)
    return road, walk_road(road)


def test_every_stage_is_walked_once_and_timed(walked: tuple[Road, RoadResults]) -> None:
    road, _ = walked
    assert [stage.name for stage in road.stages] == ["sample", "teach", "judge", "export", "sft", "grpo", "bench", "audit", "judge quality"]
    assert all(stage.seconds > 0 for stage in road.stages)


def test_scorers_stand_at_a_threshold_from_valid_and_students_as_they_decide(walked: tuple[Road, RoadResults]) -> None:
    road, results = walked
    rows = results.benched.rows
    assert [row.matcher for row in rows] == [
        "tfidf", "model-token", "evidence-rules", "multi-agent-rag[rules]", "seed", f"student:{road.student('sft')}", f"student:{road.student('grpo')}",
    ]  # fmt: skip
    assert all(isinstance(row.threshold, float) for row in rows[:3])
    assert [row.threshold for row in rows[4:]] == ["as-is"] * 3
    assert {row.n for row in rows} == {len(results.benched.pairs)}


def test_the_student_learns_only_rationales_that_gold_and_judges_let_through(walked: tuple[Road, RoadResults]) -> None:
    road, results = walked
    rows = read_sft_rows(road.out / "sft.jsonl")
    assert len(rows) == results.exported.n_rows > 0
    assert all(row.gold_label is None or row.gold_label is row.teacher_label for row in rows)
    assert results.exported.dropped["label contradicts gold"] > 0


def test_the_reward_is_measured_on_pairs_that_sft_never_saw(walked: tuple[Road, RoadResults]) -> None:
    road, results = walked
    learnt = {row.pair_id for row in read_sft_rows(road.out / "sft.jsonl")}
    reinforced = {pair.id for pair in read_pairs(road.sample_file("reinforce")).pairs}
    assert not learnt & reinforced
    assert len(results.grpo.before.rewards) == len(results.grpo.after.rewards) > 0


def test_each_student_names_the_one_before_it(walked: tuple[Road, RoadResults]) -> None:
    road, _ = walked
    sft, grpo = (read_card(road.student(stage), kind="student") for stage in ("sft", "grpo"))
    assert sft.config["base"] == grpo.config["base"] == "seed"
    assert set(sft.parents) == {"base"}
    assert set(grpo.parents) == {"sft"}


def test_teaching_again_resumes_the_run_and_asks_nothing_twice(walked: tuple[Road, RoadResults]) -> None:
    road, results = walked
    again = teach_file(road.sample_file("train"), TeachOptions(matcher=ORACLE, model=RULES, store=str(road.store), seed=SIZES.seed))
    assert (again.run_id, again.n_new, again.n_items) == (results.taught.run_id, 0, 60)


def test_the_report_is_one_file_and_results_hold_each_link_against_gold(walked: tuple[Road, RoadResults]) -> None:
    road, results = walked
    page = write_road_report(road, results).read_text(encoding="utf-8")
    assert "http://" not in page
    assert "https://" not in page
    assert str(Path.home()) not in page
    stored = json.loads((road.out / "results.json").read_text(encoding="utf-8"))
    links = {link["link"]: link for link in stored["links"]}
    assert links["student and teacher"]["against"] == "each other, not gold"
    assert {"teacher", "judge 'checks'", "seed", "student:student-sft", "student:student-grpo"} <= set(links)
    assert all("gold" in links[name]["against"] for name in ("teacher", "seed", "student:student-sft", "student:student-grpo"))
