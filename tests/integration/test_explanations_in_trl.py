"""Recorded explanations, imported and exported for SFT, are a file that ``datasets`` and ``trl`` load as they load any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from epm.distill.dataset import ViewOptions
from epm.distill.export import export_sft
from epm.imports.explanations import import_explanations
from epm.imports.import_run import store_import
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from epm.store.store import RunStore

pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

ANSWERS = (
    "Yes.\n\nattribute=brand|||importance=0.05|||values=Kolvra###KOLVRA|||similarity=1.00",
    "No.\nattribute=color|||importance=-0.8|||values=<black>###white|||similarity=0.00\nattribute=ports|||importance=0.2|||values=2x",
    "Neither can be said.",
)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[tuple[RunStore, str]]:
    left, right = Listing("l", "Kolvra KX-120 kettle <black>", brand="Kolvra"), Listing("r", "KOLVRA kettle KX 120 white")
    pairs = [Pair(f"p{i}", left, right, Label.MATCH) for i in range(len(ANSWERS))]
    rows = [
        {"pair_id": f"p{i}", "model": "m-1", "prompt_name": "x", "label_given_in_prompt": True, "label": 1, "answer_text": text}
        for i, text in enumerate(ANSWERS)
    ]
    path = tmp_path / "explanations.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = import_explanations(path, pairs)
    assert found.contradicting() == ("p1",)
    with RunStore.open(tmp_path / "store.db") as store:
        yield store, store_import(store, found, input_sha="abc")


@pytest.mark.parametrize(("ending", "reader"), [(".jsonl", "json"), (".parquet", "parquet")])
def test_an_sft_export_of_imported_explanations_loads_in_trl(run: tuple[RunStore, str], tmp_path: Path, ending: str, reader: str) -> None:
    from datasets import load_dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from epm.distill.loading import load_student

    store, run_id = run
    result = export_sft(store, run_id, tmp_path / f"sft{ending}", ViewOptions(label_share=0.0))
    assert (result.n_items, result.n_kept, dict(result.dropped), result.n_rows) == (3, 2, {"no rationale (failed)": 1}, 4)
    rows = load_dataset(reader, data_files=str(result.path), split="train", cache_dir=str(tmp_path / "cache"))
    student = load_student("seed")
    config = SFTConfig(
        output_dir=str(tmp_path / "out"), max_length=768, completion_only_loss=True, report_to="none", use_cpu=True, bf16=False
    )
    trainer = SFTTrainer(model=student.model, args=config, train_dataset=rows, processing_class=student.tokenizer)
    learned = [[token for token in row["labels"] if token >= 0] for row in trainer.train_dataset]
    texts = [student.tokenizer.decode(tokens, skip_special_tokens=True) for tokens in learned]
    assert texts == list(rows["completion"]), "what is learned is the completion, whole and alone"
    assert "<label>match</label>" in texts[0]
    assert "&lt;black>" in texts[2]
