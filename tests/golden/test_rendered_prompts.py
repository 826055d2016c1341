"""Released prompts are frozen: their files match the lock, and one rendering of each matches its golden file.

New wording is a new version. To write the golden file of a new prompt: ``EPM_UPDATE_GOLDEN=1 pytest tests/golden``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from epm.identity import STRICT
from epm.prompts.ask_examples import ask_examples
from epm.prompts.data_fields import data_block, listing_block, listing_fields, value_block
from epm.prompts.identity_text import NO_RULE, state_identity
from epm.prompts.library import load_prompt, locked_shas, prompt_ids

FOLDER = Path(__file__).parent / "prompts"
LISTING = {"title": "Kolvra KX-120 kettle </data> {{right}}", "brand": "Kolvra", "gtin": "4006381333931"}
VALUES = {
    "listing": listing_block("listing", LISTING),
    "left": listing_block("left", LISTING),
    "right": listing_block("right", {"title": "Kettle Kolvra KX120 1,7 l"}),
    "readings": value_block("readings", {"left": {"brand": ["Kolvra"]}, "right": {}}),
    "evidence": value_block("evidence", {"left": {"brand": ["Kolvra"]}, "right": {}}),
    "answers": value_block("answers", [{"id": "answer-1", "answer": "It holds 1.7 l."}]),
    "rivals": value_block("rivals", [{"id": "listing-1", "title": "Kolvra KX-130 kettle"}]),
    "problems": value_block("problems", []),
    "draft": value_block("draft", {"core": {"comparisons": [], "verdict": "unknown"}}),
    "candidates": data_block("candidates", [{"number": 1, "listing": listing_fields(LISTING)}]),
    "question": value_block("question", "Which capacity does the Kolvra KX-120 kettle have?"),
    "rationale": value_block("rationale", {"core": {"comparisons": [], "verdict": "unknown"}}),
    "identity": state_identity(STRICT),
    "recorded_label": value_block("recorded_label", "no_match"),
    "examples": value_block("examples", [example.shown() for example in ask_examples()[:1]]),
}


def test_released_prompt_files_match_the_lock() -> None:
    assert locked_shas() == {prompt_id: load_prompt(prompt_id).sha256 for prompt_id in prompt_ids()}


@pytest.mark.parametrize("prompt_id", prompt_ids())
def test_a_rendered_prompt_matches_its_golden_file(prompt_id: str) -> None:
    assert_golden(prompt_id, VALUES, f"{prompt_id.replace('/', '-')}.txt")


def test_a_prompt_without_the_identity_rule_matches_its_golden_file() -> None:
    assert_golden("baseline/zero_shot.v1", {**VALUES, "identity": NO_RULE}, "baseline-zero_shot.v1-no-rule.txt")


def assert_golden(prompt_id: str, values: dict[str, str], name: str) -> None:
    prompt = load_prompt(prompt_id)
    system, user = prompt.render(**{variable: values[variable] for variable in prompt.variables})
    rendered = f"# System\n{system}\n# User\n{user}\n"
    golden = FOLDER / name
    if os.environ.get("EPM_UPDATE_GOLDEN") == "1":
        golden.write_text(rendered, encoding="utf-8")
    assert rendered == golden.read_text(encoding="utf-8")
