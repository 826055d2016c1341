import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from epm.decision import Decision
from epm.distill.chat_rows import chat_view
from epm.distill.dataset import ViewOptions
from epm.distill.dataset_files import write_rows
from epm.errors import DataError
from epm.identity import FAMILY, STRICT
from epm.pair import Pair
from epm.rationale import Rationale
from epm.relation import Relation

MakeRationale = Callable[[Relation], Rationale]


@dataclass(frozen=True)
class Item:
    pair: Pair
    decision: Decision


def item(pair: Pair, rationale: Rationale) -> Item:
    return Item(replace(pair, split="train"), Decision.from_rationale(pair.id, rationale))


def test_a_conversation_ends_in_the_whole_rationale_as_json(pair: Pair, rationale_of: MakeRationale) -> None:
    rationale = rationale_of(Relation.EXACT)
    stored, swapped = chat_view([item(pair, rationale)], [], ViewOptions(), STRICT).rows
    assert [message.role for message in stored.messages] == ["system", "user", "assistant"]
    assert Rationale.model_validate_json(stored.messages[-1].content) == rationale
    assert Rationale.model_validate_json(swapped.messages[-1].content) == rationale.swapped()
    assert (stored.split, stored.pair_id, stored.prompt_id) == ("train", "p1", "student/chat.v1")


def test_the_prompt_states_the_rule_and_both_listings_and_never_the_answer(pair: Pair, rationale_of: MakeRationale) -> None:
    (row, _) = chat_view([item(pair, rationale_of(Relation.EXACT))], [], ViewOptions(), FAMILY).rows
    system, user = row.messages[0].content, row.messages[1].content
    assert FAMILY.statement in system
    assert "Kolvra KX-120 kettle black" in user
    assert not any(secret in user for secret in ("c1", "c2", "match", "exact"))


def test_a_test_pair_is_refused_in_conversations_too(pair: Pair, rationale_of: MakeRationale) -> None:
    held_out = Item(replace(pair, split="test"), Decision.from_rationale(pair.id, rationale_of(Relation.EXACT)))
    with pytest.raises(DataError, match="1 of 'test'"):
        chat_view([held_out], [], ViewOptions(), STRICT)


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_a_file_of_conversations_holds_lists_of_messages(pair: Pair, rationale_of: MakeRationale, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"chat{ending}"
    rows = chat_view([item(pair, rationale_of(Relation.EXACT))], [], ViewOptions(both_orders=False), STRICT).rows
    write_rows(path, rows, is_nested=True)
    if ending == ".jsonl":
        found = json.loads(path.read_text(encoding="utf-8"))
    else:
        from pyarrow import parquet

        (found,) = parquet.read_table(path).to_pylist()
    assert [message["role"] for message in found["messages"]] == ["system", "user", "assistant"]
