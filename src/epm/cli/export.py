"""``epm export``: the rationales of runs as an SFT file or as a dataset folder, or explored questions as preferences."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.options import DEFAULT_PLACE, StoreOption
from epm.errors import ConfigError

if TYPE_CHECKING:
    from epm.distill.export import ExportResult
    from epm.distill.question_export import QuestionExport
    from epm.distill.rationale_export import RationaleExport
    from epm.rationale import Axis


class ExportFormat(StrEnum):
    """What is written."""

    SFT = "sft"
    CHAT = "chat"
    RATIONALES = "rationales"
    QUESTION_PREFERENCES = "question-preferences"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("export")(export)


def export(
    runs: Annotated[list[str], typer.Argument(help="Run ids, or their beginnings; only rationales takes several.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write, .jsonl or .parquet; rationales: folder.")], *,
    view: Annotated[ExportFormat, typer.Option("--format", help="sft: prompts and completions; chat: conversations (messages); rationales: a dataset of every item, with a card; question-preferences: the best and the worst questions of a pair.")] = ExportFormat.SFT,
    min_score: Annotated[list[str] | None, typer.Option(help="sft, chat: AXIS=SCORE, e.g. core=0.7; unscored rationales are left out.")] = None,
    gold_agrees: Annotated[bool, typer.Option("--gold-agrees", help="sft, chat: leave out rationales that contradict the gold label.")] = False,
    label_share: Annotated[float, typer.Option(help="sft: share of label-mode rows.")] = 0.3,
    one_order: Annotated[bool, typer.Option("--one-order", help="sft, chat: only the stored order of the listings.")] = False,
    split: Annotated[list[str] | None, typer.Option(help="sft, chat: take this split only; repeatable. Needed for others than train.")] = None,
    oracle: Annotated[str | None, typer.Option(help="rationales: run whose labels fill oracle_label.")] = None,
    license_note: Annotated[str | None, typer.Option("--license", help="rationales: what card and rows say about licences.")] = None,
    check_leaks: Annotated[bool, typer.Option("--check-leaks", help="Write nothing if a rationale names a label in its free text; else they are listed.")] = False,
    store: StoreOption = DEFAULT_PLACE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Write the rationales or the explored questions of runs as a dataset, and say what was left out and why."""
    from epm.distill.dataset import ViewOptions
    from epm.distill.export import export_chat, export_sft
    from epm.distill.question_export import export_questions
    from epm.distill.rationale_export import export_rationales
    from epm.distill.rationale_files import CARD, FAILED, RATIONALES
    from epm.files.overwriting import refuse_overwriting
    from epm.store.store import RunStore

    _check_options(
        view,
        runs,
        for_training=bool(min_score or gold_agrees or one_order or split),
        for_rationales=bool(oracle or license_note),
        check_leaks=check_leaks,
    )
    for written in (out, *(out / name for name in (RATIONALES, FAILED, CARD))):
        refuse_overwriting(written, [store.path])
    options = ViewOptions(
        _min_scores(min_score or []),
        gold_agrees=gold_agrees,
        label_share=label_share,
        both_orders=not one_order,
        splits=frozenset(split or ()),
    )
    with RunStore.open_to_read(store) as opened:
        if view is ExportFormat.SFT:
            _show_sft(export_sft(opened, runs[0], out, options, check_leaks=check_leaks), as_json=as_json)
        elif view is ExportFormat.CHAT:
            _show_sft(export_chat(opened, runs[0], out, options, check_leaks=check_leaks), as_json=as_json)
        elif view is ExportFormat.QUESTION_PREFERENCES:
            _show_questions(export_questions(opened, runs[0], out), as_json=as_json)
        else:
            made = export_rationales(opened, runs, out, oracle=oracle, license_note=license_note, check_leaks=check_leaks)
            _show_rationales(made, as_json=as_json)


