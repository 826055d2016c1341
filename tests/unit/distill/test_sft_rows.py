from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from epm.distill.dataset import SftRow
from epm.distill.examples import label_example, rationale_example
from epm.distill.sft_rows import check_labels_survive, fitted_rows, with_shuffled_labels
from epm.errors import TrainError
from epm.pair import Pair
from epm.rationale import Rationale
from epm.relation import Label, Relation
from epm.student_text import parse, parse_label

MakeRationale = Callable[[Relation], Rationale]
RELATIONS = [Relation.EXACT, Relation.OTHER_PACK, Relation.VARIANT, Relation.UNDECIDABLE]


@pytest.fixture
def rows(pair: Pair, rationale_of: MakeRationale) -> list[SftRow]:
    return [
        SftRow(
            pair_id=f"p{at}", prompt=example.prompt, completion=example.completion, mode=example.mode,
            gold_label=None, teacher_label=rationale.label, relation=rationale.relation,
        )
        for at, rationale in enumerate(rationale_of(RELATIONS[at % 4]) for at in range(40))
        for example in (rationale_example(pair, rationale), label_example(pair, rationale))
        if example is not None
    ]  # fmt: skip


def test_shuffling_hands_the_answers_to_other_pairs_and_keeps_comparisons_and_counts(rows: list[SftRow]) -> None:
    rationales = [row for row in rows if row.mode == "explain"]
    shuffled = with_shuffled_labels(rationales, seed=1)
    before, after = [parse(row.completion) for row in rationales], [parse(row.completion) for row in shuffled]
    assert [one.core for one in after] == [one.core for one in before]
    assert Counter((one.relation, one.factor, one.label) for one in after) == Counter(
        (one.relation, one.factor, one.label) for one in before
    )
    assert sum(a.relation is not b.relation for a, b in zip(after, before, strict=True)) > len(before) / 2


def test_all_rows_of_a_pair_get_the_same_shuffled_answer(rows: list[SftRow]) -> None:
    by_pair: dict[str, set[Label | None]] = {}
    for row in with_shuffled_labels(rows, seed=2):
        label = parse_label(row.completion) if row.mode == "decide" else parse(row.completion).label
        assert label is row.teacher_label
        by_pair.setdefault(row.pair_id, set()).add(label)
    assert all(len(labels) == 1 for labels in by_pair.values())


def test_shuffling_is_repeatable(rows: list[SftRow]) -> None:
    assert with_shuffled_labels(rows, seed=3) == with_shuffled_labels(rows, seed=3)
    assert with_shuffled_labels(rows, seed=3) != with_shuffled_labels(rows, seed=4)


def test_long_listings_are_cut_and_the_answer_is_kept_whole(rows: list[SftRow]) -> None:
    long = rows[0].model_copy(update={"prompt": rows[0].prompt.replace("kettle", "kettle " * 200)})
    fitted = fitted_rows([long, rows[1]], 400, len)
    assert (fitted.n_cut, fitted.n_too_long) == (1, 0)
    assert [row.completion for row in fitted.rows] == [rows[0].completion, rows[1].completion]
    assert all(len(row.prompt) + len(row.completion) < 400 for row in fitted.rows)


def test_a_row_whose_answer_alone_is_too_long_is_left_out_and_counted(rows: list[SftRow]) -> None:
    fitted = fitted_rows(rows[:2], 150, len)
    assert (len(fitted.rows), fitted.n_too_long) == (1, 1)


def test_rows_that_cannot_fit_at_all_are_a_train_error(rows: list[SftRow]) -> None:
    with pytest.raises(TrainError, match=r"none of 1 SFT rows fits into 50 tokens"):
        fitted_rows(rows[:1], 50, len)


def test_a_training_text_without_its_label_is_a_train_error(pair: Pair, rationale_of: MakeRationale) -> None:
    whole = rationale_example(replace(pair), rationale_of(Relation.EXACT))
    check_labels_survive([whole.prompt + whole.completion])
    with pytest.raises(TrainError, match=r"lost its label"):
        check_labels_survive([whole.prompt + whole.completion[:-3]])
