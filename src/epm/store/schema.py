"""The tables. Rows are added, never changed, except what changes state, the cache, which forgets, and what a purge blanks.

Statuses, charges of budgets, leases, batches and items that wait for people change state; a batch's line is dropped when it has become a call.

Pairs and rationales are content-addressed: the same text is stored once however many runs hold it. Columns that hold
JSON are named ``*_json``. Times are UTC epoch seconds.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, MetaData, Table, UniqueConstraint

from epm.store.column_types import Integer, String, Text

SCHEMA_VERSION = 5
"""2 added ``budgets``, ``launches``, ``batches``, ``batch_lines``, and ``host`` and ``sent`` of calls; 3 ``waiting`` and ``reviews``;
4 ``leases``; 5 added ``failed_replies``, and ``asked`` of judgements."""

metadata = MetaData()

store_version = Table("store_version", metadata, Column("version", Integer, primary_key=True))

runs = Table(
    "runs", metadata,
    Column("run_id", String(12), primary_key=True),
    Column("spec_sha", String(64), nullable=False, index=True),
    Column("repeat", Integer, nullable=False),
    Column("command", Text, nullable=False),
    Column("input_sha", Text, nullable=False),
    Column("matcher", Text, nullable=False),
    Column("prompts_sha", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("settings_json", Text, nullable=False),
    Column("provenance_json", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at_s", Float, nullable=False),
    Column("finished_at_s", Float),
)  # fmt: skip

pairs = Table("pairs", metadata, Column("pair_sha", String(64), primary_key=True), Column("pair_json", Text, nullable=False))

rationales = Table(
    "rationales", metadata, Column("rationale_sha", String(64), primary_key=True), Column("rationale_json", Text, nullable=False)
)  # fmt: skip

items = Table(
    "items", metadata,
    Column("run_id", String(12), ForeignKey("runs.run_id"), primary_key=True),
    Column("item_id", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("pair_sha", String(64), ForeignKey("pairs.pair_sha"), nullable=False),
    Column("finished_at_s", Float, nullable=False),
)  # fmt: skip
Index(
    "one_done_attempt",
    items.c.run_id,
    items.c.item_id,
    unique=True,
    sqlite_where=items.c.state == "done",
    postgresql_where=items.c.state == "done",
)

decisions = Table(
    "decisions", metadata,
    Column("run_id", String(12), ForeignKey("runs.run_id"), primary_key=True),
    Column("item_id", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("pair_id", Text, nullable=False, index=True),
    Column("outcome", Text, nullable=False),
    Column("label", Text),
    Column("probability", Float),
    Column("relation", Text),
    Column("factor", Integer),
    Column("rationale_sha", String(64), ForeignKey("rationales.rationale_sha")),
    Column("error_class", Text),
    Column("error", Text),
    Column("cost_usd", Float, nullable=False),
    Column("latency_s", Float, nullable=False),
    Column("provenance_json", Text, nullable=False),
)  # fmt: skip

judgements = Table(
    "judgements", metadata,
    Column("judgement_id", Integer, primary_key=True),
    Column("run_id", String(12), ForeignKey("runs.run_id"), nullable=False),
    Column("pair_id", Text, nullable=False),
    Column("rationale_sha", String(64), nullable=False),
    Column("judge", Text, nullable=False),
    Column("scores_json", Text, nullable=False),
    Column("asked", Text),
    Column("cost_usd", Float, nullable=False),
    Column("created_at_s", Float, nullable=False),
    Index("judgements_of_run", "run_id", "pair_id"),
)  # fmt: skip

waiting = Table(
    "waiting", metadata,
    Column("run_id", String(12), ForeignKey("runs.run_id"), primary_key=True),
    Column("item_id", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("since_s", Float, nullable=False),
    Column("checkpoint", Text),
    Column("resumed_at_s", Float),
)  # fmt: skip

reviews = Table(
    "reviews", metadata,
    Column("review_id", Integer, primary_key=True),
    Column("run_id", String(12), ForeignKey("runs.run_id"), nullable=False),
    Column("item_id", Text, nullable=False),
    Column("rater", String(64), nullable=False),
    Column("label", Text, nullable=False),
    Column("relation", Text),
    Column("note", Text),
    Column("created_at_s", Float, nullable=False),
    UniqueConstraint("run_id", "item_id", "rater"),
)  # fmt: skip

calls = Table(
    "calls", metadata,
    Column("call_id", Integer, primary_key=True),
    Column("run_id", String(12)),
    Column("item_id", Text),
    Column("role", Text, nullable=False),
    Column("prompt_id", Text),
    Column("prompt_sha", Text),
    Column("sample_index", Integer, nullable=False),
    Column("key", String(64), nullable=False),
    Column("transport", Text, nullable=False),
    Column("model_asked", Text, nullable=False),
    Column("model_answered", Text),
    Column("attempt", Integer, nullable=False),
    Column("is_cached", Boolean, nullable=False),
    Column("error_class", Text),
    Column("error", Text),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cached_tokens", Integer, nullable=False),
    Column("reasoning_tokens", Integer, nullable=False),
    Column("is_estimated", Boolean, nullable=False),
    Column("cost_usd", Float),
    Column("latency_s", Float, nullable=False),
    Column("started_at_s", Float, nullable=False),
    Column("host", Text),
    Column("sent", Text),
    Index("calls_of_run", "run_id", "item_id"),
)  # fmt: skip

failed_replies = Table(
    "failed_replies", metadata,
    Column("call_id", Integer, ForeignKey("calls.call_id"), primary_key=True),
    Column("error_class", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("row_json", Text, nullable=False),
    Column("created_at_s", Float, nullable=False),
)  # fmt: skip

launches = Table(
    "launches", metadata,
    Column("launch_id", Integer, primary_key=True),
    Column("run_id", String(12), ForeignKey("runs.run_id"), nullable=False),
    Column("command", Text, nullable=False),
    Column("settings_json", Text, nullable=False),
    Column("started_at_s", Float, nullable=False),
    Index("launches_of_run", "run_id", "command"),
)  # fmt: skip

leases = Table(
    "leases", metadata,
    Column("run_id", String(12), primary_key=True),
    Column("work", String(200), primary_key=True),
    Column("owner", String(32), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("process_started", Text),
    Column("since_s", Float, nullable=False),
    Column("beat_at_s", Float, nullable=False),
)  # fmt: skip

cache = Table(
    "cache", metadata,
    Column("key", String(64), primary_key=True),
    Column("row_json", Text, nullable=False),
    Column("created_at_s", Float, nullable=False),
)  # fmt: skip

budgets = Table(
    "budgets", metadata,
    Column("name", String(200), primary_key=True),
    Column("max_cost_usd", Float, nullable=False),
    Column("charged_usd", Float, nullable=False),
    Column("created_at_s", Float, nullable=False),
)  # fmt: skip

batches = Table(
    "batches", metadata,
    Column("batch_id", Integer, primary_key=True),
    Column("run_id", String(12), nullable=False, index=True),
    Column("identity", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("n_lines", Integer, nullable=False),
    Column("price_in_usd", Float),
    Column("price_out_usd", Float),
    Column("budget", Text),
    Column("created_at_s", Float, nullable=False),
    Column("file_id", Text),
    Column("claimed_at_s", Float),
    Column("vendor_id", Text),
    Column("ended_at_s", Float),
    Column("status", Text),
)  # fmt: skip

batch_lines = Table(
    "batch_lines", metadata,
    Column("run_id", String(12), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("batch_id", Integer, index=True),
    Column("item_id", Text),
    Column("role", Text, nullable=False),
    Column("prompt_id", Text),
    Column("prompt_sha", Text),
    Column("sample_index", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("request_json", Text),
    Column("sent", Text, nullable=False),
    Column("held_usd", Float, nullable=False),
    Column("held_tokens", Integer, nullable=False),
    Column("created_at_s", Float, nullable=False),
)  # fmt: skip
