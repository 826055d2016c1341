"""The commands bench, match, audit and import: what goes to stdout, what to stderr, and the exit status."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from forked_python import EPM, run_forked


def epm(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_forked(EPM, *arguments, cwd=cwd, env={**os.environ, "COLUMNS": "200"})


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    def row(i: int) -> dict[str, object]:
        right = f"Kettle Kolvra KX-{100 + i if i % 2 else 900 + i}"
        return {
            "pair_id": f"p{i}",
            "left": {"title": f"Kolvra KX-{100 + i} kettle"},
            "right": {"title": right},
            "label": i % 2,
            "shop_rank": i,
        }

    rows = [row(i) for i in range(20)]
    rows[4]["label"] = None
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def test_bench_prints_only_rows_on_stdout_and_the_rest_on_stderr(pairs: Path, tmp_path: Path) -> None:
    done = epm("bench", pairs, "--matcher", "tfidf", "--matcher", "evidence-rules", "--valid", pairs, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [(row["matcher"], row["n"], row["positives"]) for row in rows] == [("tfidf", 19, 10), ("evidence-rules", 19, 10)]
    assert all(isinstance(row["threshold"], float) for row in rows)
    assert "1 pairs without a gold label were left out" in done.stderr
    assert "split: shared pairs with --valid; of 19 pairs, 19 stand in it" in done.stderr
    assert done.stderr.count("shop_rank") == 2  # once for each of the two files read
    assert not (tmp_path / ".epm").exists()


def test_bench_shows_a_plain_table_when_stdout_is_no_terminal(pairs: Path, tmp_path: Path) -> None:
    done = epm("bench", pairs, "--matcher", "evidence-rules", "--limit", "10", cwd=tmp_path)
    header, row = done.stdout.splitlines()
    assert header.split()[:6] == ["matcher", "n", "pos", "P", "R", "F1"]
    assert row.split()[:3] == ["evidence-rules", "9", "5"]
    assert "as-is" in row
    assert "\x1b" not in done.stdout


def test_the_agents_are_named_with_their_model_and_their_calls_go_to_the_store(pairs: Path, tmp_path: Path) -> None:
    done = epm(
        "bench", pairs, "--matcher", "multi-agent-rag", "--model", "rules", "--limit", "4", "--store", "s.db", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"][0]["matcher"] == "multi-agent-rag[rules]"
    assert (tmp_path / "s.db").exists()


@pytest.mark.parametrize(
    "command",
    [("bench", "--matcher", "tfidf"), ("match", "--matcher", "tfidf"), ("audit", "--student", "tfidf", "--oracle", "evidence-rules")],
)
def test_a_store_that_stays_empty_is_announced_and_not_made(pairs: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = epm(command[0], pairs, *command[1:], "--store", "s.db", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nothing is written to 's.db'" in done.stderr
    assert not (tmp_path / "s.db").exists()


def test_a_model_without_its_key_ends_the_command_before_any_pair_and_names_the_variable(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("OPENAI_")]:
        monkeypatch.delenv(name)
    done = epm("match", pairs, "--matcher", "multi-agent-rag", "--model", "openai/gpt-4o-mini", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("epm: ")]
    assert "set the environment variable OPENAI_API_KEY" in said
    assert "/20" not in done.stderr  # no progress line: no pair was begun
    assert not (tmp_path / ".epm").exists()


def test_match_writes_one_row_for_each_pair_and_says_where(pairs: Path, tmp_path: Path) -> None:
    done = epm("match", pairs, "--matcher", "evidence-rules", "-o", "out/decisions.jsonl", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out" / "decisions.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["pair_id"] for row in rows] == [f"p{i}" for i in range(20)]
    counted = json.loads(done.stdout)
    assert (counted["pairs"], counted["match"]) == (20, sum(row["label"] == "match" for row in rows))
    printed = epm("match", pairs, "--matcher", "evidence-rules", cwd=tmp_path)
    assert [json.loads(line)["label"] for line in printed.stdout.splitlines()] == [row["label"] for row in rows]


def test_an_audit_below_its_gate_prints_its_report_and_exits_4(pairs: Path, tmp_path: Path) -> None:
    answers = [{"pair_id": f"p{i}", "prompt_name": "x", "answer_text": "No"} for i in range(20)]
    (tmp_path / "answers.jsonl").write_text("\n".join(map(json.dumps, answers)) + "\n", encoding="utf-8")
    command = ("audit", pairs, "--student", "recorded:answers.jsonl", "--oracle", "evidence-rules", "--json", "--min-agreement")
    failed = epm(*command, "1.0", cwd=tmp_path)
    report = json.loads(failed.stdout)
    assert report["agreement_of_all"] < 1
    assert (report["student"]["metrics"]["n"], report["oracle"]["metrics"]["n"]) == (19, 19)
    assert failed.returncode == 4
    assert "below the gate 1.0000" in failed.stderr.splitlines()[-1]
    assert epm(*command, "0.0", cwd=tmp_path).returncode == 0


def test_an_import_becomes_a_run_that_repeating_finds_again(pairs: Path, tmp_path: Path) -> None:
    text = "No.\nattribute=model|||importance=0.9|||values=KX-100###KX-900|||similarity=0.00\nIn short, they differ."
    row = {"pair_id": "p0", "model": "m-1", "prompt_name": "x", "label_given_in_prompt": True, "label": 1, "answer_text": text}
    (tmp_path / "told.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    command = ("import", "explanations", "told.jsonl", "--pairs", pairs, "-o", "rationales.jsonl", "--json")
    first, again = epm(*command, cwd=tmp_path), epm(*command, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    figures = json.loads(first.stdout)
    assert (figures["n_cells"], figures["contradicting_given_label"], figures["unparsed_lines"]) == (
        1,
        ["p0"],
        {"not an attribute line": 1},
    )
    assert json.loads((tmp_path / "rationales.jsonl").read_text(encoding="utf-8"))["teacher_label"] == "no_match"


def test_a_wrong_matcher_or_gate_is_one_line_and_exit_2(pairs: Path, tmp_path: Path) -> None:
    for command in (("bench", pairs, "--matcher", "tfidf:x"), ("audit", pairs, "--student", "nope", "--oracle", "tfidf")):
        done = epm(*command, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.splitlines()[-1].startswith("epm: matcher '")
        assert "Traceback" not in done.stderr


def test_a_recorded_label_that_differs_from_the_text_is_listed(pairs: Path, tmp_path: Path) -> None:
    ids = [json.loads(line)["pair_id"] for line in pairs.read_text().splitlines()]
    answers = [{"pair_id": i, "answer_text": "No", "parsed_label": int(i == ids[0]), "prompt_name": "p", "model": "m"} for i in ids]
    (tmp_path / "told.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    done = epm("bench", pairs, "--matcher", "recorded:told.jsonl", "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    listed = [line for line in done.stderr.splitlines() if "parsed_label" in line]
    assert listed == [f"recorded:told.jsonl: pair {ids[0]!r}: parsed_label 1 against 'no_match' read from the text"]


def test_a_run_without_any_result_is_no_success(pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text(
        '{"pair_id": "of another run", "answer_text": "No", "parsed_label": 0, "prompt_name": "p", "model": "m"}\n'
    )
    done = epm("match", pairs, "--matcher", "recorded:none.jsonl", "-o", "out.jsonl", cwd=tmp_path)

    assert done.returncode == 2
    assert "all" in done.stderr
    assert "items failed" in done.stderr
    assert "Traceback" not in done.stderr
