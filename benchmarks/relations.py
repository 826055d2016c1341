"""Relation macro-F1 and pack-factor accuracy of evidence-rules on the generated sample, by relation, one JSON line for each world.

    python benchmarks/relations.py [--n 900] [--seed 11]

The rules are asked with their default thresholds: nothing is fitted on the sample, which shares no word list with them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence

from epm.evidence.engine import PairEvidence, compare
from epm.relation import Relation
from epm.sample import SamplePair, World, generate

WORLDS = (World.TRAIN, World.TEST)
N_PAIRS = 900
SEED = 11


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=N_PAIRS, help="pairs of each world")
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    for world in WORLDS:
        samples = generate(world, asked.n, seed=asked.seed)
        line = measured(samples, [compare(sample.pair) for sample in samples])
        print(json.dumps({"world": world.value, "seed": asked.seed, **line}), flush=True)


def measured(samples: Sequence[SamplePair], found: Sequence[PairEvidence]) -> dict[str, object]:
    """Macro-F1 over the relations that occur, F1 and count of each, and the share of packs whose factor is right."""
    truths = [sample.rationale.relation for sample in samples]
    answers = [evidence.relation for evidence in found]
    right = Counter(truth for truth, answer in zip(truths, answers, strict=True) if truth is answer)
    n_true, n_answered = Counter(truths), Counter(answers)
    f1 = {r.value: round(2 * right[r] / (n_true[r] + n_answered[r]), 4) for r in Relation if n_true[r]}
    packs = [(s.rationale.factor, e.factor) for s, e in zip(samples, found, strict=True) if s.rationale.relation is Relation.OTHER_PACK]
    n_factors = sum(truth == answer for truth, answer in packs)
    return {
        "n_pairs": len(samples),
        "macro_f1": round(sum(f1.values()) / len(f1), 4) if f1 else None,
        "f1": f1,
        "n": {r.value: n_true[r] for r in Relation if n_true[r]},
        "n_packs": len(packs),
        "factor_accuracy": round(n_factors / len(packs), 4) if packs else None,
    }


if __name__ == "__main__":
    main()
