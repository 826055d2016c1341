"""Starting costs little: nothing heavy is imported before it is used."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

import pytest

HEAVY = (
    "torch", "transformers", "litellm", "openai", "instructor", "langchain", "langchain_core", "langchain_openai", "langgraph",
    "chromadb", "sentence_transformers", "sklearn", "scipy", "numpy", "pandas", "pyarrow", "sqlalchemy", "matplotlib", "httpx",
)  # fmt: skip
SHOW_HELP = "import sys; sys.argv = ['epm', '--help']; from epm.cli.app import main; main()"
RUNS = 5
ROUNDS = 4
MAX_RATIO = 2.0


def loaded_after(code: str) -> set[str]:
    """The top-level modules in memory after the code ran, even if it exited."""
    listing = "import atexit, json, sys; atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
    done = subprocess.run([sys.executable, "-c", listing + code], check=True, capture_output=True, text=True, timeout=60)
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


def seconds(code: str) -> float:
    """Wall time of a fresh interpreter running the code."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
    return time.perf_counter() - start


def ratio_of_medians() -> float:
    """Help time over import time, from interleaved runs, so that a busy moment touches both."""
    times = [(seconds(SHOW_HELP), seconds("import typer, rich")) for _ in range(RUNS)]
    return statistics.median(shown for shown, _ in times) / statistics.median(imported for _, imported in times)


@pytest.mark.parametrize("code", ["import epm", SHOW_HELP])
def test_starting_loads_nothing_heavy(code: str) -> None:
    loaded = loaded_after(code)

    assert "epm" in loaded
    assert loaded & set(HEAVY) == set()


def test_the_help_page_does_not_wait_for_pydantic() -> None:
    """pydantic alone takes about as long as typer and rich together; commands import their models inside."""
    assert "pydantic" not in loaded_after(SHOW_HELP)


def test_the_help_page_takes_at_most_twice_as_long_as_importing_typer_and_rich() -> None:
    seconds(SHOW_HELP)  # byte code is written once, outside the measurement
    ratios: list[float] = []
    while len(ratios) < ROUNDS and (not ratios or ratios[-1] > MAX_RATIO):
        ratios.append(ratio_of_medians())

    assert min(ratios) <= MAX_RATIO, f"measured {ratios} on a machine that may be busy"


def test_the_help_page_loads_no_command_and_no_event_loop() -> None:
    """A page that built every command took three times as long as typer and rich; asyncio and ssl alone take half as long."""
    listing = "import atexit, json, sys; atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
    done = subprocess.run([sys.executable, "-c", listing + SHOW_HELP], check=True, capture_output=True, text=True, timeout=60)
    loaded = set(json.loads(done.stderr.splitlines()[-1]))

    assert "epm.cli.lazy_group" in loaded
    assert loaded & {"epm.cli.teach", "epm.cli.match", "asyncio", "ssl"} == set()
