"""Exported question preferences are what TRL's DPO trainer reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from epm.distill.dataset_files import write_rows
from epm.distill.question_preferences import Message, QuestionPreference
from epm.relation import Label

pytestmark = pytest.mark.torch

ROW = QuestionPreference(
    prompt=[Message(role="system", content="You prepare."), Message(role="user", content="Which questions?")],
    chosen=[Message(role="assistant", content='{"questions": []}')], rejected=[Message(role="assistant", content='{"questions": [1]}')],
    pair_id="p", score_chosen=1.0, score_rejected=-1.0, variant_chosen="plain", variant_rejected="a+b", label_chosen=Label.MATCH,
    label_rejected=None, n_searches_chosen=0, n_searches_rejected=1, gold_label=Label.MATCH, n_variants=2, run_id="r", model="m",
    prompt_id="teacher/ask.v1", prompt_sha="0", examples_sha="0",
)  # fmt: skip
TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_trl_takes_the_rows_for_conversations_and_renders_prompt_chosen_and_rejected(tmp_path: Path, ending: str) -> None:
    from datasets import load_dataset
    from transformers import PreTrainedTokenizerFast
    from trl.data_utils import apply_chat_template, is_conversational

    from epm.distill.loading import seed_folder

    path = tmp_path / f"preferences.{ending}"
    write_rows(path, [ROW, ROW], is_nested=True)
    builder = "json" if ending == "jsonl" else "parquet"
    dataset = load_dataset(builder, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert is_conversational(dataset[0])
    tokenizer = PreTrainedTokenizerFast.from_pretrained(seed_folder(), local_files_only=True)
    tokenizer.chat_template = TEMPLATE
    found = apply_chat_template(dataset[0], tokenizer)
    assert found["prompt"].endswith("Which questions?<assistant>")
    assert (found["chosen"], found["rejected"]) == ('{"questions": []}', '{"questions": [1]}')
