"""The whole road on the generated sample: listings, teacher, judges, SFT, GRPO, bench, audit, report.

Each stage is the library function behind the command of the same name, so what the demonstration shows is what a user
runs. Repeating it resumes the teacher; the training stages are done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from epm.agents.report import TeachReport
from epm.agents.teach_file import TeachOptions, teach_file
from epm.decision import Decision
from epm.distill.dataset import ViewOptions
from epm.distill.dataset_files import read_sft_rows
from epm.distill.export import ExportResult, export_sft
from epm.distill.grpo import GrpoRecipe, GrpoResult, run_grpo
from epm.distill.sft import SftRecipe, SftResult, run_sft
from epm.eval.audit import AuditReport, compare_decisions
from epm.eval.bench import BenchReport, bench
from epm.eval.judge_quality import JudgeQuality, judge_quality
from epm.files.pairs import read_pairs
from epm.gateway.request import ModelSettings
from epm.identity import STRICT
from epm.judge import JudgeContext
from epm.judges.score import ScoreReport
from epm.judges.score_stored import ScoreOptions, score_stored
from epm.matcher import MatchContext
from epm.pair import Pair
from epm.progress import ProgressSink
from epm.rationale import Axis, Rationale
from epm.registry import make_judge
from epm.sample.splits import write_sample
from epm.session import open_session
from epm.store.store import RunStore

T = TypeVar("T")

RULES = ModelSettings("rules")
ORACLE = "multi-agent-rag"
SCORERS = ("tfidf", "model-token", "evidence-rules", ORACLE)
MIN_SCORE = 0.5
"""The lowest judge score per axis that the student learns from: below it a rationale has a fault that checks can prove."""
N_QUALITY_ITEMS = 200


@dataclass(frozen=True, slots=True)
class RoadSizes:
    """How much of everything; the defaults take under eight minutes on two cores."""

    n_train: int = 1300
    n_reinforce: int = 500
    n_valid: int = 200
    n_test: int = 400
    sft_epochs: float = 3.0
    grpo_steps: int = 20
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage that was walked: seconds, and the figures to show."""

    name: str
    seconds: float
    details: Mapping[str, str]


@dataclass(slots=True)
class Road:
    """What the stages gave, in order; ``stages`` says how long each took."""

    out: Path
    sizes: RoadSizes
    on_progress: ProgressSink
    stages: list[Stage] = field(default_factory=list)

    @property
    def store(self) -> Path:
        """The store of the demonstration's runs."""
        return self.out / "store.db"

    def sample_file(self, split: str) -> Path:
        """The file of one split of the sample."""
        return self.out / "sample" / f"{split}.jsonl.gz"

    def student(self, stage: str) -> Path:
        """The folder of a student: ``sft`` or ``grpo``."""
        return self.out / f"student-{stage}"

    def walk(self, name: str, work: Callable[[], T], details: Callable[[T], Mapping[str, object]]) -> T:
        """The result of a stage, with its time and figures kept."""
        started_s = time.monotonic()
        result = work()
        shown = {key: str(value) for key, value in details(result).items()}
        self.stages.append(Stage(name, time.monotonic() - started_s, shown))
        return result


@dataclass(frozen=True, slots=True)
class RoadResults:
    """Everything the report is made of."""

    taught: TeachReport
    exported: ExportResult
    grpo: GrpoResult
    benched: BenchReport
    audited: AuditReport
    judged: JudgeQuality


def walk_road(road: Road) -> RoadResults:
    """The results of all stages.

    Raises:
        EpmError: a stage cannot do its work; says what to do.
    """
    sizes = road.sizes
    road.walk("sample", lambda: _sample(road), lambda card: {"seed": sizes.seed, "files": len(card)})
    taught = road.walk("teach", lambda: _teach(road), _taught_details)
    road.walk("judge", lambda: _score(road, taught.run_id), lambda r: {"rationales": r.n_rationales, "judgements": r.n_new})
    exported = road.walk("export", lambda: _export(road, taught.run_id), lambda r: {"rows": r.n_rows, "kept": f"{r.n_kept} of {r.n_items}"})
    road.walk("sft", lambda: _sft(road), lambda r: r.figures())
    grpo = road.walk("grpo", lambda: _grpo(road), lambda r: {"steps": r.n_steps, "reward gain": f"{r.reward_gain:+.4f}"})
    benched = road.walk("bench", lambda: _bench(road), lambda r: {"matchers": len(r.rows), "pairs": len(r.pairs)})
    audited = road.walk("audit", lambda: _audit(benched), lambda r: {"agreement": r.agreement_of_all})
    judged = road.walk("judge quality", lambda: _judge_quality(road, taught.run_id), lambda r: {"rationales": r.n_items})
    return RoadResults(taught, exported, grpo, benched, audited, judged)


