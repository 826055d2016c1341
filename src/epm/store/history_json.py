"""A pair's history as JSON values."""

from __future__ import annotations

from dataclasses import asdict

from epm.store import codec
from epm.store.history import CallEvent, DecisionEvent, Event, JudgementEvent, PairHistory
from epm.store.prompt_parts import messages_of, reply_of, retrieved_of
from epm.store.render import run_to_json


def history_to_json(history: PairHistory) -> dict[str, object]:
    """The whole history; ``prompt`` and ``reply`` are ``null`` where they are not held; ``refused`` says why a reply was of no use."""
    pair = history.pair()
    return {
        "pair_id": history.pair_id,
        "left": None if pair is None else {"id": pair.left.id, **pair.left.texts()},
        "right": None if pair is None else {"id": pair.right.id, **pair.right.texts()},
        "gold_label": None if pair is None or pair.gold_label is None else pair.gold_label.value,
        "runs": [
            {"run": None if part.run is None else run_to_json(part.run), "events": [_event(event) for event in part.events]}
            for part in history.runs
        ],
    }


def _event(event: Event) -> dict[str, object]:
    if isinstance(event, CallEvent):
        return {"kind": "call", "at_s": event.at_s, **_call(event)}
    if isinstance(event, DecisionEvent):
        return {"kind": "decision", "at_s": event.at_s, **_decision(event)}
    return {"kind": "judgement", "at_s": event.at_s, **_judgement(event)}


def _call(event: CallEvent) -> dict[str, object]:
    row = codec.encode_call(event.call)
    flat = {name: value for name, value in row.items() if name not in {"run_id", "item_id"}}
    kept = event.kept
    return {
        **flat,
        "prompt": None if kept is None else [{"role": role, "text": text} for role, text in messages_of(kept.request)],
        "retrieved": None if kept is None else [{"kind": kind, "text": text} for kind, text in retrieved_of(kept.request)],
        "reply": None if kept is None or (event.call.error_class is not None and event.useless is None) else reply_of(kept.reply.body),
        "refused": None if event.useless is None else asdict(event.useless),
    }


def _decision(event: DecisionEvent) -> dict[str, object]:
    decision = event.decision
    rationale = None if decision.rationale is None else decision.rationale.model_dump(mode="json")
    figures = codec.encode_decision(decision)
    flat = {name: value for name, value in figures.items() if name not in {"pair_id", "provenance_json"}}
    reasons = decision.provenance.get("review_reasons", [])
    return {
        "attempt": event.attempt, "state": event.state, **flat, "rationale": rationale, "review_reasons": reasons,
        "provenance": dict(decision.provenance),
    }  # fmt: skip


def _judgement(event: JudgementEvent) -> dict[str, object]:
    judgement = event.judgement
    return {
        "judge": judgement.judge, "rationale_sha": judgement.rationale_sha, "cost_usd": judgement.cost_usd,
        "scores": [asdict(score) for score in judgement.scores],
    }  # fmt: skip
