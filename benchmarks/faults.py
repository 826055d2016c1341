"""Two thousand items through the teacher's graph over a server that fails one call in five, in every way it knows.

    python benchmarks/faults.py [N_ITEMS [FAULT_RATE]]        2000 and 0.2 unless given

The server is the one of the tests, in a process of its own, over a real socket; the client is ``epm teach`` with litellm.
Prints one JSON object: what the items came to, the ledger beside the server's own log, and the attempt bound.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import cast

from fake_server import script, seen, serving

from epm.agents.teach_file import TeachOptions, teach_file
from epm.files.pairs import write_pairs
from epm.gateway.request import ModelSettings
from epm.listing import Listing
from epm.pair import Pair
from epm.store.store import RunStore

KINDS = [
    "429", "429_retry_after", "500", "503", "stall", "reset", "truncated_body", "invalid_json", "wrong_schema", "refusal", "length",
    "content_filter", "filter_400", "empty_choices", "missing_usage", "wrong_model",
]  # fmt: skip
TIMEOUT_S, MOST_ATTEMPTS = 6.0, 4
RATIONALE = {
    "core": {"comparisons": [{"attribute": "brand", "left": "Kolvra", "right": "Kolvra", "verdict": "same"}], "verdict": "same"},
    "identifier": {"comparisons": [], "verdict": "unknown"}, "variant": {"comparisons": [], "verdict": "unknown"},
    "relation": "exact", "factor": None, "label": "match", "confidence": "high",
}  # fmt: skip


def measure(url: str, folder: Path, n_items: int, fault_rate: float) -> dict[str, object]:
    """Teach over the faulty server, then compare both sides' books."""
    replies = [{"contains": "Compare the left and the right", "content": RATIONALE}]
    script(url, replies=replies, fault_rate=fault_rate, fault_kinds=KINDS, seed=1, stall_s=60.0, retry_after="0.2", latency_s=0.05)
    pairs = [Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{i} desk lamp"), Listing(f"r{i}", f"Kolvra lamp KX{i}")) for i in range(n_items)]
    write_pairs(folder / "pairs.jsonl", pairs)
    model = ModelSettings("openai/gpt-4o-mini", api_base=url, timeout_s=TIMEOUT_S)
    start = time.perf_counter()
    report = teach_file(folder / "pairs.jsonl", TeachOptions(model=model, store=str(folder / "store.db"), embedder="hash"))
    log = seen(url)
    requests = cast("list[dict[str, object]]", log["requests"])
    with RunStore.open(folder / "store.db") as store:
        items = list(store.items(report.run_id))
        calls = [call for call in store.calls(report.run_id) if not call.is_cached]
    classes = Counter(str(item.decision.error_class) for item in items if item.decision.outcome == "failed")
    delivered = [call for call in calls if not call.usage.is_estimated]
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "items": len(items), "distinct_items": len({item.item_id for item in items}), "failed_by_class": dict(classes.most_common()),
        "failed_without_class": classes["None"],
        "ledger_calls": len(calls), "server_calls": log["n_requests"],
        "server_faults": dict(Counter(request["fault"] for request in requests if request["fault"]).most_common()),
        "ledger_prompt_tokens": sum(call.usage.prompt_tokens for call in delivered), "server_prompt_tokens": log["prompt_tokens"],
        "ledger_completion_tokens": sum(call.usage.completion_tokens for call in delivered), "server_completion_tokens": log["completion_tokens"],
        "calls_with_estimated_usage": len(calls) - len(delivered),
        "errors_by_class": dict(Counter(str(call.error_class) for call in calls if call.error_class).most_common()),
        "most_attempts": max(call.attempt for call in calls), "most_attempts_allowed": MOST_ATTEMPTS,
        "most_calls_of_one_request": max(Counter(request["sha"] for request in requests).values()),
    }  # fmt: skip


def main(n_items: int, fault_rate: float) -> None:
    """Start the server, measure, print."""
    with tempfile.TemporaryDirectory() as folder, serving() as url:
        figures = measure(url, Path(folder), n_items, fault_rate)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000, float(sys.argv[2]) if len(sys.argv) > 2 else 0.2)
