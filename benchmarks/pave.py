"""Attribute extraction from offers, measured on WDC PAVE.

    python benchmarks/pave.py ../shared/data/wdc-pave            # the offers of train_large that are not in train
    python benchmarks/pave.py ../shared/data/wdc-pave --on train # the offers the rules were written on

The rules were written looking at ``train`` only. Each offer is asked for the attributes that its category's schema lists
(the keys of its gold ``attributes``), of those named in ``ASKED``; it is read from title and description alone.

Two counts, both micro-averaged over all (offer, attribute) cells, each with raw and with normalised values:

``cell``  One answer for a cell: the extractor's first value. Gold may list several values (each writing of the value in
          title and description is one); the answer is right if it equals any of them.
            gold n/a, none predicted: not counted        gold n/a, a value predicted: false positive
            gold values, none predicted: false negative  gold values, right answer: true positive
            gold values, wrong answer: false positive and false negative
``set``   All distinct values of a cell: each predicted value not in gold is a false positive, each gold value not
          predicted a false negative. Stricter: it wants every writing of a value.

Raw values are equal if they are the same string, character for character (outer white space apart).
Normalised values follow the data set's own normal forms, computed from the extracted value alone:
  names               letter case ignored; Manufacturer with HP, HPE and IBM written out
  part/model/stock    letters and digits only
  Retail UPC          its second to sixth digit (the company number)
  Pack Quantity       each number of the value
  Width … Length      centimetres to one decimal (inches where no unit is written)
  Color(s)            the colour group (Gray and Metallic, No Color/Transparent, Assorted/Others, …)
  Capacity            ``300 Gigabytes`` in Computers And Accessories, unchanged elsewhere

Train and held-out offers share no product (the last line counts them) but come from the same shops, so the figures say little
about shops that write otherwise. The interval resamples products.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from pathlib import Path

import numpy as np

from epm.evidence.atoms import Value
from epm.evidence.attributes import read_attributes

ASKED = {
    "Brand": "maker", "Manufacturer": "maker", "Color(s)": "colour", "Color": "colour", "Capacity": "capacity",
    "Pack Quantity": "pack_quantity", "Part Number": "part_number", "Model Number": "part_number",
    "Manufacturer Stock Number": "part_number", "Width": "width", "Height": "height", "Length": "length", "Retail UPC": "upc",
}  # fmt: skip
Offer = dict[str, object]
Gold = Mapping[str, Sequence[Mapping[str, object]]]
Cell = tuple[int, int, int]
"""True positives, false positives, false negatives."""
SEED = 20240601
_FULL_NAMES = {"hp": "hewlett-packard", "hpe": "hewlett-packard enterprise", "ibm": "international business machines"}
_STORAGE_NAMES = {"gb": "Gigabytes", "tb": "Terabytes", "mb": "Megabytes"}
_COLOUR_GROUPS = {
    "grey": "Gray and Metallic", "silver": "Gray and Metallic", "gold": "Gray and Metallic", "bronze": "Gray and Metallic",
    "transparent": "No Color/Transparent", "multicolour": "Assorted/Others", "turquoise": "Blue", "burgundy": "Red",
    "rose_gold": "Gray and Metallic",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counted:
    """One count of one cell."""

    product: str
    form: str
    kind: str
    attribute: str
    cell: Cell


def main(data: Path, on: str) -> None:
    raw, normalised = ({str(row["id"]): row for row in offers(data, form, on)} for form in ("raw", "normalized"))
    read_attributes({"title": "warm"})  # patterns are built once
    started = time.process_time()
    read = {key: read_attributes({name: str(row[name]) for name in ("title", "description") if row.get(name)}) for key, row in raw.items()}
    seconds = time.process_time() - started
    counted = [one for key, row in raw.items() for one in cells_of(row, normalised[key], read[key])]
    in_train = {str(row["cluster_id"]) for row in offers(data, "raw", "train")}
    for form, kind in product(("raw", "normalised"), ("cell", "set")):
        print(json.dumps({"on": on, "n_offers": len(raw), **report(counted, form, kind)}))
    products = {one.product for one in counted}
    rate = round(len(raw) / seconds)
    print(json.dumps({"n_products": len(products), "n_products_in_train": len(products & in_train), "offers_per_cpu_s": rate}))


def cells_of(raw: Offer, normalised: Offer, read: Mapping[str, Sequence[Value]]) -> Iterator[Counted]:
    """Both counts of every asked cell of one offer, raw and normalised."""
    for attribute, name in ASKED.items():
        if attribute not in gold(raw):
            continue
        values = read.get(name, ())
        written = [[value.span.quote.strip()] for value in values]
        normal = [normal_forms(value, attribute, str(raw["category"])) for value in values]
        forms = {
            "raw": count(written, answers(raw, attribute, plain)),
            "normalised": count(normal, answers(normalised, attribute, comparable(attribute))),
        }
        for form, kinds in forms.items():
            yield from (Counted(str(raw["cluster_id"]), form, kind, attribute, cell) for kind, cell in kinds.items())


def offers(data: Path, form: str, on: str) -> list[Offer]:
    """The offers of ``train``, or those of ``train_large`` whose id is not in ``train``."""

    def rows(name: str) -> list[Offer]:
        with gzip.open(data / f"{form}_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    train = rows("train")
    if on == "train":
        return train
    seen = {row["id"] for row in train}
    return [row for row in rows("train_large") if row["id"] not in seen]


def gold(row: Offer) -> Gold:
    found = row["attributes"]
    assert isinstance(found, dict)  # noqa: S101 - the file's format
    return found


def answers(row: Offer, attribute: str, form: Callable[[str], str]) -> set[str]:
    return {form(str(item["value"])) for item in gold(row).get(attribute, ())}


def plain(text: str) -> str:
    return text.strip()


def comparable(attribute: str) -> Callable[[str], str]:
    return str.casefold if attribute in {"Brand", "Manufacturer"} else plain


def normal_forms(value: Value, attribute: str, category: str) -> list[str]:
    """The normal forms of one extracted value (several for ``28 Bags/Flavor 168/Carton``)."""
    quote = value.span.quote.strip()
    forms: dict[str, Callable[[], list[str]]] = {
        "maker": lambda: [name_form(quote, is_expanded=attribute == "Manufacturer")],
        "part_number": lambda: ["".join(c for c in quote if c.isalnum())],
        "upc": lambda: [quote[1:6]],
        "pack_quantity": lambda: [number.replace(",", "") for number in re.findall(r"\d[\d,]*", quote)],
        "colour": lambda: [_COLOUR_GROUPS.get(value.key, value.key.capitalize())],
        "capacity": lambda: [capacity_form(quote) if category.startswith("Computers") else quote],
    }
    in_cm = lambda: [] if value.amount is None else [str((value.amount / 10).quantize(Decimal("0.1"), ROUND_HALF_UP))]  # noqa: E731
    return forms.get(ASKED[attribute], in_cm)()


def name_form(quote: str, *, is_expanded: bool) -> str:
    words = quote.casefold().split()
    return " ".join(_FULL_NAMES.get(word, word) for word in words) if is_expanded else " ".join(words)


def capacity_form(quote: str) -> str:
    found = re.fullmatch(r"([\d./]+)[ -]?([gmt]b)", quote.lower())
    return f"{found.group(1)} {_STORAGE_NAMES[found.group(2)]}" if found else quote


def count(predicted: Sequence[Sequence[str]], wanted: set[str]) -> dict[str, Cell]:
    """The true positives, false positives and false negatives of one cell; each predicted value is given by its normal forms."""
    first = set(predicted[0]) if predicted else set()
    right = bool(first & wanted)
    every = {text for forms in predicted for text in forms}
    return {
        "cell": (int(right), int(bool(first) and not right), int(bool(wanted) and not right)),
        "set": (len(every & wanted), len(every - wanted), len(wanted - every)),
    }


def report(counted: Sequence[Counted], form: str, kind: str) -> dict[str, object]:
    """Micro figures over all cells with an interval over products, and over each attribute."""
    chosen = [one for one in counted if (one.form, one.kind) == (form, kind)]
    by_attribute = {attribute: figures([one.cell for one in chosen if one.attribute == attribute]) for attribute in ASKED}
    micro = {**figures([one.cell for one in chosen]), "f1_interval": interval(chosen)}
    return {"values": form, "count": kind, "micro": micro, "by_attribute": by_attribute}


def figures(cells: Sequence[Cell]) -> dict[str, float]:
    tp, fp, fn = (sum(cell[place] for cell in cells) for place in range(3))
    precision, recall = tp / (tp + fp) if tp + fp else 0.0, tp / (tp + fn) if tp + fn else 0.0
    f1 = 2 * tp / (2 * tp + fp + fn) if tp else 0.0
    return {"p": round(100 * precision, 1), "r": round(100 * recall, 1), "f1": round(100 * f1, 1), "gold": tp + fn, "predicted": tp + fp}


def interval(counted: Sequence[Counted]) -> tuple[float, float]:
    """The 95 % interval of micro F1, products (not offers) drawn with replacement 2,000 times."""
    products = sorted({one.product for one in counted})
    place = {product: row for row, product in enumerate(products)}
    cells = np.zeros((len(products), 3))
    for one in counted:
        cells[place[one.product]] += one.cell
    drawn = np.random.default_rng(SEED).multinomial(len(products), [1 / len(products)] * len(products), size=2000) @ cells
    low, high = np.percentile(200 * drawn[:, 0] / (2 * drawn[:, 0] + drawn[:, 1] + drawn[:, 2]), [2.5, 97.5])
    return round(float(low), 1), round(float(high), 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--on", choices=("held-out", "train"), default="held-out")
    arguments = parser.parse_args()
    main(arguments.data, arguments.on)
