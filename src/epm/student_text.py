"""``student-text v1``: the flat text that a student writes, and its strict parser.

    <core>brand|Kolvra|KOLVRA|=
    model|KX-120|KX-120|=
    same</core><identifier>unknown</identifier><variant>colour|black|~|?
    unknown</variant><relation>exact</relation><label>match</label>

(without the indentation). Each axis is a list of ``attribute|left|right|verdict`` cells, each closed by a newline, then
the axis verdict. Cell verdicts are ``=`` same, ``!`` different, ``?`` unknown; ``~`` is a missing side.
``& < | ~`` and line breaks inside quotes are written as character references, so that no listing text can forge
structure. There is one text for each rationale: ``parse(render(x)) == x`` and every text that parses is ``render`` of
what it parses to. Frozen: the shipped seed student was trained on it.
"""

from __future__ import annotations

import re

from pydantic import ValidationError

from epm.errors import FormatError
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation

FORMAT_NAME = "student-text v1"
MISSING = "~"
UNDECIDED = "undecided"

_ESCAPES = {"&": "&amp;", "<": "&lt;", "|": "&#124;", "~": "&#126;", "\n": "&#10;", "\r": "&#13;"}
_UNESCAPES = {entity: char for char, entity in _ESCAPES.items()}
_ENTITY = re.compile("|".join(re.escape(entity) for entity in _UNESCAPES))
_NEEDS_ESCAPE = re.compile(r"[&<|~\n\r]")
_SIGN = {Verdict.SAME: "=", Verdict.DIFFERENT: "!", Verdict.UNKNOWN: "?"}
_VERDICT_OF_SIGN = {sign: verdict for verdict, sign in _SIGN.items()}
_TEXT = re.compile(
    r"<core>([^<]*)</core><identifier>([^<]*)</identifier><variant>([^<]*)</variant>"
    r"<relation>([^<]*)</relation><label>([^<]*)</label>"
)
_LABEL_TEXT = re.compile(r"<label>(match|no_match)</label>")
_CELL_PARTS = 4
_MAX_FACTOR_DIGITS = 9


def escape(text: str) -> str:
    """The text with every character that carries structure written as a character reference."""
    return _NEEDS_ESCAPE.sub(lambda found: _ESCAPES[found.group()], text)


def unescape(text: str) -> str:
    """The inverse of :func:`escape`; unknown references stay as they are."""
    return _ENTITY.sub(lambda found: _UNESCAPES[found.group()], text)


def render(rationale: Rationale) -> str:
    """The one ``student-text v1`` text of a rationale."""
    axes = "".join(f"<{axis}>{_render_finding(rationale.finding(axis))}</{axis}>" for axis in Axis)
    factor = "" if rationale.factor is None else f" {rationale.factor}"
    label = UNDECIDED if rationale.label is None else rationale.label.value
    return f"{axes}<relation>{rationale.relation}{factor}</relation><label>{label}</label>"


def parse(text: str) -> Rationale:
    """The rationale of a ``student-text v1`` text.

    Raises:
        FormatError: the text is not exactly the rendering of a valid rationale; says at which segment.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        msg = f"not {FORMAT_NAME}: expected five segments core, identifier, variant, relation, label in {text[:120]!r}"
        raise FormatError(msg)
    core, identifier, variant = (_parse_finding(found.group(i + 1), axis) for i, axis in enumerate(Axis))
    relation, factor = _parse_relation(found.group(4))
    try:
        rationale = Rationale(
            core=core, identifier=identifier, variant=variant, relation=relation, factor=factor, label=_parse_label(found.group(5))
        )
    except ValidationError as error:
        raise FormatError(f"not {FORMAT_NAME}: {error.errors()[0]['msg']}") from error
    if render(rationale) != text:
        msg = f"not {FORMAT_NAME}: quotes are not escaped canonically in {text[:120]!r}"
        raise FormatError(msg)
    return rationale


def render_label(label: Label) -> str:
    """The completion of label mode."""
    return f"<label>{label}</label>"


def parse_label(text: str) -> Label:
    """The label of a label-mode completion.

    Raises:
        FormatError: anything but one label segment.
    """
    found = _LABEL_TEXT.fullmatch(text)
    if found is None:
        raise FormatError(f"not a label: expected '<label>match</label>' or '<label>no_match</label>', got {text[:60]!r}")
    return Label(found.group(1))


def _render_finding(finding: AxisFinding) -> str:
    cells = "".join(
        f"{escape(c.attribute)}|{_render_quote(c.left)}|{_render_quote(c.right)}|{_SIGN[c.verdict]}\n" for c in finding.comparisons
    )
    return f"{cells}{finding.verdict}"


def _render_quote(quote: str | None) -> str:
    return MISSING if quote is None else escape(quote)


def _parse_finding(text: str, axis: Axis) -> AxisFinding:
    *cells, verdict = text.split("\n")
    if verdict not in set(Verdict):
        raise FormatError(f"not {FORMAT_NAME}: axis {axis} ends with {verdict[:40]!r}, expected one of {[v.value for v in Verdict]}")
    return AxisFinding(comparisons=tuple(_parse_cell(cell, axis) for cell in cells), verdict=Verdict(verdict))


def _parse_cell(text: str, axis: Axis) -> Comparison:
    parts = text.split("|")
    if len(parts) != _CELL_PARTS or parts[3] not in _VERDICT_OF_SIGN:
        raise FormatError(f"not {FORMAT_NAME}: axis {axis} has the cell {text[:60]!r}, expected 'attribute|left|right|verdict'")
    attribute, left, right, sign = parts
    try:
        return Comparison(attribute=unescape(attribute), left=_parse_quote(left), right=_parse_quote(right), verdict=_VERDICT_OF_SIGN[sign])
    except ValidationError as error:
        raise FormatError(f"not {FORMAT_NAME}: axis {axis}: {error.errors()[0]['msg']}") from error


def _parse_quote(text: str) -> str | None:
    return None if text == MISSING else unescape(text)


def _parse_relation(text: str) -> tuple[Relation, int | None]:
    kind, _, factor = text.partition(" ")
    is_number = factor.isascii() and factor.isdigit() and len(factor) <= _MAX_FACTOR_DIGITS
    if kind not in set(Relation) or (factor and not is_number):
        raise FormatError(
            f"not {FORMAT_NAME}: relation {text[:40]!r}, expected one of {[r.value for r in Relation]}, other_pack with a number"
        )
    return Relation(kind), int(factor) if factor else None


def _parse_label(text: str) -> Label | None:
    if text == UNDECIDED:
        return None
    if text not in set(Label):
        raise FormatError(f"not {FORMAT_NAME}: label {text[:40]!r}, expected match, no_match or undecided")
    return Label(text)
