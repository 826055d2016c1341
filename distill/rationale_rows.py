"""The rationale dataset, row by row: every rationale of a run with its origin, and every item that came to none.

Cluster ids stand nowhere: they are the label.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from epm.decision import LABEL_GIVEN, Decision, Outcome
from epm.distill.dataset import axis_scores
from epm.distill.label_words import label_words
from epm.distill.rationale_columns import FailedRow, RationaleRow
from epm.judgement import Judgement
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, Rationale
from epm.relation import Label
from epm.store.origins import Origin
from epm.store.purged import is_purged
from epm.store.records import RunRecord, StoredItem
from epm.student_text import render


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
        "review_reasons": reasons if isinstance(reasons, list) else (), **_trace_columns(decision),
        "cost_usd": decision.cost_usd, "latency_s": decision.latency_s,
    }  # fmt: skip


def _trace_columns(decision: Decision) -> dict[str, object]:
    """What the teacher had in view; empty for matchers that keep no trace, and for runs of an epm before it."""
    kept = decision.provenance
    cited = kept.get("citations")
    return {
        "readings": _json(kept.get("readings", {})),
        "questions": _json(kept.get("questions", [])),
        "answers": _json(kept.get("answers", [])),
        "citations": cited if isinstance(cited, list) else (),
        "rivals": _json(kept.get("rivals_shown", [])),
        "problems": _json(kept.get("vetoes", [])),
    }


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
            "problems": _json(decision.provenance.get("vetoes", [])), "vetoed_rationale": _vetoed_rationale(decision),
            "attempt": item.attempt, "label_given_in_prompt": decision.is_label_given or run.spec.settings.get(LABEL_GIVEN) == "yes",
            "run_id": run.run_id, "matcher": run.spec.matcher, "model_asked": run.spec.model, "cost_usd": decision.cost_usd,
            "created_at": _utc(origin.finished_at_s),
        }
    )  # fmt: skip


def _vetoed_rationale(decision: Decision) -> str | None:
    kept = decision.provenance.get("vetoed_rationale")
    return None if kept is None else _json(kept)


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
