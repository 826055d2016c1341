"""The results of the whole road as a report: headline table, each link against gold, curves, examples, run cards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from epm.cli.road import MIN_SCORE, Road, RoadResults
from epm.config import __version__
from epm.decision import Decision
from epm.eval.bench import MatcherResult
from epm.eval.report import write_report
from epm.eval.results import DemoResults, Example, Link, Probe, RunCard, bench_table, curve_of, example_of, failures_of, write_results_json
from epm.pair import Pair

NOT_RUN = (
    "No hosted or paid model answered a call: the teacher ran on the rules transport, where the evidence engine extracts, decides and verifies.",
    "No hub student (Qwen3-0.6B, 1.7B, …) was trained: the student is the shipped 2 M-parameter epm-seed.",
    "The three model judges had no model and left everything unscored; the reward's judge share comes from the deterministic judge 'checks'.",
)
_N_EXAMPLES = 3


def write_road_report(road: Road, results: RoadResults) -> Path:
    """Write ``report.html`` and ``results.json`` into the demonstration's folder; the path of the report.

    Raises:
        DataError: the folder cannot be written.
    """
    shown = road_results(road, results)
    write_results_json(road.out / "results.json", shown)
    path = road.out / "report.html"
    write_report(path, shown)
    return path


def road_results(road: Road, results: RoadResults) -> DemoResults:
    """Everything that the report shows."""
    table = bench_table(
        results.benched,
        title="Held-out products",
        pairs="generated pairs of brands, templates and two categories that no training split holds",
    )
    curves = [curve_of(result) for result in results.benched.results]
    return DemoResults(
        title="The whole road on the generated sample", created_at=datetime.now(UTC).isoformat(timespec="seconds"), epm_version=__version__,
        lead="Listings, teacher, judges, LoRA SFT, GRPO, bench and audit, on two cores, without a key and without a network.",
        headline=table, links=tuple(_links(results)), curves=tuple(curve for curve in curves if curve is not None),
        probes=(_probe(results),), examples=tuple(_examples(results)), failures=failures_of(results.benched.results),
        run_cards=tuple(RunCard(stage=s.name, seconds=s.seconds, details=dict(s.details)) for s in road.stages), not_run=NOT_RUN,
    )  # fmt: skip


def _links(results: RoadResults) -> Iterator[Link]:
    """Each link against gold, with agreement beside it: offline one engine stands behind several of them."""
    taught, overall = results.taught.gold, results.judged.by_axis["overall"]
    if taught is not None:
        yield Link(
            link="teacher", figure="F1", against="gold, training pairs", value=taught.f1, n=taught.n, note=f"coverage {taught.coverage:.3f}"
        )
    yield Link(
        link="judge 'checks'", figure="AUROC, sound against corrupted rationales", against="known corruption", value=overall.auroc,
        ci95=overall.ci95, n=overall.n_sound + overall.n_corrupted, note=f"{overall.n_unscored} unscored",
    )  # fmt: skip
    kept = results.exported
    yield Link(
        link="rationales kept for SFT", figure="share", against=f"gold label and judge scores of at least {MIN_SCORE}",
        value=kept.n_kept / kept.n_items, n=kept.n_items,
    )  # fmt: skip
    for result in results.benched.results:
        yield _against_gold(result)
    audited = results.audited
    yield Link(
        link="student and teacher", figure="agreement", against="each other, not gold", value=audited.agreement, ci95=audited.agreement_ci95,
        n=audited.n_both_decided, note=f"kappa {audited.kappa:.3f}" if audited.kappa is not None else "",
    )  # fmt: skip


def _against_gold(result: MatcherResult) -> Link:
    row = result.row
    low, high = row.f1_ci95
    interval = None if low is None or high is None else (low, high)
    return Link(link=_short(row.matcher), figure="F1", against="gold, held-out products", value=row.f1, ci95=interval, n=row.n)


def _probe(results: RoadResults) -> Probe:
    grpo = results.grpo
    drop = grpo.before.gold_f1 - grpo.after.gold_f1
    return Probe(
        name="GRPO: mean sampled R on fixed prompts that no training step saw", n=len(grpo.before.rewards), before=grpo.before.mean_reward,
        after=grpo.after.mean_reward, difference=grpo.reward_gain, ci95=grpo.reward_gain_ci95,
        note=f"greedy gold F1 {grpo.before.gold_f1:.3f} → {grpo.after.gold_f1:.3f} (drop {drop:+.3f}); "
        f"well-formed samples at T = 1 {grpo.before.well_formed:.1%} → {grpo.after.well_formed:.1%}",
    )  # fmt: skip


def _examples(results: RoadResults) -> Iterator[Example]:
    """Pairs on which student and teacher part, then pairs on which both are right."""
    by_name = {_short(result.row.matcher): result.decisions for result in results.benched.results}
    audited, benched = results.audited, results.benched
    for caption, ids in (
        ("the student is right, the teacher wrong", audited.student_right_oracle_wrong),
        ("the teacher is right, the student wrong", audited.oracle_right_student_wrong),
    ):
        yield from (_example(benched.pairs, by_name, pair_id, caption) for pair_id in ids[:_N_EXAMPLES])
    parted = {*audited.student_right_oracle_wrong, *audited.oracle_right_student_wrong}
    others = [pair.id for pair in benched.pairs if pair.id not in parted]
    yield from (_example(benched.pairs, by_name, pair_id, "student and teacher agree") for pair_id in others[:_N_EXAMPLES])


def _example(pairs: tuple[Pair, ...], by_name: dict[str, tuple[Decision, ...]], pair_id: str, caption: str) -> Example:
    place = next(i for i, pair in enumerate(pairs) if pair.id == pair_id)
    shown = {name: decisions[place] for name, decisions in by_name.items() if decisions[place].rationale is not None}
    return example_of(pairs[place], shown, caption=caption)


def _short(matcher: str) -> str:
    """A student's row by its folder's name instead of its whole path."""
    name, colon, folder = matcher.partition(":")
    return f"{name}:{Path(folder).name}" if colon else name
