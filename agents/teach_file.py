"""Teaching from a pair file into a store: everything that ``epm teach`` does, as one call."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from epm.agents.report import TeachReport
from epm.agents.teach import TeachJob, teach
from epm.config import DEFAULT_STORE
from epm.errors import ConfigError
from epm.files.pairs import OnBadRow, read_pairs
from epm.gateway.request import ModelSettings
from epm.identity import load_identity_rule
from epm.knowledge.catalogue import default_index
from epm.knowledge.embedder import AUTO
from epm.progress import ProgressSink, silent
from epm.registry import make_matcher
from epm.session import open_session
from epm.sync import run_sync

_NO_PROMPTS = "none"


@dataclass(frozen=True, slots=True)
class TeachOptions:
    """What ``epm teach`` was asked for. ``knowledge_folder`` is beside the store unless given."""

    matcher: str = "multi-agent-rag"
    model: ModelSettings = field(default_factory=lambda: ModelSettings("rules"))
    identity: str = "strict"
    store: str = str(DEFAULT_STORE)
    knowledge_folder: Path | None = None
    embedder: str = AUTO
    limit: int | None = None
    is_fresh: bool = False
    concurrency: int = 8
    seed: int = 0
    on_bad_row: OnBadRow = "stop"


def teach_file(path: Path, options: TeachOptions, *, on_progress: ProgressSink = silent) -> TeachReport:
    """The report of teaching on the pairs of a file.

    Raises:
        DataError: the file has no usable pairs.
        ConfigError: an option is wrong.
        BudgetError: a cap was reached; repeat the command to go on.
    """
    if options.concurrency < 1:
        msg = f"concurrency {options.concurrency} is too low: at least 1 item must be at work"
        raise ConfigError(msg)
    file = read_pairs(path, on_bad_row=options.on_bad_row, limit=options.limit)
    matcher, identity = make_matcher(options.matcher), load_identity_rule(options.identity)
    folder = options.knowledge_folder or _folder_beside(options.store)
    with ExitStack() as stack:
        session = stack.enter_context(
            open_session(store=options.store, model=options.model, concurrency=options.concurrency, seed=options.seed)
        )
        if session.egress.fields is not None:  # an index made under other rules may hold what must not be shown
            folder = folder / f"only {session.egress.fields_text()}"
        knowledge = stack.enter_context(closing(default_index(folder, options.embedder)))
        if session.store is None:
            msg = "teaching needs a store: give --store a file"
            raise ConfigError(msg)
        job = TeachJob(
            matcher=matcher, model=options.model, input_sha=file.sha256, prompts_sha=getattr(matcher, "prompts_sha", _NO_PROMPTS),
            knowledge_name=knowledge.name, identity=identity, seed=options.seed, concurrency=options.concurrency, is_fresh=options.is_fresh,
            egress=session.egress,
        )  # fmt: skip
        return run_sync(teach(file.pairs, job, store=session.store, gateway=session.gateway, knowledge=knowledge, on_progress=on_progress))


def _folder_beside(store: str) -> Path:
    """The index folder beside a store file; in the default place for a store behind a URL."""
    return (DEFAULT_STORE if "://" in store else Path(store)).parent / "knowledge"
