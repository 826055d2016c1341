"""How long commands wait for a store that another program has locked, and where they say so.

epm --store-wait-s 300 teach pairs.jsonl
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import typer

from epm.cli.streams import note

StoreWaitOption = Annotated[
    float | None,
    typer.Option("--store-wait-s", min=0, help="Seconds to wait for a run store that another program has locked; 30 if not given."),
]


class _NoteHandler(logging.Handler):
    """Prints what the store has to say as a note on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        note(f"epm: note: {record.getMessage()}")


@contextmanager
def store_waits(longest_s: float | None) -> Iterator[None]:
    """Inside, stores wait that long, and the user is told what for."""
    log, handler = logging.getLogger("epm.store"), _NoteHandler(logging.WARNING)
    log.addHandler(handler)
    with ExitStack() as stack:
        stack.callback(log.removeHandler, handler)
        if longest_s is not None:
            from epm.store.locked import waiting_at_most

            stack.enter_context(waiting_at_most(longest_s))
        yield
