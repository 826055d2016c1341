"""Every graph and chat model is started by ``epm.graph_call``, which alone decides whether anything is traced."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from epm.library_settings import FORCED

ROOT = Path(__file__).parents[3]
SEAM = ROOT / "src" / "epm" / "graph_call.py"
STARTS = frozenset({"ainvoke", "invoke", "astream", "astream_events", "astream_log", "abatch", "abatch_as_completed", "atransform"})
STARTS_OF_GRAPHS = frozenset({"stream", "batch", "batch_as_completed", "transform"})
"""Words that other objects have too: they count where LangChain is imported."""


def modules() -> list[Path]:
    folders = ("src/epm", "agents", "judges", "distill", "eval", "benchmarks")
    found = {path.resolve() for folder in folders for path in (ROOT / folder).rglob("*.py")}
    return sorted(found - {SEAM})


def started(path: Path) -> Iterator[str]:
    """Each line that starts a graph or a model past the seam."""
    text = path.read_text(encoding="utf-8")
    words = STARTS | (STARTS_OF_GRAPHS if "langgraph" in text or "langchain" in text else frozenset())
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr in words:
            yield f"{path.relative_to(ROOT)}:{node.lineno} .{node.attr}"


def test_no_module_starts_a_graph_past_the_seam() -> None:
    assert [line for path in modules() for line in started(path)] == []


def test_the_seam_starts_them() -> None:
    assert len(list(started(SEAM))) == 1
    assert sum("call_graph(" in path.read_text(encoding="utf-8") for path in modules()) >= 5


def test_nobody_else_knows_of_langsmith() -> None:
    knows = [
        path.name
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom) and ast.unparse(node).split()[1].startswith("langsmith")
    ]
    assert knows == []


def test_only_the_modules_of_settings_write_the_environment() -> None:
    allowed = {"config.py", "library_settings.py"}
    writes = ("os.environ[", "os.environ.update", "os.environ.setdefault", "os.putenv", "os.environ |=")
    found = {
        path.name
        for path in modules()
        if path.is_relative_to(ROOT / "src") or path.parts[len(ROOT.parts)] in {"agents", "judges", "distill", "eval"}
        if any(word in path.read_text(encoding="utf-8") for word in writes)
    }
    assert found <= allowed
    assert FORCED["LITELLM_MODE"] == "PRODUCTION"
