"""``epm export --format rationales`` and ``epm teach --with-labels`` as a user runs them, a model behind a server included."""

# The doubles live in conftest.py, which tests cannot import for their types.

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from pyarrow import parquet

from epm.distill.rationale_columns import FailedRow, RationaleRow
from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label
from epm.store.store import RunStore

pytest.importorskip("chromadb")

DECIDE = "Compare the left and the right listing"
RATIONALE = {
    "core": {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"},
    "identifier": {"comparisons": [], "verdict": "unknown"},
    "variant": {"comparisons": [], "verdict": "unknown"},
    "relation": "exact", "factor": None, "label": "match", "confidence": "high",
}  # fmt: skip
SILENT = {"comparisons": [{"attribute": "according to the label", "left": None, "right": None, "verdict": "unknown"}], "verdict": "unknown"}
LEAKING = {**RATIONALE, "variant": SILENT}


@pytest.fixture
def pair_file(tmp_path: Path) -> Path:
    """Six pairs, every other one a match by gold; four of the train split, two of none."""
    path = tmp_path / "pairs.jsonl"
    pairs = [
        Pair(
            f"p{i}", Listing(f"l{i}", f"Kolvra KX-{100 + i} kettle red"), Listing(f"r{i}", f"kettle Kolvra KX{100 + i} {('red', 'black')[i % 2]}"),
            gold_label=Label.NO_MATCH if i % 2 else Label.MATCH, split="train" if i < 4 else None,
        )
        for i in range(6)
    ]  # fmt: skip
    write_pairs(path, pairs)
    return path


@pytest.fixture
def model(fake_server) -> tuple[object, ...]:
    """The options that ask the fake server, which says "match" about every pair."""
    fake_server.script(replies=[{"contains": [DECIDE, "KX-103"], "content": LEAKING}, {"contains": DECIDE, "content": RATIONALE}])
    return "--model", "openai/gpt-4o-mini", "--api-base", fake_server.url, "--api-key-env", "FAKE_KEY", "--embedder", "hash"


def taught(cli, *more: object) -> str:
    done = cli("teach", "pairs.jsonl", "--store", "s.db", "--json", *more)
    assert done.code == 0, done.err
    return str(json.loads(done.out)["run_id"])


def exported(cli, *more: object) -> dict:
    done = cli("export", *more, "--format", "rationales", "--store", "s.db", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def rows(path: Path) -> list[dict]:
    return parquet.read_table(path).to_pylist()


def asked(tmp_path: Path, run_id: str) -> list[tuple[str | None, str, str | None]]:
    """Item, role and told label (or ``None``) of every prompt of a run that was answered."""
    found = []
    with RunStore.open(tmp_path / "s.db") as store:
        for call in store.calls(run_id):
            kept = store.cached(call.key)
            if kept is not None:
                user = "\n".join(str(message["content"]) for message in kept.request["messages"])  # type: ignore[attr-defined]
                told = re.search(r'<data name="recorded_label">\s*"(\w+)"\s*</data>', user)
                assert ("recorded_label" in user) is (told is not None)
                assert "gold_label" not in user
                found.append((call.scope.item_id, call.scope.role, None if told is None else told[1]))
    assert found
    return found


def test_the_dataset_opens_with_load_dataset_and_holds_what_the_store_holds(cli, pair_file: Path, model, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    run_id = taught(cli, *model)
    figures = exported(cli, run_id[:6], "-o", "out", "--license", "for research only")
    assert (figures["runs"], figures["n_items"], figures["n_rows"], figures["failed_by_class"]) == ([run_id], 6, 6, {})

    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["train"]
    assert loaded["train"].column_names == list(RationaleRow.model_fields)
    assert [row["gold_label"] for row in loaded["train"]] == ["match", "no_match"] * 3
    assert [row["teacher_label"] for row in loaded["train"]] == ["match"] * 6
    assert [row["oracle_label"] for row in loaded["train"]] == [None] * 6
    assert [row["split"] for row in loaded["train"]] == ["train"] * 4 + [None] * 2
    assert [row["label_words"] for row in loaded["train"]] == [["according to the label", "the label"] if i == 3 else [] for i in range(6)]
    assert {row["schema_version"] for row in loaded["train"]} == {2}
    with RunStore.open(tmp_path / "s.db") as store:
        stored = {item.item_id: item.decision for item in store.items(run_id)}
        shas = {call.scope.prompt_id: call.scope.prompt_sha for call in store.calls(run_id)}
    for row in loaded["train"]:
        decision = stored[row["pair_id"]]
        assert decision.rationale is not None
        assert json.loads(row["rationale"]) == decision.rationale.model_dump(mode="json")
        assert row["cost_usd"] == decision.cost_usd > 0
        assert dict(zip(row["prompt_ids"], row["prompt_shas"], strict=True)) == shas
        assert (row["evidence_version"], row["license_note"]) == (decision.provenance["engine"], "for research only")


def test_every_column_of_both_files_is_in_the_card(cli, pair_file: Path, model, fake_server, tmp_path: Path) -> None:
    fake_server.script(faults=["refusal"], replies=[{"contains": DECIDE, "content": RATIONALE}])
    exported(cli, taught(cli, *model), "-o", "out")
    described = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in card(tmp_path).splitlines() if line.startswith("| `")}
    for name in ("rationales.parquet", "failed.parquet"):
        for column in parquet.read_schema(tmp_path / "out" / name).names:
            assert len(described[f"`{column}`"]) > 10, column


def card(tmp_path: Path) -> str:
    return (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_an_item_that_failed_stands_beside_the_rationales_with_its_class(cli, pair_file: Path, model, fake_server, tmp_path: Path) -> None:
    fake_server.script(faults=["refusal"], replies=[{"contains": DECIDE, "content": RATIONALE}])
    figures = exported(cli, taught(cli, *model, "--concurrency", 1), "-o", "out")
    assert (figures["n_items"], figures["n_rows"], figures["failed_by_class"]) == (6, 5, {"refusal": 1})
    good, (failed,) = rows(tmp_path / "out" / "rationales.parquet"), rows(tmp_path / "out" / "failed.parquet")
    assert (failed["outcome"], failed["failure_class"], bool(failed["message"])) == ("failed", "refusal", True)
    assert {row["pair_id"] for row in good} | {failed["pair_id"]} == {f"p{i}" for i in range(6)}
    assert "by class: refusal 1" in card(tmp_path)
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(tmp_path / "out"), "failed", cache_dir=str(tmp_path / "cache"))["train"]
    assert loaded.column_names == list(FailedRow.model_fields)
    assert list(loaded) == [failed]
    assert datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))["train"].num_rows == 5