def student_specs(road: Road) -> list[str]:
    """The students of the headline table: the seed zero-shot, then after SFT and after GRPO."""
    return ["seed", f"student:{road.student('sft')}", f"student:{road.student('grpo')}"]


def _sample(road: Road) -> Mapping[str, object]:
    sizes = road.sizes
    return write_sample(
        road.out / "sample", seed=sizes.seed,
        sizes={"train": sizes.n_train, "reinforce": sizes.n_reinforce, "valid": sizes.n_valid, "test": sizes.n_test},
    )  # fmt: skip


def _teach(road: Road) -> TeachReport:
    options = TeachOptions(matcher=ORACLE, model=RULES, store=road.store, seed=road.sizes.seed)
    return teach_file(road.sample_file("train"), options, on_progress=road.on_progress)


def _taught_details(report: TeachReport) -> Mapping[str, object]:
    return {"run": report.run_id, "items": report.n_items, "new": report.n_new, "calls": report.n_calls, "searches": report.n_searches}


def _score(road: Road, run_id: str) -> ScoreReport:
    return score_stored(run_id, ScoreOptions(store=road.store), on_progress=road.on_progress)


def _export(road: Road, run_id: str) -> ExportResult:
    options = ViewOptions(
        min_scores=dict.fromkeys(Axis, MIN_SCORE), gold_agrees=True, label_share=0.0, both_orders=False, seed=road.sizes.seed
    )
    with RunStore.open(road.store) as store:
        return export_sft(store, run_id, road.out / "sft.jsonl", options)


def _sft(road: Road) -> SftResult:
    recipe = SftRecipe(epochs=road.sizes.sft_epochs, seed=road.sizes.seed)
    return run_sft(read_sft_rows(road.out / "sft.jsonl"), road.student("sft"), recipe, on_progress=road.on_progress)


def _grpo(road: Road) -> GrpoResult:
    recipe = GrpoRecipe(steps=road.sizes.grpo_steps, seed=road.sizes.seed)
    pairs = read_pairs(road.sample_file("reinforce")).pairs
    return run_grpo(
        pairs, str(road.student("sft")), road.student("grpo"), judges=[make_judge("checks")], recipe=recipe, on_progress=road.on_progress
    )


def _bench(road: Road) -> BenchReport:
    """Matchers that score at thresholds from the valid pairs; students as they decide, for zero-shot means without any label."""
    with open_session(store=road.store, model=RULES, seed=road.sizes.seed) as session:
        ctx = MatchContext(identity=STRICT, gateway=session.gateway, model=RULES, seed=road.sizes.seed)
        test, valid = (read_pairs(road.sample_file(split)).pairs for split in ("test", "valid"))
        scored = bench(test, SCORERS, ctx=ctx, valid=valid, on_progress=road.on_progress)
        decided = bench(test, student_specs(road), ctx=ctx, on_progress=road.on_progress)
    return replace(scored, results=(*scored.results, *decided.results))


def _audit(benched: BenchReport) -> AuditReport:
    by_role: list[tuple[str, tuple[Decision, ...]]] = [(r.row.matcher, r.decisions) for r in benched.results]
    oracle = next(entry for entry in by_role if entry[0].startswith(ORACLE))
    return compare_decisions(benched.pairs, by_role[-1], oracle)


def _judge_quality(road: Road, run_id: str) -> JudgeQuality:
    """How well ``checks`` tells the teacher's sound rationales (those whose label is the gold label) from corrupted ones."""
    items: list[tuple[Pair, Rationale]] = []
    with RunStore.open(road.store) as store:
        for item in store.items(run_id):
            rationale = item.decision.rationale
            if rationale is not None and rationale.label is not None and rationale.label is item.pair.gold_label:
                items.append((item.pair, rationale))
    kept = sorted(items, key=lambda item: item[0].id)[:N_QUALITY_ITEMS]
    return judge_quality(make_judge("checks"), kept, seed=road.sizes.seed, ctx=JudgeContext(identity=STRICT))
