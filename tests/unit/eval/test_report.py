"""The report is self-contained, shows every part, and can never run or load what a listing says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from epm.decision import Decision
from epm.eval.bench import bench_matchers
from epm.eval.report import render_report, write_report
from epm.eval.results import (
    BenchTable,
    DemoResults,
    Link,
    Probe,
    RunCard,
    bench_table,
    curve_of,
    example_of,
    failures_of,
    write_results_json,
)
from epm.matcher import MatchContext, Matcher
from epm.pair import Pair
from epm.rationale import Rationale
from epm.relation import Label

HOSTILE = (
    '<script>alert(1)</script>"><img src=https://evil.example/x onerror=alert(2)>{{ 7777*7777 }}<style>@import url(//evil.example)</style>'
)


@dataclass(frozen=True)
class Failing:
    failed: Callable[[Pair], Decision]
    name: str = "failing"
    version: str = "1"

    async def decide(self, batch: Sequence[Pair], ctx: MatchContext) -> list[Decision]:
        return [self.failed(pair) for pair in batch]


class Seen(HTMLParser):
    """Every tag and attribute of a page, and the text outside of style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.styles: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend((name, value or "") for name, value in attrs)

    def handle_data(self, data: str) -> None:
        (self.styles if self.tags and self.tags[-1] == "style" else self.texts).append(data)


@pytest.fixture
def results(
    pair_of: Callable[..., Pair], decision_of: Callable[..., Decision], sound: tuple[Pair, Rationale], score_matcher: Callable[..., Matcher]
) -> DemoResults:
    pairs = [pair_of(i, Label.MATCH if i % 2 else Label.NO_MATCH) for i in range(40)]
    report = bench_matchers(pairs, [(HOSTILE, score_matcher({p.id: i / 40 for i, p in enumerate(pairs)}))], ctx=MatchContext())
    pair, rationale = sound
    hostile = replace(pair, id=HOSTILE, left=replace(pair.left, title=HOSTILE, attributes={HOSTILE: HOSTILE}))
    liar = rationale.model_copy(
        update={
            "core": rationale.core.model_copy(update={"comparisons": (rationale.core.comparisons[0].model_copy(update={"left": HOSTILE}),)})
        }
    )
    curve = curve_of(report.results[0])
    assert curve is not None
    return DemoResults(
        title="Demo", created_at="2026-01-01T00:00:00+00:00", epm_version="0.1.0", lead=HOSTILE,
        headline=bench_table(report, title="Held-out products", pairs=HOSTILE),
        links=(Link(link="teacher", figure="F1", against="gold", value=0.8123, ci95=(0.7, 0.9), n=40, note=HOSTILE),),
        curves=(curve,), probes=(Probe(name="mean R", n=200, before=0.58, after=0.64, difference=0.06, ci95=(0.02, 0.1)),),
        examples=(example_of(hostile, {"rules": decision_of(hostile, Label.MATCH, 0.75, rationale=liar, relation=liar.relation)}, caption=HOSTILE),),
        failures={"rules": {"timeout": 3}}, run_cards=(RunCard(stage="SFT", seconds=151.2, details={"torch": "2.13.0"}),), not_run=("hub students",),
    )  # fmt: skip


def test_listing_text_can_neither_run_nor_load_anything(results: DemoResults) -> None:
    page = Seen(render_report(results))
    assert not {"script", "img", "iframe", "link", "object", "embed", "form", "base"} & set(page.tags)
    assert page.tags.count("style") == 1
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in {"src", "href", "xlink:href", "action", "srcdoc"}]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_the_page_names_no_outside_address_in_markup_or_style(results: DemoResults) -> None:
    page = Seen(render_report(results))
    assert not [value for _, value in page.attributes if "//" in value and HOSTILE[:8] not in value]
    assert not [style for style in page.styles if "url(" in style or "@import" in style]


def test_hostile_text_is_shown_as_it_is(results: DemoResults) -> None:
    text = "".join(Seen(render_report(results)).texts)
    assert text.count(HOSTILE) >= 8  # lead, pairs, matcher, link note, id, caption, title, attribute, quote
    assert "60481729" not in text.replace("{{ 7777*7777 }}", "")


def test_every_section_shows_its_figures(results: DemoResults) -> None:
    text = " ".join("".join(Seen(render_report(results)).texts).split())
    for shown in ("0.812", "0.700 – 0.900", "+0.060", "timeout", "2 min 31 s", "hub students", "AUPRC", "as-is"):
        assert shown in text, shown
    assert "probability 0.750" in text


def test_a_long_title_is_cut_in_an_example(pair_of: Callable[..., Pair], decision_of: Callable[..., Decision]) -> None:
    pair = pair_of(1)
    long = replace(pair, left=replace(pair.left, title="x" * 2_000_000))
    assert len(dict(example_of(long, {"m": decision_of(pair, Label.MATCH)}).left)["title"]) == 601


def test_an_empty_road_still_makes_a_report(tmp_path: Path) -> None:
    bare = DemoResults(title="t", created_at="now", epm_version="0", headline=BenchTable(title="Bench", pairs="none", rows=()))
    write_report(tmp_path / "report.html", bare)
    text = (tmp_path / "report.html").read_text()
    assert "No pair failed." in text
    assert "GRPO" not in text


def test_results_are_strict_json_and_come_back_equal(tmp_path: Path, results: DemoResults) -> None:
    write_results_json(tmp_path / "results.json", results)
    loaded = json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert DemoResults.model_validate(loaded) == results
    assert loaded["headline"]["rows"][0]["matcher"] == HOSTILE


def test_a_matcher_without_probabilities_has_no_curve_and_failures_have_classes(
    pair_of: Callable[..., Pair], failed_decision: Callable[[Pair], Decision]
) -> None:
    pairs = [pair_of(i, Label.MATCH) for i in range(3)]

    report = bench_matchers(pairs, [("failing", Failing(failed_decision))], ctx=MatchContext())
    assert curve_of(report.results[0]) is None
    assert failures_of(report.results) == {"failing": {"timeout": 3}}
