from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from epm.decision import Decision, Outcome
from epm.errors import ConfigError, DataError, ErrorClass
from epm.listing import Listing
from epm.matcher import MatchContext
from epm.matchers.recorded import make, parse_answer
from epm.pair import Pair
from epm.relation import Label

WriteRows = Callable[..., str]
BATCH = "For question 1, yes, Product A and B are the same. For question 2, no, they differ. For question 12, yes, same.."


def row(pair_id: str, text: str | None, *, prompt: str = "p1", **more: object) -> dict[str, object]:
    return {"pair_id": pair_id, "prompt_name": prompt, "answer_text": text, **more}


@pytest.fixture
def write(tmp_path: Path) -> WriteRows:
    def write_rows(*rows: dict[str, object]) -> str:
        path = tmp_path / "answers.jsonl.gz"
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.write("\n".join(json.dumps(one) for one in rows))
        return str(path)

    return write_rows


def decide(arg: str, *pair_ids: str) -> list[Decision]:
    pairs = [Pair(pair_id, Listing("a", "x"), Listing("b", "y")) for pair_id in pair_ids]
    return asyncio.run(make(arg).decide(pairs, MatchContext()))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Yes", Label.MATCH),
        ("yes, the two products", Label.MATCH),
        ("No.\nattribute=brand", Label.NO_MATCH),
        ("**No**", Label.NO_MATCH),
        ("The two product descriptions refer", None),
        ("Note that yes", None),
        ("", None),
        (None, None),
    ],
)
def test_the_first_word_is_the_answer(text: str | None, label: Label | None) -> None:
    assert parse_answer(text) is label


@pytest.mark.parametrize(("position", "label"), [(1, Label.MATCH), (2, Label.NO_MATCH), (12, Label.MATCH), (3, None)])
def test_a_batched_answer_is_addressed_by_its_question(position: int, label: Label | None) -> None:
    assert parse_answer(BATCH, position) is label


def test_pairs_of_one_batched_answer_are_each_decided_by_their_own_question(write: WriteRows) -> None:
    path = write(
        *(row(str(place), BATCH, answer_position=place, parsed_label=parsed) for place, parsed in ((1, 1), (2, 0), (3, None), (12, 1)))
    )

    decisions = decide(path, "1", "2", "3", "12")

    assert [decision.label for decision in decisions] == [Label.MATCH, Label.NO_MATCH, None, Label.MATCH]
    assert [decision.outcome for decision in decisions] == [Outcome.DECIDED, Outcome.DECIDED, Outcome.ABSTAINED, Outcome.DECIDED]
    assert [decision.provenance.get("disagreements") for decision in decisions] == [None] * 4
    assert make(path).disagreements() == []


def test_parsed_labels_are_ignored_and_disagreements_listed(write: WriteRows) -> None:
    path = write(row("1", "Yes", parsed_label=0), row("2", "No", parsed_label=0))

    wrong, right = decide(path, "1", "2")

    assert (wrong.label, right.label) == (Label.MATCH, Label.NO_MATCH)
    assert "disagreements" in wrong.provenance
    assert "disagreements" not in right.provenance
    assert make(path).disagreements() == [("1", 0, Label.MATCH)]


def test_an_unparsed_answer_abstains_and_a_missing_one_fails(write: WriteRows) -> None:
    unparsed, missing = decide(write(row("1", None)), "1", "2")

    assert unparsed.outcome is Outcome.ABSTAINED
    assert missing.outcome is Outcome.FAILED
    assert missing.error_class is ErrorClass.BAD_REQUEST
    assert "'2'" in str(missing.error)


def test_a_file_with_several_prompts_needs_one_named(write: WriteRows) -> None:
    path = write(row("1", "Yes", prompt="short"), row("1", "No", prompt="long"))

    with pytest.raises(ConfigError, match=r"long.*short"):
        make(path)
    with pytest.raises(ConfigError, match=r"'odd'.*long.*short"):
        make(f"{path}@odd")
    assert decide(f"{path}@long", "1")[0].label is Label.NO_MATCH


def test_errors_name_the_file_and_the_line(write: WriteRows, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(row("1", "Yes")) + "\n{oops\n", encoding="utf-8")

    with pytest.raises(DataError, match=r"bad\.jsonl' line 2"):
        make(str(path))
    with pytest.raises(DataError, match="prompt_name"):
        make(write({"pair_id": "1", "answer_text": "Yes"}))
    with pytest.raises(DataError, match="absent"):
        make(str(tmp_path / "absent.jsonl"))
    with pytest.raises(DataError, match="twice"):
        make(write(row("1", "Yes"), row("1", "No")))
    with pytest.raises(ConfigError, match="needs a file"):
        make(None)
