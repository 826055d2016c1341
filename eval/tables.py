"""Tables as text: headers and cells ready to show, and a plain rendering for logs and pipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from epm.eval.audit import AuditReport
from epm.eval.bench import BenchRow

_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class TextTable:
    """Headers and cells as text; the first column is left-aligned, the others right-aligned."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def plain(self) -> str:
        """The table in plain text, columns separated by two spaces."""
        lines = [self.headers, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.headers))]
        return "\n".join(_line(line, widths) for line in lines)


def bench_text_table(rows: Sequence[BenchRow]) -> TextTable:
    """The bench table: figures with three decimals, ``-`` where undefined; tokens and latency where a model was asked.

    ``hidden`` are the tokens out that nobody sees, ``cached`` the replies that were there already and cost nothing.
    """
    headers = (
        "matcher", "n", "pos", "P", "R", "F1", "F1 95 %", "accuracy", "AUPRC", "R@P99", "coverage", "failed", "threshold", "USD", "pairs/s",
    )  # fmt: skip
    if all(row.prompt_tokens is None for row in rows):
        return TextTable(headers, tuple(_bench_cells(row) for row in rows))
    more = ("tokens in", "tokens out", "hidden", "cached", "s/pair")
    return TextTable((*headers, *more), tuple((*_bench_cells(row), *_asking_cells(row)) for row in rows))


def audit_text_table(report: AuditReport) -> TextTable:
    """Student and oracle against gold, each as it decides by itself."""
    rows = [
        (
            f"{role} {side.matcher}", str(side.metrics.n), _figure(side.metrics.precision), _figure(side.metrics.recall), _figure(side.metrics.f1),
            _interval(side.f1_ci95), _figure(side.metrics.accuracy), _figure(side.metrics.coverage), _counts(side.failures),
        )
        for role, side in (("student", report.student), ("oracle", report.oracle))
    ]  # fmt: skip
    return TextTable(("against gold", "n", "P", "R", "F1", "F1 95 %", "accuracy", "coverage", "failed"), tuple(rows))


def agreement_lines(report: AuditReport) -> tuple[str, ...]:
    """Agreement, kappa and the operating point in words, to stand right beside the table against gold."""
    agreement = (
        f"agreement  {_figure(report.agreement)} {_interval(report.agreement_ci95)} of {report.n_both_decided} pairs that both decided; "
        f"{_figure(report.agreement_of_all)} of all {report.n}"
    )
    by_gold = (
        f"by gold    student right and oracle wrong: {len(report.student_right_oracle_wrong)}; "
        f"oracle right and student wrong: {len(report.oracle_right_student_wrong)}"
    )
    return agreement, f"kappa      {_figure(report.kappa)} {_interval(report.kappa_ci95)}", by_gold, report.operating_point


def disagreement_text_table(report: AuditReport) -> TextTable:
    """What student and oracle said where they differ, how often, and who was right by gold."""
    rows = tuple(
        (f"{cell.student} / {cell.oracle}", str(len(cell.pair_ids)), str(cell.n_student_right), str(cell.n_oracle_right), cell.pair_ids[0])
        for cell in report.disagreements
    )
    return TextTable(("student / oracle", "pairs", "student right", "oracle right", "e.g."), rows)


def _bench_cells(row: BenchRow) -> tuple[str, ...]:
    speed = _NOTHING if row.pairs_per_s is None else f"{row.pairs_per_s:,.0f}" if row.pairs_per_s >= 10 else f"{row.pairs_per_s:.2f}"  # noqa: PLR2004 - decimals matter below ten
    threshold = row.threshold if isinstance(row.threshold, str) else f"{row.threshold:.3f}"
    return (
        row.matcher, str(row.n), str(row.positives), _figure(row.precision), _figure(row.recall), _figure(row.f1), _interval(row.f1_ci95),
        _figure(row.accuracy), _figure(row.auprc), _figure(row.recall_at_p99), _figure(row.coverage), str(row.n_failed), threshold,
        f"{row.cost_usd:.4g}", speed,
    )  # fmt: skip


def _asking_cells(row: BenchRow) -> tuple[str, ...]:
    counts = (row.prompt_tokens, row.completion_tokens, row.reasoning_tokens)
    latency = _NOTHING if row.latency_s is None else f"{row.latency_s:.3g}"
    return (*(_NOTHING if count is None else f"{count:,}" for count in counts), str(row.n_cached), latency)


def _figure(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3f}"


def _interval(bounds: tuple[float | None, float | None] | None) -> str:
    if bounds is None or bounds[0] is None or bounds[1] is None:
        return _NOTHING
    return f"[{bounds[0]:.3f}, {bounds[1]:.3f}]"


def _counts(failures: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in failures.items()) or "0"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(cells, widths, strict=True)))
    return "  ".join([first, *others]).rstrip()
