"""``epm data split``: labelled pairs in parts that share no product."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.options import BadRow, OnBadRow
from epm.cli.pair_input import read_pair_file
from epm.cli.streams import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epm.eval.product_split import ProductSplit

_REPORT_NAME = "split.json"


def data_split(
    pairs: Annotated[Path, typer.Argument(help="Pairs: .jsonl, .jsonl.gz, .csv or .parquet.")], *,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for one file each part, in the format of PAIRS, and split.json.")],
    parts: Annotated[str, typer.Option(help="Names and shares.")] = "train=0.8,valid=0.1,test=0.1",
    seed: Annotated[int, typer.Option(help="The same seed gives the same parts.")] = 1,
    on_bad_row: OnBadRow = BadRow.STOP,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Cut pairs on products: no product stands in two parts, pairs across the cut are dropped and counted, leakage is reported."""
    from epm.eval.product_split import parse_parts, split_products
    from epm.files.atomic import write_text
    from epm.files.overwriting import refuse_overwriting
    from epm.files.pairs import write_pairs

    shares = parse_parts(parts)
    ending = "".join(pairs.suffixes[-2:]) if pairs.suffix == ".gz" else pairs.suffix
    paths = {name: out / f"{name}{ending.lower()}" for name in shares}
    for path in paths.values():
        refuse_overwriting(path, [pairs])
    read = read_pair_file(pairs, on_bad_row=on_bad_row)
    split = split_products(read.pairs, shares, seed=seed)
    for name, found in split.parts.items():
        write_pairs(paths[name], found)
    report = {"source_sha256": read.sha256, "n_pairs": len(read.pairs), "seed": seed, "shares": shares, **split.to_json()}
    write_text(out / _REPORT_NAME, json.dumps(report, indent=2) + "\n")
    _tell(split)
    if as_json:
        typer.echo(json.dumps(report))
        return
    for line in _lines(split, out):
        typer.echo(line)


def _tell(split: ProductSplit) -> None:
    """Say on stderr which parts nothing can be fitted or measured on."""
    if all(pair.gold_label is None for found in split.parts.values() for pair in found):
        note("epm: note: no pair has a label, so nothing can be fitted or measured on the parts; label the pairs, then split")
        return
    without = [name for name, found in split.parts.items() if not any(pair.gold_label == "match" for pair in found)]
    if without:
        note(f"epm: note: there is no match in {', '.join(without)}; label more pairs, or choose larger parts or another --seed")


def _lines(split: ProductSplit, out: Path) -> Iterator[str]:
    for name, found in split.parts.items():
        n_match = sum(pair.gold_label == "match" for pair in found)
        yield f"{name}: {len(found)} pairs, {n_match} matches, {split.n_products[name]} products"
    labels = ", ".join(f"{name} {n}" for name, n in split.cross_labels.items())
    yield f"dropped across the cut: {split.n_cross} pairs{f' ({labels})' if labels else ''}"
    for name, shared in split.leakage.items():
        yield f"leakage, {name}: {shared.kind}; {shared.n_same_pair} pairs, {shared.n_shared_listing} by listing, {shared.n_shared_product} by product"
    yield f"files and {_REPORT_NAME} in {out}"