def test_only_the_writer_is_told_the_label_and_every_trace_says_so(cli, pair_file: Path, model, tmp_path: Path) -> None:
    blind = taught(cli, *model)
    told = taught(cli, *model, "--with-labels")
    assert told != blind
    assert [label for _, _, label in asked(tmp_path, blind) if label is not None] == []
    assert {(item, role): label for item, role, label in asked(tmp_path, told) if label is not None} == {
        (f"p{i}", "teacher/decide"): "no_match" if i % 2 else "match" for i in range(6)
    }
    assert {role for _, role, _ in asked(tmp_path, told)} >= {"teacher/decide", "teacher/verify", "teacher/ask"}

    figures = exported(cli, told, "-o", "out")
    assert figures["n_label_given"] == 6
    assert [row["label_given_in_prompt"] for row in rows(tmp_path / "out" / "rationales.parquet")] == [True] * 6
    assert {"teacher/decide_labelled.v1"} == {
        name for row in rows(tmp_path / "out" / "rationales.parquet") for name in row["prompt_ids"] if "decide" in name
    }
    assert "**Label-conditioned.** 6 of 6" in card(tmp_path)
    assert cli("export", told, "-o", "sft.jsonl", "--store", "s.db").out.count("had been told the gold label") == 1
    assert {json.loads(line)["label_given_in_prompt"] for line in (tmp_path / "sft.jsonl").read_text().splitlines()} == {True}
    assert exported(cli, blind, "-o", "blind")["n_label_given"] == 0
    report = cli("teach", "pairs.jsonl", "--store", "s.db", *model, "--with-labels").out
    assert "against the labels it was told, so no measure of how it decides" in report


