"""Tables of single listings: inspected, described in a mapping that names their kind, and written as ``epm block`` reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from epm.blocking.listing_table import read_listings
from epm.errors import ConfigError, DataError
from epm.listing import Listing
from epm.tables.inspection import inspect_table
from epm.tables.inspection_text import inspection_lines
from epm.tables.listing_importing import ListingReport, import_listings
from epm.tables.listing_inspection import ListingInspection, inspect_listings
from epm.tables.mapping import ListingMapping, load_mapping
from epm.tables.mapping_file import write_mapping

SHOP = (
    "Preisliste 2025;;;;;\r\n"
    "Artikelnummer;Bezeichnung;Marke;Preis;EAN;Farbe\r\n"
    "A-1;Föhn 2000 W;Kolvra;1.299,00 €;04006381333931;grün\r\n"
    'A-2;Schärfer "Pro";Norvik;19,90;4006381333931;\r\n'
    "A-3;Ventilator;;n/a;;weiß\r\n"
)


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def inspected(path: Path, *, sheet: str = "") -> tuple[ListingInspection, ListingMapping]:
    """The inspection, and its mapping after it was written and read again."""
    found = inspect_listings(path, sheet=sheet)
    target = path.parent / "mapping.toml"
    write_mapping(target, found)
    mapping = load_mapping(target)
    assert mapping == found.mapping
    assert isinstance(mapping, ListingMapping)
    return found, mapping


def imported(
    path: Path, mapping: ListingMapping, *, ending: str = ".jsonl", **options: object
) -> tuple[tuple[Listing, ...], ListingReport]:
    out = path.parent / "out" / f"listings{ending}"
    report = import_listings(path, out, mapping=mapping, **options)  # type: ignore[arg-type]
    listings = read_listings(out)
    assert len(listings) == report.n_listings
    return listings, report


def refusal(path: Path, mapping: ListingMapping) -> str:
    with pytest.raises(DataError) as caught:
        import_listings(path, path.parent / "refused.jsonl", mapping=mapping)
    assert not (path.parent / "refused.jsonl").exists()
    return str(caught.value)


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".csv", ".parquet"])
def test_a_shop_export_becomes_a_clean_table_in_every_format(tmp_path: Path, ending: str) -> None:
    path = table(tmp_path / "shop.csv", SHOP, "cp1252")
    found, mapping = inspected(path)
    listings, report = imported(path, mapping, ending=ending)

    assert (mapping.kind, mapping.file.encoding, mapping.file.delimiter, mapping.listing.decimal) == ("listings", "cp1252", ";", ",")
    first, second, third = listings
    assert first == Listing(
        id="A-1", title="Föhn 2000 W", brand="Kolvra", price="1299.00", currency="EUR", gtin="04006381333931",
        attributes={"Farbe": "grün"},
    )  # fmt: skip
    assert (second.title, second.price, second.gtin, dict(second.attributes)) == ('Schärfer "Pro"', "19.90", "4006381333931", {})
    assert (third.brand, third.price, dict(third.attributes)) == (None, None, {"Farbe": "weiß"})
    assert (report.n_listings, report.n_made_ids, report.n_repeats, report.unused_columns) == (3, 0, 0, ())
    assert [listing.id for listing in found.listings] == ["A-1", "A-2", "A-3"]


def test_what_was_written_is_inspected_and_imported_to_the_same_listings(tmp_path: Path) -> None:
    path = table(tmp_path / "shop.csv", SHOP, "cp1252")
    listings, _ = imported(path, inspected(path)[1])
    for ending in (".jsonl", ".csv", ".parquet"):
        clean = tmp_path / f"clean{ending}"
        import_listings(path, clean, mapping=inspected(path)[1])
        assert imported(clean, inspected(clean)[1], ending=ending)[0] == listings


def test_the_inspection_says_what_people_have_to_check(tmp_path: Path) -> None:
    path = table(
        tmp_path / "shop.csv",
        "sku;Bezeichnung;EAN;Nr\nA1;Kolvra KX;4,00638E+12;x\nA1;Kolvra KX;4,00638E+12;x\nA2;Norvik;96385074;y\n;Ventilator;;\nA2;other;;\n",
    )
    found, _ = inspected(path)
    lines = "\n".join(inspection_lines(found))

    assert [(fill.column, fill.place, fill.n_filled) for fill in found.fills] == [
        ("sku", "listing.id", 4), ("Bezeichnung", "listing.title", 5), ("EAN", "listing.gtin", 3), ("Nr", "listing.attributes.Nr", 3),
    ]  # fmt: skip
    assert (found.n_repeats, found.n_made_ids) == (1, 1)
    assert found.first_bad == ((6, "id 'A2' stands in line 4 with other content; ids must be unique: change one of them or remove a row"),)
    assert [(damage.column, damage.n, damage.is_restored) for damage in found.damaged] == [("EAN", 2, False)]
    for shown in (
        "sku",
        "listing.id",
        "80 %",
        "lost for good",
        "repeats: 1 rows",
        "ids: 1 rows have none",
        "listing A1\n",
        "title='Kolvra KX'",
    ):
        assert shown in lines
    as_json = json.loads(json.dumps(found.to_json()))
    assert (as_json["kind"], as_json["n_made_ids"], as_json["listings"][0]["title"]) == ("listings", 1, "Kolvra KX")
    assert as_json["mapping"]["listing"]["columns"] == {"id": "sku", "title": "Bezeichnung", "gtin": "EAN"}


def test_rows_without_ids_get_ids_of_their_content_that_do_not_depend_on_their_place(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "name,price\nKettle,5.00\nLamp,7.00\n")
    found, mapping = inspected(path)
    listings, report = imported(path, mapping)
    turned, _ = imported(table(tmp_path / "b.csv", "name,price\nLamp,7.00\nKettle,5.00\n"), mapping)

    assert any("no column was recognised as the id" in doubt for doubt in found.doubts)
    assert (report.n_made_ids, found.n_made_ids) == (2, 2)
    assert [listing.id for listing in listings] == [listing.id for listing in reversed(turned)]
    assert all(listing.id == listing.content_sha()[:16] for listing in listings)


def test_equal_rows_are_left_out_and_counted_with_and_without_ids(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "id,title,brand\nx,Kettle,K\n,Lamp,\nx,Kettle,K\n,Lamp,\ny,Kettle,K\n")
    listings, report = imported(path, inspected(path)[1])

    assert [listing.title for listing in listings] == ["Kettle", "Lamp", "Kettle"]
    assert (report.n_repeats, report.n_made_ids) == (2, 1)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("x,Kettle,a\nx,Kettle 2,a\n", "line 3, id 'x' stands in line 2 with other content"),
        ("x,Kettle,a\nx,Kettle,b\n", "line 3, id 'x' stands in line 2 with other content"),
        (
            ",Kettle,a\n,Kettle,b\n",
            "line 3, says what line 2 says, has no id either, and differs in source or cluster_id; give both rows an id",
        ),
        ("x,,a\n", "line 2, column 'title', value '': every listing needs a title"),
        ("x,Kettle\n", "line 2, has 2 cells, but the header has 3 columns"),
        ("1.23E+12,Kettle,a\n", "line 2, column 'id', value '1.23E+12': a spreadsheet damaged this code"),
    ],
)
def test_a_bad_row_is_refused_by_line_or_skipped_and_counted(tmp_path: Path, rows: str, reason: str) -> None:
    path = table(tmp_path / "a.csv", f"id,title,shop\n{rows}")
    mapping = inspected(path)[1]

    assert reason in refusal(path, mapping)
    good = table(tmp_path / "b.csv", f"id,title,shop\n{rows}z,Lamp,a\n")
    listings, report = imported(good, mapping, on_bad_row="skip")
    assert listings[-1].id == "z"
    assert (report.n_skipped, len(report.bad_rows), report.n_listings) == (1, 1, len(rows.splitlines()))


def test_a_damaged_id_that_is_dropped_is_replaced_by_one_of_the_content_and_both_are_counted(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", 'id,title\n1.23E+12,Kettle\n"=""007""",Lamp\n')
    mapping = inspected(path)[1].model_copy(update={"damaged_identifiers": "drop"})
    listings, report = imported(path, mapping)

    assert [listing.id for listing in listings] == [listings[0].content_sha()[:16], "007"]
    assert (report.n_made_ids, report.codes_dropped, report.codes_restored) == (1, {"digits lost": 1}, {"written with marks": 1})


