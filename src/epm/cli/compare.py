"""``epm compare``: two titles side by side, what the engine reads in them, and what a matcher makes of it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.asked_model import asked_model
from epm.cli.asking import Cassette, Endpoint
from epm.cli.bounded import bounded
from epm.cli.marked_title import Mark, drawn_titles, plain_title
from epm.cli.money import Pricing
from epm.cli.option_groups import with_options
from epm.cli.options import first_error, refuse_total_failure
from epm.cli.panels import MODEL, OUTPUT, PanelCommand
from epm.cli.text_table import show_table

if TYPE_CHECKING:
    from epm.decision import Decision
    from epm.evidence.atoms import Atom, Value
    from epm.evidence.engine import PairEvidence

_LEGEND = "[=same] [!different] [?unknown]"
_MARKS = {"same": "=", "different": "!", "unknown": "?"}


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("compare", cls=PanelCommand)(bounded(with_options(cassette=Cassette, endpoint=Endpoint, pricing=Pricing)(compare)))


def compare(
    left: Annotated[str, typer.Argument(help="Title of the left listing.")],
    right: Annotated[str, typer.Argument(help="Title of the right listing.")], *,
    matcher: Annotated[str, typer.Option(help="NAME or NAME:ARG that decides.")] = "evidence-rules",
    model: Annotated[str | None, typer.Option(help="Model for matchers that ask one: rules, a litellm name, or @NAME of a profile in epm.toml.", rich_help_panel=MODEL)] = None,
    identity: Annotated[str, typer.Option(help="What counts as the same: strict, family, per-unit or a .toml file.")] = "strict",
    cassette: Cassette, endpoint: Endpoint, pricing: Pricing,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.", rich_help_panel=OUTPUT)] = False,
) -> None:  # fmt: skip
    """Show two titles side by side, the evidence for and against, the three axes, the relation and the label."""
    from epm.evidence.engine import compare as read_pair
    from epm.identity import load_identity_rule
    from epm.listing import Listing
    from epm.matching import match_pairs, named_model, open_context
    from epm.pair import Pair

    rule = load_identity_rule(identity)
    pair = Pair("pair", Listing("left", left), Listing("right", right))
    asked = named_model([matcher]) if model is None else model
    cassette.require_use(asked)
    settings = None if asked is None else cassette.of(asked_model(asked, endpoint, pricing))
    with open_context([matcher], model=settings, identity=rule, record=cassette.record) as ctx:
        (decision,) = match_pairs([pair], matcher, ctx=ctx)
    evidence = read_pair(pair, rule)
    if as_json:
        typer.echo(json.dumps(_as_json(left, right, matcher, evidence, decision), ensure_ascii=False, allow_nan=False))
    else:
        _show(left, right, evidence, decision, matcher)
    if decision.error_class is not None:
        refuse_total_failure({decision.error_class.value: 1}, 1, first_error(decision.pair_id, decision.error))


def _show(left: str, right: str, evidence: PairEvidence, decision: Decision, matcher: str) -> None:
    from epm.eval.tables import TextTable

    marks = _marks(evidence, "left"), _marks(evidence, "right")
    if sys.stdout.isatty():
        drawn_titles((left, marks[0]), (right, marks[1]))
    else:
        typer.echo(f"left   {plain_title(left, marks[0])}\nright  {plain_title(right, marks[1])}\n       {_LEGEND}")
    typer.echo()
    rows = tuple(
        (
            a.attribute,
            _quote(a.left),
            _quote(a.right),
            a.verdict.value + (", decisive" if a.is_decisive else ""),
            f"{a.strength:.2f}",
            a.rule,
        )
        for a in sorted(evidence.atoms, key=lambda atom: ("different", "same", "unknown").index(atom.verdict.value))
    )
    show_table(TextTable(("attribute", "left", "right", "verdict", "strength", "rule"), rows))
    typer.echo()
    for name, value in _answer(decision).items():
        if value not in (None, []):
            typer.echo(f"{name:<12}{_flat(value)}")
    typer.echo(f"{'matcher':<12}{matcher}")


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _answer(decision: Decision) -> dict[str, object]:
    """Axis verdicts, relation, label and probability; where there is no rationale, what there is instead."""
    from epm.rationale import Axis

    rationale = decision.rationale
    axes = None if rationale is None else {axis.value: rationale.finding(axis).verdict.value for axis in Axis}
    overridden = decision.provenance.get("overridden")
    return {
        "axes": axes, "relation": decision.relation.value if decision.relation else None, "factor": decision.factor,
        "label": decision.label.value if decision.label else None, "probability": decision.probability,
        "outcome": decision.outcome.value, "error": decision.error, "overridden": list(overridden) if isinstance(overridden, list) else [],
    }  # fmt: skip


def _as_json(left: str, right: str, matcher: str, evidence: PairEvidence, decision: Decision) -> dict[str, object]:
    atoms = [
        {
            "attribute": a.attribute, "left": _span(a.left), "right": _span(a.right), "rule": a.rule, "verdict": a.verdict.value,
            "strength": a.strength, "is_decisive": a.is_decisive,
        }
        for a in evidence.atoms
    ]  # fmt: skip
    rationale = None if decision.rationale is None else decision.rationale.model_dump(mode="json")
    return {"left": left, "right": right, "matcher": matcher, **_answer(decision), "rationale": rationale, "atoms": atoms}


def _span(value: Value | None) -> dict[str, object] | None:
    if value is None:
        return None
    return {"field": value.field, "start": value.span.start, "end": value.span.end, "quote": value.span.quote, "key": value.key}


def _quote(value: Value | None) -> str:
    return "-" if value is None else _printable(value.span.quote)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _marks(evidence: PairEvidence, side: str) -> list[Mark]:
    values: list[tuple[Atom, Value | None]] = [(atom, atom.left if side == "left" else atom.right) for atom in evidence.atoms]
    return [
        Mark(value.span.start, value.span.end, _MARKS[atom.verdict.value])
        for atom, value in values
        if value is not None and value.field == "title"
    ]