def test_telling_labels_is_refused_where_it_would_leak_or_be_a_lie(cli, pair_file: Path, model, tmp_path: Path) -> None:
    told = taught(cli, *model, "--with-labels")
    blind = taught(cli, *model)
    oracle = cli("export", blind, "--oracle", told, "--format", "rationales", "-o", "out", "--store", "s.db")
    assert (oracle.code, "was told the gold labels" in oracle.err) == (2, True)
    own = cli("export", blind, "--oracle", blind, "--format", "rationales", "-o", "out", "--store", "s.db")
    assert (own.code, "cannot be its own oracle" in own.err) == (2, True)
    rules = cli("teach", "pairs.jsonl", "--store", "s.db", "--with-labels")
    assert (rules.code, "needs a model that reads the label" in rules.err) == (2, True)
    for command in ("bench", "match"):
        assert cli(command, "pairs.jsonl", "--matcher", "multi-agent-rag", *model[:6], "--with-labels").code == 2
    held_out = tmp_path / "held_out.jsonl"
    held_out.write_text(pair_file.read_text().replace('"split": "train"', '"split": "test"').replace('"split":"train"', '"split":"test"'))
    refused = cli("teach", held_out, "--store", "s.db", *model, "--with-labels")
    assert (refused.code, "4 of 6 pairs are of a split that is held out for evaluation" in refused.err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_retry_of_a_told_run_tells_the_label_again_and_keeps_the_mark(cli, pair_file: Path, model, fake_server, tmp_path: Path) -> None:
    fake_server.script(faults=["refusal"], replies=[{"contains": DECIDE, "content": RATIONALE}])
    told = taught(cli, *model, "--with-labels", "--concurrency", 1)
    assert exported(cli, told, "-o", "out")["n_label_given"] == 5
    assert [row["label_given_in_prompt"] for row in rows(tmp_path / "out" / "failed.parquet")] == [True]
    fake_server.script(replies=[{"contains": DECIDE, "content": RATIONALE}])
    assert cli("runs", "retry", told, "--failed", "--store", "s.db").code == 0
    assert Counter(label for _, _, label in asked(tmp_path, told) if label) == Counter({"match": 3, "no_match": 3})
    assert exported(cli, told, "-o", "out")["n_label_given"] == 6


def test_equal_input_gives_equal_bytes_and_a_second_export_replaces_the_first(cli, pair_file: Path, model, tmp_path: Path) -> None:
    run_id = taught(cli, *model)
    exported(cli, run_id, "-o", "a")
    exported(cli, run_id, "-o", "b")
    exported(cli, run_id, "-o", "b")
    files = {folder: {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()} for folder in ("a", "b")}
    assert files["a"] == files["b"]
    assert set(files["a"]) == {"rationales.parquet", "README.md"}  # load_dataset opens no table of no rows


def test_several_runs_make_one_dataset_and_an_oracle_is_a_column_of_its_own(cli, pair_file: Path, model, tmp_path: Path) -> None:
    blind, told, rules = taught(cli, *model), taught(cli, *model, "--with-labels"), taught(cli, "--embedder", "hash")
    figures = exported(cli, blind, told, "-o", "out", "--oracle", rules)
    assert (figures["n_rows"], figures["n_label_given"]) == (12, 6)
    found = rows(tmp_path / "out" / "rationales.parquet")
    assert [(row["run_id"], row["label_given_in_prompt"]) for row in found] == [(blind, False)] * 6 + [(told, True)] * 6
    with RunStore.open(tmp_path / "s.db") as store:
        said = {item.item_id: item.decision.label for item in store.items(rules)}
    assert [row["oracle_label"] for row in found] == [said[row["pair_id"]] for row in found]
    assert {row["teacher_label"] for row in found} != {row["oracle_label"] for row in found}
    assert "agree on 3 of 6 blind" in card(tmp_path)
    assert "agree on 3 of 6 label-conditioned" in card(tmp_path)
    twice = cli("export", blind, blind[:8], "--format", "rationales", "-o", "other", "--store", "s.db")
    assert (twice.code, "is named twice" in twice.err) == (2, True)
    assert cli("export", blind, told, "-o", "sft.jsonl", "--store", "s.db").code == 2


def test_label_words_are_listed_on_export_and_stop_it_on_request(cli, pair_file: Path, model, tmp_path: Path) -> None:
    run_id = taught(cli, *model)
    listed = cli("export", run_id, "--format", "rationales", "-o", "out", "--store", "s.db")
    assert "label words in free text: 1 of 6 rationales ('according to the label' 1, 'the label' 1), pairs 'p3'" in listed.out
    for more in (["--format", "rationales", "-o", "checked"], ["-o", "checked.jsonl"]):
        stopped = cli("export", run_id, *more, "--store", "s.db", "--check-leaks")
        assert (stopped.code, "nothing was written" in stopped.err) == (2, True)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("checked")]


def test_nothing_is_written_over_what_the_user_has(cli, pair_file: Path, model, tmp_path: Path) -> None:
    run_id = taught(cli, *model)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for out in (".", "pairs.jsonl", "s.db"):
        refused = cli("export", run_id, "--format", "rationales", "-o", out, "--store", "s.db")
        assert (refused.code, "another" in refused.err or "is a folder" in refused.err) == (2, True), refused.err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
