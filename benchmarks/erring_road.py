"""What ``epm teach`` costs over a model that errs, what becomes of its errors, and whether a replay equals the run.

    python benchmarks/erring_road.py FOLDER [--pairs 150] [--source CHECKOUT] [--matcher NAME] [--seed 11] [--no-strict]

FOLDER holds test.jsonl.gz of Abt-Buy.

The model is ``erring_model.py``, always of this checkout; ``--source`` names the checkout whose toolkit is measured: an older one
beside this one, over equal pairs and equal errors. Prices are those of gpt-4o-mini, replies and repairs included.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import httpx

USD_IN, USD_CACHED, USD_OUT = 0.15, 0.075, 0.60
"""Listed for gpt-4o-mini on 2026-11-30, USD for a million tokens."""
_HERE = Path(__file__).parent
_SEED = 11


def main(folder: Path, n_pairs: int, source: Path, matcher: str, *model: str) -> dict[str, object]:
    """The figures of one checkout."""
    with tempfile.TemporaryDirectory() as made, erring(*model) as url:
        place = Path(made)
        gold = chosen(folder, n_pairs, place / "pairs.jsonl")
        report = teach(place, source, url, "--matcher", matcher, "--store", "a/s.db", "--record", "c.jsonl")
        said = cast("dict[str, dict[str, int]]", httpx.get(url.removesuffix("v1") + "log").json())
        truth = cast("dict[str, str | None]", httpx.get(url.removesuffix("v1") + "truth").json())
        replayed = teach(place, source, url, "--matcher", matcher, "--store", "b/s.db", "--replay", "c.jsonl")
        ledgers = [ledger(place / name / "s.db") for name in "ab"]
        return {
            "pairs": n_pairs, "decided": report["n_decided"], "undecided": report["n_abstained"], "failed": report["failed_by_class"],
            **money(place / "a/s.db", n_pairs), "erred": said["erred"], "asked": said["asked"],
            **mended(place / "a/s.db", gold, truth), "replay_equals_run": ledgers[0] == ledgers[1], "replayed_run": replayed["run_id"] == report["run_id"],
        }  # fmt: skip


@contextmanager
def erring(*options: str) -> Iterator[str]:
    """The address of a running model."""
    env = {**os.environ, "PYTHONPATH": str(_HERE.parent / "src")}
    program = [sys.executable, str(_HERE / "erring_model.py"), *options]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=env) as server:
        try:
            yield next(iter(server.stdout or ())).strip()
        finally:
            server.kill()


def chosen(folder: Path, n_pairs: int, target: Path) -> dict[str, tuple[str, str]]:
    """The first pairs of a seeded shuffle, written down; gold label and titles by pair id."""
    with gzip.open(folder / "test.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = list(lines)
    random.Random(_SEED).shuffle(rows)
    target.write_text("".join(rows[:n_pairs]), encoding="utf-8")
    found = [json.loads(row) for row in rows[:n_pairs]]
    return {
        row["pair_id"]: ("match" if row["label"] else "no_match", json.dumps([row[side]["title"] for side in ("left", "right")]))
        for row in found
    }


def teach(place: Path, source: Path, url: str, *more: str) -> dict[str, object]:
    """The report of ``epm teach``."""
    command = [
        sys.executable,
        "-c",
        "from epm.cli.app import main; main()",
        "teach",
        "pairs.jsonl",
        "--model",
        "openai/gpt-4o-mini",
        "--api-base",
        url,
    ]
    command += ["--price", f"{USD_IN},{USD_OUT}", "--embedder", "hash", "--concurrency", "1", "--json", *more]
    env = {**os.environ, "PYTHONPATH": str(source / "src")}
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise SystemExit(done.stderr)
    return cast("dict[str, object]", json.loads(done.stdout))


def money(store: Path, n_pairs: int) -> dict[str, object]:
    """Tokens and USD for 1,000 pairs, by role and in all."""
    with sqlite3.connect(store) as connection:
        rows = connection.execute(
            "SELECT role, COUNT(*), SUM(prompt_tokens), SUM(cached_tokens), SUM(completion_tokens) FROM calls WHERE NOT is_cached GROUP BY role"
        ).fetchall()
    by_role = {role: {"calls": n, "in": n_in, "out": n_out} for role, n, n_in, _, n_out in rows}
    n_calls, n_in, n_cached, n_out = (sum(row[at] for row in rows) for at in (1, 2, 3, 4))
    usd, saved = n_in * USD_IN + n_out * USD_OUT, n_cached * (USD_IN - USD_CACHED)
    return {
        "calls": n_calls, "tokens_in": n_in, "tokens_cached": n_cached, "tokens_out": n_out, "by_role": by_role,
        "usd_per_1000_pairs": round(usd / 1_000 / n_pairs, 4), "usd_per_1000_pairs_with_prefix_cache": round((usd - saved) / 1_000 / n_pairs, 4),
    }  # fmt: skip


def mended(store: Path, gold: dict[str, tuple[str, str]], truth: dict[str, str | None]) -> dict[str, object]:
    """Items whose decision took more than one asking, and how many of them end as the model decides where it does not err."""
    with sqlite3.connect(store) as connection:
        labels = dict(connection.execute("SELECT item_id, label FROM decisions WHERE error_class IS NULL").fetchall())
        asked = Counter(
            item_id for (item_id,) in connection.execute("SELECT item_id FROM calls WHERE NOT is_cached AND role LIKE 'teacher/decide%'")
        )
    repaired = sorted(item_id for item_id, n in asked.items() if n > 1)
    right = [item_id for item_id in repaired if item_id in labels and labels[item_id] == truth.get(gold[item_id][1], "?")]
    agreeing = [item_id for item_id in repaired if labels.get(item_id) == gold[item_id][0]]
    good = [item_id for item_id, (label, _) in gold.items() if labels.get(item_id) == label]
    return {"repaired": len(repaired), "repaired_right": len(right), "repaired_as_gold": len(agreeing), "as_gold": len(good)}


def ledger(store: Path) -> dict[str, object]:
    """What a replay is to repeat: every call's item, role and class, and every item's end."""
    with sqlite3.connect(store) as connection:
        calls = connection.execute("SELECT item_id, role, is_cached, error_class FROM calls").fetchall()
        ends = connection.execute("SELECT item_id, outcome, label, relation, error_class, rationale_sha FROM decisions").fetchall()
    return {"calls": sorted(calls, key=str), "ends": sorted(ends, key=str)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=150)
    parser.add_argument("--source", type=Path, default=_HERE.parent)
    parser.add_argument("--matcher", default="multi-agent-rag")
    parser.add_argument("--seed", type=int, default=_SEED, help="Of the model's errors; the pairs are the same.")
    parser.add_argument("--no-strict", action="store_true", help="Let the model refuse strict schemas.")
    given = parser.parse_args()
    model = ["--seed", str(given.seed), *(["--no-strict"] if given.no_strict else [])]
    sys.stdout.write(json.dumps(main(given.folder.resolve(), given.pairs, given.source.resolve(), given.matcher, *model), indent=1) + "\n")
