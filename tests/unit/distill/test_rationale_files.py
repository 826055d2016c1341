from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow import parquet

from epm.distill.rationale_columns import FailedRow, RationaleRow
from epm.distill.rationale_files import CARD, FAILED, MARK, RATIONALES, arrow_schema, refuse_foreign_folder, table_bytes, write_folder
from epm.errors import DataError

OURS = {RATIONALES: b"rows", FAILED: b"failed", CARD: f"{MARK}\n".encode()}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_is_made_and_an_earlier_dataset_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    write_folder(folder, OURS)
    assert content(folder) == OURS
    refuse_foreign_folder(folder)
    write_folder(folder, OURS | {RATIONALES: b"other rows"})
    assert content(folder) == OURS | {RATIONALES: b"other rows"}
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_a_file_that_cannot_be_written_leaves_the_earlier_dataset_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_folder(folder, OURS)
    with pytest.raises(DataError, match=r"cannot write"):
        write_folder(folder, {RATIONALES: b"half", "n" * 300: b"no file system takes this name"})
    assert content(folder) == OURS
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_cannot_take_its_place_leaves_the_earlier_dataset_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, rename = tmp_path / "out", Path.rename
    write_folder(folder, OURS)

    def full(self: Path, target: Path) -> Path:
        if self.suffix == ".partial":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(DataError, match=r"cannot write .*No space left"):
        write_folder(folder, OURS | {RATIONALES: b"other"})
    assert content(folder) == OURS
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    "present",
    [
        {"pairs.jsonl": b"{}"},
        {**OURS, "notes.txt": b"mine"},
        {CARD: b"# Something else\n"},
        {RATIONALES: b"a table of the user's own"},
    ],
)
def test_a_folder_that_holds_anything_else_is_refused(present: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in present.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=r"of no rationale dataset and would be lost: choose another folder"):
        refuse_foreign_folder(tmp_path)


def test_a_file_and_the_name_of_one_are_refused_and_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match=r"is a file"):
        refuse_foreign_folder(tmp_path / "file")
    with pytest.raises(DataError, match=r"names a file: .*-o rows"):
        refuse_foreign_folder(tmp_path / "rows.parquet")
    (tmp_path / "empty").mkdir()
    refuse_foreign_folder(tmp_path / "empty")
    refuse_foreign_folder(tmp_path / "absent")


@pytest.mark.parametrize("model", [RationaleRow, FailedRow])
def test_a_table_without_rows_has_every_column_with_its_type(model: type[RationaleRow | FailedRow], tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(table_bytes([], model))
    schema = parquet.read_schema(tmp_path / "t.parquet")
    assert schema.names == list(model.model_fields)
    types = {name: str(schema.field(name).type) for name in schema.names}
    assert {name: types[name] for name in ("schema_version", "pair_id", "gold_label", "cost_usd", "label_given_in_prompt")} == {
        "schema_version": "int64", "pair_id": "string", "gold_label": "string", "cost_usd": "double", "label_given_in_prompt": "bool"
    }  # fmt: skip
    assert str(arrow_schema(RationaleRow).field("label_words").type) == "list<item: string>"
    assert str(arrow_schema(RationaleRow).field("score_core").type) == "double"
