"""Reading, measured: the matchers without a model on labelled public pairs, in one run beside recorded models.

    python benchmarks/reading.py ../shared/data

Each matcher is tuned or fitted on train alone; then the other split is read once. Prints one row of figures for each
matcher, and each F1 difference of ``evidence-rules`` and ``evidence-model`` to the others with its paired 95 % interval.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from epm.eval.bench import MatcherResult, bench
from epm.eval.intervals import f1_difference
from epm.files.pairs import read_pairs
from epm.matcher import MatchContext
from epm.matchers.evidence_fitting import fit_evidence_model

TUNED = ["tfidf", "model-token", "evidence-rules"]
RECORDED = {
    "abt-buy": [
        "llama-3.1-8b-instruct-abt-buy-no-explanations-abt-buy-full--f4d88d.jsonl.gz@domain-simple-force",
        "llama-3.1-8b-instruct-wdc-small-abt-buy-full--db49ec.jsonl.gz@domain-simple-free",
        "llama-3.1-8b-instruct-wdc-small-explanation-structured-abt-buy-full--fdf3d0.jsonl.gz@domain-complex-force",
        "llama-3.1-70b-instruct-small-abt-buy-full--e1ff01.jsonl.gz@domain-complex-force",
        "gpt-3.5--batch-covering--abt-buy.jsonl.gz@batcher-diverse-covering",
    ],
}


@dataclass(frozen=True)
class Task:
    """One data set: the split that everything is chosen on and the one that is read once."""

    name: str
    train: str
    read: str


TASKS = (
    Task("abt-buy", "train", "test"),
    Task("wdc-products-80cc", "train_small", "valid_small"),
    Task("amazon-google", "train", "valid"),
)


def main(data: Path, names: list[str]) -> None:
    for task in TASKS:
        if not names or task.name in names:
            for row in measured(data, task):
                print(json.dumps({"set": f"{task.name}/{task.read}", **row}), flush=True)


def measured(data: Path, task: Task) -> Iterator[dict[str, object]]:
    folder = data / task.name
    train, pairs = read_pairs(folder / f"{task.train}.jsonl.gz"), read_pairs(folder / f"{task.read}.jsonl.gz").pairs
    with tempfile.TemporaryDirectory() as made:
        card = fit_evidence_model(train, Path(made))
        yield {"fitted": "evidence-model", **card.figures}
        recorded = [f"recorded:{data / 'llm-outputs' / spec}" for spec in RECORDED.get(task.name, [])]
        tuned = bench(pairs, TUNED, ctx=MatchContext(), valid=train.pairs)
        # The model's threshold comes from held-out products of train; a threshold from its own fitted scores would be too high.
        decided = bench(pairs, [f"evidence-model:{made}", *recorded], ctx=MatchContext())
    results = {result.row.matcher.partition(f":{made}")[0].rpartition("/")[2]: result for result in (*tuned.results, *decided.results)}
    for name, result in results.items():
        yield {**result.row.to_json(), "matcher": name}
    yield from differences(results)


def differences(results: dict[str, MatcherResult]) -> Iterator[dict[str, object]]:
    for ours in ("evidence-rules", "evidence-model"):
        for name, other in results.items():
            if name != ours:
                gain = f1_difference(results[ours].outcomes, other.outcomes)
                yield {"f1_of": ours, "minus": name, **asdict(gain), "is_above_zero": gain.is_above_zero}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
