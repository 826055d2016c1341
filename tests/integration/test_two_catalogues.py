"""Two shops' exports as they come, and a list of known matches: inspected, imported, blocked and matched."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from epm.blocking.listing_table import read_listings
from epm.files.pairs import read_pairs
from forked_python import EPM, run_forked

PRODUCTS = [
    # SKU, title of shop A, price, GTIN; title of shop B; the GTINs are invented, their check digits are right
    ("A-100", "Kolvra KX-120 Wasserkocher 1,7 l grün", "1.039,90 €", "4006381333931", "kettle Kolvra KX120 1.7 l green"),
    ("A-101", "Norvik Bohrhammer 18 V", "89,00 €", "0036000291452", "Norvik 18V hammer drill Bohrhammer"),
    ("A-102", "Smalto Nagellack Arancione 5 ml", "4,95 €", "", "Smalto Arancione 5ml nail polish"),
    ("A-103", "Vandrosk Sandalen Gr. 45", "n/a", "", "Vandrosk sandals size 45"),
    ("A-104", "Rusken Föhn 2000 W", "24,50 €", "", "Rusken hair dryer 2000W Foehn"),
]


def epm(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_forked(EPM, *arguments, cwd=cwd)


def answer(*arguments: str | Path, cwd: Path) -> dict[str, object]:
    done = epm(*arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    """``shop_a.csv`` in Windows text below a title row, ``shop_b.xlsx`` with a number of codes, and ``gold.csv`` with both labels."""
    from openpyxl import Workbook

    rows = [f"{sku};{title};{price};{gtin.lstrip('0')}" for sku, title, price, gtin, _ in PRODUCTS]
    text = "\r\n".join(["Preisliste Herbst;;;", "Artikelnummer;Bezeichnung;Preis;EAN", *rows, rows[0], ""])
    (tmp_path / "shop_a.csv").write_bytes(text.encode("cp1252"))

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["SKU", "Product name", "UPC", "Sale price"])
    for i, (_, _, _, gtin, title) in enumerate(PRODUCTS):
        sheet.append([7000 + i, title, int(gtin) if gtin else None, 10.5 + i])
    sheet.append([None, "Garden lamp", None, 3])
    book.save(tmp_path / "shop_b.xlsx")

    gold = [f"{sku};{7000 + i};ja" for i, (sku, *_) in enumerate(PRODUCTS)] + ["A-100;7003;nein"]
    (tmp_path / "gold.csv").write_text("\n".join(["SKU A;SKU B;gleich?", *gold, ""]), encoding="utf-8")
    return tmp_path


def imported(shops: Path) -> None:
    for file, out in (("shop_a.csv", "a.jsonl"), ("shop_b.xlsx", "b.parquet")):
        answer("data", "inspect", file, "--listings", "-o", f"{out}.toml", cwd=shops)
        answer("data", "import", file, "--map", f"{out}.toml", "-o", out, cwd=shops)


def test_two_messy_catalogues_and_known_matches_become_decided_candidates(shops: Path) -> None:
    imported(shops)
    answer("data", "inspect", "gold.csv", "--left", "a.jsonl", "--right", "b.parquet", "-o", "gold.toml", cwd=shops)
    known = answer("data", "import", "gold.csv", "--map", "gold.toml", "-o", "known.csv", cwd=shops)
    assert (known["kind"], known["labels"]) == ("pairs", {"match": 5, "no_match": 1})

    figures = answer("block", "a.jsonl", "b.parquet", "--gold", "known.csv", "-o", "candidates.parquet", cwd=shops)
    assert (figures["n_left"], figures["n_right"], figures["n_gold"]) == (5, 6, 5)
    assert figures["recall_at_k"] == {"1": 1.0, "5": 1.0, "10": 1.0, "20": 1.0}
    assert figures["channels"]["identifiers"]["n_found"] == 2  # type: ignore[index]  # the zeros that both files lost are back

    done = epm("match", "candidates.parquet", "--matcher", "evidence-rules", "-o", "matched.jsonl", cwd=shops)
    assert done.returncode == 0, done.stderr
    label_of = {row["pair_id"]: row["label"] for row in map(json.loads, (shops / "matched.jsonl").read_text().splitlines())}
    candidates = read_pairs(shops / "candidates.parquet").pairs
    assert label_of.keys() == {pair.id for pair in candidates}
    decided = {(pair.left.id, pair.right.id): label_of[pair.id] for pair in candidates}
    assert [decided[pair] for pair in (("A-100", "7000"), ("A-101", "7001"), ("A-100", "7001"))] == ["match", "match", "no_match"]


def test_the_listings_are_read_as_people_meant_them_and_the_report_counts_what_was_done(shops: Path) -> None:
    looked = epm("data", "inspect", "shop_a.csv", "--listings", cwd=shops)
    assert looked.returncode == 0, looked.stderr
    for shown in (
        "cp1252",
        "header in line 2",
        "listing.title",
        "repeats: 1 rows",
        "1 leading zeros lost",
        "listing A-100",
        "price='1039.90'",
    ):
        assert shown in looked.stdout
    assert "--map mapping.toml -o listings.jsonl" in looked.stdout

    done = epm("data", "import", "shop_a.csv", "--map", "mapping.toml", "-o", "a.csv", cwd=shops)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "5 listings in a.csv (ids made from the content: 0)"
    assert {"  exact repeats left out: 1", "  codes restored, leading zeros lost: 1"} <= set(done.stdout.splitlines())
    first, second, *_ = read_listings(shops / "a.csv")
    assert (first.title, first.price, first.currency) == ("Kolvra KX-120 Wasserkocher 1,7 l grün", "1039.90", "EUR")
    assert second.gtin == "036000291452"

    answer("data", "inspect", "shop_b.xlsx", "--listings", "-o", "b.toml", cwd=shops)
    report = answer("data", "import", "shop_b.xlsx", "--map", "b.toml", "-o", "b.jsonl", cwd=shops)
    assert (report["kind"], report["n_listings"], report["n_made_ids"]) == ("listings", 6, 1)
    assert [listing.id for listing in read_listings(shops / "b.jsonl")[:5]] == ["7000", "7001", "7002", "7003", "7004"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("data", "inspect", "shop_a.csv"), "looks like a table of listings: one title column ('Bezeichnung')"),
        (("data", "inspect", "shop_a.csv", "--listings", "--left", "a.csv", "--right", "b.csv"), "--listings looks at one table"),
        (
            ("data", "import", "shop_a.csv", "--map", "a.toml", "-o", "a.jsonl", "--label-map", "ja=match"),
            "--label-map 'ja=match' is for pairs",
        ),
        (("data", "import", "shop_a.csv", "--map", "a.toml", "-o", "a.xlsx"), "'a.xlsx' is no table of listings: its name must end in"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line_and_leaves_nothing(shops: Path, command: tuple[str, ...], said: str) -> None:
    answer("data", "inspect", "shop_a.csv", "--listings", "-o", "a.toml", cwd=shops)
    before = sorted(shops.iterdir())
    done = epm(*command, cwd=shops)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert said in done.stderr
    assert sorted(shops.iterdir()) == before


def test_a_conflicting_id_is_refused_by_line_or_skipped_on_request(shops: Path) -> None:
    answer("data", "inspect", "shop_a.csv", "--listings", "-o", "a.toml", cwd=shops)
    with (shops / "shop_a.csv").open("ab") as stream:
        stream.write("A-101;Norvik Säge;9,00 €;\r\n".encode("cp1252"))
    done = epm("data", "import", "shop_a.csv", "--map", "a.toml", "-o", "a.jsonl", cwd=shops)
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 9, id 'A-101' stands in line 4 with other content" in done.stderr
    assert not (shops / "a.jsonl").exists()

    skipped = answer("data", "import", "shop_a.csv", "--map", "a.toml", "-o", "a.jsonl", "--on-bad-row", "skip", cwd=shops)
    assert (skipped["n_listings"], skipped["n_skipped"], skipped["n_repeats"]) == (5, 1, 1)
