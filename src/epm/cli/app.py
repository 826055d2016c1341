"""The ``epm`` program: collects the commands and turns errors into exit codes.

Results go to stdout, logs and progress to stderr. An ``EpmError`` is one line without a traceback; anything else is a
bug and keeps its traceback (exit 1).
"""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from epm.cli.file_bounds import CellOption, ColumnsOption, LineOption, UnpackedOption, file_bounds
from epm.cli.help_texts import restore_help
from epm.cli.signals import SignalHandler
from epm.cli.streams import guarded_streams, note, require_whole_output
from epm.config import __version__
from epm.errors import EpmError
from epm.files.bounds import reading_within
from epm.library_settings import own_environment
from epm.stopping import StopRequestedError

COMMAND_MODULES = (
    "demo",
    "data",
    "block",
    "select",
    "match",
    "compare",
    "bench",
    "fit",
    "teach",
    "knowledge",
    "judge",
    "import_",
    "export",
    "distill",
    "audit",
    "review",
    "runs",
    "why",
    "doctor",
)
"""Every module under ``epm.cli`` that registers commands, in the order of the help page."""


_TYPER_INTERRUPTED = 130


def build_app() -> typer.Typer:
    """The whole command tree; importing it loads nothing heavy."""
    app = typer.Typer(
        name="epm",
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
    ) -> None:
        if version:
            typer.echo(f"epm {__version__}")
            raise typer.Exit
        bounds = file_bounds(max_unpacked_mb, max_line_kb, max_cell_kb, max_columns)
        context.with_resource(reading_within(bounds))

    for name in COMMAND_MODULES:
        import_module(f"epm.cli.{name}").register(app)
    restore_help(app)
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
