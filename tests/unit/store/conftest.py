"""A store with one run over two pairs that share a listing, and a cache that knows their prompts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from epm.decision import Decision
from epm.errors import ErrorClass
from epm.gateway.completion import completion_body
from epm.gateway.ledger import CachedReply, CallRecord
from epm.gateway.request import CallScope, ChatReply, Usage
from epm.judgement import AxisScore, Judgement
from epm.knowledge.catalogue import listing_entry_id
from epm.listing import Listing
from epm.pair import Pair
from epm.rationale import Axis, AxisFinding, Comparison, Rationale, Verdict
from epm.relation import Label, Relation
from epm.store.records import ItemResult, RunSpec, RunStatus
from epm.store.store import RunStore
from postgres import Server

CANARY = "QUILLFEATHER"
LEFT = Listing("L1", f"{CANARY} kettle KX-120 black", brand=CANARY, description=f"a {CANARY} pot", extras={"note": CANARY})
RIGHT = Listing("R1", "kettle of another kind", brand="Kolvra")
OTHER = Pair("p2", Listing("L2", "Kolvra toaster"), Listing("R2", "Kolvra toaster red"))
EMPTY = AxisFinding(comparisons=(), verdict=Verdict.UNKNOWN)


def rationale(quote: str) -> Rationale:
    shown = AxisFinding(
        comparisons=(Comparison(attribute="name", left=quote, right="kettle", verdict=Verdict.DIFFERENT),), verdict=Verdict.DIFFERENT
    )
    return Rationale(core=shown, identifier=EMPTY, variant=EMPTY, relation=Relation.DIFFERENT, label=Label.NO_MATCH)


def prompt(*fields: dict[str, object]) -> dict[str, object]:
    blocks = "\n".join(
        f'<data name="{field["name"]}">\n{json.dumps(field["value"], ensure_ascii=False, indent=1)}\n</data>' for field in fields
    )
    return {"model": "m", "messages": [{"role": "system", "content": "compare"}, {"role": "user", "content": blocks}]}


def call(item_id: str, key: str, run_id: str | None, *, role: str = "teacher/decide", at_s: float = 5.0, **more: object) -> CallRecord:
    fields = {
        "scope": CallScope(run_id, item_id, role, "teacher/decide.v1", "ab" * 32), "key": key, "transport": "litellm", "model_asked": "m",
        "model_answered": "m-1", "attempt": 1, "usage": Usage(10, 2), "cost_usd": 0.25, "latency_s": 2.0, "started_at_s": at_s,
        "host": "http://127.0.0.1:9", "sent": "brand title",
    }  # fmt: skip
    return CallRecord(**{**fields, **more})


def kept(key: str, body: dict[str, object], reply: str = "an answer") -> CachedReply:
    return CachedReply(key, "id", body, ChatReply(completion_body("m-1", {"content": reply}), Usage(10, 2), "m-1", 2.0, 0.25))


async def fill(store: RunStore, run_id: str) -> None:
    quoted = rationale(f"{CANARY} kettle")
    first = Decision.from_rationale(
        "p1", quoted, cost_usd=0.5, provenance={"n_calls": 3, "problems": [f"no {CANARY}"], "matcher": "m", "rivals": []}
    )
    rival = listing_entry_id(LEFT)
    second = Decision.failed("p2", ErrorClass.INVALID_STRUCTURE, f"vetoed: quote '{LEFT.title}' is not in the listing")
    scores = (
        AxisScore(Axis.CORE, 0.5, "partial", f"{CANARY} is a brand"),
        AxisScore.unscored(Axis.VARIANT, f"timeout: {CANARY}", ErrorClass.TIMEOUT),
    )
    await store.finish_item(run_id, ItemResult("p1", Pair("p1", LEFT, RIGHT, Label.NO_MATCH, extras={"row": CANARY}), first))
    await store.finish_item(run_id, ItemResult("p2", OTHER, second))
    third = Decision.from_rationale("p3", rationale("Kolvra"), provenance={"rivals": [rival], "problems": [LEFT.title], "n_calls": 2})
    await store.finish_item(run_id, ItemResult("p3", replace(OTHER, id="p3"), third))
    await store.add_judgements(run_id, [Judgement("p1", quoted.sha(), "core", scores, 0.125)])
    await store.record_call(call("p1", "k1", run_id), kept("k1", prompt({"name": "left", "value": LEFT.texts()}), f"it is a {CANARY}"))
    failed = call("p1", "k2", run_id, at_s=6.0, error_class=ErrorClass.REFUSAL, error=f"no {CANARY}", model_answered=None)
    await store.record_call(failed, kept("k2", prompt({"name": "left", "value": LEFT.texts()}), f"no {CANARY}"))
    rivals = prompt({"name": "left", "value": OTHER.left.texts()}, {"name": "rivals", "value": [{"id": rival, "title": LEFT.title}]})
    await store.record_call(call("p2", "k3", run_id), kept("k3", rivals))
    echoed = call("p2", "k5", run_id, error_class=ErrorClass.BAD_REQUEST, error=f"cannot read {LEFT.title!r}")
    await store.record_call(echoed, None)
    await store.record_call(call("p2", "k4", run_id), kept("k4", prompt({"name": "left", "value": OTHER.left.texts()})))


@pytest.fixture(params=["file", "server"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store may be made, as ``--store`` takes it: a file, then a database of a PostgreSQL server."""
    return str(tmp_path / "store.db") if request.param == "file" else request.getfixturevalue("postgres_url")


@pytest.fixture
def filled(address: str) -> tuple[str, str]:
    """The store's address and the id of its run."""
    with RunStore.open(address) as store:
        run_id = store.begin(RunSpec("teach", "in", "multi-agent-rag", "p", "m", 0, {"identity": "strict"})).run_id
        asyncio.run(fill(store, run_id))
        store.finish_run(run_id, RunStatus.DONE)
    return address, run_id


@pytest.fixture
def files_holding(address: str, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[bytes], list[str]]:
    """Which files of the store hold some bytes: the file and all beside it, or the tables and indexes of the database."""
    if "://" not in address:
        return partial(_files_with, tmp_path)
    server: Server = request.getfixturevalue("postgres_server")
    oid = f"SELECT oid FROM pg_database WHERE datname = '{address.rpartition('/')[2]}'"  # noqa: S608  # our own name

    def holding(needle: bytes) -> list[str]:
        server.run("CHECKPOINT")  # tables that were written anew are unlinked by the next one
        [(number,)] = server.run(oid)
        return _files_with(server.data / "base" / str(number), needle)

    return holding


def _files_with(folder: Path, needle: bytes) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and needle.lower() in path.read_bytes().lower()]
