"""``epm block``: the pairs of two tables that are worth comparing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.progress import progress_sink
from epm.cli.streams import note

if TYPE_CHECKING:
    from epm.blocking.blocker import Blocked
    from epm.blocking.recall import LostMatch, RecallReport

_SHOWN_LOST = 20


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("block")(block)


def block(
    left: Annotated[Path, typer.Argument(help="Listings: .jsonl, .jsonl.gz, .csv or .parquet with title and, best, id.")],
    right: Annotated[Path, typer.Argument(help="The other table.")], *,
    gold: Annotated[Path | None, typer.Option(help="Known matches: rows of left and right, the ids, or a pair file; measures recall.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Pair file of the candidates: .jsonl, .jsonl.gz, .csv or .parquet.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="identifiers, characters or dense; repeat. Default: the first two.")] = None,
    per_listing: Annotated[float, typer.Option(help="Candidates in all, for each listing of the larger table.")] = 3.5,
    top_k: Annotated[int, typer.Option(help="What a channel may find for each listing, both ways.")] = 20,
    embedder: Annotated[str, typer.Option(help="Vectors of the dense channel: auto, minilm or hash.")] = "auto",
    index: Annotated[Path | None, typer.Option(help="Folder of a chromadb index for the dense channel; else exact in memory.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print figures and lost matches as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Find candidates. With --gold: recall at k, and every lost match with its reason."""
    from epm.blocking.blocker import BlockingPolicy
    from epm.blocking.blocker import block as find_candidates
    from epm.blocking.channel import DEFAULT_CHANNELS
    from epm.blocking.listing_table import read_listings, read_matches
    from epm.blocking.recall import measure_recall
    from epm.files.pairs import write_pairs
    from epm.match_output import check_output

    policy = BlockingPolicy(
        tuple(channel) if channel else DEFAULT_CHANNELS,  # type: ignore[arg-type]  # the policy checks the names
        per_listing=per_listing, top_k=top_k, embedder=embedder, index=index,
    )  # fmt: skip
    if out is not None:
        check_output(out, inputs=[left, right, gold])
    tables = read_listings(left), read_listings(right)
    matches = None if gold is None else read_matches(gold, *tables)
    with progress_sink() as sink:
        blocked = find_candidates(*tables, policy, on_progress=sink)
    report = None if matches is None else measure_recall(blocked, matches)
    if out is not None:
        write_pairs(out, blocked.pairs())
    if not blocked.candidates:
        note("epm: note: no candidate was found: no two listings share an identifier or enough text; are these the right tables?")
    figures = _figures(blocked, report)
    typer.echo(json.dumps(figures, ensure_ascii=False) if as_json else "\n".join(_lines(figures)))


def _figures(blocked: Blocked, report: RecallReport | None) -> dict[str, object]:
    found: dict[str, object] = {
        "n_left": len(blocked.left), "n_right": len(blocked.right), "n_candidates": len(blocked.candidates),
        "reduction_ratio": blocked.reduction_ratio, "channels": _channels(blocked),
    }  # fmt: skip
    if blocked.index_recall is not None:
        found["index_recall"] = blocked.index_recall
    if report is not None:
        found |= {
            "n_gold": report.n_gold, "recall": report.recall, "recall_at_k": {str(k): value for k, value in report.at_k},
            "lost_by_reason": report.lost_by_reason(), "lost_by_identifiers": report.lost_by_identifiers(),
            "lost": [_lost(blocked, lost) for lost in report.lost],
        }  # fmt: skip
    return found


def _channels(blocked: Blocked) -> dict[str, dict[str, int]]:
    """For each channel: pairs found, how many of them are candidates, and how many candidates it alone found."""
    return {
        name: {
            "n_found": len(links),
            "n_candidates": sum(name in found.channels for found in blocked.candidates),
            "n_alone": sum(found.channels == (name,) for found in blocked.candidates),
        }
        for name, links in blocked.links
    }


def _lost(blocked: Blocked, lost: LostMatch) -> dict[str, object]:
    return {
        "left": blocked.left[lost.left].id, "right": blocked.right[lost.right].id, "reason": lost.reason.value,
        "channels": list(lost.channels), "identifiers": lost.identifiers.value, "similarity": round(lost.similarity, 4),
        "n_nearer_right": lost.n_nearer_right, "n_nearer_left": lost.n_nearer_left,
    }  # fmt: skip


def _lines(figures: dict[str, object]) -> list[str]:
    lines: list[str] = []
    for name, value in figures.items():
        if isinstance(value, list):  # the lost matches
            lines += [f"lost    {_spelt(lost)}" for lost in value[:_SHOWN_LOST]]
            if len(value) > _SHOWN_LOST:
                lines.append(f"{len(value) - _SHOWN_LOST} more lost: --json lists all")
        elif name == "channels" and isinstance(value, dict):
            lines += [f"{channel:20s} {_spelt(counts)}" for channel, counts in value.items()]
        else:
            lines.append(f"{name:20s} {_spelt(value)}")
    return lines


def _spelt(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_spelt(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list):
        return "+".join(map(_spelt, value)) or "none"
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return "".join(char if char.isprintable() else " " for char in text)  # an id may hold line breaks and terminal codes
