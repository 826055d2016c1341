"""Tables that were read wrongly without a word, or refused for the wrong reason: each stands for a fault that was found by trying."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from epm.errors import DataError, EpmError
from epm.files.pairs import read_pairs
from epm.pair import Pair
from epm.tables.importing import import_pairs
from epm.tables.inspection import Inspection, inspect_table
from epm.tables.mapping import FileLayout, Mapping, load_mapping
from epm.tables.mapping_file import write_mapping
from epm.tables.workbook import grid_rows


def looked_at(path: Path, content: str | bytes, encoding: str = "utf-8") -> Inspection:
    """The inspection of a file of that content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return inspect_table(path, base=path.parent)


def imported(found: Inspection, mapping: Mapping | None = None) -> tuple[Pair, ...]:
    """The pairs of an inspected table, by the mapping as inspect wrote it or by another one."""
    folder = found.sample.path.parent
    write_mapping(folder / "mapping.toml", found)
    import_pairs(found.sample.path, folder / "pairs.jsonl", mapping=mapping or load_mapping(folder / "mapping.toml"), base=folder)
    return read_pairs(folder / "pairs.jsonl").pairs


def refusal(found: Inspection) -> str:
    with pytest.raises(DataError) as caught:
        imported(found)
    return str(caught.value)


def titles(pairs: tuple[Pair, ...]) -> list[tuple[str, str]]:
    return [(pair.left.title, pair.right.title) for pair in pairs]


def book(path: Path, sheets: dict[str, list[list[object]]], *, hidden: tuple[str, ...] = ()) -> Path:
    from openpyxl import Workbook

    made = Workbook()
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    del made["Sheet"]
    made.save(path)
    return path


PAIRS: list[list[object]] = [["left title", "right title", "label"], ["A", "B", 1], ["C", "D", 0]]


@pytest.mark.parametrize(
    ("header", "row", "delimiter"),
    [
        ("title_left,title_right,label", "Kolvra {i}; rot; neu,Kolvra {i}; blau; alt,1", ","),
        ("title_left;price_left;title_right;label", "Kolvra {i}, rot, neu, x;1{i},50;Kolvra {i}, blau;1", ";"),
    ],
)
def test_a_mark_that_every_title_holds_is_not_the_delimiter(tmp_path: Path, header: str, row: str, delimiter: str) -> None:
    rows = "".join(row.format(i=i) + "\n" for i in range(300))
    found = looked_at(tmp_path / "p.csv", f"{header}\n{rows}")
    left, right = titles(imported(found))[7]

    assert found.mapping.file.delimiter == delimiter
    assert (left.startswith("Kolvra 7"), "neu" in left, "blau" in right) == (True, True, True)


def test_blanks_before_quotes_and_around_cells_are_not_part_of_them(tmp_path: Path) -> None:
    found = looked_at(tmp_path / "p.csv", 'title_left, title_right, label\n"A, x", "B, y", 1\n C ,"D", 0\n')
    assert titles(imported(found)) == [("A, x", "B, y"), ("C", "D")]


def test_quotes_that_never_pair_are_kept_as_text_and_pointed_out(tmp_path: Path) -> None:
    found = looked_at(tmp_path / "p.csv", 'title_left,title_right,label\nA,"B,1\nC,D,0\nE,F,1\n')

    assert found.mapping.file.quote == ""
    assert any("quotes" in doubt and "line 2" in doubt for doubt in found.doubts)


@pytest.mark.parametrize(
    ("left", "right", "encoding"),
    [
        ("Föhn für Größe", "Gerät", "mac_roman"),
        ("Rychlovarná konvice žlutá", "Příklep", "cp1250"),
        ("Żółta łyżka", "Ręcznik kąpielowy", "cp1250"),
        ("Şarjlı süpürge ışık", "Çağlayan ığdır", "cp1254"),
        ("Föhn für Größe", "Gerät", "cp850"),
    ],
)
def test_single_accented_letters_that_are_not_western_windows_text(tmp_path: Path, left: str, right: str, encoding: str) -> None:
    rows = "".join(f"{left} {i};{right};{i % 2}\n" for i in range(20))
    found = looked_at(tmp_path / "p.csv", f"title_l;title_r;label\n{rows}", encoding)

    assert titles(imported(found))[3] == (f"{left} 3", right)
    assert any("is a guess" in doubt for doubt in found.doubts)


@pytest.mark.parametrize(
    "title", ["Regal 2 m² – 5 µm", "Sèche-cheveux à œil « déjà » n° 3", "Señor ¿qué? niño", "Hårføner på rød", "Größe ½ Zoll ×3 §5"]
)
def test_western_windows_text_is_no_guess(tmp_path: Path, title: str) -> None:
    found = looked_at(tmp_path / "p.csv", f"title_l;title_r;label\n{title};b;1\nc;d;0\n", "cp1252")

    assert (found.mapping.file.encoding, found.doubts) == ("cp1252", ())
    assert titles(imported(found))[0] == (title, "b")


