"""How often the search for label words flags rationales that hold none.

    python benchmarks/label_words.py ../shared/data

Rationales of the engine on generated pairs, and recorded explanations of models on WDC Products: as imported, and with every
value as the model wrote it, unanchored. Prints JSON lines with every flagged pair, to be looked at: is it a leak?
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from epm.distill.label_words import found_label_words
from epm.evidence.engine import compare
from epm.files.pairs import read_pairs
from epm.imports.explanations import ImportedExplanation, import_explanations
from epm.pair import Pair
from epm.rationale import AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Relation
from epm.sample import World, generate

RECORDED = ("gpt-4o--structured--wdc-train_small", "gpt-4o-mini--structured--wdc-train_small", "gpt-4o-mini--structured--wdc-valid_small")
N_GENERATED, SEED = 300, 3
_NOTHING = AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)


def main(data: Path) -> None:
    for world in World:
        show(f"generated {world}", [(one.pair, compare(one.pair).rationale) for one in generate(world, N_GENERATED, seed=SEED)])
    for name in RECORDED:
        pairs = read_pairs(data / "wdc-products-80cc" / f"{name.rpartition('wdc-')[2]}.jsonl.gz").pairs
        items = import_explanations(data / "llm-explanations" / f"{name}.jsonl.gz", pairs).items
        show(f"{name}, imported", [(item.pair, item.decision.rationale) for item in items if item.decision.rationale is not None])
        show(f"{name}, as written", [(item.pair, as_written(item)) for item in items])


def as_written(item: ImportedExplanation) -> Rationale:
    """The answer's entries as comparisons, found in the listings or not."""
    cells = tuple(
        Comparison(attribute=entry.attribute or "-", left=entry.left or None, right=entry.right or None, verdict=Verdict.UNKNOWN)
        for entry in item.answer.entries
    )
    core = AxisFinding(comparisons=cells, verdict=Verdict.UNKNOWN)
    return Rationale(core=core, identifier=_NOTHING, variant=_NOTHING, relation=Relation.UNDECIDABLE, label=None)


def show(name: str, rationales: Iterable[tuple[Pair, Rationale]]) -> None:
    shown = list(rationales)
    n_cells = sum(len(r.core.comparisons) + len(r.identifier.comparisons) + len(r.variant.comparisons) for _, r in shown)
    print(json.dumps({"rationales": name, "n_comparisons": n_cells, **found_label_words(shown).to_json()}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
