"""Cells and columns that were taken over without a word although they cannot be what their column says."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import pytest

from epm.errors import DataError
from epm.files.pairs import read_pairs
from epm.pair import Pair
from epm.tables.importing import import_pairs
from epm.tables.inspection import Inspection, inspect_table
from epm.tables.inspection_text import inspection_lines
from epm.tables.listing_importing import import_listings
from epm.tables.listing_inspection import inspect_listings
from epm.tables.mapping import Mapping
from epm.tables.spreadsheet import restore_code


def looked_at(path: Path, content: str | bytes) -> Inspection:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return inspect_table(path, base=path.parent)


def imported(found: Inspection, mapping: Mapping | None = None) -> tuple[Pair, ...]:
    path = found.sample.path
    import_pairs(path, path.parent / "pairs.jsonl", mapping=mapping or found.mapping, base=path.parent)
    return read_pairs(path.parent / "pairs.jsonl").pairs


def refusal(found: Inspection) -> str:
    with pytest.raises(DataError) as caught:
        imported(found)
    return str(caught.value)


def shown(found: Inspection) -> str:
    return "\n".join(inspection_lines(found))


@pytest.mark.parametrize("field", ["ean", "mpn", "id"])
@pytest.mark.parametrize("cell", [datetime(2024, 3, 1), date(2024, 3, 1), datetime(2024, 3, 1, 8, 15), time(3, 4)])  # noqa: DTZ001 - as a workbook holds it
def test_a_date_cell_of_a_workbook_is_no_code(tmp_path: Path, field: str, cell: object) -> None:
    from openpyxl import Workbook

    book = Workbook()
    for row in (["left title", f"left {field}", "right title", "label"], ["A", "x1", "B", 1], ["C", cell, "D", 0]):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(tmp_path / "p.xlsx")
    found = inspect_table(tmp_path / "p.xlsx", base=tmp_path)

    assert [(one.damage, one.is_restored, one.n) for one in found.damaged] == [("turned into a date", False, 1)]
    assert "codes: column" in shown(found)
    assert f"row 3, column 'left {field}'" in refusal(found)
    assert "turned into a date" in refusal(found)


@pytest.mark.parametrize(
    "cell", ["2024-03-01", "2024-03-01T00:00:00", "2024-03-01 08:15:00", "01.03.2024", "3/1/2024", "01-Mar", "03:04:00"]
)
def test_a_written_date_is_no_code(tmp_path: Path, cell: str) -> None:
    found = looked_at(tmp_path / "p.csv", f"title_l;mpn_l;title_r\nA;x1;B\nC;{cell};D\n")

    assert [one.n for one in found.damaged] == [1]
    assert f"line 3, column 'mpn_l', value '{cell}'" in refusal(found)


@pytest.mark.parametrize("code", ["10.20.300", "2024-13-01", "2024-3101", "12.34.5678", "08.15.4711", "45/12/2024", "12-34-56", "1.2.24"])
def test_a_part_number_that_only_resembles_a_date_stays(code: str) -> None:
    assert restore_code(code, is_gtin=False).text == code


@pytest.mark.parametrize("cell", ["-3", "-3,50 €", "€ -3", "'-3"])
def test_a_negative_is_no_price(tmp_path: Path, cell: str) -> None:
    found = looked_at(tmp_path / "p.csv", f"title_l;price_l;title_r\nA;9,99;B\nC;{cell};D\n")

    assert found.n_bad == 1
    assert f"line 3, column 'price_l', value {cell!r}: is negative" in refusal(found)


def test_a_negative_number_of_a_workbook_is_no_price(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    for row in (["left title", "left price", "right title"], ["A", 3.5, "B"], ["C", -3, "D"]):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(tmp_path / "p.xlsx")
    assert "value '-3': is negative" in refusal(inspect_table(tmp_path / "p.xlsx", base=tmp_path))


@pytest.mark.parametrize("cell", ["auf Anfrage", "ab 5 EUR", "5-7 EUR", "9,99 € inkl. MwSt."])
def test_a_price_that_is_kept_as_written_is_pointed_out(tmp_path: Path, cell: str) -> None:
    found = looked_at(tmp_path / "p.csv", f"title_l;price_l;title_r\nA;9,99;B\nC;{cell};D\n")

    assert any("'price_l'" in doubt and f"line 3 {cell!r}" in doubt and "as written" in doubt for doubt in found.doubts)
    assert imported(found)[1].left.price == cell
    assert import_pairs(found.sample.path, tmp_path / "again.jsonl", mapping=found.mapping, base=tmp_path).to_json()["n_worded_prices"] == 1


@pytest.mark.parametrize("cell", ["5,-", "5.–", "1 299,00 €", "EUR 5", "£5"])
def test_a_plain_price_is_neither_refused_nor_pointed_out(tmp_path: Path, cell: str) -> None:
    found = looked_at(tmp_path / "p.csv", f"title_l;price_l;title_r\nA;9,99;B\nC;{cell};D\n")
    assert (found.n_bad, [doubt for doubt in found.doubts if "as written" in doubt]) == (0, [])


@pytest.mark.parametrize("stray", ["Föhn Größe".encode("cp1252"), b"F\xf6hn"])
def test_one_row_of_another_encoding_does_not_turn_the_others_into_signs(tmp_path: Path, stray: bytes) -> None:
    rows = "".join(f"Café {i};Föhn {i};{i % 2}\n" for i in range(200)).encode()
    found = looked_at(tmp_path / "p.csv", b"title_l;title_r;label\n" + rows + stray + b";x;1\n")

    assert found.mapping.file.encoding == "utf-8"
    assert any("utf-8 is a guess" in doubt for doubt in found.doubts)
    assert (found.n_bad, found.first_bad[0][0]) == (1, 202)
    assert "line 202" in refusal(found)
    assert "cp1252" not in refusal(found)


def test_a_file_of_two_encodings_that_is_mostly_western_windows_text_is_a_guess(tmp_path: Path) -> None:
    rows = "".join(f"Café {i};Rosé;1\n" for i in range(60)).encode() + "".join(f"Café {i};Rosé;0\n" for i in range(90)).encode("cp1252")
    found = looked_at(tmp_path / "p.csv", b"title_l;title_r;label\n" + rows)

    assert found.mapping.file.encoding == "cp1252"
    assert any("cp1252 is a guess" in doubt for doubt in found.doubts)


def test_a_byte_that_fits_no_encoding_is_refused_without_advice_for_other_scripts(tmp_path: Path) -> None:
    found = looked_at(tmp_path / "p.csv", "title_l;title_r;label\nケトル;湯沸かし;1\n".encode("shift_jis"))
    mapping = found.mapping.model_copy(update={"file": found.mapping.file.model_copy(update={"encoding": "utf-8"})})
    with pytest.raises(DataError) as caught:
        imported(found, mapping)

    assert "byte 0x83 is no utf-8" in str(caught.value)
    assert "cp1252" not in str(caught.value)
    assert "epm data inspect" in str(caught.value)


def test_two_columns_of_one_name_are_pointed_out_and_shown_as_they_are_written(tmp_path: Path) -> None:
    found = looked_at(tmp_path / "p.csv", "Title_Left,title_left,title_right,label\nA,X,B,1\nC,Y,D,0\n")
    (pair, _) = imported(found)

    assert any("'Title_Left' and 'title_left'" in doubt for doubt in found.doubts)
    assert (pair.left.title, dict(pair.left.attributes)) == ("A", {"title": "X"})
    assert "title='A' attributes.title='X'" in shown(found)


def test_two_columns_of_one_name_in_a_catalogue_are_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;Titel;TITEL;Farbe\n1;A;X;rot\n2;B;Y;blau\n", encoding="utf-8")
    found = inspect_listings(tmp_path / "a.csv")

    assert any("'Titel' and 'TITEL'" in doubt for doubt in found.doubts)
    assert not any("Farbe" in doubt for doubt in found.doubts)


def test_a_cell_as_long_as_a_page_does_not_hide_the_delimiter(tmp_path: Path) -> None:
    import csv

    csv.field_size_limit(131_072)  # as a fresh process has it
    found = looked_at(tmp_path / "p.csv", f"title_l;title_r;description_l;label\nA;B;{'x' * 140_000};1\nC;D;{'y' * 140_000};0\n")

    assert found.mapping.file.delimiter == ";"
    assert len(imported(found)) == 2


def test_a_table_of_one_column_is_told_how_to_name_its_delimiter(tmp_path: Path) -> None:
    text = "title_l~title_r~label\nA~B~1\nC~D~0\n"
    with pytest.raises(DataError, match="sep=") as caught:
        looked_at(tmp_path / "p.csv", text)

    assert "one column only" in str(caught.value)
    assert len(imported(looked_at(tmp_path / "p.csv", f"sep=~\n{text}"))) == 2


@pytest.mark.parametrize(
    ("column", "words", "labels"),
    [
        ("meme_produit", ("1", "0"), ("match", "no_match")),
        ("Même produit", ("oui", "non"), ("match", "no_match")),
        ("esito", ("sì", "no"), ("match", "no_match")),
        ("statut", ("OK", "KO"), ("match", "no_match")),
        ("avis", ("oui", "non"), ("match", "no_match")),
    ],
)  # fmt: skip
def test_a_label_column_is_known_by_its_name_or_else_by_its_words(
    tmp_path: Path, column: str, words: tuple[str, str], labels: tuple[str, str]
) -> None:
    found = looked_at(tmp_path / "p.csv", f"title_l;title_r;{column}\nA;B;{words[0]}\nC;D;{words[1]}\n")

    assert found.mapping.pair.label == column
    assert tuple(pair.gold_label for pair in imported(found)) == labels


def test_a_label_column_known_by_its_words_alone_is_pointed_out_with_the_word_that_nobody_knows(tmp_path: Path) -> None:
    found = looked_at(tmp_path / "p.csv", "title_l;title_r;avis\nA;B;oui\nC;D;non\nE;F;peut-être\n")

    assert any("'avis'" in doubt and "by its words" in doubt for doubt in found.doubts)
    assert found.open_labels == {"peut-être": 1}
    assert found.unmapped == ()


@pytest.mark.parametrize("cells", [("0", "1"), ("oui", "oui"), ("rouge", "oui"), ("", "")])
def test_a_column_is_no_label_by_numbers_one_word_or_strange_words(tmp_path: Path, cells: tuple[str, str]) -> None:
    found = looked_at(tmp_path / "p.csv", f"title_l;title_r;avis;stock\nA;B;{cells[0]};5\nC;D;{cells[1]};7\nE;F;vert;8\n")
    assert found.mapping.pair.label == ""


def test_of_two_columns_with_label_words_none_is_taken_and_both_are_named(tmp_path: Path) -> None:
    found = looked_at(tmp_path / "p.csv", "title_l;title_r;avis;stock\nA;B;oui;non\nC;D;non;oui\n")

    assert found.mapping.pair.label == ""
    assert any("'avis', 'stock'" in doubt for doubt in found.doubts)


def test_a_listing_table_of_the_pairs_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;Titel\n1;A\n2;B\n", encoding="utf-8")
    (tmp_path / "p.csv").write_text("id_left;id_right;label\n1;2;1\n2;1;0\n", encoding="utf-8")
    found = inspect_table(tmp_path / "p.csv", base=tmp_path, left=tmp_path / "a.csv", right=tmp_path / "a.csv")
    before = (tmp_path / "a.csv").read_bytes()

    with pytest.raises(DataError, match="is the file that is read"):
        import_pairs(tmp_path / "p.csv", tmp_path / "a.csv", mapping=found.mapping, base=tmp_path)
    assert (tmp_path / "a.csv").read_bytes() == before


def test_a_catalogue_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;Titel\n1;A\n2;B\n", encoding="utf-8")
    found = inspect_listings(tmp_path / "a.csv")

    with pytest.raises(DataError, match="is the file that is read"):
        import_listings(tmp_path / "a.csv", tmp_path / "a.csv", mapping=found.mapping)
