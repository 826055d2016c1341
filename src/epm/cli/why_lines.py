"""A pair's history as lines of text, each with the style that it has on a terminal.

Every text of a listing, a model or a server passes through ``visible``; none is read as markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from epm.cli.visible import cut, visible_lines
from epm.listing import Listing
from epm.store.history import CallEvent, DecisionEvent, JudgementEvent, PairHistory
from epm.store.prompt_parts import messages_of, reply_of, retrieved_of
from epm.store.records import RunRecord

_CUT_CHARS = 300
_INDENT = "    "
_BAD, _GOOD, _HEAD, _QUIET = "red", "green", "bold", "dim"


@dataclass(frozen=True, slots=True)
class Line:
    """One line without control characters; ``style`` is rich's."""

    text: str
    style: str = ""


def history_lines(history: PairHistory, *, full: bool) -> Iterator[Line]:
    """The whole history; without ``full`` long texts are cut."""
    writer = _Writer(full=full)
    yield from writer.text("pair", history.pair_id, _HEAD)
    pair = history.pair()
    if pair is not None:
        for side, listing in (("left", pair.left), ("right", pair.right)):
            yield from writer.listing(side, listing)
        yield from writer.text("gold label", "none" if pair.gold_label is None else pair.gold_label.value)
    for part in history.runs:
        yield Line("")
        yield from writer.text("run", "none: calls of commands that keep no run" if part.run is None else _run_title(part.run), _HEAD)
        for event in part.events:
            if isinstance(event, CallEvent):
                yield from writer.call(event)
            elif isinstance(event, DecisionEvent):
                yield from writer.decision(event)
            else:
                yield from writer.judgement(event)


class _Writer:
    """Writes the parts of a history."""

    def __init__(self, *, full: bool) -> None:
        self._full = full

    def text(self, name: str, text: str, style: str = "", indent: str = "") -> Iterator[Line]:
        """A named text: on one line, or below its name when it is shown whole and has several."""
        lines = visible_lines(text)
        if not self._full or len(lines) == 1:
            shown = lines[0] if self._full else cut(text, _CUT_CHARS)
            yield Line(f"{indent}{name}: {shown}", style)
            return
        yield Line(f"{indent}{name}:", style)
        yield from (Line(f"{indent}{_INDENT}{line}") for line in lines)

    def listing(self, side: str, listing: Listing) -> Iterator[Line]:
        yield from self.text(side, listing.id)
        for name, value in listing.texts().items():
            yield from self.text("".join(visible_lines(name)), value, indent=_INDENT)

    def call(self, event: CallEvent) -> Iterator[Line]:
        call = event.call
        how = "from the cache" if call.is_cached else f"attempt {call.attempt}, to {call.host or call.transport}"
        yield from self.text(_time(event.at_s), f"{call.scope.role}, {how}", _QUIET if call.is_cached else "")
        sha = (call.scope.prompt_sha or "")[:12]
        yield from self.text("prompt", f"{call.scope.prompt_id or 'none'} {sha}", indent=_INDENT)
        yield from self.text("model", f"asked {call.model_asked}, answered {call.model_answered or 'none'}", indent=_INDENT)
        estimated = " (estimated)" if call.usage.is_estimated else ""
        cost = "unknown cost" if call.cost_usd is None else f"${call.cost_usd:.6f}"
        used = f"{call.usage.prompt_tokens:,} tokens in, {call.usage.completion_tokens:,} out{estimated}, {cost}, {call.latency_s:.3f} s"
        yield from self.text("took", used, indent=_INDENT)
        if call.error_class is not None:
            yield from self.text(f"failed, {call.error_class.value}", call.error or "", _BAD, _INDENT)
        yield from self._exchange(event)

    def _exchange(self, event: CallEvent) -> Iterator[Line]:
        kept = event.kept
        if kept is None:
            yield Line(f"{_INDENT}prompt and reply: not kept (nothing came, or it was too long, forgotten or purged)", _QUIET)
            return
        for role, text in messages_of(kept.request):
            yield from self.text(f"prompt, {visible_lines(role)[0]}", text, indent=_INDENT)
        for kind, text in retrieved_of(kept.request):
            yield from self.text(f"retrieved, {kind}", text, indent=_INDENT)
        if event.useless is not None:
            if event.call.error_class is None:
                yield from self.text(f"refused, {event.useless.error_class.value}", event.useless.reason, _BAD, _INDENT)
            yield from self.text("failed reply", reply_of(kept.reply.body), _BAD, _INDENT)
        elif event.call.error_class is None:
            yield from self.text("reply", reply_of(kept.reply.body), indent=_INDENT)
        else:
            yield Line(f"{_INDENT}reply: none was kept (the call failed; the prompt is that of a later call)", _QUIET)

    def decision(self, event: DecisionEvent) -> Iterator[Line]:
        decision = event.decision
        label = decision.label.value if decision.label is not None else "no label"
        relation = "" if decision.relation is None else f", relation {decision.relation.value}"
        probability = "" if decision.probability is None else f", probability {decision.probability:.3f}"
        style = _BAD if event.state == "failed" else _GOOD
        head = f"decision, attempt {event.attempt}: {decision.outcome.value}, {label}{relation}{probability}, ${decision.cost_usd:.6f}"
        yield from self.text(_time(event.at_s), head, style)
        if decision.error is not None:
            yield from self.text(decision.error_class.value if decision.error_class else "reason", decision.error, style, _INDENT)
        if decision.rationale is not None:
            yield from self.text("rationale", json.dumps(decision.rationale.model_dump(mode="json"), ensure_ascii=False), indent=_INDENT)
        reasons = decision.provenance.get("review_reasons")
        if isinstance(reasons, list) and reasons:
            yield from self.text("review asked for", ", ".join(map(str, reasons)), indent=_INDENT)
        yield from self.text("provenance", json.dumps(dict(decision.provenance), ensure_ascii=False), _QUIET, _INDENT)

    def judgement(self, event: JudgementEvent) -> Iterator[Line]:
        judgement = event.judgement
        yield from self.text(_time(event.at_s), f"judgement of {judgement.judge}, ${judgement.cost_usd:.6f}")
        for score in judgement.scores:
            if score.score is None:
                yield from self.text(f"{score.axis.value} unscored", score.unscored_reason or "", _BAD, _INDENT)
            else:
                yield from self.text(
                    f"{score.axis.value} {score.score:.2f} ({score.level or 'no level'})", score.reason or "", indent=_INDENT
                )


def _run_title(run: RunRecord) -> str:
    return f"{run.run_id}, {run.spec.command}, {run.status.value}, matcher {run.spec.matcher}, model {run.spec.model}"


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
