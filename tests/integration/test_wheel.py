"""The built wheel holds everything, takes no other name, and its core works without torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).parents[2]
PARTS = ("src", "agents", "judges", "distill", "prompts", "eval", "pyproject.toml", "README.md", "LICENSE")
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.egg-info")
BLOCKED = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "sentence_transformers", "chromadb", "pandas")
BLOCKER = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that nothing left over in the checkout can stand in for a missing source."""
    folder = tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, symlinks=True, ignore=NOT_SHIPPED)
        else:
            shutil.copy(source, folder / part)
    command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation", "-w", str(folder / "dist"), str(folder)]
    subprocess.run(command, check=True, timeout=240)
    return next((folder / "dist").glob("epm-*.whl"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages: another project's ``agents``, then the wheel."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "agents").mkdir()
    (folder / "agents" / "__init__.py").write_text("OWNER = 'another project'\n")
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--no-compile", "--target", str(folder), str(wheel)]
    subprocess.run(command, check=True, timeout=240)
    return folder


def python(site: Path, code: str, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that finds ``site`` first."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", code],
        check=False,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_wheel_holds_every_module_and_every_data_file(wheel: Path) -> None:
    package = ROOT / "src" / "epm"
    linked = [entry for entry in package.iterdir() if entry.is_symlink()]
    sources = [path for folder in (package, *linked) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {path.relative_to(package.parent).as_posix() for path in sources}
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if name.startswith("epm/")}

    assert expected == shipped
    assert {Path(name).suffix for name in shipped} >= {".py", ".toml", ".md", ".html", ".safetensors", ".typed"}


def test_the_wheel_takes_no_top_level_name_but_its_own(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"epm"}


def test_only_one_program_is_installed(site: Path) -> None:
    assert [program.name for program in (site / "bin").iterdir()] == ["epm"]


@pytest.mark.parametrize("place", ["the repository root", "elsewhere"])
def test_another_package_named_agents_stays_intact(site: Path, tmp_path: Path, place: str) -> None:
    code = "import agents, epm, epm.agents; print(agents.OWNER, '|', epm.__file__)"
    done = python(site, code, cwd=ROOT if place == "the repository root" else tmp_path)

    assert done.stdout.strip() == f"another project | {site / 'epm' / '__init__.py'}", done.stderr


def test_the_core_works_without_torch_and_the_other_extras(site: Path, tmp_path: Path) -> None:
    code = f"""{BLOCKER}
import epm
from epm.files.pairs import read_pairs
result = epm.match(read_pairs({str(ROOT / "examples" / "pairs.jsonl")!r}).pairs, "evidence-rules")
print(len(result), result[0].outcome)
"""
    done = python(site, code, cwd=tmp_path)

    assert done.stdout.strip() == "6 decided", done.stderr


def test_the_core_shows_its_help_without_the_extras(site: Path, tmp_path: Path) -> None:
    done = python(site, f"{BLOCKER}\nsys.argv = ['epm', '--help']\nfrom epm.cli.app import main\nmain()", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "match" in done.stdout


def test_without_the_extra_a_student_is_a_user_error_that_names_the_extra(site: Path, tmp_path: Path) -> None:
    code = f"""{BLOCKER}
import epm
from epm.errors import ConfigError
from epm.files.pairs import read_pairs
try:
    epm.match(read_pairs({str(ROOT / "examples" / "pairs.jsonl")!r}).pairs, "seed")
except ConfigError as error:
    print(error)
"""
    done = python(site, code, cwd=tmp_path)

    assert "pip install 'epm[distill]'" in done.stdout, done.stderr
