"""Where the result of each item of a run comes from: when it stood, which models answered, by which prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, func, select

from epm.gateway.bounds import JUDGE_ROLES
from epm.store.schema import calls, items


@dataclass(frozen=True, slots=True)
class Origin:
    """``finished_at_s`` is UTC epoch seconds of the latest attempt; models and prompts are sorted, those of judges apart.

    ``prompts`` are ids, each with the SHA-256 (hex) of its text.
    """

    finished_at_s: float
    models_answered: tuple[str, ...]
    prompts: tuple[tuple[str, str], ...]


def origins(connection: Connection, run_id: str) -> Mapping[str, Origin]:
    """The origin of every item of the run, by item id; answers from the cache count, failed calls do not."""
    finished = select(items.c.item_id, func.max(items.c.finished_at_s)).where(items.c.run_id == run_id).group_by(items.c.item_id)
    asked = (
        select(calls.c.item_id, calls.c.model_answered, calls.c.prompt_id, calls.c.prompt_sha).distinct()
        .where(calls.c.run_id == run_id, calls.c.error_class.is_(None), ~calls.c.role.startswith(JUDGE_ROLES))
    )  # fmt: skip
    models, prompts = dict[str, set[str]](), dict[str, set[tuple[str, str]]]()
    for item_id, model, prompt_id, prompt_sha in connection.execute(asked):
        models.setdefault(item_id, set()).update(() if model is None else (model,))
        prompts.setdefault(item_id, set()).update(() if prompt_id is None else ((prompt_id, prompt_sha or ""),))
    return {
        item_id: Origin(cast(float, at_s), tuple(sorted(models.get(item_id, ()))), tuple(sorted(prompts.get(item_id, ()))))
        for item_id, at_s in connection.execute(finished)
    }
