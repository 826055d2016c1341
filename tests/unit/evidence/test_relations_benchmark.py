"""The figures of benchmarks/relations.py on answers counted by hand."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from epm.evidence.engine import PairEvidence, compare
from epm.relation import Relation
from epm.sample import SamplePair, World, generate


def test_a_relation_that_is_missed_costs_its_own_f1_and_that_of_the_answer() -> None:
    spec = spec_from_file_location("relations", Path(__file__).parents[3] / "benchmarks" / "relations.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    samples = generate(World.TRAIN, 300, seed=1)
    exact = [s for s in samples if s.rationale.relation is Relation.EXACT][:3]
    packs = [s for s in samples if s.rationale.relation is Relation.OTHER_PACK][:2]

    def answered(sample: SamplePair, relation: Relation, factor: int | None) -> PairEvidence:
        return replace(compare(sample.pair), relation=relation, factor=factor)

    found = [answered(s, Relation.EXACT, None) for s in exact]
    found += [answered(packs[0], Relation.OTHER_PACK, packs[0].rationale.factor), answered(packs[1], Relation.EXACT, None)]
    line = module.measured([*exact, *packs], found)

    assert line["f1"] == {"exact": pytest.approx(6 / 7, abs=1e-4), "other_pack": pytest.approx(2 / 3, abs=1e-4)}
    assert line["macro_f1"] == pytest.approx((6 / 7 + 2 / 3) / 2, abs=1e-4)
    assert (line["n_packs"], line["factor_accuracy"]) == (2, 0.5)
