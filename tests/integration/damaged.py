"""Sound files of every kind that people hand to the program, damaged by a seed, and read as commands read them."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from epm.artifact import read_card, write_card
from epm.blocking.listing_table import read_listings
from epm.egress import load_policy
from epm.errors import EpmError
from epm.files.json_lines import read_rows
from epm.files.pairs import read_pairs, write_pairs
from epm.identity import load_identity_rule
from epm.listing import Listing
from epm.matchers.recorded import _read_rows
from epm.pair import Pair
from epm.relation import Label
from epm.review.label_studio import read_tasks
from epm.review.sheet import read_sheet
from epm.tables.mapping import load_mapping
from epm.tables.source import guess_layout, named_rows

N_ROWS = 30


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
}
CHECKED = {"xlsx", "csv.gz", "jsonl.gz", "pairs jsonl.gz", "recorded gz", "explanations"}
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
    place.mkdir(parents=True, exist_ok=True)
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
    return repr(value)


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
