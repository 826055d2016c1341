"""A rater at the terminal: two listings side by side, one key to answer, and no listing text that the terminal obeys."""

from __future__ import annotations

import io
import sys

import pytest

from epm.cli.review_asking import ask_in_json, ask_person
from epm.cli.review_view import show_item
from epm.errors import DataError
from epm.identity import STRICT
from epm.relation import Relation
from epm.review.answer import Answer, Said
from epm.review.session import Stopped

HOSTILE = "\x1b]0;owned\x07\x1b[2J[bold red]Kolvra\u202egnirts\x9b31m :smile:"
ITEM = {
    "run": "r1", "item": "p1", "n_open": 3, "left": {"title": "Kolvra KX-120", "brand": "Kolvra"},
    "right": {"title": HOSTILE, "attributes.\x1b[31mcolour": "black\nor \ud800 red"},
}  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(monkeypatch):
    """What the rater types, as lines of a pipe."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_listings_stand_side_by_side(capsys) -> None:
    show_item({**ITEM, "right": {"title": "Kolvra KX120 lamp", "mpn": "KX120"}})
    lines = capsys.readouterr().out.splitlines()
    [title] = [line for line in lines if line.strip().startswith("title")]
    assert title.index("KX-120") < title.index("KX120 lamp")
    assert any("brand" in line and "Kolvra" in line for line in lines)
    assert "teacher" not in "\n".join(lines)


def test_a_hostile_listing_is_shown_and_never_obeyed(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    show_item(ITEM)
    shown = capsys.readouterr().out
    assert not any(not character.isprintable() for character in shown if character != "\n")
    for text in ("\\x1b]0;owned\\x07\\x1b[2J[bold red]Kolvra\\u202egnirts\\x9b31m :smile:", "attributes.\\x1b[31mcolour", "or \\ud800 red"):
        assert text in shown


@pytest.mark.parametrize(("key", "answer"), [("m", Answer.MATCH), ("N", Answer.NO_MATCH), ("u", Answer.UNSURE)])
def test_one_key_answers(monkeypatch, key, answer) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("typer.getchar", lambda: key)
    assert ask_person({"r1": STRICT})(ITEM) == Said(answer)


def test_an_unknown_key_is_told_and_asked_again_and_s_passes_over(typed, capsys) -> None:
    typed("x\ns\n")
    assert ask_person({"r1": STRICT})(ITEM) is None
    assert "'x' is none of them" in capsys.readouterr().err


def test_r_takes_a_relation_and_a_note_and_a_wrong_one_is_asked_again(typed, capsys) -> None:
    typed("r\ntwin\n\nr\nvariant\nother colour\n")
    assert ask_person({"r1": STRICT})(ITEM) == Said(Answer.NO_MATCH, Relation.VARIANT, "other colour")
    assert "relation 'twin' is unknown" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["q\n", "", "r\n"])
def test_q_and_the_end_of_input_stop_the_turn(typed, text) -> None:
    typed(text)
    with pytest.raises(Stopped):
        ask_person({"r1": STRICT})(ITEM)


def test_lines_of_json_answer_too_and_a_wrong_line_is_named(typed, capsys) -> None:
    typed('{"label": "match"}\n{}\n{"label": "match", "gold": 1}\n')
    ask = ask_in_json({"r1": STRICT})
    assert ask(ITEM) == Said(Answer.MATCH)
    assert ask(ITEM) is None
    with pytest.raises(DataError, match=r"stdin, line 3: gold does not exist; .* answers before it are kept"):
        ask(ITEM)
    assert capsys.readouterr().out.isascii()
    typed("")
    with pytest.raises(Stopped):
        ask(ITEM)
