"""The rationale dataset, row by row: every rationale of a run with its origin, and every item that came to none.

The columns are the fields below, in this order, and their descriptions are the documentation: the dataset card prints them.
``gold_label``, ``teacher_label``, ``oracle_label`` and ``human_label`` are never one column. Cluster ids stand nowhere: they are the label.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from epm.decision import LABEL_GIVEN, Decision, Outcome
from epm.distill.dataset import axis_scores
from epm.distill.label_words import label_words
from epm.judgement import Judgement
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, Rationale, Verdict
from epm.relation import Label, Relation
from epm.store.codec import storable
from epm.store.origins import Origin
from epm.store.purged import is_purged
from epm.store.records import RunRecord, StoredItem
from epm.student_text import render

SCHEMA_VERSION = 1
"""Of the columns below. A column that is added, renamed or means something else makes another version."""

Text = Annotated[str, BeforeValidator(lambda value: storable(value) if isinstance(value, str) else value)]
"""Text as files can hold it: half characters that JSON let through are written as escapes."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = Field(SCHEMA_VERSION, description="version of these columns")
    pair_id: Text = Field(description="id of the pair in the input")
    split: Text | None = Field(description="split that the input names for the pair; not the split that a loader calls the file by")
    left_id: Text = Field(description="id of the left listing")
    left_title: Text = Field(description="its title, word for word")
    right_id: Text = Field(description="id of the right listing")
    right_title: Text = Field(description="its title, word for word")
    gold_label: Label | None = Field(description="what the input says: match, no_match, or null where the input has no label")
    human_label: Label | None = Field(
        description="label that more people gave than the other one (epm review); null where nobody was asked, all were unsure or they are split"
    )
    human_votes: Text | None = Field(description="how many people gave each answer, as a JSON object; null where nobody answered")


class RationaleRow(_Row):
    """One rationale and where it comes from."""

    left_json: Text = Field(description="every text of the left listing, title included, as a JSON object by field name")
    right_json: Text = Field(description="the same of the right listing")
    gold_relation: Relation | None = Field(description="relation that the input names for the pair, where it does")
    teacher_label: Label | None = Field(description="label the rationale ends in; null where it is undecidable")
    oracle_label: Label | None = Field(
        description="label that the oracle's run decided for the same texts; null without --oracle, or where it has none"
    )
    teacher_probability: float | None = Field(description="teacher's probability of match, in [0, 1], where it gives one")
    teacher_relation: Relation = Field(description="relation the rationale ends in")
    teacher_factor: int | None = Field(description="how many times larger the larger pack is; other_pack only")
    confidence: Text | None = Field(description="low, medium or high, as the teacher says; null where it says nothing")
    core_verdict: Verdict = Field(description="verdict of the core axis: same, different or unknown")
    identifier_verdict: Verdict = Field(description="verdict of the identifier axis")
    variant_verdict: Verdict = Field(description="verdict of the variant axis")
    rationale: Text = Field(
        description="the rationale as JSON: for each axis its comparisons (attribute, left, right, verdict) and verdict, then relation, factor, label"
    )
    student_text: Text = Field(description="the same as student-text v1, what a student learns to write")
    score_core: float | None = Field(
        description="mean score of the core axis over the judges that scored it, in [0, 1]; null is unscored, never 0"
    )
    score_identifier: float | None = Field(description="the same of the identifier axis")
    score_variant: float | None = Field(description="the same of the variant axis")
    judgements: Text = Field(description="every judge's score as a JSON list: judge, axis, score, level, reason, unscored_reason")
    label_given_in_prompt: bool = Field(
        description="true: the writer was told the gold label and explains it; never count such rows as the teacher's own decisions"
    )
    label_words: tuple[Text, ...] = Field(
        description="words in attribute names and quotes that tell a label and that the listings do not say; empty for a clean rationale"
    )
    review_reasons: tuple[Text, ...] = Field(description="why the run wanted a person to look; empty where it did not")
    run_id: Text = Field(description="run that wrote the rationale")
    matcher: Text = Field(description="matcher that wrote it")
    matcher_version: Text | None = Field(description="its version, where the run kept it")
    model_asked: Text = Field(description="model that was asked for")
    models_answered: tuple[Text, ...] = Field(description="models that the replies name; empty where no call was kept")
    prompt_ids: tuple[Text, ...] = Field(description="prompts that were used, judges' apart; empty where no call was kept")
    prompt_shas: tuple[Text, ...] = Field(description="SHA-256 of each of them, in the same order; empty where their texts were not kept")
    prompts_sha: Text = Field(description="SHA-256 over all prompts of the matcher")
    evidence_version: Text | None = Field(description="version of the evidence engine behind the rationale, where the matcher says")
    identity_rule: Text = Field(description="identity rule by which labels follow from relations")
    oracle_run_id: Text | None = Field(description="run that oracle_label is of")
    attempt: int = Field(description="attempt that stands, counted from 1")
    cost_usd: float = Field(description="what the item's calls cost, in USD; unknown prices count as 0")
    latency_s: float = Field(description="seconds the item took")
    created_at: Text = Field(description="when the item stood, UTC, ISO 8601")
    license_note: Text | None = Field(description="what the exporter says about licences and terms (--license); null without it")


