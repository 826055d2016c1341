"""What selection costs, and what it buys: ``epm select`` on generated and on labelled candidates.

    python benchmarks/selection.py scale 10000 100000
    python benchmarks/selection.py buys ../shared/data

``scale`` chooses a twentieth of so many generated candidates, a tenth of which are offered again under other words, each size in
a process of its own: CPU seconds by step, wall seconds, peak memory. ``buys`` chooses a tenth of labelled pairs by each policy,
without their labels, and looks at the labels afterwards: on how many of the chosen pairs ``evidence-rules`` errs, and how many
products they are of, beside the same figures of all candidates, which are those of a random choice. Then ``evidence-model`` is
fitted on the chosen pairs' labels and on as many random ones, and measured on other pairs. Intervals are 95 %, two-way over
products; they hold for the choice as it was made. Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np

from epm.eval.intervals import TwoWay, f1_difference, f1_interval, statistic_interval
from epm.eval.metrics import FloatArray, Outcomes, measure
from epm.files.pairs import read_pairs
from epm.matcher import MatchContext, Matcher
from epm.matchers.evidence_features import feature_matrix, read_pair
from epm.matchers.evidence_fitting import fit
from epm.matching import decide_all
from epm.pair import Pair
from epm.registry import make_matcher
from epm.relation import Label
from epm.sample import World, generate
from epm.selection import selection
from epm.selection.policy import SelectionPolicy, Signal, default_weights
from epm.selection.selection import select
from epm.sync import run_sync

MATCHERS = ("evidence-rules", "model-token")
POLICIES: dict[str, dict[Signal, float]] = {
    "uncertainty": {Signal.UNCERTAINTY: 1.0},
    "disagreement": {Signal.DISAGREEMENT: 1.0},
    "uncertainty+disagreement": {Signal.UNCERTAINTY: 1.0, Signal.DISAGREEMENT: 1.0},
    "default": default_weights(n_matchers=2, has_value=False),
}
POOLS = ("wdc-products-80cc/train_medium", "wdc-products-80cc/valid_large", "abt-buy/train")
FITTED_ON, MEASURED_ON = "wdc-products-80cc/train_medium", "wdc-products-80cc/valid_small"
RANDOM_SEEDS = (1, 2, 3)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("part", choices=["scale", "buys"])
    options.add_argument("values", nargs="+")
    chosen = options.parse_args()
    if chosen.part == "buys":
        for pool in POOLS:
            errors(pool, read_pairs(Path(chosen.values[0]) / f"{pool}.jsonl.gz").pairs)
        model(*(read_pairs(Path(chosen.values[0]) / f"{name}.jsonl.gz").pairs for name in (FITTED_ON, MEASURED_ON)))
    elif len(chosen.values) == 1:
        scale(int(chosen.values[0]))
    else:
        for size in chosen.values:
            subprocess.run([sys.executable, __file__, "scale", size], check=True)


def matchers() -> list[Matcher]:
    return [make_matcher(name) for name in MATCHERS]


def scale(n: int) -> None:
    pairs = [sample.pair for sample in generate(World.PRETRAIN, n - n // 10, seed=5)]
    again = [replace(pair, id=f"again {pair.id}", right=replace(pair.right, title=f"{pair.right.title} new")) for pair in pairs[: n // 10]]
    steps: dict[str, float] = {}
    for name in ("ask", "pair_vectors", "choose"):
        setattr(selection, name, timed(getattr(selection, name), name, steps))
    base_mb, started_s, cpu_s = peak_mb(), time.perf_counter(), time.process_time()
    policy = SelectionPolicy(n // 20, POLICIES["default"])
    found = select([*pairs, *again], policy, matchers=matchers())
    show(
        n=n, wall_s=round(time.perf_counter() - started_s, 1), cpu_s=round(time.process_time() - cpu_s, 1), steps_cpu_s=steps,
        base_mb=base_mb, peak_mb=peak_mb(), **found.figures(),
    )  # fmt: skip


def timed(step: Callable[..., object], name: str, steps: dict[str, float]) -> Callable[..., object]:
    def work(*arguments: object, **options: object) -> object:
        start = time.process_time()
        found = step(*arguments, **options)
        key = f"{name} {getattr(arguments[0], 'name', '')}".strip()
        steps[key] = round(steps.get(key, 0.0) + time.process_time() - start, 1)
        return found

    return work


def errors(pool: str, pairs: Sequence[Pair]) -> None:
    """On how many chosen pairs the rules err, beside all candidates."""
    decided = run_sync(decide_all(make_matcher("evidence-rules"), pairs, MatchContext()))
    errs = np.array(
        [(d.label is Label.MATCH) is not (p.gold_label is Label.MATCH) for p, d in zip(pairs, decided, strict=True)], dtype=float
    )
    plan = TwoWay([p.left.product_id() for p in pairs], [p.right.product_id() for p in pairs])
    products = [tuple(sorted((p.left.product_id(), p.right.product_id()))) for p in pairs]
    place = {pair.id: i for i, pair in enumerate(pairs)}
    for name, weights in POLICIES.items():
        found = select(pairs, SelectionPolicy(len(pairs) // 10, weights, random_share=0.0), matchers=matchers())
        at = [place[one.pair.id] for one in found.chosen]
        is_chosen = np.zeros(len(pairs))
        is_chosen[at] = 1.0
        columns = np.stack([errs * is_chosen, is_chosen, errs, np.ones(len(pairs))], axis=1)
        show(
            pool=pool, policy=name, n_candidates=len(pairs), n_chosen=len(at), share_of_errors=round(float(errs[at].mean()), 3),
            ci95=rounded(statistic_interval(columns, lambda s: s[:, 0] / s[:, 1], plan)),
            random=round(float(errs.mean()), 3), times_random=round(float(errs[at].mean() / errs.mean()), 2),
            times_ci95=rounded(statistic_interval(columns, lambda s: s[:, 0] / s[:, 1] / (s[:, 2] / s[:, 3]), plan)),
            errors_found=round(float(errs[at].sum() / errs.sum()), 3), matches=sum(pairs[i].gold_label is Label.MATCH for i in at),
            n_product_pairs=len({products[i] for i in at}), n_near_duplicates=found.n_near_duplicates,
        )  # fmt: skip


def model(pool: Sequence[Pair], measured: Sequence[Pair]) -> None:
    """F1 of ``evidence-model`` fitted on the labels of the chosen pairs, less the F1 of one fitted on as many random ones."""
    n = len(pool) // 10
    drawn = {
        f"random {seed}": select(pool, SelectionPolicy(n, POLICIES["uncertainty"], random_share=1.0, seed=seed), matchers=matchers())
        for seed in RANDOM_SEEDS
    }
    seen = {name: fitted_outcomes([one.pair for one in found.chosen], measured) for name, found in drawn.items()}
    random_f1 = [measure(outcomes).f1 for outcomes in seen.values()]
    show(
        fitted_on=n,
        chosen="random",
        seeds=len(seen),
        f1=[round(f1 or 0.0, 4) for f1 in random_f1],
        mean=round(fmean(f1 or 0.0 for f1 in random_f1), 4),
    )
    for name, weights in POLICIES.items():
        for share in (0.0, 0.5):
            found = select(pool, SelectionPolicy(n, weights, random_share=share), matchers=matchers())
            outcomes = fitted_outcomes([one.pair for one in found.chosen], measured)
            against = [f1_difference(outcomes, other) for other in seen.values()]
            show(
                fitted_on=n, chosen=name, random_share=share, f1=round(measure(outcomes).f1 or 0.0, 4), ci95=rounded(f1_interval(outcomes)),
                gain_over_random=[round(one.value or 0.0, 4) for one in against], gain_ci95=[rounded(one.ci95) for one in against],
            )  # fmt: skip


def fitted_outcomes(train: Sequence[Pair], measured: Sequence[Pair]) -> Outcomes:
    fitted = fit(train).model
    scores: FloatArray = fitted.probabilities(feature_matrix(measured, [read_pair(pair) for pair in measured], fitted.words))
    gold = np.array([pair.gold_label is Label.MATCH for pair in measured])
    left, right = ([getattr(pair, side).product_id() for pair in measured] for side in ("left", "right"))
    return Outcomes(gold, scores >= fitted.threshold, np.ones(len(gold), dtype=np.bool_), scores, tuple(left), tuple(right), 0)


def rounded(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [round(end, 3) for end in interval]


def peak_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def show(**found: object) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