def test_a_foreign_name_does_not_turn_western_text_into_something_else(tmp_path: Path) -> None:
    rows = "".join(f"Sèche-cheveux {i} à œil, été;Cafetière déjà;{i % 2}\n" for i in range(20))
    found = looked_at(tmp_path / "p.csv", f"title_l;title_r;label\n{rows}Škoda é;b;1\n", "cp1252")

    assert titles(imported(found))[19:] == [("Sèche-cheveux 19 à œil, été", "Cafetière déjà"), ("Škoda é", "b")]
    assert any("is a guess" in doubt for doubt in found.doubts)


def test_columns_that_a_program_numbered(tmp_path: Path) -> None:
    found = looked_at(tmp_path / "p.csv", "Title,Price,Title.1,Price.1,label\nA,1.5,B,2.5,1\nC,3.5,D,4.5,0\n")
    pairs = imported(found)

    assert titles(pairs) == [("A", "B"), ("C", "D")]
    assert [(pair.left.price, pair.right.price) for pair in pairs] == [("1.5", "2.5"), ("3.5", "4.5")]


def test_a_numbered_name_never_takes_the_place_of_one_that_stands_there(tmp_path: Path) -> None:
    found = looked_at(tmp_path / "p.csv", "title,title #2,title,label\nA,x,B,1\nC,y,D,0\n")
    assert found.sample.names == ("title", "title #2", "title #3", "label")


def test_the_sheet_with_a_known_header_is_taken_before_hidden_and_empty_ones(tmp_path: Path) -> None:
    sheets = {"Lookup": [["x", "y"], [1, 2]], "Blank": [], "Readme": [["This workbook holds pairs"]], "Pairs": PAIRS, "Old": PAIRS}
    path = book(tmp_path / "p.xlsx", sheets, hidden=("Lookup",))
    found = inspect_table(path, base=tmp_path)

    assert found.mapping.file.sheet == "Pairs"
    assert any("'Old'" in doubt and "--sheet" in doubt for doubt in found.doubts)
    assert titles(imported(found)) == [("A", "B"), ("C", "D")]


def test_a_workbook_without_any_table_names_its_sheets(tmp_path: Path) -> None:
    path = book(tmp_path / "p.xlsx", {"Blank": [], "Readme": [["Just text"]]})
    with pytest.raises(DataError, match="sheets looked at: 'Blank', 'Readme'"):
        inspect_table(path, base=tmp_path)


def test_a_formula_that_was_never_computed_is_no_empty_cell(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["left title", "left price", "note", "right title", "label"],
        ["A", 3, "=1+1", "B", 1],
        ["C", "=B2*2", None, "D", 0],
    ]
    path = book(tmp_path / "p.xlsx", {"S": rows})
    found = inspect_table(path, base=tmp_path)

    assert "row 3, column 'left price', value '=B2*2': the workbook holds no value" in refusal(found).replace("line 3", "row 3")
    assert found.first_bad[0][0] == 3, "a formula in a column that is not read does no harm"


def test_a_formula_whose_value_is_an_empty_text_is_empty(tmp_path: Path) -> None:
    path = book(tmp_path / "p.xlsx", {"S": [*PAIRS, ["E", "F", '=IF(A1="","","")']]})
    kept = tmp_path / "q.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(kept, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            target.writestr(name, text.replace(b'<c r="C4">', b'<c r="C4" t="str">') if name.endswith("sheet1.xml") else text)
    assert [row.cells for row in grid_rows(kept, FileLayout(format="xlsx"))][3] == ("E", "F")


def test_a_number_whose_last_digits_were_zeroed_is_a_damaged_gtin(tmp_path: Path) -> None:
    path = book(tmp_path / "p.xlsx", {"S": [["left title", "left ean", "right title"], ["A", 4.00638e12, "B"], ["C", 4006381333931, "D"]]})
    found = inspect_table(path, base=tmp_path)

    assert [(one.damage, one.is_restored, one.n) for one in found.damaged] == [("digits lost", False, 1)]
    assert "row 2, column 'left ean', value '4006380000000'" in refusal(found)


@pytest.mark.parametrize("cell", ["2024-01-02", "3-May", "03. Mai", "01/02/2024", "12.05.2024", "2024-05-12 00:00:00"])
def test_a_date_is_no_price(tmp_path: Path, cell: str) -> None:
    found = looked_at(tmp_path / "p.csv", f"title_l;price_l;title_r\na;9.99;b\nc;{cell};d\n")

    message = refusal(found)
    assert f"line 3, column 'price_l', value '{cell}': is a date" in message


def test_a_date_cell_of_a_workbook_is_no_price(tmp_path: Path) -> None:
    from datetime import date

    rows: list[list[object]] = [["left title", "left price", "right title"], ["A", 3.5, "B"], ["C", date(2024, 5, 3), "D"]]
    assert "row 3, column 'left price', value '2024-05-03" in refusal(inspect_table(book(tmp_path / "p.xlsx", {"S": rows}), base=tmp_path))


