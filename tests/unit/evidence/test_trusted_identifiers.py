"""An equal GTIN is no proof: packs, conditions and bundles under the single's number, and in-store numbers, set the traps."""

from __future__ import annotations

from dataclasses import replace

from scipy.stats import beta

from epm.evidence.engine import compare
from epm.evidence.gtins import check_digit
from epm.pair import Pair
from epm.rationale import Verdict
from epm.relation import Relation
from epm.sample import World, generate

N_PAIRS = 900
MISUSED = frozenset({Relation.OTHER_PACK, Relation.BUNDLE_OF, Relation.CONDITION})
"""Relations whose sellers are known to list the offer under the number of the plain item."""


def _gtin(prefix: str, number: int) -> str:
    body = f"{prefix}{number:0{12 - len(prefix)}d}"
    return body + check_digit(body)


def _numbered(pair: Pair, gtin: str) -> Pair:
    return Pair(pair.id, replace(pair.left, gtin=gtin), replace(pair.right, gtin=gtin), gold_label=pair.gold_label)


def test_exact_by_identifier_is_right_in_99_of_100_even_with_traps() -> None:
    """The lower bound is Clopper and Pearson's, one-sided, 95 %; every pair carries one number on both sides."""
    n_right = n_claimed = 0
    for number, sample in enumerate(generate(World.TRAIN, N_PAIRS, seed=5)):
        truth = sample.rationale.relation
        is_plain = truth is Relation.EXACT or truth in MISUSED
        evidence = compare(_numbered(sample.pair, _gtin("400" if is_plain else "21", number)))
        by_identifier = any(atom.attribute == "gtin" and atom.verdict is Verdict.SAME for atom in evidence.atoms)
        if evidence.relation is Relation.EXACT and by_identifier:
            n_claimed += 1
            n_right += truth is Relation.EXACT
    assert n_claimed >= 300
    assert beta.ppf(0.05, n_right, n_claimed - n_right + 1) >= 0.99


def test_an_in_store_number_says_nothing() -> None:
    for number, sample in enumerate(generate(World.TRAIN, 100, seed=6)):
        plain, numbered = compare(sample.pair), compare(_numbered(sample.pair, _gtin("21", number)))
        if sample.pair.left.gtin is None and sample.pair.right.gtin is None:
            assert numbered.relation is plain.relation
            assert numbered.rationale.identifier.verdict is plain.rationale.identifier.verdict
