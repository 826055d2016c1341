"""``epm demo``: the whole road on the generated sample, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from epm.cli.progress import progress_sink
from epm.cli.streams import note
from epm.cli.text_table import show_table
from epm.library_settings import require_docstrings


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("demo")(demo)


def demo(
    *, out: Annotated[Path, typer.Option("-o", "--out", help="Folder for sample, store, students, report.html and results.json.")] = Path("demo-out"),
    seed: Annotated[int, typer.Option(help="Seed of the sample and of every training stage.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print results.json instead of the table.")] = False,
) -> None:  # fmt: skip
    """Walk the whole road: listings, teacher, judges, SFT, GRPO, bench, audit, and a report to open. No key, no network."""
    from epm.config import stay_offline

    stay_offline()
    require_docstrings("transformers")
    from epm.cli.road import Road, RoadSizes, walk_road
    from epm.cli.road_report import road_results, write_road_report
    from epm.eval.tables import bench_text_table

    with progress_sink() as on_progress:
        road = Road(out, RoadSizes(seed=seed), on_progress)
        results = walk_road(road)
    report = write_road_report(road, results)
    if as_json:
        typer.echo(json.dumps(road_results(road, results).model_dump(mode="json"), allow_nan=False))
        return
    for stage in road.stages:
        note(f"{stage.name:<14} {stage.seconds:6.1f} s  " + ", ".join(f"{k} {v}" for k, v in stage.details.items()))
    show_table(bench_text_table(results.benched.rows))
    typer.echo(f"report: {report}")
