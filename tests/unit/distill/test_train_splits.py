from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from epm.decision import Decision
from epm.distill.dataset import ViewOptions, sft_view
from epm.distill.train_splits import is_train, require_train_splits, rows_to_learn_from
from epm.errors import DataError
from epm.pair import Pair
from epm.rationale import Rationale
from epm.relation import Relation

MakeRationale = Callable[[Relation], Rationale]


@dataclass(frozen=True)
class Item:
    pair: Pair
    decision: Decision


@dataclass(frozen=True)
class Row:
    split: str | None


def items(pair: Pair, rationale: Rationale, *splits: str | None) -> list[Item]:
    return [Item(replace(pair, id=f"p{i}", split=split), Decision.from_rationale(f"p{i}", rationale)) for i, split in enumerate(splits)]


@pytest.mark.parametrize("split", [None, "train", "Train", "training", "train_small", "train-2", "train 80cc"])
def test_train_and_a_pair_without_a_split_are_learnt_from(split: str | None) -> None:
    assert is_train(split)


@pytest.mark.parametrize("split", ["test", "valid", "dev", "reinforce", "trainer", "not-train", "holdout", ""])
def test_every_other_split_is_held_out(split: str) -> None:
    assert not is_train(split)


def test_every_row_carries_the_split_of_its_pair(pair: Pair, rationale_of: MakeRationale) -> None:
    rows = sft_view(items(pair, rationale_of(Relation.EXACT), "train", None), [], ViewOptions(label_share=0.0)).rows
    assert [row.split for row in rows] == ["train", "train", None, None]


def test_a_rationale_of_a_test_pair_is_refused_with_its_count_unless_its_split_is_named(pair: Pair, rationale_of: MakeRationale) -> None:
    mixed = items(pair, rationale_of(Relation.EXACT), "train", "test", "test")
    with pytest.raises(DataError, match=r"of 3 rationales or rows, 2 of 'test' .*--split"):
        sft_view(mixed, [], ViewOptions())
    chosen = sft_view(mixed, [], ViewOptions(splits=frozenset({"train"})))
    assert ({row.split for row in chosen.rows}, dict(chosen.dropped)) == ({"train"}, {"split 'test'": 2})
    assert {row.split for row in sft_view(mixed, [], ViewOptions(splits=frozenset({"test"}))).rows} == {"test"}


def test_a_trainer_refuses_rows_of_another_split_and_takes_those_that_are_named() -> None:
    rows = [Row("train"), Row("valid")]
    with pytest.raises(DataError, match="1 of 'valid'"):
        rows_to_learn_from(rows, frozenset())
    assert rows_to_learn_from(rows, {"valid"}) == [Row("valid")]
    assert rows_to_learn_from([Row("train"), Row(None)], frozenset()) == [Row("train"), Row(None)]


def test_a_split_that_is_nowhere_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"--split 'tset' is the split of nothing here: there are test"):
        require_train_splits(["test"], {"tset"})
