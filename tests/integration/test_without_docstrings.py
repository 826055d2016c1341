"""``python -OO -m epm``: the same help, the same words for a model, and one line where a library cannot work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "pairs.jsonl"
TOOLS = "from epm.knowledge.tools import WEB_TOOLS; print([(tool.name, tool.description) for tool in WEB_TOOLS])"


def python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *map(str, arguments)], check=False, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("program", [("-m", "epm", "--help"), ("-m", "epm", "review", "next", "--help"), ("-c", TOOLS)])
def test_what_docstrings_say_is_said_without_them(program: tuple[str, ...]) -> None:
    whole, stripped = python(*program), python("-OO", *program)

    assert (stripped.returncode, stripped.stderr) == (0, "")
    assert stripped.stdout == whole.stdout


def test_a_command_of_rules_works_without_them(tmp_path: Path) -> None:
    done = python("-OO", "-m", "epm", "match", EXAMPLE, "--matcher", "evidence-rules", "-o", tmp_path / "d.jsonl")

    assert done.returncode == 0, done.stderr
    assert "match" in (tmp_path / "d.jsonl").read_text()


@pytest.mark.torch
def test_what_needs_transformers_says_so_in_one_line(tmp_path: Path) -> None:
    done = python("-OO", "-m", "epm", "distill", "pretrain", "-o", tmp_path / "seed", "--steps", "1")

    assert done.returncode == 2
    assert done.stderr == "epm: python -OO strips the docstrings that transformers needs: run without -OO\n"
