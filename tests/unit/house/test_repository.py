"""What the repository promises about installing: pins without hashes, hashes without torch, one licence."""

from __future__ import annotations

import os
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import epm
from epm.files.pairs import read_pairs

ROOT = Path(__file__).parents[3]
CUDA = re.compile(r"^(nvidia|cuda|triton)")


def pins(name: str) -> dict[str, str]:
    """Package to version of a constraints or lock file."""
    found = re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(found)


def test_the_constraints_are_plain_pins_so_that_an_editable_install_stays_allowed() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.]+", line)] == []
    assert not any(CUDA.match(line) for line in lines)


def test_every_dependency_is_constrained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {re.split(r"[\[<>=!~; ]", line)[0] for line in wanted} - {"epm"}

    assert names - set(pins("constraints.txt")) == set()


def test_the_lock_agrees_with_the_constraints_and_leaves_torch_to_the_hardware() -> None:
    locked, constrained = pins("requirements.lock"), pins("constraints.txt")

    assert {name: v for name, v in locked.items() if constrained.get(name) != v} == {}
    assert {"litellm", "chromadb", "transformers"} <= set(locked)
    assert not any(CUDA.match(name) or name == "torch" for name in locked)


def test_every_package_in_the_lock_has_a_hash_and_no_file_names_a_registry() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")

    assert lock.count(" \\\n    --hash=sha256:") >= len(pins("requirements.lock"))
    assert len(re.findall(r"==\S+ \\\n    --hash=sha256:", lock)) == len(pins("requirements.lock"))
    for name in ("requirements.lock", "constraints.txt", "Makefile", "pyproject.toml"):
        assert re.search(r"https?://|--(extra-)?index-url|--find-links", (ROOT / name).read_text(encoding="utf-8")) is None


@pytest.mark.parametrize("bad", ["1.82.7", "1.82.8"])
def test_the_malicious_litellm_releases_are_excluded(bad: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert any(line.startswith("litellm") and f"!={bad}" in line for line in project["dependencies"])
    assert pins("constraints.txt")["litellm"] != bad


def test_the_version_stands_in_one_place_for_code_and_metadata() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == epm.__version__ == version("epm")


def test_the_example_pairs_can_be_read() -> None:
    file = read_pairs(ROOT / "examples" / "pairs.jsonl")

    assert len(file.pairs) == 6
    assert file.extra_columns == ()
    assert all(pair.gold_label is not None and pair.relation is not None for pair in file.pairs)


@pytest.mark.skipif("EPM_EXPECT_WHEEL" not in os.environ, reason="only 'make test' runs the suite on the wheel")
def test_the_suite_runs_on_the_built_wheel() -> None:
    assert ROOT / "src" not in Path(epm.__file__).parents
    assert (ROOT / "build" / "wheel-site") in Path(epm.__file__).parents
