"""Corruptions tell one lie on a known axis, coherently; harmless ones keep the meaning; all follow the seed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import epm
from epm.eval.corrupt import Corrupted, Corruption, corrupt
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation

FOREIGN = AxisFinding(comparisons=(Comparison(attribute="brand", left="Zelmo", right="Zelmo", verdict=Verdict.SAME),), verdict=Verdict.SAME)


@pytest.fixture
def made(sound: tuple[Pair, Rationale]) -> dict[Corruption, Corrupted]:
    pair, rationale = sound
    other = rationale.model_copy(update={"core": FOREIGN, "identifier": FOREIGN, "variant": FOREIGN})
    return {c.corruption: c for c in corrupt(pair, rationale, seed=1, others=[other])}


def changed_axes(before: Rationale, after: Rationale) -> list[Axis]:
    return [axis for axis in Axis if before.finding(axis) != after.finding(axis)]


def stray_quotes(pair: Pair, rationale: Rationale) -> int:
    left, right = "\n".join(pair.left.texts().values()), "\n".join(pair.right.texts().values())
    cells = [cell for axis in Axis for cell in rationale.finding(axis).comparisons]
    return sum((c.left or "") not in left for c in cells) + sum((c.right or "") not in right for c in cells)


def test_every_kind_applies_to_a_full_rationale(made: dict[Corruption, Corrupted]) -> None:
    assert set(made) == set(Corruption)


def test_the_axis_that_must_fall_is_the_one_that_was_changed(made: dict[Corruption, Corrupted], sound: tuple[Pair, Rationale]) -> None:
    kinds = set(Corruption) - {Corruption.FLIPPED_LABEL, Corruption.REPLACED_RELATION, Corruption.CELL_ORDER, Corruption.ATTRIBUTE_CASE}
    for kind in kinds:
        assert changed_axes(sound[1], made[kind].rationale) == [made[kind].axis], kind


def test_changed_quotes_stand_in_no_listing_of_their_side(made: dict[Corruption, Corrupted], sound: tuple[Pair, Rationale]) -> None:
    assert stray_quotes(*sound) == 0
    for kind in (Corruption.FABRICATED_QUOTE, Corruption.OTHER_SIDE_QUOTE, Corruption.IDENTIFIER_DIGIT):
        assert stray_quotes(sound[0], made[kind].rationale) == 1, kind
    assert stray_quotes(sound[0], made[Corruption.OTHER_PAIR_CELLS].rationale) == 2


def test_a_quote_of_the_other_side_claims_agreement(made: dict[Corruption, Corrupted]) -> None:
    found = made[Corruption.OTHER_SIDE_QUOTE]
    cells = found.rationale.finding(found.axis).comparisons
    assert any(cell.left == cell.right and cell.verdict is Verdict.SAME for cell in cells)


def test_a_changed_identifier_differs_in_one_digit(made: dict[Corruption, Corrupted], sound: tuple[Pair, Rationale]) -> None:
    before, after = sound[1].identifier.comparisons[0], made[Corruption.IDENTIFIER_DIGIT].rationale.identifier.comparisons[0]
    pairs = [(a, b) for a, b in zip(before.left + before.right, after.left + after.right, strict=True) if a != b]
    assert len(pairs) == 1
    assert all(a.isdigit() and b.isdigit() for a, b in pairs)


def test_axis_verdicts_follow_the_lying_cells(made: dict[Corruption, Corrupted]) -> None:
    for kind in (Corruption.FLIPPED_CELL, Corruption.OTHER_SIDE_QUOTE):
        finding = made[kind].rationale.finding(made[kind].axis)
        verdicts = [cell.verdict for cell in finding.comparisons]
        expected = next((v for v in (Verdict.DIFFERENT, Verdict.SAME) if v in verdicts), Verdict.UNKNOWN)
        assert finding.verdict is expected


def test_a_flipped_label_blames_the_axis_that_decided(made: dict[Corruption, Corrupted]) -> None:
    flipped = made[Corruption.FLIPPED_LABEL]
    assert (flipped.rationale.label, flipped.rationale.relation, flipped.axis) == (Label.MATCH, Relation.EXACT, Axis.IDENTIFIER)


def test_an_emptied_axis_still_claims_its_verdict(made: dict[Corruption, Corrupted]) -> None:
    emptied = made[Corruption.EMPTIED_AXIS]
    finding = emptied.rationale.finding(emptied.axis)
    assert finding.comparisons == ()
    assert finding.verdict is not Verdict.UNKNOWN


def test_harmless_changes_keep_every_cell(made: dict[Corruption, Corrupted], sound: tuple[Pair, Rationale]) -> None:
    def cells(rationale: Rationale) -> list[tuple[str, str | None, str | None, str]]:
        return sorted(
            (c.attribute.lower(), c.left or "", c.right or "", c.verdict) for axis in Axis for c in rationale.finding(axis).comparisons
        )

    for kind in (Corruption.CELL_ORDER, Corruption.ATTRIBUTE_CASE):
        assert made[kind].axis is None
        assert made[kind].rationale != sound[1]
        assert cells(made[kind].rationale) == cells(sound[1])


def test_corrupted_rationales_are_valid_rationales(made: dict[Corruption, Corrupted]) -> None:
    for corrupted in made.values():
        assert Rationale.model_validate(corrupted.rationale.model_dump()) == corrupted.rationale


def test_the_seed_decides_everything(sound: tuple[Pair, Rationale]) -> None:
    assert corrupt(*sound, seed=3) == corrupt(*sound, seed=3)
    assert any(corrupt(*sound, seed=3) != corrupt(*sound, seed=other) for other in range(4, 9))


def test_a_rationale_with_nothing_in_it_has_only_its_label_and_relation_to_corrupt(sound: tuple[Pair, Rationale]) -> None:
    empty = AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)
    bare = Rationale(core=empty, identifier=empty, variant=empty, relation=Relation.UNDECIDABLE, label=None)
    assert corrupt(sound[0], bare, seed=0) == []


def test_the_generator_imports_no_judge_and_no_evidence() -> None:
    source = Path(epm.__file__).parent / "eval" / "corrupt.py"
    imported = {node.module or "" for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.ImportFrom)}
    assert "epm.rationale" in imported
    assert not [name for name in imported if name.startswith(("epm.judge", "epm.evidence", "epm.agents"))]