def test_no_good_row_or_an_absent_column_leaves_no_file(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "id,title\nx,Kettle\n")
    mapping = inspected(path)[1]

    assert "has no column 'id'; present: 'sku', 'title'" in refusal(table(tmp_path / "b.csv", "sku,title\nx,Kettle\n"), mapping)
    with pytest.raises(DataError, match="has no good row below its header; the first is bad: column 'title'"):
        import_listings(table(tmp_path / "c.csv", "id,title\nx,\n"), tmp_path / "c.jsonl", mapping=mapping, on_bad_row="skip")
    with pytest.raises(DataError, match="is the file that is read"):
        import_listings(path, path, mapping=mapping)
    with pytest.raises(DataError, match="is no table of listings: its name must end in"):
        import_listings(path, tmp_path / "c.xlsx", mapping=mapping)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "b.csv", "c.csv", "mapping.toml"]


def test_an_older_table_survives_a_refusal(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "id,title\nx,Kettle\nx,Lamp\n")
    old = table(tmp_path / "old.jsonl", "old\n")
    with pytest.raises(DataError, match="line 3"):
        import_listings(path, old, mapping=inspected(path)[1])
    assert old.read_text() == "old\n"


@pytest.mark.parametrize(
    "header", ["sku;Bezeichnung;EAN", "id;title;brand;price", "Artikelnummer;Titel;Bild 1;Bild 2", "Name;sale price;list price"]
)
def test_a_table_of_listings_that_is_inspected_as_pairs_says_so(tmp_path: Path, header: str) -> None:
    path = table(tmp_path / "shop.csv", f"{header}\n" + ";".join("abcd"[: header.count(";") + 1]) + "\n")
    with pytest.raises(DataError, match=r"looks like a table of listings: .* use --listings"):
        inspect_table(path, base=tmp_path)


