"""The report: one self-contained HTML file without script, external reference or unescaped listing text."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from epm.eval.charts import colour, dash, interval_svg, precision_recall_svg
from epm.eval.results import DemoResults
from epm.files.atomic import write_bytes
from epm.rationale import Axis, Verdict

_SIGNS = {Verdict.SAME: "=", Verdict.DIFFERENT: "≠", Verdict.UNKNOWN: "?"}
_NOTHING = "–"


def write_report(path: Path, results: DemoResults) -> None:
    """Write the results as one HTML file, atomically.

    Raises:
        DataError: the file cannot be written.
    """
    write_bytes(path, render_report(results).encode("utf-8", "replace"))


def render_report(results: DemoResults) -> str:
    """The HTML text of the report."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(figure=_figure, interval=_interval, number=_number, signed=_signed, seconds=_seconds)
    source = files("epm").joinpath("eval", "templates", "report.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        results=results,
        axes=tuple(Axis),
        signs=_SIGNS,
        chart=precision_recall_svg(results.curves),
        spark=interval_svg,
        colour=colour,
        dash=dash,
    )


def _figure(value: float | str | None) -> str:
    if value is None:
        return _NOTHING
    return value if isinstance(value, str) else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:+.3f}".replace("-", "−")


def _interval(bounds: tuple[float | None, float | None] | None) -> str:
    if bounds is None or bounds[0] is None or bounds[1] is None:
        return _NOTHING
    return f"{bounds[0]:.3f} – {bounds[1]:.3f}".replace("-", "−")


def _number(value: float | None) -> str:
    if value is None:
        return _NOTHING
    if float(value).is_integer() or abs(value) >= 100:  # noqa: PLR2004 - decimals say nothing there
        return f"{value:,.0f}"
    return f"{value:,.2f}"


def _seconds(value: float) -> str:
    minutes, seconds = divmod(value, 60)
    return f"{minutes:.0f} min {seconds:.0f} s" if minutes else f"{seconds:.1f} s"
