"""Tables as they come from shops, colleagues and spreadsheets: inspected and imported right, or refused with the cell named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from epm.errors import DataError
from epm.files.pairs import read_pairs
from epm.pair import Pair
from epm.tables.importing import ImportReport, import_pairs
from epm.tables.inspection import Inspection, inspect_table
from epm.tables.mapping import Mapping, load_mapping
from epm.tables.mapping_file import write_mapping

TITLES = [("Müller Föhn 2000 W", "Mueller Foehn 2000W"), ("Kolvra KX-120", "Kolvra KX-130")]


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def workbook(path: Path, rows: list[list[object]], *, formats: dict[str, str] | None = None, merged: tuple[str, ...] = ()) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for cell, style in (formats or {}).items():
        sheet[cell].number_format = style
    for cells in merged:
        sheet.merge_cells(cells)
    book.save(path)
    return path


def inspected(path: Path, *, left: Path | None = None, right: Path | None = None) -> tuple[Inspection, Mapping]:
    """The inspection, and its mapping after it was written and read again."""
    found = inspect_table(path, base=path.parent, left=left, right=right)
    target = path.parent / "mapping.toml"
    write_mapping(target, found)
    mapping = load_mapping(target)
    assert mapping == found.mapping
    return found, mapping


def imported(path: Path, mapping: Mapping, **options: object) -> tuple[tuple[Pair, ...], ImportReport]:
    out = path.parent / "out" / "pairs.parquet"
    report = import_pairs(path, out, mapping=mapping, base=path.parent, **options)  # type: ignore[arg-type]
    pairs = read_pairs(out).pairs
    assert len(pairs) == report.n_pairs
    return pairs, report


def refusal(path: Path, mapping: Mapping) -> str:
    with pytest.raises(DataError) as caught:
        import_pairs(path, path.parent / "refused.jsonl", mapping=mapping, base=path.parent)
    assert not (path.parent / "refused.jsonl").exists()
    return str(caught.value)


def titles(pairs: tuple[Pair, ...]) -> list[tuple[str, str]]:
    return [(pair.left.title, pair.right.title) for pair in pairs]


def labels(pairs: tuple[Pair, ...]) -> list[str | None]:
    return [pair.gold_label for pair in pairs]


def test_semicolons_in_cp1252_with_decimal_commas_and_german_label_words(tmp_path: Path) -> None:
    path = table(
        tmp_path / "p.csv",
        "Nr;Titel A;Preis A;Titel B;Preis B;Gleich?\n"
        "7;Müller Föhn 2000 W;1.299,00 €;Mueller Foehn 2000W;19,90;ja\n"
        "8;Kolvra KX-120;5,-;Kolvra KX-130;1.299;nein\n",
        "cp1252",
    )
    found, mapping = inspected(path)
    pairs, report = imported(path, mapping)

    assert (mapping.file.encoding, mapping.file.delimiter, mapping.left.decimal, mapping.right.decimal) == ("cp1252", ";", ",", ",")
    assert titles(pairs) == TITLES
    assert [(pair.left.price, pair.left.currency, pair.right.price) for pair in pairs] == [("1299.00", "EUR", "19.90"), ("5", None, "1299")]
    assert labels(pairs) == ["match", "no_match"]
    assert [pair.id for pair in pairs] == ["7", "8"]
    assert found.labels == (("ja", 1, "match"), ("nein", 1, "no_match"))
    assert report.labels == {"match": 1, "no_match": 1}


@pytest.mark.parametrize(("encoding", "name"), [("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le")])
def test_byte_order_marks_and_the_unicode_text_of_a_spreadsheet(tmp_path: Path, encoding: str, name: str) -> None:
    path = table(tmp_path / "p.txt", 'title_left\ttitle_right\tlabel\r\nMüller Föhn\tFöhn 19" Müller\t1\r\nRäder\tRad\t0\r\n', encoding)
    found, mapping = inspected(path)

    assert (mapping.file.encoding, mapping.file.delimiter) == (name, "\t")
    assert found.sample.names == ("title_left", "title_right", "label")
    assert titles(imported(path, mapping)[0])[0] == ("Müller Föhn", 'Föhn 19" Müller')


def test_line_breaks_delimiters_and_quotes_inside_quoted_cells(tmp_path: Path) -> None:
    path = table(
        tmp_path / "p.csv",
        'left_title,left_description,right_title,label\n"Kolvra ""X"", black","first\n\nsecond; line",Kolvra X,match\nb,c,d,no_match\ne,,,match\n',
    )
    mapping = inspected(path)[1]

    assert "line 6, column 'right_title'" in refusal(path, mapping)
    pairs, report = imported(path, mapping, on_bad_row="skip")
    assert (pairs[0].left.title, pairs[0].left.description) == ('Kolvra "X", black', "first\n\nsecond; line")
    assert [bad.line for bad in report.bad_rows] == [6]


def test_title_rows_above_the_header_and_empty_trailing_columns(tmp_path: Path) -> None:
    path = table(
        tmp_path / "p.csv",
        "Abgleich der Sortimente;;;;;\nStand: 3. Quartal;von: Einkauf;;;;\n;;;;;\nTitel links;Titel rechts;Urteil;;;\na;b;ja;;;\n;;;;;\nc;d;nein;;;\n",
    )
    mapping = inspected(path)[1]
    pairs, report = imported(path, mapping)

    assert mapping.file.header_rows == (4,)
    assert titles(pairs) == [("a", "b"), ("c", "d")]
    assert report.unused_columns == ()


def test_a_merged_header_in_a_workbook(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["Nr", "Unser Shop", None, "Wettbewerb", None, "Gleich?"],
        [None, "Titel", "EAN", "Titel", "EAN", None],
        [1, "a", 4006381333931, "b", "4006381333931", "ja"],
        [2, "c", None, "d", None, "nein"],
    ]
    path = workbook(tmp_path / "p.xlsx", rows, merged=("A1:A2", "B1:C1", "D1:E1", "F1:F2"))
    found, mapping = inspected(path)
    pairs, _ = imported(path, mapping)

    assert found.sample.names == ("Nr", "Unser Shop / Titel", "Unser Shop / EAN", "Wettbewerb / Titel", "Wettbewerb / EAN", "Gleich?")
    assert titles(pairs) == [("a", "b"), ("c", "d")]
    assert (pairs[0].left.gtin, pairs[0].right.gtin, pairs[1].left.gtin) == ("4006381333931", "4006381333931", None)
    assert labels(pairs) == ["match", "no_match"]


def test_the_same_merged_header_as_csv_below_a_title_row(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", "Vergleich,,,,\nAmazon,,eBay,,Match\nTitle,Price,Title,Price,\na,1.50,b,2.50,yes\nc,3.50,d,4.50,no\n")
    mapping = inspected(path)[1]

    assert mapping.file.header_rows == (2, 3)
    assert mapping.left.columns == {"title": "Amazon / Title", "price": "Amazon / Price"}
    assert labels(imported(path, mapping)[0]) == ["match", "no_match"]


def test_doubled_column_names_are_left_and_right_in_order(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", "title,price,title,price,label\na,1.5,b,2.5,1\nc,3.5,d,4.5,0\n")
    mapping = inspected(path)[1]

    assert (mapping.left.columns["title"], mapping.right.columns["title"]) == ("title", "title #2")
    assert [(pair.left.price, pair.right.price) for pair in imported(path, mapping)[0]] == [("1.5", "2.5"), ("3.5", "4.5")]


@pytest.mark.parametrize("cell", ["4,00638E+12", "4.00638E+12", "4.006e12"])
def test_a_gtin_whose_digits_a_spreadsheet_lost_is_shown_refused_and_dropped_on_request(tmp_path: Path, cell: str) -> None:
    path = table(tmp_path / "p.csv", f"title_a;ean_a;title_b;ean_b;match\na;4006381333931;b;4006381333931;ja\nc;{cell};d;;nein\n")
    found, mapping = inspected(path)

    assert [(one.column, one.damage, one.is_restored, one.first) for one in found.damaged] == [
        ("ean_a", "digits lost", False, ((3, cell),))
    ]
    message = refusal(path, mapping)
    assert f"line 3, column 'ean_a', value '{cell}'" in message
    assert "damaged_identifiers" in message
    pairs, report = imported(path, mapping.model_copy(update={"damaged_identifiers": "drop"}))
    assert [pair.left.gtin for pair in pairs] == ["4006381333931", None]
    assert report.codes_dropped == {"digits lost": 1}


@pytest.mark.parametrize(
    ("cell", "gtin"),
    [
        ("12345678905", "012345678905"), ("4006381333931.0", "4006381333931"), ("4,006381333931E+12", "4006381333931"), ('="0012345678905"', "0012345678905"),
        ("'4006381333931", "4006381333931"), ("12345678901", "12345678901"), ("0306406152", "0306406152"),
    ],
)  # fmt: skip
def test_codes_are_restored_where_that_is_provable_and_left_alone_where_not(tmp_path: Path, cell: str, gtin: str) -> None:
    path = table(tmp_path / "p.tsv", f"title_a\tean_a\ttitle_b\nKolvra one\t{cell}\tb\nKolvra two\t{cell}\td\n")
    pairs, report = imported(path, inspected(path)[1])

    assert {pair.left.gtin for pair in pairs} == {gtin}
    assert sum(report.codes_restored.values()) == (2 if cell != gtin else 0)


def test_numbers_of_a_workbook_keep_what_their_format_shows(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["left title", "left ean", "left price", "left discount", "right title", "right price", "label"],
        ["a", 12345678905, 1299.9, 0.2, "b", "1.299,90 €", True],
        ["c", "4006381333931", 5, None, "d", "7,00 €", False],
    ]
    path = workbook(tmp_path / "p.xlsx", rows, formats={"B2": "0000000000000", "C2": '#,##0.00 "€"', "D2": "0%"})
    pairs, _ = imported(path, inspected(path)[1])

    assert [pair.left.gtin for pair in pairs] == ["0012345678905", "4006381333931"]
    assert [(pair.left.price, pair.left.currency, pair.right.price, pair.right.currency) for pair in pairs] == [
        ("1299.9", "EUR", "1299.90", "EUR"), ("5", None, "7.00", "EUR"),
    ]  # fmt: skip
    assert dict(pairs[0].left.attributes) == {"discount": "20%"}
    assert labels(pairs) == ["match", "no_match"]


def test_label_words_nobody_can_guess_are_asked_for(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", "title 1|title 2|Ergebnis\na|b|JA\nc|d|unklar\ne|f|Nein\n")
    found, mapping = inspected(path)

    assert found.open_labels == {"unklar": 1}
    assert '# unklar = "none"  # 1 rows' in (tmp_path / "mapping.toml").read_text(encoding="utf-8")
    assert "line 3, column 'Ergebnis', value 'unklar'" in refusal(path, mapping)
    assert labels(imported(path, mapping, labels={"Unklar": "none"})[0]) == ["match", None, "no_match"]


def test_mixed_line_ends(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", "left_title,right_title,label\r\na,b,1\nc,d,0\re,f,1\r\n")
    assert titles(imported(path, inspected(path)[1])[0]) == [("a", "b"), ("c", "d"), ("e", "f")]


@pytest.mark.parametrize(
    ("written", "price", "currency"),
    [
        ("1'299.00", "1299.00", None), ("CHF 1’299.50", "1299.50", "CHF"), ("1 299.00", "1299.00", None), ("1,299.00", "1299.00", None),
        ("1,299", "1299", None), ("US$ 12.50", "12.50", "USD"), ("$12.50", "12.50", "$"), ("12.50 kr", "12.50", "kr"), ("₩12,900", "12900", "KRW"),
        ("auf Anfrage", "auf Anfrage", None), ("ab 12.50 EUR", "ab 12.50 EUR", None), ("n/a", None, None),
    ],
)  # fmt: skip
def test_prices_with_thousands_and_currencies(tmp_path: Path, written: str, price: str | None, currency: str | None) -> None:
    path = table(tmp_path / "p.tsv", f"title_l\tprice_l\ttitle_r\na\t{written}\tb\nc\t9.99\td\n")
    pairs, _ = imported(path, inspected(path)[1])

    assert (pairs[0].left.price, pairs[0].left.currency) == (price, currency)


@pytest.mark.parametrize(("cell", "reason"), [("20 %", "is a percentage"), ("12.50", "does not follow the decimal mark ','")])
def test_a_price_that_cannot_be_one_is_refused(tmp_path: Path, cell: str, reason: str) -> None:
    path = table(tmp_path / "p.csv", "title_l;price_l;title_r\na;9,99;b\nc;9,99;d\n")
    mapping = inspected(path)[1]
    table(path, f"title_l;price_l;title_r\na;9,99;b\nc;9,99;d\ne;{cell};f\n")
    message = refusal(path, mapping)

    assert f"line 4, column 'price_l', value '{cell}'" in message
    assert reason in message


def test_prices_of_many_shops_in_one_column_are_read_each_by_itself(tmp_path: Path) -> None:
    cells = ["12.50", "€ 1.230,35", "1,299.00", "1.299", "5"]
    path = table(tmp_path / "p.tsv", "title_l\tprice_l\ttitle_r\n" + "".join(f"a{cell}\t{cell}\tb\n" for cell in cells))
    found, mapping = inspected(path)

    assert mapping.left.decimal == "mixed"
    assert any("price_l" in doubt and "mixed" in doubt for doubt in found.doubts)
    assert [pair.left.price for pair in imported(path, mapping)[0]] == ["12.50", "1230.35", "1299.00", "1.299", "5"]


def test_json_lines_with_nested_objects_and_lists(tmp_path: Path) -> None:
    row = {
        "left": {"title": "a", "offer": {"price": 19.90, "currency": "EUR"}, "images": ["x.jpg", "y.jpg"], "attributes": {"Farbe": "rot"}},
        "right": {"title": "b", "gtin": 4006381333931},
        "is_match": True,
    }
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps({**row, "id": i}) + "\n" for i in (1, 2)).encode()))
    found, mapping = inspected(path)
    pairs, _ = imported(path, mapping)

    assert (mapping.left.columns["price"], mapping.left.attributes) == (
        "left.offer.price",
        {"images": "left.images", "Farbe": "left.attributes.Farbe"},
    )
    assert (pairs[0].left.price, pairs[0].left.currency, pairs[0].right.gtin, pairs[0].gold_label) == (
        "19.9",
        "EUR",
        "4006381333931",
        "match",
    )
    assert dict(pairs[0].left.attributes) == {"images": "x.jpg, y.jpg", "Farbe": "rot"}
    assert len(found.pairs) == 2


def test_two_listing_tables_and_a_table_of_pairs(tmp_path: Path) -> None:
    left = table(tmp_path / "tableA.csv", "id,title,manufacturer,price\n0,a,Kolvra,9.99\n1,c,,\n")
    right = table(tmp_path / "tableB.csv", "id;name;Farbe;Preis\n0;b;rot;1.299,00\n1;d;;\n")
    path = table(tmp_path / "pairs.csv", "ltable_id,rtable_id,label\n0,1,0\n1,0,1\n0,1,0\n")
    found, mapping = inspected(path, left=left, right=right)
    pairs, report = imported(path, mapping)

    assert (mapping.left.table, mapping.left.key, mapping.right.file and mapping.right.file.delimiter) == ("tableA.csv", "ltable_id", ";")
    assert titles(pairs) == [("a", "d"), ("c", "b")]
    assert (pairs[0].left.id, pairs[0].left.brand, dict(pairs[1].right.attributes), pairs[1].right.price) == (
        "0",
        "Kolvra",
        {"Farbe": "rot"},
        "1299.00",
    )
    assert (found.n_repeats, report.n_repeats) == (1, 1)

    table(path, "ltable_id,rtable_id,label\n0,1,0\n9,0,1\n")
    assert "line 3, column 'ltable_id', value '9': the table 'tableA.csv' has no listing of this id" in refusal(path, mapping)


def test_parquet_with_nulls_floats_and_structs(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "p.parquet"
    rows = [{"left": {"title": "a", "ean": 4006381333931.0}, "right": {"title": "b", "ean": None}, "label": 1}] * 2
    parquet.write_table(pa.Table.from_pylist(rows), path)
    pairs, report = imported(path, inspected(path)[1])

    assert (pairs[0].left.gtin, pairs[0].right.gtin, pairs[0].gold_label) == ("4006381333931", None, "match")
    assert report.n_repeats == 1


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 600), "an old .xls workbook; save it as .xlsx"),
        (lambda path: path.write_text("<html><table><tr><td>a</td></tr></table>"), "a web page or XML"),
        (lambda path: path.write_text('[{"left": 1}]'), "one JSON array"),
        (lambda path: path.write_text("  \n\n"), "is empty"),
        (lambda path: path.write_text("just\nlines\nof text\n"), "one column only"),
        (lambda path: path.write_text("1;2;3\n4;5;6\n7;8;9\n"), "has no header"),
        (lambda path: path.write_bytes(gzip.compress(b"a;b\n" * 9999)[:40]), "damaged gzip"),
        (lambda path: path.write_bytes(b"PK\x03\x04xl/" + b"\0" * 99), "damaged workbook"),
    ],
)
def test_what_is_no_table_is_named_for_what_it_is(tmp_path: Path, write: Callable[[Path], object], reason: str) -> None:
    path = tmp_path / "p.csv"
    write(path)
    with pytest.raises(DataError, match=reason):
        inspect_table(path, base=tmp_path)


def test_a_byte_of_another_encoding_is_named_with_its_cell(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", "left_title,right_title\nMüller,b\n")
    mapping = inspected(path)[1]
    path.write_bytes("left_title,right_title\nMüller,b\n".encode() + "Föhn,b\n".encode("cp1252"))

    assert "line 3, cell 1, 'F\ufffdhn': byte 0xf6 is no utf-8; set file.encoding" in refusal(path, mapping)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,b,c,extra", "line 3, has a cell 4, 'extra', but the header has 3 columns"),
        ("a,b", "line 3, has 2 cells, but the header has 3 columns"),
        ('a,"b,1', "line 3, has broken quotes"),
        ("left_title,right_title,label", "line 3, repeats the header"),
        ("#REF!,b,1", "line 3, column 'left_title', value '#REF!'"),
        ("x,y,0", "stands in line 2 with other content or another label"),
        ("Summe: 2,,", "line 3, column 'right_title', value ''"),
    ],
)
def test_broken_rows_are_named(tmp_path: Path, row: str, reason: str) -> None:
    path = table(tmp_path / "p.csv", "left_title,right_title,label\nx,y,1\n")
    mapping = inspected(path)[1]
    path.write_text(f"left_title,right_title,label\nx,y,1\n{row}\n", encoding="utf-8")

    assert reason in refusal(path, mapping)


def test_a_declared_delimiter_is_believed(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", "sep=|\nleft_title|right_title|label\na;1|b;2|1\nc;3|d;4|0\n")
    mapping = inspected(path)[1]

    assert (mapping.file.delimiter, mapping.file.header_rows) == ("|", (2,))
    assert titles(imported(path, mapping)[0]) == [("a;1", "b;2"), ("c;3", "d;4")]


def test_korean_in_its_windows_encoding(tmp_path: Path) -> None:
    text = "상품명1,상품명2,일치여부\n" + "".join(
        f"삼성 갤럭시 버즈 {i} 무선 이어폰,삼성전자 버즈 이어폰 블랙 {i},{'일치' if i % 2 else '불일치'}\n" for i in range(40)
    )
    path = table(tmp_path / "p.csv", text, "cp949")
    found, mapping = inspected(path)
    pairs, _ = imported(path, mapping)

    assert pairs[1].left.title == "삼성 갤럭시 버즈 1 무선 이어폰"
    assert labels(pairs)[:2] == ["no_match", "match"]
    assert any("is a guess" in doubt for doubt in found.doubts)
