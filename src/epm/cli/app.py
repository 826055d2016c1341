"""The ``epm`` program: lists the commands and turns errors into exit codes.

Results go to stdout, logs and progress to stderr. An ``EpmError`` is one line without a traceback; anything else is a
bug and keeps its traceback (exit 1).
"""

from __future__ import annotations

import sys

import typer

from epm.cli.file_bounds import CellOption, ColumnsOption, LineOption, UnpackedOption, file_bounds
from epm.cli.lazy_group import LazyCommand, LazyGroup
from epm.cli.signals import SignalHandler
from epm.cli.store_waits import StoreWaitOption, store_waits
from epm.cli.streams import guarded_streams, note, require_whole_output
from epm.config import __version__
from epm.errors import EpmError
from epm.files.bounds import reading_within
from epm.library_settings import own_environment
from epm.stopping import StopRequestedError

COMMANDS = {
    "demo": LazyCommand("demo", "Walk the whole road: listings, teacher, judges, SFT, GRPO, bench, audit, and a report to open."),
    "data": LazyCommand("data", "Look at and import tables of pairs or of listings, split pairs; make the generated sample; purge text from the store."),
    "block": LazyCommand("block", "Find candidates."),
    "select": LazyCommand("select", "Choose pairs for 'epm teach' by what cheap matchers leave open, by value and by variety."),
    "match": LazyCommand("match", "Decide every pair."),
    "compare": LazyCommand("compare", "Show two titles side by side, the evidence for and against, the three axes, the relation and the label."),
    "bench": LazyCommand("bench", "Measure matchers against the gold labels, with 95 % intervals over left and right products."),
    "fit": LazyCommand("fit", "Fit a matcher on labelled pairs."),
    "teach": LazyCommand("teach", "Write a rationale for each pair into the store."),
    "knowledge": LazyCommand("knowledge", "Add documents and catalogues for the teacher's searches; search, list and expire what is kept."),
    "judge": LazyCommand("judge", "Grade rationales on three axes."),
    "import": LazyCommand("import_", "Take over work that other systems recorded."),
    "export": LazyCommand("export", "Write the rationales or the explored questions of runs as a dataset, and say what was left out and why."),
    "distill": LazyCommand("distill", "Train a local student: pretrain the seed, SFT on rationales, GRPO on the reward."),
    "audit": LazyCommand("audit", "Say how far the student agrees with the oracle, where they differ, and who is right by gold."),
    "review": LazyCommand("review", "Answer what the teacher is unsure of: one by one, or through a spreadsheet or Label Studio; and how far people agree."),
    "runs": LazyCommand("runs", "List, show, compare and retry runs: items, calls, tokens, cost, failures, what left the machine."),
    "why": LazyCommand("why", "Show every call, prompt, retrieved text, reply, decision, judgement and reason for review of one pair, in the order of time."),
    "doctor": LazyCommand("doctor", "Ask a model for one structured answer in each mode, one repair and one tool call; say what works and what to set."),
}  # fmt: skip
"""Every command in the order of the help page, with the first sentence of its own help, so that the page loads none of them."""


class _Program(LazyGroup):
    table = COMMANDS


_TYPER_INTERRUPTED = 130


def build_app() -> typer.Typer:
    """The whole command tree; importing it loads nothing heavy."""
    app = typer.Typer(
        name="epm",
        cls=_Program,
        help="Decide whether two e-commerce listings are the same product, and turn agents into an audited local student.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,  # rich panels would more than double the time that the help page takes
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(invoke_without_command=True)
    def _root(
        context: typer.Context,
        *,
        version: bool = typer.Option(False, "--version", help="Print the version and stop.", is_eager=True),
        max_unpacked_mb: UnpackedOption = None,
        max_line_kb: LineOption = None,
        max_cell_kb: CellOption = None,
        max_columns: ColumnsOption = None,
        store_wait_s: StoreWaitOption = None,
    ) -> None:
        if version:
            typer.echo(f"epm {__version__}")
            raise typer.Exit
        bounds = file_bounds(max_unpacked_mb, max_line_kb, max_cell_kb, max_columns)
        context.with_resource(reading_within(bounds))
        context.with_resource(store_waits(store_wait_s))

    return app


def main() -> None:
    """Run the program and exit with an ``ExitCode``, or with 141 where the reader of its output has gone."""
    with guarded_streams():
        _run()


def _run() -> None:
    own_environment()
    signals = SignalHandler()
    signals.install()
    try:
        _command()
    except StopRequestedError as error:
        note(f"epm: {error}")
        sys.exit(signals.exit_code)
    except EpmError as error:
        note(f"epm: {' '.join(str(error).split())}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(signals.exit_code)  # the handler has said so already
    except SystemExit as end:
        if end.code == _TYPER_INTERRUPTED:  # typer's own answer to a KeyboardInterrupt, whichever signal it came from
            sys.exit(signals.exit_code)
        raise


def _command() -> None:
    try:
        build_app()()
    except SystemExit as end:
        if not end.code:
            require_whole_output()
        raise
