from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest

from epm.decision import Decision
from epm.errors import ErrorClass
from epm.gateway.ledger import CallRecord
from epm.gateway.request import CallScope, Usage
from epm.listing import Listing
from epm.pair import Pair
from epm.store.origins import Origin, origins
from epm.store.records import ItemResult, RunSpec
from epm.store.store import RunStore


@pytest.fixture
def store(address: str) -> Iterator[RunStore]:
    with RunStore.open(address) as opened:
        yield opened


def call(
    run_id: str, item: str, prompt: str, answered: str, *, role: str = "teacher/decide", error: ErrorClass | None = None
) -> CallRecord:
    scope = CallScope(run_id, item, role, prompt, f"sha of {prompt}")
    return CallRecord(scope, "k", "litellm", "m", answered, 1, Usage(1, 1), 0.0, 0.0, 0.0, error_class=error)


def test_an_item_names_its_models_and_prompts_without_those_of_judges_failed_calls_and_others(store: RunStore) -> None:
    run_id = store.begin(RunSpec("teach", "in", "m", "p", "m", 0)).run_id

    async def fill() -> None:
        for name in ("p1", "p2"):
            await store.finish_item(
                run_id,
                ItemResult(name, Pair(name, Listing("l", "a"), Listing("r", "b")), Decision.failed(name, ErrorClass.TIMEOUT, "late")),
            )
        for made in (
            call(run_id, "p1", "decide.v1", "m-2"), call(run_id, "p1", "ask.v1", "m-1"), call(run_id, "p1", "decide.v1", "m-2"),
            call(run_id, "p1", "core.v1", "j-1", role="judge/core"), call(run_id, "p1", "late.v1", "m-9", error=ErrorClass.TIMEOUT),
            call("another", "p1", "other.v1", "m-8"), call(run_id, "p3", "third.v1", "m-3"),
        ):  # fmt: skip
            await store.record_call(made, None)

    asyncio.run(fill())
    found = store.read(partial(origins, run_id=run_id))
    assert set(found) == {"p1", "p2"}
    assert found["p1"].finished_at_s > 1_700_000_000
    assert (found["p1"].models_answered, found["p1"].prompts) == (
        ("m-1", "m-2"),
        (("ask.v1", "sha of ask.v1"), ("decide.v1", "sha of decide.v1")),
    )
    assert found["p2"] == Origin(found["p2"].finished_at_s, (), ())
