"""A user's own system beside the baselines, by the commands themselves: one table, its failures shown, its rows planned in a file."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EPM = Path(sys.executable).parent / "epm"
N = 20
RULE = "same = lambda l, r: l['mpn'] == r['mpn']\n"
FILTER = """
import json, os, sys, time
for line in sys.stdin:
    pair = json.loads(line)
    {first}
    print(json.dumps({{"id": pair["id"], "label": pair["left"]["mpn"] == pair["right"]["mpn"]}}), flush=True)
"""
RATIONALE = {
    "core": {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"},
    "identifier": {"comparisons": [], "verdict": "unknown"},
    "variant": {"comparisons": [], "verdict": "unknown"},
    "relation": "exact", "factor": None, "label": "match", "confidence": "high",
}  # fmt: skip


def epm(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "300", "FAKE_KEY": "sk-own-systems"}
    return subprocess.run(
        [str(EPM), *map(str, arguments)], check=False, cwd=cwd, env=environment, capture_output=True, text=True, timeout=55
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Labelled pairs, half of them matches, whose ``mpn`` is right but for every tenth; a rule, and what it said another day."""
    pairs, answers = [], []
    for i in range(N):
        is_match, is_odd = i % 2 == 0, i % 10 == 0
        right = f"KX-{100 + i if is_match is not is_odd else 900 + i}"
        pairs.append({
            "pair_id": f"p{i}", "label": int(is_match), "gold_note": "MATCH" if is_match else "NO",
            "left": {"id": f"l{i}", "title": f"Kolvra KX-{100 + i} kettle", "mpn": f"KX-{100 + i}", "cluster_id": f"CLUSTER-{i}"},
            "right": {"id": f"r{i}", "title": f"Kettle Kolvra {right}", "mpn": right, "cluster_id": f"CLUSTER-{i if is_match else -i}"},
        })  # fmt: skip
        answers.append({"pair_id": f"p{i}", "score": 0.9 if is_match else 0.2, "usd": 0.25, "secs": 1.5})
    _lines(tmp_path / "pairs.jsonl", pairs)
    _lines(tmp_path / "answers.jsonl", answers)
    (tmp_path / "rules.py").write_text(RULE, encoding="utf-8")
    return tmp_path


def _lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")


def program(folder: Path, first: str = "pass") -> str:
    (folder / "own.py").write_text(FILTER.format(first=first), encoding="utf-8")
    return f"command:{sys.executable} own.py"