@pytest.mark.parametrize(("cell", "price"), [("'19.90", "19.90"), ('"=""19.90"""', "19.90"), ("'5", "5")])
def test_marks_for_the_spreadsheet_are_no_part_of_a_price(tmp_path: Path, cell: str, price: str) -> None:
    found = looked_at(tmp_path / "p.csv", f"title_l,price_l,title_r\na,9.99,b\nc,{cell},d\n")
    assert imported(found)[1].left.price == price


def test_a_nul_character_is_named_with_its_cell(tmp_path: Path) -> None:
    found = looked_at(tmp_path / "p.csv", b"title_left,title_right,label\nA,B,1\nC\0x,D,0\n")

    assert "line 3, column 'title_left', value 'C\\x00x': holds a NUL character" in refusal(found)


def test_a_blank_label_means_what_the_mapping_says(tmp_path: Path) -> None:
    found = looked_at(tmp_path / "p.csv", "title_l;title_r;gleich\nA;B;x\nC;D;\nE;F;x\n")
    mapping = found.mapping.model_copy(update={"labels": {"x": "match", "": "no_match"}})

    assert any('"" = "no_match"' in doubt for doubt in found.doubts)
    assert [pair.gold_label for pair in imported(found, mapping)] == ["match", "no_match", "match"]


@pytest.mark.parametrize(
    ("match", "no_match"),
    [
        ("gleich", "nicht gleich"), ("identisch", "nicht identisch"), ("same product", "different product"), ("duplicate", "non-duplicate"),
        ("identical", "not identical"), ("identique", "pas identique"), ("같은 상품", "다른 상품"), ("동일상품", "다른상품"), ("✓", "✗"), ("Ja.", "Nein."),
    ],
)  # fmt: skip
def test_label_words_of_several_languages(tmp_path: Path, match: str, no_match: str) -> None:
    found = looked_at(tmp_path / "p.csv", f"title 1;title 2;label\na;b;{match}\nc;d;{no_match}\n")
    assert [pair.gold_label for pair in imported(found)] == ["match", "no_match"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{\n "left": {"title": "A"},\n "right": {"title": "B"}\n}\n', "one JSON object over several lines"),
        ('{"left": {"title": "A"}}\n'.encode("utf-16"), "JSON in UTF-16; save it as UTF-8"),
        ('{"left": {"title": "Föhn"}, "right": {"title": "B"}}\n'.encode("cp1252"), "no readable row; line 1: is not UTF-8 at byte"),
        (b'{"left": {"title": "A", "gtin": ' + b"9" * 5000 + b"}}\n", "no readable row; line 1: JSON beyond what can be read"),
        (b"BZh91AY&SY" + b"\x01\x8c,;" * 40, "a bzip2 file; unpack it"),
        (b"\xfd7zXZ\0" + b"\x01" * 40, "an xz file; unpack it"),
        (b"\x28\xb5\x2f\xfd" + b"\x01" * 40, "a Zstandard file; unpack it"),
        (b"ARROW1\0\0" + b"\0" * 40, "an Arrow or Feather file"),
        (gzip.compress(b"PAR1" + b"\0" * 40, mtime=0), "parquet packed with gzip; unpack it"),
        (b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "an OpenDocument spreadsheet"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
    ],
)
def test_what_is_no_table_is_named_rightly(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        looked_at(tmp_path / "p.csv", content)
    assert reason in str(caught.value)


def test_a_workbook_without_readable_sheets_is_damaged_and_not_out_of_reach(tmp_path: Path) -> None:
    path = tmp_path / "p.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/workbook.bin", "x")
    with pytest.raises(DataError, match="damaged workbook"):
        inspect_table(path, base=tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        '{"left": {"title": "A", "\\ud800": "x"}, "right": {"title": "B"}}',
        '{"left": {"title": "A"}, "right": {"title": "B"}, "label": "\\udc00"}',
    ],
)
def test_half_a_surrogate_pair_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    good = '{"left": {"title": "C"}, "right": {"title": "D"}, "label": 1}'
    found = looked_at(tmp_path / "p.jsonl", f"{good}\n{row}\n")

    assert "line 2, holds half a surrogate pair" in refusal(found)


def test_a_table_without_rows_and_one_of_ids_alone_say_what_is_missing(tmp_path: Path) -> None:
    empty = looked_at(tmp_path / "p.csv", "title_left,title_right,label\n")
    ids = looked_at(tmp_path / "q.csv", "id_left,id_right,label\n1,2,1\n3,4,0\n")

    assert any("no row below its header" in doubt for doubt in empty.doubts)
    assert any("--left and --right" in doubt for doubt in ids.doubts)


def test_every_error_of_a_table_is_one_that_people_see_without_a_traceback(tmp_path: Path) -> None:
    for content in (b"\xff\xfe", b"\0" * 5000, bytes(range(256)) * 40, b"{" * 5000, b'{"a":' * 5000, b"PK\x03\x04", b"PAR1", b"\x1f\x8b"):
        with pytest.raises(EpmError):
            imported(looked_at(tmp_path / "p.csv", content))