def test_tables_that_may_hold_pairs_are_not_taken_for_listings(tmp_path: Path) -> None:
    for header in ("title;match;sku", "Ware;Preis", "left_id;right_id", "Titel A;Titel B", "Titel;Produktname"):
        found = inspect_table(table(tmp_path / "p.csv", f"{header}\n" + ";".join("abc"[: header.count(";") + 1]) + "\n"), base=tmp_path)
        assert found.sample.names == tuple(header.split(";"))


def test_a_table_of_ids_beside_two_listing_tables_is_never_taken_for_listings(tmp_path: Path) -> None:
    shop = table(tmp_path / "shop.csv", "id,title\na,Kettle\nb,Lamp\n")
    found = inspect_table(table(tmp_path / "p.csv", "Artikel;Vergleich\na;b\n"), base=tmp_path, left=shop, right=shop)
    assert found.mapping.left.table == "shop.csv"


def test_a_table_of_pairs_that_is_inspected_as_listings_says_so(tmp_path: Path) -> None:
    doubts = inspect_listings(table(tmp_path / "p.csv", "title_left,title_right,label\na,b,1\n")).doubts
    assert any("looks like a table of pairs" in doubt and "without --listings" in doubt for doubt in doubts)


def test_a_mapping_of_listings_needs_a_title_and_no_sides(tmp_path: Path) -> None:
    for text, reason in (
        ('kind = "listings"\n[listing.columns]\nid = "a"\n', "has no listing.columns.title"),
        ('kind = "listings"\n[listing.columns]\ntitle = "a"\n[left.columns]\ntitle = "b"\n', "left does not exist"),
        ('kind = "listings"\n[listing]\ntable = "a.csv"\n[listing.columns]\ntitle = "a"\n', "listing.table does not exist"),
        ('kind = "listing"\n', "kind 'listing' is not allowed: use pairs or listings"),
        ("kind = []\n", "kind [] is not allowed: use pairs or listings"),
        ('[listing.columns]\ntitle = "a"\n', "left"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_mapping(table(tmp_path / "m.toml", text))
        assert reason in str(caught.value)


def test_a_workbook_keeps_the_zeros_that_its_format_shows(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    for row in (["SKU", "Product name", "UPC", "Price"], ["B1", "Kettle", 36000291452, 12.5], ["B2", "Lamp", None, None]):
        book.active.append(row)
    book.active["C2"].number_format = "000000000000"
    book.save(tmp_path / "shop.xlsx")
    mapping = inspected(tmp_path / "shop.xlsx")[1]
    listings, _ = imported(tmp_path / "shop.xlsx", mapping, ending=".parquet")

    assert [(listing.id, listing.gtin, listing.price) for listing in listings] == [("B1", "036000291452", "12.5"), ("B2", None, None)]
