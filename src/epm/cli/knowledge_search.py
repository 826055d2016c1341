"""``epm knowledge search``: what the teacher's tools would find for a query, and how near each hit is."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from epm.cli.age import shown_age
from epm.cli.options import DEFAULT_PLACE, StoreOption
from epm.cli.visible import cut

if TYPE_CHECKING:
    from epm.knowledge.index import KnowledgeHit

_TEXT_CHARS = 400
"""A whole passage."""


def search(
    query: Annotated[str, typer.Argument(help="Words to search for, as a model would.")],
    *,
    kind: Annotated[str | None, typer.Option(help="Only listing, answer or document.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show the N nearest of each kind.")] = 10,
    store: StoreOption = DEFAULT_PLACE,
    embedder: Annotated[str, typer.Option(help="Vectors of the index, as for epm teach: minilm, hash, or auto.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search the knowledge index as the teacher's tools do; nothing farther than the floor of its vectors is a hit."""
    from epm.knowledge.catalogue import knowledge_folder
    from epm.knowledge.searching import search_index

    now_s = time.time()
    found = search_index(knowledge_folder(store), query, kind=kind, limit=limit, embedder=embedder, now_s=now_s)
    if as_json:
        shown = {"query": query, "index": found.index, "floor": found.floor, "hits": [_json(hit, now_s) for hit in found.hits]}
        typer.echo(json.dumps(shown, indent=2))
        return
    typer.echo("\n".join([line for hit in found.hits for line in _lines(hit, now_s)] + [_summary(len(found.hits), 1 - found.floor)]))


def _summary(n_hits: int, farthest: float) -> str:
    return f"{n_hits} hits" if n_hits else f"no hit: nothing lies nearer than the distance {farthest:.2f}"


def _json(hit: KnowledgeHit, now_s: float) -> dict[str, object]:
    entry = hit.entry
    return {
        "id": entry.id, "kind": entry.kind, "distance": round(1 - hit.similarity, 4), "text": entry.text, "provenance": entry.provenance,
        "entity": entry.entity, "attribute": entry.attribute, "age_s": round(now_s - entry.created_at_s),
    }  # fmt: skip


def _lines(hit: KnowledgeHit, now_s: float) -> list[str]:
    entry = hit.entry
    about = f" about {cut(entry.entity, 100)} / {cut(entry.attribute or '', 60)}" if entry.entity is not None else ""
    return [
        f"{1 - hit.similarity:.3f} {entry.kind} {cut(entry.id, 200)}{about}, age {shown_age(now_s - entry.created_at_s)}",
        f"  from {cut(entry.provenance, 200)}",
        f"  {cut(entry.text, _TEXT_CHARS)}",
    ]
