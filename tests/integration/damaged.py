"""Sound files of every kind that people hand to the program, damaged by a seed, and read as commands read them."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from epm.artifact import read_card, write_card
from epm.blocking.listing_table import read_listings
from epm.distill.dataset_files import read_sft_rows
from epm.distill.loading import load_student, seed_folder
from epm.egress import load_policy
from epm.errors import EpmError
from epm.eval.bench_file import load_bench_file
from epm.files.json_lines import read_rows
from epm.files.pairs import read_pairs, write_pairs
from epm.gateway.cassette import read_cassette
from epm.gateway.ledger import CachedReply
from epm.gateway.request import ChatReply, Usage
from epm.identity import load_identity_rule
from epm.knowledge.documents.document_files import read_knowledge
from epm.listing import Listing
from epm.matchers.linear_model import LinearModel
from epm.matchers.pair_model import Calibration, PairModel, PairScorer
from epm.matchers.pair_model_file import read_pair_model, write_pair_model
from epm.matchers.recorded import _read_rows
from epm.matchers.word_statistics import N_BUCKETS, WordStatistics
from epm.pair import Pair
from epm.relation import Label
from epm.review.label_studio import read_tasks
from epm.review.sheet import read_sheet
from epm.tables.mapping import load_mapping
from epm.tables.source import guess_layout, named_rows

N_ROWS = 30
FEATURES = ("likeness", "price")


@dataclass(frozen=True)
class Kind:
    """A file's name, its sound bytes, and what is read of it, as something that can be compared."""

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]


def pairs() -> list[Pair]:
    return [
        Pair(
            f"p{i}",
            Listing(f"l{i}", f"Kolvra Bohrmaschine KX-{i} größer", brand="Kolvra", price=f"{i}.90", attributes={"colour": "red"}),
            Listing(f"r{i}", f"Kolvra drill KX-{i}", description="x" * i, gtin="4006381333931"),
            gold_label=Label.MATCH if i % 2 else Label.NO_MATCH,
        )
        for i in range(N_ROWS)
    ]


def _table(path: Path) -> object:
    layout = guess_layout(path).layout
    return layout, [(row.line, dict(row.values) if row.values else row.problem) for row in named_rows(path, layout)]


def _pair_file(path: Path) -> object:
    read = read_pairs(path, on_bad_row="skip")
    return read.pairs, read.bad_rows


def _book(path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["left_title", "right_title", "price", "label"])
    for i in range(N_ROWS):
        sheet.append([f"Kolvra KX-{i} größer", f"Kolvra drill {i}", i + 0.5, i % 2])
        sheet.cell(row=i + 2, column=3).number_format = '0.00 "€"'
    book.create_sheet("notes").append(["a", "b"])
    book.save(path)


def _written(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text, encoding="utf-8") and None


