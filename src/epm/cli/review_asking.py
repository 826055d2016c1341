"""How a rater is asked: by one key in the terminal, or by lines of JSON in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from epm.cli.review_view import show_item
from epm.cli.streams import note
from epm.errors import DataError
from epm.first_problem import first_problem
from epm.identity import IdentityRule
from epm.relation import Relation
from epm.review.answer import Answer, Said, read_answer
from epm.review.session import Ask, Stopped

_KEYS = {"m": Answer.MATCH, "n": Answer.NO_MATCH, "u": Answer.UNSURE}
_IN_FULL, _PASS, _QUIT = "r", "s", "q"
_CHOICES = "m match, n no match, u unsure, r relation and note, s skip for now, q quit"


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: str | None = None
    relation: str | None = None
    note: str | None = None


def ask_in_json(rules: Mapping[str, IdentityRule]) -> Ask:
    """Prints an item as one line and reads its answer as one line; the turn ends where stdin does."""
    n_read = 0

    def ask(item: Mapping[str, object]) -> Said | None:
        nonlocal n_read
        typer.echo(json.dumps(item))  # ASCII: listing text may hold control and half characters
        sys.stdout.flush()
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt as interrupt:
            raise Stopped from interrupt
        if not line:
            raise Stopped
        n_read += 1
        try:
            given = _Line.model_validate_json(line)
            return read_answer(given.label or "", given.relation or "", given.note or "", rules[str(item["run"])])
        except ValidationError as error:
            raise DataError(f"stdin, line {n_read}: {first_problem(error)}; answers before it are kept") from error
        except DataError as error:
            raise DataError(f"stdin, line {n_read}: {error}; answers before it are kept") from error

    return ask


def ask_person(rules: Mapping[str, IdentityRule]) -> Ask:
    """Shows an item and reads one key; Ctrl-C and the end of input stop the turn."""

    def ask(item: Mapping[str, object]) -> Said | None:
        show_item(item)
        try:
            return _pressed(rules[str(item["run"])])
        except (typer.Abort, KeyboardInterrupt, EOFError) as interrupt:
            note("")
            raise Stopped from interrupt

    return ask


def _pressed(identity: IdentityRule) -> Said | None:
    while True:
        key = _key()
        if key == _QUIT:
            raise Stopped
        if key == _PASS:
            return None
        if key in _KEYS:
            return Said(_KEYS[key])
        said = _in_full(identity) if key == _IN_FULL else None
        if said is not None:
            return said
        if key != _IN_FULL:
            note(f"{key!r} is none of them")


def _key() -> str:
    """The key that was pressed; from a pipe, the first character of a line."""
    note(f"{_CHOICES}: ", nl=False)
    if sys.stdin.isatty():
        key = typer.getchar()
        note(key)
        return key.lower()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.strip()[:1].lower()


def _in_full(identity: IdentityRule) -> Said | None:
    relation = str(typer.prompt(f"relation ({', '.join(Relation)})", default="", show_default=False, err=True))
    words = str(typer.prompt("note, if you like", default="", show_default=False, err=True))
    try:
        return read_answer("", relation, words, identity)
    except DataError as error:
        note(str(error))
        return None
