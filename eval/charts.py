"""Drawings for reports as inline SVG text: no script, no external reference, readable in print."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from epm.eval.results import Curve

COLOURS = ("#1b6ca8", "#c4532d", "#3f7f3a", "#7a4fa3", "#a37c12", "#0f7f86", "#a83262", "#5b6470")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3")
_WIDTH, _HEIGHT = 560, 380
_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 14, 14, 46
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def colour(i: int) -> str:
    """The colour of the i-th series."""
    return COLOURS[i % len(COLOURS)]


def dash(i: int) -> str:
    """The dash pattern of the i-th series, so that lines differ without colour."""
    return DASHES[i % len(DASHES)]


def precision_recall_svg(curves: Sequence[Curve]) -> Markup:
    """Precision over recall for each curve, recall on the x axis, both from 0 to 1."""
    parts = [_grid()]
    for i, curve in enumerate(curves):
        points = " ".join(f"{_x(recall):.1f},{_y(precision):.1f}" for recall, precision in curve.points)
        parts.append(
            Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="2" stroke-dasharray="{}" stroke-linejoin="round"/>').format(
                points, colour(i), dash(i)
            )
        )
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="Precision-recall curves" class="chart">').format(_WIDTH, _HEIGHT)
    return head + Markup("").join(parts) + Markup("</svg>")


def interval_svg(value: float | None, low: float | None, high: float | None) -> Markup:
    """A small bar from 0 to 1 with a dot at the value and a line over its interval."""
    marks = [Markup('<line x1="0" y1="8" x2="140" y2="8" class="rail"/>')]
    if low is not None and high is not None:
        marks.append(Markup('<line x1="{:.1f}" y1="8" x2="{:.1f}" y2="8" class="span"/>').format(140 * low, 140 * high))
    if value is not None:
        marks.append(Markup('<circle cx="{:.1f}" cy="8" r="4" class="dot"/>').format(140 * value))
    return Markup('<svg viewBox="-5 0 150 16" class="spark" aria-hidden="true">') + Markup("").join(marks) + Markup("</svg>")


def _grid() -> Markup:
    parts = [_tick(tick) for tick in _TICKS]
    middle_x, middle_y = (_x(0) + _x(1)) / 2, (_y(0) + _y(1)) / 2
    parts.append(Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="middle" class="axis">recall</text>').format(middle_x, _HEIGHT - 8))
    parts.append(
        Markup('<text x="14" y="{y:.1f}" text-anchor="middle" class="axis" transform="rotate(-90 14 {y:.1f})">precision</text>').format(
            y=middle_y
        )
    )
    return Markup("").join(parts)


def _tick(tick: float) -> Markup:
    line = Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="grid"/>')
    text = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return (
        line.format(_x(tick), _y(0), _x(tick), _y(1))
        + line.format(_x(0), _y(tick), _x(1), _y(tick))
        + text.format(_x(tick), _y(0) + 18, "middle", f"{tick:g}")
        + text.format(_x(0) - 8, _y(tick) + 4, "end", f"{tick:g}")
    )


def _x(recall: float) -> float:
    return _LEFT + recall * (_WIDTH - _LEFT - _RIGHT)


def _y(precision: float) -> float:
    return _TOP + (1 - precision) * (_HEIGHT - _TOP - _BOTTOM)
