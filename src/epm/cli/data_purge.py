"""``epm data purge``: text taken out of the store, of one listing or past an age."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.age import age_s
from epm.cli.options import DEFAULT_PLACE, StoreOption
from epm.errors import ConfigError

if TYPE_CHECKING:
    from epm.store.purge import PurgeReport

_SERVERS_OWN = "the server's write-ahead log, replicas and backups may hold the text until they are recycled: whoever runs it clears them"
_UNTOUCHED = "pair files, exports, reports and cassettes are not part of the store: delete them yourself"


class What(StrEnum):
    """What a purge by age takes."""

    CACHE = "cache"
    RUNS = "runs"
    ALL = "all"


def data_purge(
    *,
    listing: Annotated[str | None, typer.Option(metavar="ID", help="Remove the text of this listing wherever it stands.")] = None,
    older_than: Annotated[str | None, typer.Option(metavar="AGE", help="Remove what is older: 90d, 12h. A run is as old as its last activity.")] = None,
    what: Annotated[What, typer.Option(help="With --older-than: kept prompts and replies, texts of runs, or both and the knowledge index.")] = What.ALL,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only say what would be removed.")] = False,
    store: StoreOption = DEFAULT_PLACE,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was removed as one JSON object.")] = False,
) -> None:  # fmt: skip
    """Remove listing text from the store for good, and keep the figures: labels, scores, tokens, cost. File or tables are written anew."""
    from epm.store import purge

    if (listing is None) == (older_than is None):
        raise ConfigError("say what to remove: either --listing ID or --older-than AGE, such as 90d")
    if listing is not None:
        report = purge.purge_listing(store, listing, is_wanted=yes)
    else:
        report = purge.purge_older(store, age_s(str(older_than)), purge.What(what.value), is_wanted=yes)
    typer.echo(json.dumps(report.to_json()) if as_json else _text(report, is_server=store.path is None))
    if not yes:
        raise ConfigError("nothing was removed yet: repeat the command with --yes")


def _text(report: PurgeReport, *, is_server: bool) -> str:
    parts = {
        "items": report.n_items, "pairs' texts": report.n_pairs, "rationales": report.n_rationales,
        "judgements' reasons": report.n_judgements, "calls' messages": report.n_call_errors,
        "kept replies": report.n_replies, "knowledge entries": report.n_knowledge,
    }  # fmt: skip
    lines = [f"{'removed' if report.is_done else 'would remove'}: {', '.join(f'{name} {n:,}' for name, n in parts.items())}"]
    if report.is_done and report.bytes_before:
        what = "tables" if is_server else "file"
        lines.append(f"store {what}: {report.bytes_before:,} bytes before, {report.bytes_after:,} after")
    if report.is_done and is_server:
        lines.append(_SERVERS_OWN)
    return "\n".join([*lines, _UNTOUCHED])
