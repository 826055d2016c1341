"""Teaching from a pair file into a store: everything that ``epm teach`` does, as one call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from epm.agents.report import TeachReport
from epm.agents.teach import TeachJob, teach
from epm.agents.told import require_explainer, told_matcher
from epm.agents.web_search import web_search_in_force
from epm.config import DEFAULT_CONCURRENCY, DEFAULT_STORE
from epm.errors import ConfigError
from epm.files.pairs import OnBadRow, read_pairs
from epm.gateway.bounds import NO_BOUNDS, Bounds
from epm.gateway.metered import MeteredGateway
from epm.gateway.recorder import Recorder
from epm.gateway.request import ModelSettings
from epm.identity import load_identity_rule
from epm.knowledge.catalogue import default_index, knowledge_folder, visible_folder
from epm.knowledge.embedder import AUTO
from epm.knowledge.index import KnowledgeIndex
from epm.matcher import Collective, MatchContext, Matcher, require_usable
from epm.pair import Pair
from epm.progress import NoticeSink, ProgressSink, silent, unheard
from epm.registry import make_matcher
from epm.session import egress_in_force, make_gateway, open_transport, require_price
from epm.store.kept_replies import past_calls
from epm.store.place import AnyPlace
from epm.store.run_figures import INPUT_NAME
from epm.store.store import RunStore
from epm.sync import run_sync

NO_PROMPTS = "none"


@dataclass(frozen=True, slots=True)
class TeachOptions:
    """What ``epm teach`` was asked for. ``knowledge_folder`` is beside the store unless given, ``record`` names a cassette."""

    matcher: str = "multi-agent-rag"
    model: ModelSettings = field(default_factory=lambda: ModelSettings("rules"))
    identity: str = "strict"
    store: AnyPlace = DEFAULT_STORE
    knowledge_folder: Path | None = None
    embedder: str = AUTO
    web_search: str | None = None
    limit: int | None = None
    is_fresh: bool = False
    with_labels: bool = False
    concurrency: int = DEFAULT_CONCURRENCY
    seed: int = 0
    on_bad_row: OnBadRow = "stop"
    bounds: Bounds = NO_BOUNDS
    record: Path | None = None


@dataclass(frozen=True, slots=True)
class TeachSetting:
    """A job with the pairs, the store and the index that it works on."""

    pairs: tuple[Pair, ...]
    job: TeachJob
    store: RunStore
    knowledge: KnowledgeIndex


def teach_file(path: Path, options: TeachOptions, *, on_progress: ProgressSink = silent, on_notice: NoticeSink = unheard) -> TeachReport:
    """The report of teaching on the pairs of a file.

    Raises:
        DataError: the file has no usable pairs.
        ConfigError: an option is wrong, or money is bounded and the model's price unknown.
        BudgetError: a cap was reached; repeat the command to go on.
    """
    with teach_setting(path, options) as setting:
        gateway = teach_gateway(setting, options)
        return run_sync(
            teach(
                setting.pairs, setting.job, store=setting.store, gateway=gateway, knowledge=setting.knowledge,
                on_progress=on_progress, on_notice=on_notice,
            )
        )  # fmt: skip


@contextmanager
def teach_setting(path: Path, options: TeachOptions) -> Iterator[TeachSetting]:
    """Everything but the way to the model: file, matcher, store and index; raises like :func:`teach_file`."""
    if options.concurrency < 1:
        msg = f"concurrency {options.concurrency} is too low: at least 1 item must be at work"
        raise ConfigError(msg)
    require_price(options.model, options.bounds)
    if options.with_labels:
        require_explainer(options.model)
    file = read_pairs(path, on_bad_row=options.on_bad_row, limit=options.limit)
    matcher, identity = _usable_matcher(options), load_identity_rule(options.identity)
    if options.with_labels:
        matcher = told_matcher(matcher, file.pairs)
    folder = options.knowledge_folder or knowledge_folder(options.store)
    with ExitStack() as stack:
        egress = stack.enter_context(egress_in_force(options.model))
        store = stack.enter_context(RunStore.open(options.store))
        search, egress = web_search_in_force(options.web_search, egress)
        folder = visible_folder(folder, egress)
        knowledge = stack.enter_context(closing(default_index(folder, options.embedder)))
        job = TeachJob(
            matcher=matcher, model=options.model, input_sha=file.sha256, prompts_sha=getattr(matcher, "prompts_sha", NO_PROMPTS),
            knowledge_name=knowledge.name, identity=identity, seed=options.seed, concurrency=options.concurrency, is_fresh=options.is_fresh,
            egress=egress, web_search=search, is_label_given=options.with_labels,
            launch={INPUT_NAME: path.name, "matcher": options.matcher, "embedder": options.embedder, "knowledge_folder": str(folder.resolve()), "web_search": options.web_search},
        )  # fmt: skip
        yield TeachSetting(tuple(file.pairs), job, store, knowledge)


def _usable_matcher(options: TeachOptions) -> Matcher:
    """The matcher, which can work with this model and decides each pair by itself.

    Raises:
        ConfigError: it cannot, or does not; nothing was written.
    """
    matcher = make_matcher(options.matcher)
    require_usable([matcher], MatchContext(model=options.model))
    if isinstance(matcher, Collective):
        msg = f"matcher {matcher.name!r} decides pairs together, and a teaching run asks about each by itself: use it with 'epm match' or 'epm bench'"
        raise ConfigError(msg)
    return matcher


def teach_gateway(setting: TeachSetting, options: TeachOptions) -> MeteredGateway:
    """The way to the model, within the bounds. A recording begins with what the run was answered so far.

    Raises:
        ConfigError: the model's key variable is not set, a cassette cannot be used, or the shared budget is unknown.
    """
    gateway = make_gateway(
        open_transport(options.model), setting.store, options.model, concurrency=options.concurrency, seed=options.seed,
        bounds=options.bounds, record=options.record,
    )  # fmt: skip
    found = None if options.is_fresh else setting.store.find(setting.job.spec())
    if found is not None and isinstance(gateway.log, Recorder):
        gateway.log.keep(past_calls(setting.store, found, judging=False))
    return gateway