def bench(folder: Path, *specs: str, more: tuple[object, ...] = ()) -> tuple[list[dict], str]:
    done = epm("bench", "pairs.jsonl", *(part for spec in specs for part in ("--matcher", spec)), *more, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["rows"], done.stderr


def test_own_rules_programs_and_recorded_answers_stand_in_one_table_with_the_baselines(folder: Path) -> None:
    specs = [
        "python:rules.py:same",
        program(folder),
        "recorded:answers.jsonl@probability=score,cost_usd=usd,latency_s=secs",
        "evidence-rules",
    ]
    rows, _ = bench(folder, *specs)
    rule, filter_, recorded, baseline = rows

    assert [row["matcher"] for row in rows] == specs
    for row in (rule, filter_):
        assert (row["n"], row["positives"], row["coverage"], row["n_failed"], row["cost_usd"]) == (N, N // 2, 1.0, 0, 0.0)
        assert (row["precision"], row["recall"], row["f1"]) == (1.0, 0.8, pytest.approx(8 / 9))
    assert rule["f1_ci95"] == filter_["f1_ci95"]
    assert 0 < rule["f1_ci95"][0] < rule["f1"] <= rule["f1_ci95"][1] <= 1
    assert (recorded["f1"], recorded["auprc"], recorded["cost_usd"]) == (1.0, 1.0, N * 0.25)
    assert baseline["n"] == N


def test_a_threshold_chosen_on_valid_holds_for_an_own_score(folder: Path) -> None:
    (folder / "rules.py").write_text("same = lambda pair: 0.3 if pair['left']['mpn'] == pair['right']['mpn'] else 0.1\n", encoding="utf-8")
    (row,), _ = bench(folder, "python:rules.py:same", more=("--valid", "pairs.jsonl"))

    assert row["threshold"] == pytest.approx(0.2)
    assert row["recall"] == 0.8


def test_nothing_that_tells_the_label_reaches_an_own_system(folder: Path) -> None:
    spec = program(folder, first="open('seen.jsonl', 'a').write(line)")
    (folder / "rules.py").write_text("import json\ndef same(pair):\n    print(json.dumps(pair))\n    return True\n", encoding="utf-8")
    _, told = bench(folder, spec, "python:rules.py:same")
    seen = [json.loads(line) for line in (folder / "seen.jsonl").read_text(encoding="utf-8").splitlines()]
    shown = [json.loads(line) for line in told.splitlines() if line.startswith("{")]

    assert seen == shown
    assert [pair["id"] for pair in seen] == [f"p{i}" for i in range(N)]
    assert {key for pair in seen for key in pair} == {"id", "left", "right"}
    assert {key for pair in seen for key in pair["left"]}.isdisjoint({"label", "gold_label", "relation", "split", "cluster_id", "extras"})
    assert not any(word in json.dumps(seen) for word in ("CLUSTER", "MATCH", 'NO"', "gold"))


@pytest.mark.parametrize(
    ("first", "n_failed", "error_class"),
    [
        ("if pair['id'] == 'p10': raise ValueError('no mpn')", 10, "bug"),
        ("if pair['id'] == 'p10': time.sleep(60)", 10, "timeout"),
        ("if pair['id'] == 'p10': continue", 1, "invalid_structure"),
        ("if pair['id'] == 'p10': print('{oops'); continue", 1, "invalid_structure"),
        ("pair['id'] = {'p4': 'p5', 'p5': 'p4'}.get(pair['id'], pair['id'])", 1, "invalid_structure"),
    ],
)
def test_what_an_own_program_does_wrong_is_a_failed_record_and_never_no_match(
    folder: Path, first: str, n_failed: int, error_class: str
) -> None:
    done = epm("match", "pairs.jsonl", "--matcher", program(folder, first), "--timeout-s", 5, cwd=folder)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    failed = [row for row in rows if row["outcome"] == "failed"]

    assert [row["pair_id"] for row in rows] == [f"p{i}" for i in range(N)]
    assert [(row["error_class"], row["label"]) for row in failed] == [(error_class, None)] * n_failed
    assert all(row["outcome"] == "decided" for row in rows if row not in failed)


def test_failures_of_own_systems_lower_coverage_and_are_told_by_class(folder: Path) -> None:
    raising = "def same(pair):\n    if pair['id'] in {'p1', 'p3'}: raise KeyError('mpn')\n    return pair['left']['mpn'] == pair['right']['mpn']\n"
    (folder / "rules.py").write_text(raising, encoding="utf-8")
    (rule, filter_), told = bench(folder, "python:rules.py:same", program(folder, first="if pair['id'] == 'p15': sys.exit(3)"))

    assert (rule["coverage"], rule["n_failed"]) == (0.9, 2)
    assert (filter_["coverage"], filter_["n_failed"]) == (0.75, 5)
    assert "python:rules.py:same: 2 pairs failed with bug" in told
    assert "own.py: 5 pairs failed with bug" in told


def test_a_bench_of_which_every_pair_fails_is_no_success_and_shows_the_first_error(folder: Path) -> None:
    (folder / "rules.py").write_text("def same(pair):\n    raise KeyError('no such column: mpn')\n", encoding="utf-8")
    failed = epm("bench", "pairs.jsonl", "--matcher", "python:rules.py:same", cwd=folder)
    assert failed.returncode == 2
    assert "no such column: mpn" in failed.stderr
    beside = epm("bench", "pairs.jsonl", "--matcher", "python:rules.py:same", "--matcher", "evidence-rules", cwd=folder)
    assert beside.returncode == 0, beside.stderr


def test_an_own_system_of_which_every_answer_fails_is_no_success(folder: Path) -> None:
    done = epm("match", "pairs.jsonl", "--matcher", program(folder, first="raise ValueError('no model file')"), cwd=folder)

    assert done.returncode == 2
    assert "all 20 items failed" in done.stderr
    assert "exit status 1 before it answered this pair; it last said 'ValueError: no model file'" in done.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[row]]\nmatcher = 'tfidf'\nmodels = 'x'", "'bench.toml', row 1: models does not exist"),
        ("[[row]]\nmatcher = 'tfidf'\nmodel = 'x'", "'bench.toml', row 1: matcher 'tfidf' asks no model"),
        ("[[row]]\nmatcher = 'tfidf'\nidentity = 'loose'", "'bench.toml', row 1: "),
        ("[[row]]\nmatcher = 'python:own_rules.py:same'\n[[row]]\nmatcher = 'python:absent.py:same'", "own_rules.py"),
        ("[[row]]\nmatcher = 'tfidf'\n[[row]]\nmatcher = 'tfidf'", "rows 1 and 2 are both called 'tfidf'"),
    ],
)
def test_a_wrong_plan_is_refused_in_one_line_before_anything_runs(folder: Path, text: str, reason: str) -> None:
    (folder / "bench.toml").write_text(text, encoding="utf-8")
    done = epm("bench", "pairs.jsonl", "--plan", "bench.toml", cwd=folder)

    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 2  # the other is about the column that is no field
    assert "Traceback" not in done.stderr


def test_a_plan_and_matchers_exclude_each_other(folder: Path) -> None:
    for options in ((), ("--matcher", "tfidf", "--plan", "bench.toml")):
        done = epm("bench", "pairs.jsonl", *options, cwd=folder)
        assert done.returncode == 2
        assert "give one of the two" in done.stderr


