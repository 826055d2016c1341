"""Recorded structured explanations of real models become Rationales, with everything lost on the way counted.

Only ``answer_text`` is parsed; columns that other people parsed from it are not read. The answer's label is the
teacher's; the gold label of the pair stays apart. Quotes are kept word for word or re-anchored to the verbatim span of
the listing; a cell whose quote stands in neither form is dropped and counted. Where the prompt held the label, the
decision says so in its provenance, and answers that contradict the given label are listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from epm.decision import Decision
from epm.errors import DataError, ErrorClass
from epm.files.json_lines import read_rows
from epm.files.raw import RawRow
from epm.imports.attribute_axis import axis_of
from epm.imports.quotes import anchor
from epm.imports.structured_answer import Entry, StructuredAnswer, parse_answer
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation

SAME_FROM = 0.8
DIFFERENT_TO = 0.2


class ExplanationRow(BaseModel):
    """One recorded answer. Other columns (upstream parses, token counts) are not read, so they may be there."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    pair_id: str
    model: str
    prompt_name: str
    label_given_in_prompt: bool
    answer_text: str
    label: int | None = None


@dataclass(frozen=True, slots=True)
class DroppedCell:
    """A compared attribute that did not become a cell, and why."""

    attribute: str
    reason: str


@dataclass(frozen=True, slots=True)
class QuoteCount:
    """How the values of two-sided entries stand in their listings."""

    n: int = 0
    n_exact: int = 0
    n_anchored: int = 0

    def __add__(self, other: QuoteCount) -> QuoteCount:
        return QuoteCount(self.n + other.n, self.n_exact + other.n_exact, self.n_anchored + other.n_anchored)


@dataclass(frozen=True, slots=True)
class ImportedExplanation:
    """One answer with the decision made of it; ``given_label`` is what its prompt said, if it did."""

    pair: Pair
    row: ExplanationRow
    decision: Decision
    given_label: Label | None
    answer: StructuredAnswer
    dropped: tuple[DroppedCell, ...]
    quotes: QuoteCount

    @property
    def contradicts_given_label(self) -> bool:
        """True when the prompt gave a label and the answer says the other."""
        return self.given_label is not None and self.answer.label is not None and self.answer.label is not self.given_label

    def to_json(self) -> dict[str, object]:
        """The rationale and its origin as JSON values; the gold label is a column of its own."""
        decision = self.decision
        return {
            "pair_id": self.pair.id,
            "teacher_label": None if decision.label is None else decision.label.value,
            "gold_label": None if self.pair.gold_label is None else self.pair.gold_label.value,
            "model": self.row.model,
            "prompt_name": self.row.prompt_name,
            "label_given_in_prompt": self.row.label_given_in_prompt,
            "contradicts_given_label": self.contradicts_given_label,
            "rationale": None if decision.rationale is None else decision.rationale.model_dump(mode="json"),
            "error": decision.error,
            "unparsed_lines": [{"line": line.number, "text": line.text, "reason": line.reason} for line in self.answer.unparsed],
            "dropped_cells": [{"attribute": cell.attribute, "reason": cell.reason} for cell in self.dropped],
        }


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row of the explanations file that was not imported, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ExplanationImport:
    """A whole file's import."""

    items: tuple[ImportedExplanation, ...]
    skipped: tuple[SkippedRow, ...] = field(default=())

    def figures(self) -> dict[str, object]:
        """What was read, kept and lost, as JSON values."""
        unparsed = Counter(line.reason for item in self.items for line in item.answer.unparsed)
        dropped = Counter(cell.reason for item in self.items for cell in item.dropped)
        entries = [entry for item in self.items for entry in item.answer.entries]
        quotes = sum((item.quotes for item in self.items), QuoteCount())
        return {
            "n_answers": len(self.items),
            "n_skipped_rows": len(self.skipped),
            "n_without_label": sum(item.answer.label is None for item in self.items),
            "n_contradicting_given_label": sum(item.contradicts_given_label for item in self.items),
            "n_disagreeing_with_gold": sum(
                item.answer.label is not item.pair.gold_label for item in self.items if item.answer.label and item.pair.gold_label
            ),
            "n_entries": len(entries),
            "n_entries_lacking_a_side": sum(item.answer.n_lacking_a_side for item in self.items),
            "unparsed_lines": dict(sorted(unparsed.items())),
            "n_quotes": quotes.n,
            "quotes_exact_share": quotes.n_exact / quotes.n if quotes.n else None,
            "quotes_found_share": quotes.n_anchored / quotes.n if quotes.n else None,
            "n_cells": sum(
                len(item.decision.rationale.finding(a).comparisons) for item in self.items if item.decision.rationale for a in Axis
            ),
            "dropped_cells": dict(sorted(dropped.items())),
            "relations": dict(sorted(Counter(str(item.decision.relation) for item in self.items if item.decision.relation).items())),
        }

    def contradicting(self) -> tuple[str, ...]:
        """Ids of the pairs whose answer contradicts the label its prompt gave: a review queue."""
        return tuple(item.pair.id for item in self.items if item.contradicts_given_label)


def import_explanations(path: Path, pairs: Iterable[Pair]) -> ExplanationImport:
    """Every explanation in a JSON Lines file whose pair is known, in file order.

    Raises:
        DataError: the file cannot be read, or none of its rows belongs to the pairs.
    """
    by_id = {pair.id: pair for pair in pairs}
    items: dict[str, ImportedExplanation] = {}
    skipped: list[SkippedRow] = []
    try:
        for raw in read_rows(path):
            reason = _take(raw, by_id, items)
            if reason is not None:
                skipped.append(SkippedRow(raw.line, reason))
    except OSError as error:
        raise DataError(f"cannot read explanations {str(path)!r}: {error.strerror or error}; give a .jsonl or .jsonl.gz file") from error
    if not items:
        first = f"; line {skipped[0].line}: {skipped[0].reason}" if skipped else ""
        raise DataError(f"{str(path)!r} holds no explanation of the {len(by_id)} pairs{first}; check --pairs")
    return ExplanationImport(tuple(items.values()), tuple(skipped))


