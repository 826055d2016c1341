"""The evidence engine beside the text baselines on labelled pairs: thresholds from train, valid read once.

    python benchmarks/engine_quality.py ../shared/data

One JSON line for each matcher and set: precision, recall and F1 with 95 % intervals, the paired F1 gain of
``evidence-rules`` over ``model-token``, and how many of the misses have which cause. ``--misses 50`` prints 50 of them for
each set by pair id, kind and cause, without their texts. ``--test`` adds abt-buy/test.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from epm.eval.bench import bench
from epm.eval.intervals import f1_difference
from epm.evidence.compare import Compared, compare_parsed
from epm.evidence.engine import read_listing
from epm.evidence.names import edition_keys, is_number
from epm.evidence.verdict import VARIANT_ATTRIBUTES, CodeCase, Finding, code_case, judge
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
SEED = 7
_OFFERS = {
    Relation.OTHER_PACK: "pack conflict or pack on one side, labelled match",
    Relation.BUNDLE_OF: "addition on one side, labelled match",
    Relation.CONDITION: "condition on one side, labelled match",
    Relation.ACCESSORY_FOR: "one side is for the other, labelled match",
    Relation.UNDECIDABLE: "size or capacity on one side",
}
_CONFLICTS = {
    "brand": "brand conflict labelled match",
    "model": "codes of one series that differ",
    "generation": "generation or year conflict labelled match",
    "compatibility": "made for two products, labelled match",
    "gtin": "GTIN conflict labelled match",
    "mpn": "part number conflict labelled match",
}


@dataclass(frozen=True)
class Miss:
    """One wrong answer: a match that was ``missed`` or a ``false`` one, and why."""

    pair_id: str
    kind: str
    cause: str


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("--test", action="store_true", help="also read abt-buy/test: for final figures only")
    options.add_argument("--misses", type=int, default=0, help="print this many misses of each set, drawn with a fixed seed")
    chosen = options.parse_args()
    for train_name, name in (*SETS, *((TEST,) if chosen.test else ())):
        train, measured = (read_pairs(chosen.data / f"{part}.jsonl.gz").pairs for part in (train_name, name))
        results = bench(measured, MATCHERS, ctx=MatchContext(), valid=train).results
        for result in results:
            print(json.dumps({"set": name, **result.row.to_json()}), flush=True)
        _, token, rules = results
        print(json.dumps({"set": name, "gain": "evidence-rules - model-token", **asdict(f1_difference(rules.outcomes, token.outcomes))}))
        found = misses(train, measured)
        print(json.dumps({"set": name, "misses": dict(Counter(f"{one.kind}: {one.cause}" for one in found).most_common())}), flush=True)
        for one in random.Random(SEED).sample(found, min(chosen.misses, len(found))):
            print(json.dumps({"set": name, **asdict(one)}), flush=True)


def misses(train: Sequence[Pair], measured: Sequence[Pair]) -> list[Miss]:
    """Every wrong answer on the measured pairs, with its cause."""
    thresholds = tuned_thresholds(*gold_matches(train))
    found = []
    for pair, is_match in zip(*gold_matches(measured), strict=True):
        compared = compare_parsed(read_listing(pair.left), read_listing(pair.right))
        finding = judge(compared, thresholds)
        if (finding.relation is Relation.EXACT) is not is_match:
            found.append(
                Miss(pair.id, "missed", missed_cause(compared, finding)) if is_match else Miss(pair.id, "false", false_cause(compared))
            )
    return found


def missed_cause(compared: Compared, finding: Finding) -> str:
    """Why a labelled match was not called exact."""
    if finding.relation is not Relation.DIFFERENT:
        conflicts = [name for name in VARIANT_ATTRIBUTES if compared.verdict(name) is Verdict.DIFFERENT]
        return f"{conflicts[0]} conflict labelled match" if finding.relation is Relation.VARIANT else _OFFERS[finding.relation]
    for attribute, cause in _CONFLICTS.items():
        if compared.verdict(attribute) is Verdict.DIFFERENT:
            return cause
    if finding.case is CodeCase.CONFLICT:
        return "codes of two numbering systems"
    if finding.case is CodeCase.SHARED:
        return "code shared, names too unlike"
    if _has_edition(compared):
        return "edition on one side"
    is_coded = any(atom.rule == "model-one-sided" for atom in compared.of("model"))
    return "code of one side not in the other's text" if is_coded else "names too unlike, no code"


def false_cause(compared: Compared) -> str:
    """Why a labelled non-match was called exact."""
    sides = (compared.names.left_rest, compared.names.right_rest)
    case = code_case(compared)
    causes = (
        (not any(sides), "names equal, labelled non-match"),
        (all(any(is_number(word.key) for word in rest) for rest in sides), "same line, other version"),
        (_has_edition(compared), "edition on one side"),
        (case is CodeCase.CONFLICT, "codes of two numbering systems, names alike"),
        (case is CodeCase.SHARED, "code shared, labelled non-match"),
        (all(sides), "other words on both sides"),
        (any(atom.rule == "model-one-sided" for atom in compared.of("model")), "code on one side only"),
    )
    return next((cause for holds, cause in causes if holds), "more words on one side")


def _has_edition(compared: Compared) -> bool:
    return any(word.key in edition_keys() for word in (*compared.names.left_rest, *compared.names.right_rest))


if __name__ == "__main__":
    main()
