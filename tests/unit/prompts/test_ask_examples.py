"""The worked cases of the question prompt: frozen, fitting, and dealt into the same sets for the same seed."""

from __future__ import annotations

import pytest

from epm.agents.schemas import AskReply
from epm.prompts.ask_examples import EXAMPLES_ID, EXAMPLES_SHOWN, ask_examples, example_sets, examples_sha
from epm.prompts.library import locked_example_shas


def test_the_examples_match_the_lock_and_are_replies_that_the_prompt_could_be_given() -> None:
    assert locked_example_shas() == {EXAMPLES_ID: examples_sha()}
    for example in ask_examples():
        AskReply.model_validate({"thinking": example.thinking, "questions": [one.model_dump() for one in example.questions]})
    assert len({example.id for example in ask_examples()}) == len(ask_examples())
    assert any(not example.questions for example in ask_examples()), "asking nothing is shown too"


def test_no_id_of_a_case_is_shown() -> None:
    assert all("id" not in example.shown() for example in ask_examples())


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_sets_differ_begin_with_none_and_are_the_same_for_a_seed(seed: int) -> None:
    sets = example_sets(16, seed=seed)
    assert sets == example_sets(16, seed=seed)
    assert sets[:4] == example_sets(4, seed=seed)
    assert sets[0] == ()
    assert {len(dealt) for dealt in sets[1:]} == {EXAMPLES_SHOWN}
    assert len({frozenset(one.id for one in dealt) for dealt in sets}) == 16


def test_sets_share_no_case_until_the_cases_are_used_up_and_another_seed_deals_others() -> None:
    n_disjoint = len(ask_examples()) // EXAMPLES_SHOWN
    ids = [one.id for dealt in example_sets(1 + n_disjoint, seed=0) for one in dealt]
    assert len(ids) == len(set(ids))
    assert example_sets(4, seed=0) != example_sets(4, seed=1)
