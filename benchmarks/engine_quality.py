"""The evidence engine beside the text baselines on labelled pairs: thresholds from train, valid read once.

    python benchmarks/engine_quality.py ../shared/data

One JSON line for each matcher and set: precision, recall and F1 with 95 % intervals, the paired F1 gain of
``evidence-rules`` over ``model-token``, and how many of the misses have which cause. ``--test`` adds abt-buy/test.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from epm.eval.bench import bench
from epm.eval.intervals import f1_difference
from epm.evidence.compare import Compared, compare_parsed
from epm.evidence.engine import read_listing
from epm.evidence.verdict import judge
from epm.files.pairs import read_pairs
from epm.matcher import MatchContext
from epm.matchers.text_similarity import gold_matches
from epm.matchers.tuning import tuned_thresholds
from epm.pair import Pair
from epm.rationale import Verdict
from epm.relation import Relation

SETS = (
    ("abt-buy/train", "abt-buy/valid"),
    ("wdc-products-80cc/train_small", "wdc-products-80cc/valid_small"),
    ("amazon-google/train", "amazon-google/valid"),
)
TEST = ("abt-buy/train", "abt-buy/test")
MATCHERS = ["tfidf", "model-token", "evidence-rules"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("--test", action="store_true", help="also read abt-buy/test: for final figures only")
    chosen = options.parse_args()
    for train_name, name in (*SETS, *((TEST,) if chosen.test else ())):
        train, measured = (read_pairs(chosen.data / f"{part}.jsonl.gz").pairs for part in (train_name, name))
        results = bench(measured, MATCHERS, ctx=MatchContext(), valid=train).results
        for result in results:
            print(json.dumps({"set": name, **result.row.to_json()}), flush=True)
        _, token, rules = results
        print(json.dumps({"set": name, "gain": "evidence-rules - model-token", **asdict(f1_difference(rules.outcomes, token.outcomes))}))
        print(json.dumps({"set": name, "misses": miss_causes(train, measured)}), flush=True)


def miss_causes(train: Sequence[Pair], measured: Sequence[Pair]) -> dict[str, int]:
    """How many wrong answers have which cause, the most frequent first."""
    thresholds = tuned_thresholds(*gold_matches(train))
    causes: Counter[str] = Counter()
    for pair, is_match in zip(*gold_matches(measured), strict=True):
        compared = compare_parsed(read_listing(pair.left), read_listing(pair.right))
        finding = judge(compared, thresholds)
        if (finding.relation is Relation.EXACT) is not is_match:
            causes[f"missed: {finding.relation}: {_rules(compared)}" if is_match else f"false: codes {finding.case}"] += 1
    return dict(causes.most_common())


def _rules(compared: Compared) -> str:
    return ", ".join(sorted({a.rule for a in compared.atoms if a.verdict is Verdict.DIFFERENT or a.is_decisive})) or "names too unlike"


if __name__ == "__main__":
    main()
