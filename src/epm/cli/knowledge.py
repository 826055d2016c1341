"""``epm knowledge``: the user's documents and catalogues for the teacher's searches, what is kept, and what is to be forgotten."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.age import age_s, shown_age
from epm.cli.knowledge_search import search
from epm.cli.options import DEFAULT_PLACE, StoreOption
from epm.cli.streams import note
from epm.cli.visible import visible_lines
from epm.errors import ConfigError

if TYPE_CHECKING:
    from epm.knowledge.index import KnowledgeEntry
    from epm.knowledge.inventory import Selection

_HELP = "Add documents and catalogues for the teacher's searches; search, list and expire what is kept."
Ids = Annotated[list[str] | None, typer.Option("--id", metavar="ID", help="An entry's id; repeatable.")]
Kind = Annotated[str | None, typer.Option(help="listing, answer or document.")]
Entity = Annotated[str | None, typer.Option(help="Answers about this product.")]
Attribute = Annotated[str | None, typer.Option(help="Answers about this attribute.")]
Provenance = Annotated[str | None, typer.Option(help="Entries whose provenance holds this text: a file, an address, a model.")]
OlderThan = Annotated[str | None, typer.Option(metavar="AGE", help="Entries stored longer ago: 90d, 12h.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add ``epm knowledge`` to the program."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    group.command("add")(add)
    group.command("search")(search)
    group.command("list")(list_entries)
    group.command("expire")(expire)
    app.add_typer(group, name="knowledge")


def add(
    files: Annotated[
        list[Path], typer.Argument(help="Files or folders: .txt, .md, .pdf, .html, tables of id,text,source or of listings (title).")
    ],
    *,
    store: StoreOption = DEFAULT_PLACE,
    embedder: Annotated[str, typer.Option(help="Vectors of the index, as for epm teach: minilm, hash, or auto.")] = "auto",
    as_json: Json = False,
) -> None:
    """Add files to the index that epm teach searches; adding a file again replaces what changed in it and nothing else."""
    from epm.egress import load_policy
    from epm.knowledge.adding import add_files
    from epm.knowledge.catalogue import knowledge_folder

    report = add_files(knowledge_folder(store), files, now_s=time.time(), embedder=embedder, egress=load_policy(Path.cwd()))
    for path in report.passed_over:
        note(f"epm: note: {path} is passed over: it is no document and no table")
    typer.echo(
        json.dumps(report.to_json())
        if as_json
        else f"{report.n_files} files: {report.n_documents} passages of documents, {report.n_listings} listings; "
        f"{report.n_added} added, {report.n_unchanged} unchanged, {report.n_removed} removed\n"
        f"index {report.index}: {report.n_entries} entries"
    )


def list_entries(
    *, ids: Ids = None, kind: Kind = None, entity: Entity = None, attribute: Attribute = None, provenance: Provenance = None,
    older_than: OlderThan = None, limit: Annotated[int, typer.Option(min=1, help="Show the first N.")] = 50,
    store: StoreOption = DEFAULT_PLACE, as_json: Json = False,
) -> None:  # fmt: skip
    """List what is kept: kind, entity, attribute, provenance, age, end of life."""
    from epm.knowledge.catalogue import knowledge_folder
    from epm.knowledge.inventory import knowledge_folders, selected_entries

    now_s = time.time()
    selection = _selection(ids, kind, entity, attribute, provenance, older_than)
    found = selected_entries(knowledge_folders(knowledge_folder(store)), selection, now_s=now_s)
    if as_json:
        typer.echo(json.dumps({"n": len(found), "entries": [_json(entry, now_s) for entry in found[:limit]]}, indent=2))
        return
    lines = [line for entry in found[:limit] for line in _lines(entry, now_s)]
    more = [f"{len(found)} entries" + (f", the first {limit} shown" if len(found) > limit else "")]
    typer.echo("\n".join(visible_lines("\n".join([*lines, *more]))))


def expire(
    *, ids: Ids = None, kind: Kind = None, entity: Entity = None, attribute: Attribute = None, provenance: Provenance = None,
    older_than: OlderThan = None, dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many that would be.")] = False,
    store: StoreOption = DEFAULT_PLACE, as_json: Json = False,
) -> None:  # fmt: skip
    """End the life of entries: no search finds them again. They stay listed; epm data purge takes text off the disk."""
    from epm.knowledge.catalogue import knowledge_folder
    from epm.knowledge.inventory import Selection, expire_entries, is_expired, knowledge_folders, selected_entries

    selection, now_s = _selection(ids, kind, entity, attribute, provenance, older_than), time.time()
    if selection == Selection():
        raise ConfigError("say what is to expire: --id, --kind, --entity, --attribute, --provenance or --older-than")
    folders = knowledge_folders(knowledge_folder(store))
    living = [entry for entry in selected_entries(folders, selection, now_s=now_s) if not is_expired(entry, now_s)]
    if not dry_run:
        expire_entries(folders, frozenset(entry.id for entry in living), now_s=now_s)
    by_kind = {kind: sum(entry.kind == kind for entry in living) for kind in sorted({entry.kind for entry in living})}
    if as_json:
        typer.echo(json.dumps({"n_expired": len(living), "by_kind": by_kind, "is_done": not dry_run}))
        return
    kinds = ", ".join(f"{name} {n}" for name, n in by_kind.items()) or "none"
    typer.echo(f"{'would expire' if dry_run else 'expired'} {len(living)} entries ({kinds})")


def _selection(
    ids: list[str] | None, kind: str | None, entity: str | None, attribute: str | None, provenance: str | None, older_than: str | None
) -> Selection:
    from epm.knowledge.inventory import Selection

    return Selection(frozenset(ids or ()), kind, entity, attribute, provenance, None if older_than is None else age_s(older_than))


def _json(entry: KnowledgeEntry, now_s: float) -> dict[str, object]:
    from epm.knowledge.inventory import is_expired

    return {
        "id": entry.id, "kind": entry.kind, "entity": entry.entity, "attribute": entry.attribute, "provenance": entry.provenance,
        "age_s": round(now_s - entry.created_at_s), "expires": _date(entry.expires_at_s), "is_expired": is_expired(entry, now_s),
        "pair_ids": list(entry.pair_ids), "text": entry.text, "metadata": dict(entry.metadata),
    }  # fmt: skip


def _lines(entry: KnowledgeEntry, now_s: float) -> list[str]:
    from epm.knowledge.inventory import is_expired

    about = f" about {entry.entity} / {entry.attribute}" if entry.entity is not None else ""
    ends = (
        "expired" if is_expired(entry, now_s) else "never expires" if entry.expires_at_s is None else f"until {_date(entry.expires_at_s)}"
    )
    text = " ".join(entry.text.split())
    return [
        f"{entry.kind} {entry.id}{about}, age {shown_age(now_s - entry.created_at_s)}, {ends}",
        f"  from {' '.join(entry.provenance.split())}",
        f"  {text if len(text) <= 100 else text[:99] + '…'}",  # noqa: PLR2004  # one line of a terminal
    ]


def _date(at_s: float | None) -> str | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC).date().isoformat()