def imported(row: ExplanationRow, pair: Pair) -> ImportedExplanation:
    """One answer about its pair as a decision: a rationale, or a failure when it has no yes or no."""
    answer = parse_answer(row.answer_text)
    cells: dict[Axis, list[Comparison]] = {axis: [] for axis in Axis}
    dropped: list[DroppedCell] = []
    for entry in answer.entries:
        cell = _cell(entry, pair)
        if isinstance(cell, Comparison):
            cells[axis_of(entry.attribute)].append(cell)
        else:
            dropped.append(cell)
    given = Label.MATCH if row.label == 1 else Label.NO_MATCH if row.label == 0 else None
    given = given if row.label_given_in_prompt else None
    decision = _decision(row, pair, answer.label, cells, given)
    quotes = sum((_count(entry, pair) for entry in answer.entries), QuoteCount())
    return ImportedExplanation(pair, row, decision, given, answer, tuple(dropped), quotes)


def relation_of(label: Label, verdicts: Mapping[Axis, Verdict]) -> Relation:
    """The relation that a label and the axis verdicts allow: a non-match with the same core and another variant is a variant."""
    if label is Label.MATCH:
        return Relation.EXACT
    is_variant = verdicts[Axis.CORE] is Verdict.SAME and verdicts[Axis.VARIANT] is Verdict.DIFFERENT
    return Relation.VARIANT if is_variant else Relation.DIFFERENT


def _take(raw: RawRow, by_id: Mapping[str, Pair], items: dict[str, ImportedExplanation]) -> str | None:
    if raw.values is None:
        return raw.problem
    try:
        row = ExplanationRow.model_validate(dict(raw.values))
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    if row.pair_id not in by_id:
        return f"pair {row.pair_id!r} is not among the pairs"
    if row.pair_id in items:
        return f"pair {row.pair_id!r} has an explanation already"
    items[row.pair_id] = imported(row, by_id[row.pair_id])
    return None


def _decision(
    row: ExplanationRow, pair: Pair, label: Label | None, cells: Mapping[Axis, list[Comparison]], given: Label | None
) -> Decision:
    if label is None:
        shown = row.answer_text.strip()[:40]
        return Decision.failed(pair.id, ErrorClass.INVALID_STRUCTURE, f"the answer starts with neither yes nor no: {shown!r}")
    findings = {axis: AxisFinding(comparisons=tuple(found), verdict=_axis_verdict(found)) for axis, found in cells.items()}
    relation = relation_of(label, {axis: finding.verdict for axis, finding in findings.items()})
    rationale = Rationale(
        core=findings[Axis.CORE], identifier=findings[Axis.IDENTIFIER], variant=findings[Axis.VARIANT], relation=relation, label=label
    )
    provenance: dict[str, object] = {
        "recorded_model": row.model,
        "prompt_name": row.prompt_name,
        "label_given_in_prompt": row.label_given_in_prompt,
        "contradicts_given_label": given is not None and given is not label,
    }
    return Decision.from_rationale(pair.id, rationale, provenance=provenance)


def _cell(entry: Entry, pair: Pair) -> Comparison | DroppedCell:
    if not entry.has_both_sides:
        return _lone_value(entry, pair)
    if entry.left is None and entry.right is None:
        return DroppedCell(entry.attribute, "both sides missing")
    left = None if entry.left is None else anchor(entry.left, pair.left)
    right = None if entry.right is None else anchor(entry.right, pair.right)
    if (entry.left is not None and left is None) or (entry.right is not None and right is None):
        return DroppedCell(entry.attribute, "quote not in the listing")
    return Comparison(attribute=entry.attribute, left=left, right=right, verdict=_verdict(left, right, entry.similarity))


def _lone_value(entry: Entry, pair: Pair) -> Comparison | DroppedCell:
    # the answer does not say whose value it is: it is quoted where it stands, and compared with nothing
    left, right = (None if entry.left is None else anchor(entry.left, side) for side in (pair.left, pair.right))
    if left is None and right is None:
        return DroppedCell(entry.attribute, "lone value in neither listing")
    return Comparison(attribute=entry.attribute, left=left, right=right, verdict=Verdict.UNKNOWN)


def _verdict(left: str | None, right: str | None, similarity: float | None) -> Verdict:
    if left is None or right is None or similarity is None:
        return Verdict.UNKNOWN
    if similarity >= SAME_FROM:
        return Verdict.SAME
    return Verdict.DIFFERENT if similarity <= DIFFERENT_TO else Verdict.UNKNOWN


def _axis_verdict(cells: list[Comparison]) -> Verdict:
    verdicts = {cell.verdict for cell in cells}
    return next((v for v in (Verdict.DIFFERENT, Verdict.SAME) if v in verdicts), Verdict.UNKNOWN)


def _count(entry: Entry, pair: Pair) -> QuoteCount:
    total = QuoteCount()
    for quote, listing in ((entry.left, pair.left), (entry.right, pair.right)):
        if quote is not None and entry.has_both_sides:
            is_exact = any(quote in text for text in listing.texts().values())
            total += QuoteCount(1, int(is_exact), int(anchor(quote, listing) is not None))
    return total