def _packed(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(gzip.compress(text.encode(), mtime=0)) and None


def _card(path: Path) -> None:
    write_card(path.parent, kind="student", name="x", data={"train": "ab"}, config={"a": [1, {"b": 2.5}]}, versions={}, figures={"f1": 0.5})


CSV = "left_title;right_title;price;label\n" + "".join(
    f'"Kolvra KX-{i}, größer";"drill ""{i}""\nlong";{i},90;{i % 2}\n' for i in range(N_ROWS)
)
TSV = "left_title\tright_title\tlabel\n" + "".join(f"Kolvra {i} größer\tdrill {i}\t{i % 2}\n" for i in range(N_ROWS))
JSONL = "".join(
    json.dumps(
        {"left": {"title": f"K {i} ß", "offer": {"price": i + 0.5}}, "right": {"title": f"D {i}"}, "label": i % 2}, ensure_ascii=False
    )
    + "\n"
    for i in range(N_ROWS)
)
LISTINGS = "".join(json.dumps({"id": f"l{i}", "title": f"K {i}", "attributes": {"colour": "red"}}) + "\n" for i in range(N_ROWS))
RECORDED = "".join(
    json.dumps({"pair_id": f"p{i}", "prompt_name": "a", "answer_text": "Yes", "model": "m", "label_given_in_prompt": False}) + "\n"
    for i in range(N_ROWS)
)
MAPPING = (
    '[file]\nformat = "delimited"\ndelimiter = ";"\nencoding = "utf-8"\nheader_rows = [1]\n[pair]\nlabel = "label"\n'
    '[left]\ndecimal = ","\n[left.columns]\ntitle = "left_title"\n[left.attributes]\ncolour = "Farbe"\n'
    '[right.columns]\ntitle = "right_title"\n[labels]\nja = "match"\nnein = "no_match"\n'
)
RULE = 'name = "mine"\nmatching = ["exact"]\nstatement = "Two listings match if they are the same product."\n'
CONFIG = '[egress]\nhosts = ["api.openai.com", "*.example.org"]\nfields = ["title", "brand"]\nlocal_only = false\n'
SHEET = "item,run,rater,label,relation,note\n" + "".join(f"p{i},run1,anna,match,,fine {i}\n" for i in range(N_ROWS))
TASKS = json.dumps(
    [
        {
            "data": {"run": "r", "item": f"p{i}", "rater": "anna"},
            "annotations": [{"result": [{"from_name": "label", "value": {"choices": ["match"]}}]}],
        }
        for i in range(N_ROWS)
    ]
)
BENCH = (
    '[[row]]\nmatcher = "evidence-rules"\n[[row]]\nmatcher = "zero-shot"\nmodel = "openai/x"\napi_base = "http://localhost:8000/v1"\n'
    'price = "0.15,0.6"\ntimeout_s = 30.5\nrpm = 60\n'
)
CASSETTE = "".join(
    CachedReply(
        f"key{i}", "identity", {"model": "x", "messages": [{"role": "user", "content": f"größer {i}?"}]},
        ChatReply({"choices": [{"message": {"content": "no"}}]}, Usage(10, i), "x", 0.5, cost_usd=0.001 * i),
    ).to_json() + "\n"
    for i in range(N_ROWS)
)  # fmt: skip
DOCUMENTS = "id,text,source\n" + "".join(f'd{i},"The KX-{i} holds {i} l, größer",manual\n' for i in range(N_ROWS))
SFT = "".join(
    json.dumps({
        "pair_id": f"p{i}", "prompt": f"p {i} ß", "completion": "c", "mode": "decide", "gold_label": "match", "teacher_label": "match",
        "relation": "exact", "label_given_in_prompt": False, "split": "train",
    }, ensure_ascii=False) + "\n"
    for i in range(N_ROWS)
)  # fmt: skip


def _pair_model(path: Path) -> None:
    words = WordStatistics(9, {"kolvra": 3}, np.arange(N_BUCKETS, dtype=np.int32) % 7)
    scorer = PairScorer(LinearModel(np.linspace(-1.0, 1.0, len(FEATURES)), 0.25), None)
    write_pair_model(path.parent, PairModel(FEATURES, words, scorer, Calibration(1.0, 0.0), 0.5))


def _weights_of(path: Path) -> object:
    import torch

    loaded = load_student(str(path.parent))
    return {
        name: hashlib.sha256(value.contiguous().view(torch.uint8).numpy()).hexdigest() for name, value in loaded.model.state_dict().items()
    }


def _tokens_of(path: Path) -> object:
    return load_student(str(path.parent)).tokenizer("Kolvra KX-12 größer", add_special_tokens=False)["input_ids"]


def _model_values(folder: Path) -> object:
    model = read_pair_model(folder, features=FEATURES)
    linear = model.scorer.linear
    assert linear is not None
    return (
        model.threshold,
        model.calibration,
        linear.weights.tolist(),
        linear.bias,
        dict(model.words.word_counts),
        model.words.gram_counts.sum(),
    )


def _documents(path: Path) -> object:
    return read_knowledge([path], visible=lambda listing: listing)


def _seed_copy(path: Path) -> None:
    shutil.copytree(seed_folder(), path.parent, dirs_exist_ok=True)


KINDS: dict[str, Kind] = {
    "xlsx": Kind("t.xlsx", _book, _table),
    "csv": Kind("t.csv", _written(CSV), _table),
    "csv.gz": Kind("t.csv.gz", _packed(CSV), _table),
    "tsv": Kind("t.tsv", _written(TSV), _table),
    "jsonl": Kind("t.jsonl", _written(JSONL), _table),
    "jsonl.gz": Kind("t.jsonl.gz", _packed(JSONL), _table),
    "parquet": Kind("t.parquet", lambda path: write_pairs(path, pairs()), _table),
    "pairs csv": Kind("p.csv", lambda path: write_pairs(path, pairs()), _pair_file),
    "pairs jsonl": Kind("p.jsonl", lambda path: write_pairs(path, pairs()), _pair_file),
    "pairs jsonl.gz": Kind("p.jsonl.gz", lambda path: write_pairs(path, pairs()), _pair_file),
    "pairs parquet": Kind("p.parquet", lambda path: write_pairs(path, pairs()), _pair_file),
    "listings": Kind("l.jsonl", _written(LISTINGS), read_listings),
    "listings csv": Kind("l.csv", _written("id,title\n" + "".join(f"l{i},K {i}\n" for i in range(N_ROWS))), read_listings),
    "recorded": Kind("r.jsonl", _written(RECORDED), lambda path: list(_read_rows(path, {}))),
    "recorded gz": Kind("r.jsonl.gz", _packed(RECORDED), lambda path: list(_read_rows(path, {}))),
    "explanations": Kind("e.jsonl.gz", _packed(RECORDED), lambda path: [(row.line, row.values) for row in read_rows(path)]),
    "mapping": Kind("mapping.toml", _written(MAPPING), load_mapping),
    "identity rule": Kind("rule.toml", _written(RULE), lambda path: load_identity_rule(str(path))),
    "epm.toml": Kind("epm.toml", _written(CONFIG), lambda path: load_policy(path.parent)),
    "review sheet": Kind("s.csv", _written(SHEET), lambda path: list(read_sheet(path))),
    "label studio": Kind("t.json", _written(TASKS), lambda path: list(read_tasks(path))),
    "card": Kind("card.json", _card, lambda path: read_card(path.parent, kind="student")),
    "bench.toml": Kind("bench.toml", _written(BENCH), lambda path: load_bench_file(path).rows),
    "cassette": Kind("c.jsonl", _written(CASSETTE), lambda path: read_cassette(path, lambda row: row)),
    "documents csv": Kind("d.csv", _written(DOCUMENTS), _documents),
    "documents txt": Kind("d.txt", _written(DOCUMENTS), _documents),
    "sft rows": Kind("s.jsonl", _written(SFT), read_sft_rows),
    "pair model": Kind("model.json", _pair_model, lambda path: _model_values(path.parent)),
    "pair model npz": Kind("model.npz", _pair_model, lambda path: _model_values(path.parent)),
    "safetensors": Kind("model.safetensors", _seed_copy, _weights_of),
    "tokenizer": Kind("tokenizer.json", _seed_copy, _tokens_of),
}
NEED_TORCH = {"safetensors", "tokenizer"}
CHECKED = {"pair model npz", "xlsx", "csv.gz", "jsonl.gz", "pairs jsonl.gz", "recorded gz", "explanations"}
"""Kinds whose container has checksums of the content: their damage is refused or does not touch the values."""


@lru_cache(maxsize=64)
def _sound(kind: str, folder: Path) -> tuple[bytes, object]:
    place = folder / "sound" / kind.replace(" ", "_")
    place.mkdir(parents=True, exist_ok=True)
    path = place / KINDS[kind].name
    KINDS[kind].make(path)
    return path.read_bytes(), _shown(KINDS[kind].read(path))


def outcome_of(kind: str, folder: Path, chance: random.Random) -> tuple[str, str]:
    """``same``, ``refused``, ``other`` or ``traceback`` for one damaged copy of the kind, and why."""
    content, expected = _sound(kind, folder)
    place = folder / "damaged" / kind.replace(" ", "_")
    if not place.exists():
        shutil.copytree(folder / "sound" / kind.replace(" ", "_"), place)  # some kinds are read with other files beside them
    path = place / KINDS[kind].name
    path.write_bytes(damaged(content, chance))
    try:
        found = _shown(KINDS[kind].read(path))
    except EpmError as error:
        return ("refused" if str(error) else "traceback"), str(error)
    except BaseException as error:  # noqa: BLE001 - what escapes is what is counted
        return "traceback", f"{type(error).__name__}: {str(error)[:200]}"
    return ("same" if found == expected else "other"), ""


def _shown(value: object) -> str:
    """What was read as text to compare; where a file lies is no part of it."""
    return repr(value).replace("/sound/", "/damaged/")


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The bytes with one to three places flipped, inserted, deleted, zeroed, doubled or cut off."""
    kept = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if not kept:
            break
        at, length = chance.randrange(len(kept)), chance.choice((1, 1, 2, 8, 64, 512))
        way = chance.choice(("flip", "bit", "insert", "delete", "truncate", "double", "zero"))
        if way == "flip":
            kept[at] = chance.randrange(256)
        elif way == "bit":
            kept[at] ^= 1 << chance.randrange(8)
        elif way == "truncate":
            del kept[at:]
        else:
            block = kept[at : at + length]
            kept[at : at + length] = {
                "insert": chance.randbytes(length) + block,
                "delete": b"",
                "double": block * 2,
                "zero": bytes(len(block)),
            }[way]
    return bytes(kept)
