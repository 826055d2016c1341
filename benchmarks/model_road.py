"""Tokens sent, and what they cost, of the teacher's model path on real pairs, over the tests' fake server in a process of its own.

    python benchmarks/model_road.py FOLDER [N_PAIRS]        FOLDER holds test.jsonl.gz; 150 pairs unless given

The server answers as the evidence engine does, and asks no questions; it does not err. So this
measures what is sent, not what is repaired nor how well a model decides. Tokens are those of o200k_base over messages and schema,
read off the bodies that the server logged. Run it with the sources to be measured in front (PYTHONPATH): equal pairs, equal server.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import cast

import litellm
import tiktoken
from fake_server import script, seen, serving

from epm.agents.teach_file import TeachOptions, teach_file
from epm.gateway.request import ModelSettings

USD_IN, USD_OUT = 0.15, 0.60
"""Listed for gpt-4o-mini on 2026-11-30, USD for a million tokens."""


def chosen(folder: Path, n_pairs: int, target: Path) -> None:
    """Write the first pairs of a seeded shuffle."""
    with gzip.open(folder / "test.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = list(lines)
    random.Random(11).shuffle(rows)
    target.write_text("".join(rows[:n_pairs]), encoding="utf-8")


def encoding() -> tiktoken.Encoding:
    """The vocabulary that litellm packages, so that nothing is fetched."""
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers")
    return tiktoken.get_encoding("o200k_base")


def measure(url: str, folder: Path, pairs: Path, n_pairs: int) -> dict[str, object]:
    """Teach over the server, then count what it was sent."""
    script(url, double={"kind": "honest", "questions": []}, keep_bodies=True)
    model = ModelSettings("openai/gpt-4o-mini", api_base=url, price_in_usd=USD_IN, price_out_usd=USD_OUT)
    report = teach_file(pairs, TeachOptions(model=model, store=str(folder / "store.db"), embedder="hash"))
    log, words, parts, calls = seen(url), encoding(), Counter[str](), Counter[str]()
    for request in cast("list[dict[str, dict[str, object]]]", log["requests"]):
        body = request["body"]
        asked = cast("dict[str, dict[str, object]]", body.get("response_format") or {"json_schema": {"name": "tools"}})["json_schema"]
        role = str(asked["name"])
        calls[role] += 1
        schema = json.dumps(asked.get("schema") or body.get("tools"), separators=(",", ":"))
        parts[f"{role} schema"] += len(words.encode(schema))
        for message in cast("list[dict[str, object]]", body["messages"]):
            parts[f"{role} {message['role']}"] += len(words.encode(str(message["content"]), disallowed_special=()))
    n_in = parts.total()
    return {
        "pairs": n_pairs, "decided": report.n_decided, "undecided": report.n_abstained, "failed": report.n_failed,
        "calls": dict(sorted(calls.items())), "tokens_in": n_in, "tokens_in_by_part": dict(sorted(parts.items())),
        "usd_in_per_1000_pairs": round(n_in * USD_IN / 1_000 / n_pairs, 4),
    }  # fmt: skip


def main(folder: Path, n_pairs: int) -> None:
    """Start the server, measure, print."""
    with tempfile.TemporaryDirectory() as made, serving() as url:
        pairs = Path(made) / "pairs.jsonl"
        chosen(folder, n_pairs, pairs)
        figures = measure(url, Path(made), pairs, n_pairs)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 150)