def test_each_row_of_a_plan_asks_its_own_model_its_own_way(folder: Path, fake_server) -> None:
    fake_server.script(replies=[{"contains": "Compare the left and the right", "content": RATIONALE}])
    plan = f"""
[[row]]
name = "small, family"
matcher = "multi-agent-rag"
model = "openai/small"
price = "10,10"
identity = "family"
[row.prompt]
reply_tokens = 777
temperature = 0.5
[[row]]
name = "large"
matcher = "multi-agent-rag"
model = "openai/large"
price = "100,100"
[row.prompt]
structured = "md-json"
[[row]]
matcher = "python:rules.py:same"
[[row]]
matcher = "{program(folder)}"
[[row]]
name = "what runs today"
matcher = "recorded:answers.jsonl@probability=score,cost_usd=usd"
"""
    (folder / "bench.toml").write_text(plan, encoding="utf-8")
    more = ("--limit", 4, "--plan", "bench.toml", "--api-base", fake_server.url, "--api-key-env", "FAKE_KEY", "--json")
    done = epm("bench", "pairs.jsonl", *more, cwd=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)

    assert report["plan_sha256"] == hashlib.sha256(plan.encode()).hexdigest()
    assert f"plan: sha256 {report['plan_sha256']}" in done.stderr
    small, large, rule, filter_, recorded = report["rows"]
    names = ["small, family", "large", "python:rules.py:same", f"command:{sys.executable} own.py", "what runs today"]
    assert [row["matcher"] for row in report["rows"]] == names
    assert 0 < small["cost_usd"] * 5 < large["cost_usd"]
    assert (rule["cost_usd"], filter_["cost_usd"], recorded["cost_usd"]) == (0, 0, 1.0)
    requests = fake_server.log()["requests"]
    asked = {model: [request for request in requests if request["model"] == model] for model in ("small", "large")}
    assert len(asked["small"]) + len(asked["large"]) == len(requests) > 0
    ways = {model: {(request["max_tokens"], "response_format" in request["keys"]) for request in asked[model]} for model in asked}
    assert ways == {"small": {(777, True)}, "large": {(1500, False)}}


def test_a_cap_holds_for_all_rows_of_a_plan_together(folder: Path, fake_server) -> None:
    fake_server.script(replies=[{"contains": "Compare the left and the right", "content": RATIONALE}])
    row = '[[row]]\nname = "{0}"\nmatcher = "multi-agent-rag"\nmodel = "openai/{0}"\nprice = "10,10"\n'
    (folder / "one.toml").write_text(row.format("small"), encoding="utf-8")
    (folder / "two.toml").write_text(row.format("large") + row.format("other"), encoding="utf-8")
    served = ("--api-base", fake_server.url, "--api-key-env", "FAKE_KEY")
    asked = ("--limit", 10, *served, "--concurrency", 1, "--reply-tokens", 400, "--json")
    one = epm("bench", "pairs.jsonl", "--plan", "one.toml", *asked, cwd=folder)
    cost_usd, worst_call_usd = json.loads(one.stdout)["rows"][0]["cost_usd"], 0.08
    assert cost_usd > worst_call_usd  # so that the second row cannot be paid by what the first leaves
    done = epm("bench", "pairs.jsonl", "--plan", "two.toml", *asked, "--max-cost-usd", cost_usd + worst_call_usd, cwd=folder)

    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert "large: 10/10" in done.stderr
    assert "other: 10/10" not in done.stderr


def test_a_dry_run_starts_no_own_system_and_shows_each_rows_prompt(folder: Path) -> None:
    marker = folder / "started"
    (folder / "rules.py").write_text(f"def same(pair):\n    open({str(marker)!r}, 'w')\n    return True\n", encoding="utf-8")
    plan = (
        f"[[row]]\nmatcher = 'python:rules.py:same'\n[[row]]\nmatcher = \"{program(folder, first=f'open({str(marker)!r}, chr(119))')}\"\n"
    )
    (folder / "bench.toml").write_text(
        plan + "[[row]]\nmatcher = 'multi-agent-rag'\nmodel = 'openai/small'\nidentity = 'family'\n", encoding="utf-8"
    )
    done = epm("bench", "pairs.jsonl", "--plan", "bench.toml", "--dry-run", "--limit", 2, cwd=folder)

    assert done.returncode == 0, done.stderr
    assert "under this rule (family)" in done.stdout
    assert not marker.exists()


def test_a_program_is_refused_beneath_local_only_and_a_function_is_held_to_it(folder: Path) -> None:
    refused = epm("bench", "pairs.jsonl", "--matcher", "python:rules.py:same", "--matcher", program(folder), "--local-only", cwd=folder)
    assert refused.returncode == 2
    assert "nobody watches a program's sockets" in refused.stderr

    reaching = "import socket\ndef same(pair):\n    socket.create_connection(('shop.example', 80))\n"
    (folder / "rules.py").write_text(reaching, encoding="utf-8")
    done = epm("bench", "pairs.jsonl", "--matcher", "python:rules.py:same", "--local-only", cwd=folder)
    assert f"{N} pairs failed with egress; the first, 'p0': " in done.stderr
    assert (done.returncode, "all 20 items failed (egress 20)" in done.stderr) == (2, True)
