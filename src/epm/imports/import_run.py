"""An import as a run in the store, so that judges and exports work on it like on a teaching run."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

from epm.files.atomic import replacing
from epm.files.json_lines import write_rows
from epm.imports.explanations import ExplanationImport, ImportedExplanation
from epm.progress import ProgressEvent, ProgressSink, silent
from epm.store.records import ItemResult, RunSpec, RunStatus
from epm.store.store import RunStore
from epm.sync import run_sync

COMMAND = "import explanations"
MATCHER = "recorded-explanations"
_AT_ONCE = 200


def store_import(store: RunStore, found: ExplanationImport, *, input_sha: str, on_progress: ProgressSink = silent) -> str:
    """Write every item that the run does not hold yet, and return the run id; repeating an import adds nothing.

    Raises:
        StoreError: the store cannot be written.
    """
    model = ", ".join(sorted({item.row.model for item in found.items}))
    prompts = sorted({item.row.prompt_name for item in found.items})
    prompts_sha = hashlib.sha256("\0".join(prompts).encode("utf-8", "surrogatepass")).hexdigest()
    given = any(item.row.label_given_in_prompt for item in found.items)
    settings = {"prompt_names": ", ".join(prompts), "label_given_in_prompt": "yes" if given else "no"}
    run = store.begin(RunSpec(COMMAND, input_sha, MATCHER, prompts_sha, model, 0, settings))
    known = {item.item_id for item in store.items(run.run_id)}
    todo = [item for item in found.items if item.pair.id not in known]
    run_sync(_write(store, run.run_id, todo, on_progress))
    store.finish_run(run.run_id, RunStatus.DONE)
    return run.run_id


def input_sha256(explanations: Path, pairs_sha256: str) -> str:
    """SHA-256 (hex) over the explanations file and the pair file's own SHA-256."""
    digest = hashlib.sha256(pairs_sha256.encode("ascii"))
    with explanations.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def write_rationales(path: Path, found: ExplanationImport) -> None:
    """Write one JSON Lines row for each answer, failed ones included.

    Raises:
        DataError: the file cannot be written.
    """
    with replacing(path) as stream:
        write_rows(stream, (item.to_json() for item in found.items), is_packed=path.suffix == ".gz")


async def _write(store: RunStore, run_id: str, items: Sequence[ImportedExplanation], on_progress: ProgressSink) -> None:
    on_progress(ProgressEvent(COMMAND, len(items), 0))
    for start in range(0, len(items), _AT_ONCE):
        block = items[start : start + _AT_ONCE]
        await asyncio.gather(*(store.finish_item(run_id, ItemResult(item.pair.id, item.pair, item.decision)) for item in block))
        on_progress(ProgressEvent(COMMAND, len(items), start + len(block)))
