"""What a library would take from the environment is taken away, in a process of its own so that this one keeps its variables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from epm.library_settings import FORCED, FORCED_IN_PROGRAM
from hostile_environment import ADDRESSES, OFF, ON, TEXTS

KEPT = {
    "HF_ENDPOINT", "HF_INFERENCE_ENDPOINT", "HF_HUB_OFFLINE", "HF_TOKEN", "OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_ORGANIZATION",
    "OPENAI_PROJECT", "ANTHROPIC_BASE_URL", "AZURE_API_BASE", "LITELLM_PROXY_API_BASE", "IS_PERSISTENT", "ALLOW_RESET",
    "SUPABASE_URL", "CLICKHOUSE_URL",
}  # fmt: skip
"""What names a model's or the hub's address stays: it is checked, and shown by ``runs show``. The others are read by nothing we load."""
SHOW = "import json, os, sys; {}; json.dump(dict(os.environ), sys.stdout)"
PROGRAM = "from epm.library_settings import own_environment, read_dotenv; own_environment(); read_dotenv()"


def environment_after(code: str, environment: dict[str, str], cwd: Path) -> dict[str, str]:
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(path for path in sys.path if path), **environment}
    done = subprocess.run([sys.executable, "-c", SHOW.format(code)], cwd=cwd, env=env, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def hostile() -> dict[str, str]:
    return {**dict.fromkeys(ON, "true"), **dict.fromkeys(OFF, "false"), **dict.fromkeys(ADDRESSES, "http://trap.invalid"), **TEXTS}


@pytest.mark.parametrize("is_in_file", [False, True], ids=["shell", "dotenv"])
def test_the_program_keeps_no_variable_that_opens_a_way_out(tmp_path: Path, *, is_in_file: bool) -> None:
    if is_in_file:
        (tmp_path / ".env").write_text("".join(f"{name}={value!r}\n" for name, value in hostile().items()))
    seen = environment_after(PROGRAM, {} if is_in_file else hostile(), tmp_path)
    assert {name: seen[name] for name in (FORCED | FORCED_IN_PROGRAM)} == FORCED | FORCED_IN_PROGRAM
    assert set(hostile()) & set(seen) - set(FORCED | FORCED_IN_PROGRAM) == KEPT & set(hostile())


def test_importing_the_package_forces_what_is_ours_and_leaves_tracing_of_the_program_itself(tmp_path: Path) -> None:
    seen = environment_after("import epm", hostile(), tmp_path)
    assert {name: seen[name] for name in FORCED} == FORCED
    assert seen["LANGSMITH_TRACING"] == "true"
    assert "USE_LITELLM_PROXY" not in seen
    assert "OPENAI_LOG" not in seen


def test_a_dotenv_gives_keys_and_addresses_and_changes_none_that_is_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=from-file\nGROQ_API_KEY=g\nLANGSMITH_TRACING=true\nLITELLM_LOG=DEBUG\n")
    seen = environment_after(PROGRAM, {"OPENAI_API_KEY": "from-shell"}, tmp_path)
    assert (seen["OPENAI_API_KEY"], seen["GROQ_API_KEY"], seen["LITELLM_LOG"]) == ("from-shell", "g", "ERROR")
    assert "LANGSMITH_TRACING" not in seen


def test_an_unreadable_dotenv_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfeA\x00")
    code = "from epm.library_settings import read_dotenv; read_dotenv()"
    with pytest.raises(subprocess.CalledProcessError) as caught:
        environment_after(code, {}, tmp_path)
    assert "ConfigError: cannot read" in caught.value.stderr