class FailedRow(_Row):
    """One item without a rationale that anybody may learn from, and why."""

    outcome: Outcome = Field(description="failed, abstained, or decided (without a rationale)")
    failure_class: Text = Field(description="error class of a failed item; else vetoed, purged or no_rationale")
    message: Text | None = Field(description="what happened, in words; null where nothing was kept")
    attempt: int = Field(description="attempt that stands, counted from 1")
    label_given_in_prompt: bool = Field(description="true: the writer was told the gold label")
    run_id: Text = Field(description="run of the item")
    matcher: Text = Field(description="matcher that was asked")
    model_asked: Text = Field(description="model that was asked for")
    cost_usd: float = Field(description="what the item's calls cost all the same, in USD; unknown prices count as 0")
    created_at: Text = Field(description="when the item stood, UTC, ISO 8601")


@dataclass(frozen=True, slots=True)
class OracleLabels:
    """What an oracle's run decided, by pair id and the texts of both listings."""

    run_id: str
    labels: Mapping[tuple[str, str, str], Label | None] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @classmethod
    def of(cls, run_id: str, items: Iterable[StoredItem]) -> OracleLabels:
        """The labels of a run's items."""
        return cls(run_id, {_key(item.pair): item.decision.label for item in items})

    def label(self, pair: Pair) -> Label | None:
        """The label of the same texts under the same id; ``None`` where the oracle has none."""
        return self.labels.get(_key(pair))


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run with all that its rows are made of; ``origins`` by item id."""

    record: RunRecord
    items: tuple[StoredItem, ...]
    judgements: tuple[Judgement, ...]
    origins: Mapping[str, Origin] = field(hash=False)


@dataclass(frozen=True, slots=True)
class RationaleView:
    """All items of the runs: those with a rationale, and the others; in the order of the runs, then of item ids."""

    rows: tuple[RationaleRow, ...]
    failed: tuple[FailedRow, ...]


def rationale_view(runs: Iterable[KeptRun], oracle: OracleLabels | None = None, license_note: str | None = None) -> RationaleView:
    """Every item of the runs as a row of one of the two tables; none is left out."""
    rows, failed = list[RationaleRow](), list[FailedRow]()
    for run in runs:
        scores, judged = axis_scores(run.judgements), _by_rationale(run.judgements)
        for item in run.items:
            rationale, origin = item.decision.rationale, run.origins[item.item_id]
            if rationale is None or is_purged(item.pair):
                failed.append(_failed_row(run.record, item, origin))
                continue
            key = (item.pair.id, rationale.sha())
            scored = {f"score_{axis.value}": scores.get(key, {}).get(axis) for axis in Axis}
            rows.append(
                RationaleRow.model_validate(
                    {
                        **_pair_columns(item.pair), **_decision_columns(item.decision, rationale, item.pair), **scored,
                        **_run_columns(run.record, item, origin), "judgements": _json(judged.get(key, [])), "license_note": license_note,
                        "oracle_label": None if oracle is None else oracle.label(item.pair),
                        "oracle_run_id": None if oracle is None else oracle.run_id,
                    }
                )
            )  # fmt: skip
    return RationaleView(tuple(rows), tuple(failed))


def _shared_columns(pair: Pair) -> dict[str, object]:
    return {
        "pair_id": pair.id, "split": pair.split, "left_id": pair.left.id, "left_title": pair.left.title,
        "right_id": pair.right.id, "right_title": pair.right.title, "gold_label": pair.gold_label,
    }  # fmt: skip


def _pair_columns(pair: Pair) -> dict[str, object]:
    texts = {"left_json": _texts(pair.left), "right_json": _texts(pair.right)}
    return {**_shared_columns(pair), **texts, "gold_relation": pair.relation}


def _decision_columns(decision: Decision, rationale: Rationale, pair: Pair) -> dict[str, object]:
    reasons = decision.provenance.get("review_reasons")
    return {
        **_human_columns(decision), "teacher_label": rationale.label, "teacher_probability": decision.probability, "teacher_relation": rationale.relation,
        "teacher_factor": rationale.factor, "confidence": decision.provenance.get("confidence"),
        **{f"{axis.value}_verdict": rationale.finding(axis).verdict for axis in Axis},
        "rationale": _json(rationale.model_dump(mode="json")), "student_text": render(rationale),
        "label_given_in_prompt": decision.is_label_given, "label_words": label_words(rationale, pair),
        "review_reasons": reasons if isinstance(reasons, list) else (),
        "cost_usd": decision.cost_usd, "latency_s": decision.latency_s,
    }  # fmt: skip


def _human_columns(decision: Decision) -> dict[str, object]:
    votes = decision.provenance.get("human_votes")
    return {"human_label": decision.provenance.get("human_label"), "human_votes": None if votes is None else _json(votes)}


def _run_columns(run: RunRecord, item: StoredItem, origin: Origin) -> dict[str, object]:
    spec, provenance = run.spec, item.decision.provenance
    return {
        "run_id": run.run_id, "matcher": spec.matcher, "matcher_version": spec.settings.get("matcher_version"),
        "model_asked": provenance.get("recorded_model") or spec.model, "models_answered": origin.models_answered,
        "prompt_ids": [id_ for id_, _ in origin.prompts] or ([provenance["prompt_name"]] if "prompt_name" in provenance else ()),
        "prompt_shas": [sha for _, sha in origin.prompts], "prompts_sha": spec.prompts_sha,
        "evidence_version": provenance.get("engine"), "identity_rule": spec.settings.get("identity", ""), "attempt": item.attempt,
        "created_at": _utc(origin.finished_at_s),
    }  # fmt: skip


def _failed_row(run: RunRecord, item: StoredItem, origin: Origin) -> FailedRow:
    decision = item.decision
    return FailedRow.model_validate(
        {
            **_shared_columns(item.pair), **_human_columns(decision), "outcome": decision.outcome, "failure_class": _failure_class(item), "message": decision.error,
            "attempt": item.attempt, "label_given_in_prompt": decision.is_label_given or run.spec.settings.get(LABEL_GIVEN) == "yes",
            "run_id": run.run_id, "matcher": run.spec.matcher, "model_asked": run.spec.model, "cost_usd": decision.cost_usd,
            "created_at": _utc(origin.finished_at_s),
        }
    )  # fmt: skip


def _failure_class(item: StoredItem) -> str:
    if item.decision.error_class is not None:
        return item.decision.error_class.value
    if is_purged(item.pair):
        return "purged"
    return "vetoed" if item.decision.outcome is Outcome.ABSTAINED and item.decision.error is not None else "no_rationale"


def _by_rationale(judgements: Iterable[Judgement]) -> dict[tuple[str, str], list[dict[str, object]]]:
    found: dict[tuple[str, str], list[dict[str, object]]] = {}
    for judgement in sorted(judgements, key=lambda one: (one.pair_id, one.judge)):
        found.setdefault((judgement.pair_id, judgement.rationale_sha), []).extend(
            {
                "judge": judgement.judge, "axis": score.axis.value, "score": score.score, "level": score.level, "reason": score.reason,
                "unscored_reason": score.unscored_reason,
            }
            for score in judgement.scores
        )  # fmt: skip
    return found


def _key(pair: Pair) -> tuple[str, str, str]:
    return pair.id, pair.left.content_sha(), pair.right.content_sha()


def _texts(listing: Listing) -> str:
    return _json(listing.texts())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _utc(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
