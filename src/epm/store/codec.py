"""Domain values to database rows and back; ``decode(encode(x)) == x``.

JSON is ASCII, so that any listing text survives, lone surrogates of broken feeds included.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TypedDict, cast

from epm.decision import Decision, Outcome
from epm.errors import ErrorClass
from epm.gateway.ledger import CallRecord, canonical_json, usage_to_mapping
from epm.gateway.request import CallScope, Usage
from epm.judgement import AxisScore, Judgement
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, Rationale
from epm.relation import Label, Relation
from epm.store.records import RunRecord, RunSpec, RunStatus

Row = Mapping[str, object]


class _PairJson(TypedDict):
    id: str
    left: dict[str, object]
    right: dict[str, object]
    gold_label: str | None
    relation: str | None
    factor: int | None
    split: str | None
    extras: dict[str, object]


def sha_of(text: str) -> str:
    """SHA-256 (hex) of ASCII text."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def encode_pair(pair: Pair) -> str:
    """The pair as canonical JSON."""
    return canonical_json(
        {
            "id": pair.id, "left": _listing_fields(pair.left), "right": _listing_fields(pair.right), "gold_label": pair.gold_label,
            "relation": pair.relation, "factor": pair.factor, "split": pair.split, "extras": dict(pair.extras),
        }
    )  # fmt: skip


def decode_pair(text: str) -> Pair:
    """The pair that :func:`encode_pair` wrote."""
    row = cast(_PairJson, json.loads(text))
    return Pair(
        row["id"], Listing(**row["left"]), Listing(**row["right"]),  # type: ignore[arg-type]  # our own encoding, field by field
        gold_label=None if row["gold_label"] is None else Label(row["gold_label"]),
        relation=None if row["relation"] is None else Relation(row["relation"]),
        factor=row["factor"], split=row["split"], extras=row["extras"],
    )  # fmt: skip


def encode_rationale(rationale: Rationale) -> str:
    """The rationale as canonical JSON."""
    return canonical_json(rationale.model_dump(mode="json"))


def encode_decision(decision: Decision) -> dict[str, object]:
    """The columns of ``decisions`` that the decision fills; the rationale itself stands in its own table."""
    return {
        "pair_id": decision.pair_id, "outcome": decision.outcome.value, "label": decision.label, "probability": decision.probability,
        "relation": decision.relation, "factor": decision.factor, "error_class": decision.error_class,
        "error": None if decision.error is None else storable(decision.error),
        "rationale_sha": None if decision.rationale is None else decision.rationale.sha(),
        "cost_usd": decision.cost_usd, "latency_s": decision.latency_s, "provenance_json": canonical_json(dict(decision.provenance)),
    }  # fmt: skip


def decode_decision(row: Row, rationale_json: str | None) -> Decision:
    """The decision of a ``decisions`` row with the JSON of its rationale."""
    label, relation, error_class = row["label"], row["relation"], row["error_class"]
    return Decision(
        str(row["pair_id"]), Outcome(str(row["outcome"])),
        label=None if label is None else Label(str(label)),
        probability=cast("float | None", row["probability"]),
        relation=None if relation is None else Relation(str(relation)),
        factor=cast("int | None", row["factor"]),
        rationale=None if rationale_json is None else Rationale.model_validate_json(rationale_json),
        error_class=None if error_class is None else ErrorClass(str(error_class)),
        error=cast("str | None", row["error"]),
        cost_usd=cast(float, row["cost_usd"]), latency_s=cast(float, row["latency_s"]),
        provenance=json.loads(str(row["provenance_json"])),
    )  # fmt: skip


def encode_judgement(judgement: Judgement) -> dict[str, object]:
    """The columns of ``judgements`` that the judgement fills."""
    scores = [
        {"axis": s.axis, "score": s.score, "level": s.level, "reason": s.reason, "unscored_reason": s.unscored_reason}
        for s in judgement.scores
    ]
    return {
        "pair_id": judgement.pair_id, "rationale_sha": judgement.rationale_sha, "judge": judgement.judge,
        "scores_json": canonical_json(scores), "cost_usd": judgement.cost_usd,
    }  # fmt: skip


def decode_judgement(row: Row) -> Judgement:
    """The judgement of a ``judgements`` row."""
    scores = tuple(AxisScore(**{**score, "axis": Axis(score["axis"])}) for score in json.loads(str(row["scores_json"])))
    return Judgement(
        str(row["pair_id"]), str(row["rationale_sha"]), str(row["judge"]), scores, cost_usd=cast(float, row["cost_usd"])
    )  # fmt: skip


def encode_call(call: CallRecord) -> dict[str, object]:
    """The columns of ``calls``."""
    scope = {part.name: getattr(call.scope, part.name) for part in fields(CallScope)}
    flat = {part.name: getattr(call, part.name) for part in fields(CallRecord) if part.name not in {"scope", "usage"}}
    return {**scope, **flat, **usage_to_mapping(call.usage), "error": None if call.error is None else storable(call.error)}


def decode_call(row: Row) -> CallRecord:
    """The call of a ``calls`` row."""
    scope = CallScope(**{part.name: row[part.name] for part in fields(CallScope)})  # type: ignore[arg-type]  # our own columns
    usage = Usage(**{part.name: row[part.name] for part in fields(Usage)})  # type: ignore[arg-type]
    flat = {part.name: row[part.name] for part in fields(CallRecord) if part.name not in {"scope", "usage", "error_class"}}
    error_class = None if row["error_class"] is None else ErrorClass(str(row["error_class"]))
    return CallRecord(scope=scope, usage=usage, error_class=error_class, **flat)  # type: ignore[arg-type]


def decode_run(row: Row) -> RunRecord:
    """The run of a row."""
    spec = RunSpec(
        str(row["command"]), str(row["input_sha"]), str(row["matcher"]), str(row["prompts_sha"]), str(row["model"]),
        cast(int, row["seed"]), settings=json.loads(str(row["settings_json"])),
    )  # fmt: skip
    return RunRecord(
        str(row["run_id"]), spec, cast(int, row["repeat"]), RunStatus(str(row["status"])), json.loads(str(row["provenance_json"])),
        cast(float, row["created_at_s"]), cast("float | None", row["finished_at_s"]),
    )  # fmt: skip


def storable(text: str) -> str:
    """The text with what UTF-8 cannot hold written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _listing_fields(listing: Listing) -> dict[str, object]:
    named = {part.name: getattr(listing, part.name) for part in fields(Listing)}
    return {**named, "attributes": dict(listing.attributes), "extras": dict(listing.extras)}