def _check_options(view: ExportFormat, runs: list[str], *, for_training: bool, for_rationales: bool, check_leaks: bool) -> None:
    if view is not ExportFormat.RATIONALES and len(runs) > 1:
        raise ConfigError(f"--format {view} takes one run, not {len(runs)}: export them one by one")
    if view is not ExportFormat.RATIONALES and for_rationales:
        raise ConfigError(f"--oracle and --license have no place in a file of --format {view}: use them with --format rationales")
    if view not in {ExportFormat.SFT, ExportFormat.CHAT} and for_training:
        raise ConfigError(
            f"--min-score, --gold-agrees, --one-order and --split choose rows to learn from, not those of --format {view}: filter those by their columns"
        )
    if view is ExportFormat.QUESTION_PREFERENCES and check_leaks:
        raise ConfigError("--check-leaks reads rationales, and question preferences hold none: leave it out")


def _show_sft(result: ExportResult, *, as_json: bool) -> None:
    if as_json:
        figures = {
            "path": str(result.path), "n_rows": result.n_rows, "n_items": result.n_items, "n_kept": result.n_kept,
            "dropped": dict(result.dropped), "n_label_given": result.n_label_given, "label_words": result.label_words.to_json(),
            "sha256": result.sha256,
        }  # fmt: skip
        typer.echo(json.dumps(figures))
        return
    typer.echo(f"{result.n_rows} rows from {result.n_kept} of {result.n_items} rationales written to {result.path}")
    for reason, n in result.dropped.items():
        typer.echo(f"  left out, {reason}: {n}")
    _show_marks(result.n_label_given, result.n_kept, result.label_words.summary())


def _show_questions(made: QuestionExport, *, as_json: bool) -> None:
    if as_json:
        figures = {
            "path": str(made.path), "n_rows": made.n_rows, "n_items": made.n_items, "dropped": dict(made.dropped),
            "scores": {name: dict(counts) for name, counts in made.scores.items()}, "sha256": made.sha256,
        }  # fmt: skip
        typer.echo(json.dumps(figures))
        return
    typer.echo(f"{made.n_rows} rows from {made.n_items} items written to {made.path}")
    for name, counts in made.scores.items():
        typer.echo(f"  variant {name}: {', '.join(f'{score} {n}' for score, n in sorted(counts.items()))}")
    for reason, n in made.dropped.items():
        typer.echo(f"  left out, {reason}: {n}")


def _show_rationales(made: RationaleExport, *, as_json: bool) -> None:
    from epm.distill.rationale_files import CARD, FAILED

    if as_json:
        figures = {
            "folder": str(made.folder), "runs": list(made.run_ids), "n_items": made.n_items, "n_rows": made.n_rows,
            "failed_by_class": made.failed_by_class, "n_label_given": made.n_label_given, "label_words": made.label_words.to_json(),
            "sha256": made.sha256,
        }  # fmt: skip
        typer.echo(json.dumps(figures))
        return
    typer.echo(f"{made.n_rows} rationales of {made.n_items} items written to {made.folder}, described in {CARD}")
    for name, n in made.failed_by_class.items():
        typer.echo(f"  without a rationale, {name}: {n}, listed in {FAILED}")
    _show_marks(made.n_label_given, made.n_rows, made.label_words.summary())


def _show_marks(n_label_given: int, n: int, words: str) -> None:
    if n_label_given:
        typer.echo(f"  label-conditioned: the writers of {n_label_given} of {n} rationales had been told the gold label")
    typer.echo(f"  {words}")


def _min_scores(texts: list[str]) -> dict[Axis, float]:
    from epm.rationale import Axis

    found: dict[Axis, float] = {}
    for text in texts:
        axis, _, score = text.partition("=")
        try:
            found[Axis(axis)] = float(score)
        except ValueError as error:
            msg = f"--min-score {text!r} is not AXIS=SCORE: use one of {', '.join(Axis)} and a number from 0 to 1, e.g. core=0.7"
            raise ConfigError(msg) from error
    return found
