"""The road on real listings, twice; figures, however low, go to docs/log.md.

    python benchmarks/real_roads.py ../shared/data out

1. Abt-Buy: the multi-agent teacher on the rules transport writes rationales for 300 validation pairs; judged, exported,
   learned by the seed, and benched on the test pairs.
2. WDC Products: 2,500 recorded gpt-4o rationales are imported, exported, learned, and benched on valid_small.

Each step is the command a user types; stderr shows its progress.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def main(data: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    store = ["--store", str(out / "store.db")]
    abt = data / "abt-buy"
    taught = epm("teach", str(abt / "valid.jsonl.gz"), "--matcher", "multi-agent-rag", "--model", "rules", "--limit", "300", *store)
    floor = [part for axis in ("core", "identifier", "variant") for part in ("--min-score", f"{axis}=0.5")]
    learn(str(taught["run_id"]), out / "abt", store, epochs="4", export=floor)
    measure(abt / "test.jsonl.gz", abt / "valid.jsonl.gz", out / "abt" / "student")

    wdc = data / "wdc-products-80cc"
    recorded = data / "llm-explanations" / "gpt-4o--structured--wdc-train_small.jsonl.gz"
    imported = epm("import", "explanations", str(recorded), "--pairs", str(wdc / "train_small.jsonl.gz"), *store)
    learn(str(imported["run_id"]), out / "wdc", store, epochs="1", export=["--one-order"])
    measure(wdc / "valid_small.jsonl.gz", wdc / "train_small.jsonl.gz", out / "wdc" / "student")


def learn(run: str, out: Path, store: list[str], *, epochs: str, export: list[str]) -> None:
    """Judge, export and SFT; the student lies in ``out/student``."""
    out.mkdir(parents=True, exist_ok=True)
    show("judge", epm("judge", "score", run, "--judge", "checks", *store))
    show("export", epm("export", run, "-o", str(out / "sft.jsonl"), *export, *store))
    show("sft", epm("distill", "sft", str(out / "sft.jsonl"), "-o", str(out / "student"), "--epochs", epochs))


def measure(test: Path, tuning: Path, student: Path) -> None:
    """The student as it decides by itself in both modes, and the baselines at thresholds from the tuning pairs."""
    show("bench", epm("bench", str(test), "--matcher", f"student:{student}", "--matcher", f"student-label:{student}"))
    show("bench", epm("bench", str(test), "--valid", str(tuning), "--matcher", "model-token", "--matcher", "evidence-rules"))


def epm(*args: str) -> dict[str, object]:
    """What a command prints with --json."""
    print("epm", *args, file=sys.stderr)
    program = Path(sys.executable).with_name("epm")
    ended = subprocess.run([str(program), *args, "--json"], stdout=subprocess.PIPE, check=True, text=True)
    return dict(json.loads(ended.stdout))


def show(step: str, figures: dict[str, object]) -> None:
    print(json.dumps({"step": step, **figures}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
