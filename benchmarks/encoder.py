"""The encoder on labelled pairs: recipe from valid, several seeds of it, test read once for each.

    python benchmarks/encoder.py ../shared/data/abt-buy --learning-rate 5e-5 1e-4 --keep encoders

Each learning rate is tried with seed 0; the one with the best F1 on valid is trained with the other seeds too. One JSON line for
each seed, for the mean probability of all seeds at the mean of their thresholds, and for ``model-token`` and ``evidence-model`` on
the same pairs; then the paired F1 differences with 95 % intervals. The first lines say what the files share. Networks under
``--keep`` are not trained again, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from epm.artifact import read_card
from epm.cli.progress import progress_sink
from epm.config import stay_offline
from epm.decision import Decision
from epm.distill.encoder import make
from epm.distill.encoder_data import encoder_data
from epm.distill.encoder_fitting import fit_encoder
from epm.distill.encoder_recipe import MINILM, EncoderRecipe
from epm.eval.bench import MatcherResult, bench, bench_matchers
from epm.eval.intervals import f1_difference
from epm.eval.leakage import leakage
from epm.files.pairs import PairFile, read_pairs
from epm.matcher import MatchContext
from epm.matchers.evidence_fitting import fit_evidence_model
from epm.pair import Pair
from epm.relation import Label


class MeanOf:
    """Repeats the mean of probabilities that were decided before; a match at the mean of their thresholds."""

    name = "mean of seeds"
    version = "1"

    def __init__(self, runs: Sequence[Sequence[Decision]]) -> None:
        self._runs = [{decision.pair_id: decision for decision in run} for run in runs]
        thresholds = [next(iter(run.values())).provenance["threshold"] for run in self._runs]
        self._threshold = float(np.mean([value for value in thresholds if isinstance(value, float)]))

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:  # noqa: ARG002  # part of the seam
        """The means, in the order of the pairs."""
        return [self._mean(pair) for pair in batch]

    def _mean(self, pair: Pair) -> Decision:
        found = [run[pair.id] for run in self._runs]
        if any(decision.probability is None for decision in found):
            return next(decision for decision in found if decision.probability is None)
        probability = float(np.mean([decision.probability for decision in found]))
        return replace(found[0], label=Label.MATCH if probability >= self._threshold else Label.NO_MATCH, probability=probability)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("data", type=Path, help="folder with train, valid and test .jsonl.gz")
    options.add_argument("--keep", type=Path, required=True, help="folder for the networks")
    options.add_argument("--base", default=MINILM)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--learning-rate", type=float, nargs="+", default=[1e-4])
    options.add_argument("--epochs", type=int, default=6)
    options.add_argument("--batch-size", type=int, default=16)
    options.add_argument("--max-tokens", type=int, default=48)
    options.add_argument("--non-matches", type=float, default=4.0)
    chosen = options.parse_args()
    if chosen.base == MINILM:
        stay_offline()
    files = {name: read_pairs(chosen.data / f"{name}.jsonl.gz") for name in ("train", "valid", "test")}
    for first, second in (("valid", "train"), ("test", "train"), ("test", "valid")):
        shared = leakage(files[first].pairs, files[second].pairs)
        tell({"shared": f"{first} with {second}", "kind": shared.kind, **asdict(shared)})
    recipes = [
        EncoderRecipe(
            base=chosen.base, epochs=chosen.epochs, learning_rate=rate, batch_size=chosen.batch_size, max_tokens=chosen.max_tokens,
            non_matches=chosen.non_matches,
        )
        for rate in chosen.learning_rate
    ]  # fmt: skip
    best = max(recipes, key=lambda recipe: best_on_valid(fitted(files, recipe, chosen.keep)))
    tell({"settings_tried": len(recipes), "learning_rate": best.learning_rate})
    mean = seeds(files, best, chosen.seeds, chosen.keep)
    others(files, mean, chosen.keep)


def fitted(files: dict[str, PairFile], recipe: EncoderRecipe, keep: Path) -> Path:
    """The folder of the trained encoder, trained now unless it is there."""
    digest = hashlib.sha256(json.dumps([asdict(recipe), files["train"].sha256, files["valid"].sha256]).encode()).hexdigest()
    folder = keep / f"encoder-{digest[:12]}"
    if not folder.exists():
        data = encoder_data(files["train"], files["valid"], seed=recipe.seed)
        with progress_sink() as on_progress:
            card = fit_encoder(data, folder, recipe, on_progress=on_progress)
        tell({"fitted": str(folder), "recipe": asdict(recipe), "figures": card.figures})
    return folder


def best_on_valid(folder: Path) -> float:
    figures = read_card(folder, kind="encoder").figures["held_out_f1"]
    assert isinstance(figures, dict)  # noqa: S101  # written above
    return float(max(figures.values()))


def seeds(files: dict[str, PairFile], recipe: EncoderRecipe, n_seeds: int, keep: Path) -> MatcherResult:
    """The result of the mean of the seeds, each of which is told."""
    test, ctx = files["test"].pairs, MatchContext()
    results: list[MatcherResult] = []
    for seed in range(n_seeds):
        folder = fitted(files, replace(recipe, seed=seed), keep)
        results.extend(bench_matchers(test, [(f"encoder seed {seed}", make(str(folder)))], ctx=ctx).results)
        tell({**results[-1].row.to_json(), "valid_f1": best_on_valid(folder)})
    mean = bench_matchers(test, [("encoder mean of seeds", MeanOf([result.decisions for result in results]))], ctx=ctx).results[0]
    tell(mean.row.to_json())
    return mean


def others(files: dict[str, PairFile], mean: MatcherResult, keep: Path) -> None:
    """The matchers without a network on the same pairs, and what the encoder gains over each."""
    test, ctx = files["test"].pairs, MatchContext()
    fit_evidence_model(files["train"], keep / "evidence-model")
    found = [
        *bench(test, ["model-token"], ctx=ctx, valid=files["valid"].pairs).results,
        *bench(test, [f"evidence-model:{keep / 'evidence-model'}"], ctx=ctx).results,
    ]
    for other in found:
        name = other.row.matcher.partition(":")[0]
        tell({**other.row.to_json(), "matcher": name})
        tell({"gain": f"encoder mean of seeds - {name}", **asdict(f1_difference(mean.outcomes, other.outcomes))})


def tell(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
