"""The three recorded runs of structured explanations, imported: every line accounted for, and their SFT export loaded by TRL.

    python benchmarks/explanations.py ../shared/data [--no-trl]

One JSON line for each file: its lines by what became of them, attribute entries that lack a side, the share of quotes that stand
in their listing (exactly, and in letters and digits without case), answers that contradict the label in their prompt, and beside
each figure whether it is the known one. Then the run is stored, exported for SFT and loaded as ``datasets`` and ``trl.SFTTrainer``
load any file; one step is trained on the packaged seed. Exits 1 if a figure is not the known one, or a line is unaccounted for.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from epm.distill.dataset import ViewOptions
from epm.distill.export import export_sft
from epm.files.pairs import read_pairs
from epm.imports.explanations import ExplanationImport, import_explanations
from epm.imports.import_run import input_sha256, store_import
from epm.store.store import RunStore

KNOWN = {
    ("gpt-4o", "train_small"): (62, 54, 0.942),
    ("gpt-4o-mini", "train_small"): (195, 14, 0.891),
    ("gpt-4o-mini", "valid_small"): (177, 2, 0.891),
}
"""Entries lacking a side, contradictions, quotes found; the last share was published for the train file only."""
QUOTES_WITHIN = 0.01


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("--no-trl", action="store_true", help="only import; needs no torch")
    chosen = options.parse_args()
    is_sound = True
    for model, split in KNOWN:
        is_sound &= one_file(chosen.data, model, split, with_trl=not chosen.no_trl)
    sys.exit(0 if is_sound else 1)


def one_file(data: Path, model: str, split: str, *, with_trl: bool) -> bool:
    path = data / "llm-explanations" / f"{model}--structured--wdc-{split}.jsonl.gz"
    pairs = read_pairs(data / "wdc-products-80cc" / f"{split}.jsonl.gz")
    started_s = time.process_time()
    found = import_explanations(path, pairs.pairs)
    cpu_s = time.process_time() - started_s
    lines, figures = accounted(path, found), found.figures()
    lacking, contradicting, quotes = KNOWN[model, split]
    share = figures["quotes_found_share"]
    as_known = {
        "rows": lines["rows"] == lines["rows_imported"] + lines["rows_skipped"], "lines": lines["lines"] == lines["lines_accounted_for"],
        "lacking_a_side": figures["n_entries_lacking_a_side"] == lacking, "contradicting": len(found.contradicting()) == contradicting,
        "quotes": isinstance(share, float) and abs(share - quotes) <= QUOTES_WITHIN,
    }  # fmt: skip
    answers = Counter(f"{item.given_label} given, {item.answer.label} said" for item in found.items if item.contradicts_given_label)
    show(file=path.name, cpu_s=round(cpu_s, 1), **lines, **figures, contradictions=dict(answers), as_known=as_known)
    if with_trl:
        with tempfile.TemporaryDirectory() as folder, RunStore.open(Path(folder) / "store.db") as store:
            run_id = store_import(store, found, input_sha=input_sha256(path, pairs.sha256))
            trained(store, run_id, Path(folder), path.name)
    return all(as_known.values())


def accounted(path: Path, found: ExplanationImport) -> dict[str, int]:
    """The lines of the file's answers, counted without the parser, and what became of them."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream if line.strip()]
    imported = {item.pair.id: item for item in found.items}
    n_lines = sum(1 for row in rows if row["pair_id"] in imported for line in row["answer_text"].splitlines() if line.strip())
    n_labels = sum(item.answer.label is not None for item in found.items)
    n_entries, n_listed = (
        sum(len(part) for part in parts) for parts in zip(*((i.answer.entries, i.answer.unparsed) for i in found.items), strict=True)
    )
    return {
        "rows": len(rows), "rows_imported": len(found.items), "rows_skipped": len(found.skipped), "lines": n_lines,
        "lines_accounted_for": n_labels + n_entries + n_listed, "label_lines": n_labels, "entry_lines": n_entries, "listed_lines": n_listed,
    }  # fmt: skip


def trained(store: RunStore, run_id: str, folder: Path, name: str) -> None:
    """Export for SFT, load as any user of TRL would, and train one step."""
    import torch
    from datasets import load_dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from epm.distill.loading import load_student

    torch.set_num_threads(1)
    for ending, reader in ((".jsonl", "json"), (".parquet", "parquet")):
        out = folder / f"sft{ending}"
        result = export_sft(store, run_id, out, ViewOptions())
        rows = load_dataset(reader, data_files=str(out), split="train", cache_dir=str(folder / "cache"))
        student = load_student("seed")
        config = SFTConfig(
            output_dir=str(folder / "out"), max_steps=1, per_device_train_batch_size=2, max_length=768, completion_only_loss=True,
            report_to="none", use_cpu=True, bf16=False, save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        trainer = SFTTrainer(model=student.model, args=config, train_dataset=rows, processing_class=student.tokenizer)
        loss = trainer.train().training_loss
        show(
            file=name, format=ending, n_items=result.n_items, n_kept=result.n_kept, dropped=dict(result.dropped), n_rows=result.n_rows,
            n_loaded=len(rows), n_tokenised=len(trainer.train_dataset), first_loss=round(loss, 3),
        )  # fmt: skip


def show(**found: object) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
