"""``bench.toml``: what it may hold, and that what is wrong is named with file, row, key and what is allowed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from epm.errors import ConfigError
from epm.eval.bench_file import load_bench_file

ROWS = """
[[row]]
matcher = "multi-agent-rag"
name = "small model, family rule"
model = "openai/small"
price = "0.15,0.60"
identity = "family"
rpm = 30

[row.prompt]
structured = "md-json"
reply_tokens = 800
temperature = 0.5

[[row]]
matcher = "python:rules.py:same"
"""


def test_each_row_has_its_own_matcher_model_price_rule_and_prompt_and_leaves_the_rest_open(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(ROWS, encoding="utf-8")
    file = load_bench_file(path)
    first, second = file.rows

    assert (first.matcher, first.name, first.model, first.price) == (
        "multi-agent-rag",
        "small model, family rule",
        "openai/small",
        "0.15,0.60",
    )
    assert (first.identity, first.rpm, first.prompt.structured, first.prompt.reply_tokens, first.prompt.temperature) == (
        "family", 30, "md-json", 800, 0.5,
    )  # fmt: skip
    assert second.model_dump(exclude_none=True) == {"matcher": "python:rules.py:same", "prompt": {}}


def test_the_hash_is_that_of_the_files_bytes(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(ROWS, encoding="utf-8")
    before = load_bench_file(path).sha
    path.write_text(f"{ROWS}# a note\n", encoding="utf-8")

    assert load_bench_file(path).sha == hashlib.sha256(path.read_bytes()).hexdigest() != before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"bench.toml' holds \[\]; it must hold one \[\[row\]\] or more"),
        ("row = 3", r"holds \['row'\]"),
        ("model = 'x'\n[[row]]\nmatcher = 'tfidf'", r"holds \['model', 'row'\]"),
        ("[[row]]\nmatcher = 'tfidf'\n[[row]]\nmatchr = 'tfidf'", "bench.toml', row 2: matcher: Field required"),
        ("[[row]]\nmatcher = 'tfidf'\nmodels = 'x'", r"row 1: models does not exist.*settings of \[\[row\]\] are matcher, name, model, "),
        ("[[row]]\nmatcher = 'tfidf'\n[row.prompt]\ntemp = 1", r"prompt.temp does not exist.*of \[row.prompt\] are structured, reply_tokens, temp"),
        ("[[row]]\nmatcher = 'tfidf'\nrpm = 0", "rpm: .*greater than or equal to 1, got '0'"),
        ("[[row]]\nmatcher = 'tfidf'\ntimeout_s = nan", "timeout_s"),
        ("[[row]]\nmatcher = 'tfidf'\n[row.prompt]\nstructured = 'prose'", "'json-schema'|json_schema.*got 'prose'"),
        ("[[row]]\nmatcher = 'tfidf'\nprice = '1,2'\nbase_model = 'x'", "row 1: price '1,2' and base_model 'x' both say"),
        ("[[row", "cannot read .*bench.toml'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=reason):
        load_bench_file(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*absent.toml"):
        load_bench_file(tmp_path / "absent.toml")
