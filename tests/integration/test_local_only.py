"""``--local-only`` and ``[egress] hosts``: refused before a socket opens, watched at the socket itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from epm.files.pairs import write_pairs
from epm.listing import Listing
from epm.pair import Pair
from epm.relation import Label

WATCHED = """
import json, sys
seen = []
def hear(event, args):
    if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"}:
        target = args[0] if event.startswith("socket.get") else args[1]
        host = target[0] if isinstance(target, tuple) else target
        if str(host) not in {"127.0.0.1", "localhost", "::1"}:
            seen.append([event, str(host)])
sys.addaudithook(hear)
from epm.cli.app import main
try:
    main()
finally:
    open("seen.json", "w").write(json.dumps(seen))
"""
MODEL = ("--model", "openai/gpt-4o-mini", "--api-key-env", "FAKE_KEY")
COMMANDS = {
    "teach": ("teach", "pairs.jsonl", "--embedder", "hash", *MODEL),
    "match": ("match", "pairs.jsonl", "--matcher", "multi-agent-rag", *MODEL),
    "bench": ("bench", "pairs.jsonl", "--matcher", "multi-agent-rag", *MODEL),
    "audit": ("audit", "pairs.jsonl", "--student", "tfidf", "--oracle", "multi-agent-rag", *MODEL),
    "compare": ("compare", "Kolvra KX-120", "Kolvra KX-130", "--matcher", "multi-agent-rag", "--model", "openai/gpt-4o-mini"),
    "doctor": ("doctor", *MODEL),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pairs = [
        Pair(f"p{i}", Listing(f"l{i}", f"Kolvra KX-{i}"), Listing(f"r{i}", f"Kolvra KX-{i}"), gold_label=Label.MATCH) for i in range(2)
    ]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    return tmp_path


def run(folder: Path, *command: str, **more: str) -> tuple[subprocess.CompletedProcess[str], list[list[str]]]:
    env = {"PATH": "/usr/bin:/bin", "FAKE_KEY": "secret-1", "HOME": str(folder), "OPENAI_API_KEY": "secret-1", **more}
    env["PYTHONPATH"] = ":".join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *command], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    return done, json.loads((folder / "seen.json").read_text())


@pytest.mark.parametrize("name", COMMANDS)
def test_local_only_refuses_an_outside_model_before_any_name_is_looked_up(folder: Path, name: str) -> None:
    done, seen = run(folder, *COMMANDS[name], "--local-only")
    assert (done.returncode, done.stdout) == (2, "")
    assert "api.openai.com" in done.stderr
    assert "--local-only" in done.stderr
    assert "Traceback" not in done.stderr
    assert seen == []


def test_judges_keep_to_it_too(folder: Path) -> None:
    done, _ = run(folder, "teach", "pairs.jsonl", "--embedder", "hash", "--json", "--local-only")
    assert done.returncode == 0, done.stderr
    run_id = json.loads(done.stdout)["run_id"]
    done, seen = run(folder, "judge", "score", run_id, *MODEL, "--local-only")
    assert (done.returncode, seen) == (2, [])
    assert "api.openai.com" in done.stderr


def test_the_configuration_says_the_same_for_the_folder(folder: Path) -> None:
    (folder / "epm.toml").write_text("[egress]\nlocal_only = true\n")
    done, seen = run(folder, *COMMANDS["teach"])
    assert (done.returncode, seen) == (2, [])
    assert "nothing may be sent" in done.stderr


@pytest.mark.parametrize("base", ["http://10.1.2.3:8000/v1", "http://models.internal/v1", "http://localhost.evil.example/v1"])
def test_an_address_that_is_not_in_the_list_of_hosts_is_refused(folder: Path, base: str) -> None:
    (folder / "epm.toml").write_text('[egress]\nhosts = ["api.openai.com"]\n')
    done, seen = run(folder, *COMMANDS["teach"], "--api-base", base)
    assert (done.returncode, seen) == (2, [])
    assert "[egress] hosts" in done.stderr


def test_a_server_on_this_machine_is_asked_under_local_only(folder: Path, fake_server: Any) -> None:
    done, seen = run(folder, *COMMANDS["teach"], "--api-base", fake_server.url, "--local-only")
    assert fake_server.n_requests() > 0, done.stderr
    assert seen == []


def test_a_store_elsewhere_is_refused_too(folder: Path) -> None:
    done, seen = run(
        folder, "teach", "pairs.jsonl", "--embedder", "hash", "--store", "postgresql://u:hidden@db.internal/epm", "--local-only"
    )
    assert (done.returncode, seen) == (2, [])
    assert "db.internal" in done.stderr
    assert "hidden" not in done.stderr


@pytest.mark.parametrize("name", ["teach", "match", "doctor"])
@pytest.mark.parametrize(
    "environment",
    [
        {"OPENAI_BASE_URL": "http://10.9.9.9:81/v1"}, {"OPENAI_API_BASE": "http://evil.invalid/v1"}, {"HTTPS_PROXY": "http://10.9.9.9:81"},
        {"HTTPS_PROXY": "http://evil.invalid:81"}, {"ALL_PROXY": "10.9.9.9:81"},
    ],
)  # fmt: skip
def test_what_the_environment_says_of_addresses_and_proxies_is_bound_by_the_list_of_hosts(
    folder: Path, name: str, environment: dict[str, str]
) -> None:
    (folder / "epm.toml").write_text('[egress]\nhosts = ["api.openai.com"]\n')
    done, seen = run(folder, *COMMANDS[name], **environment)
    assert (done.returncode, done.stdout, seen) == (2, "", [])
    assert ("10.9.9.9" in done.stderr) or ("evil.invalid" in done.stderr)
    assert "hosts in epm.toml allows api.openai.com" in done.stderr


def test_a_local_server_is_not_asked_through_a_proxy_elsewhere_under_local_only(folder: Path, fake_server: Any) -> None:
    done, seen = run(folder, *COMMANDS["teach"], "--api-base", fake_server.url, "--local-only", HTTP_PROXY="http://10.9.9.9:81")
    assert (done.returncode, seen, fake_server.n_requests()) == (2, [], 0)
    assert "'10.9.9.9'" in done.stderr


@pytest.mark.parametrize("name", ["teach", "match", "doctor"])
def test_a_redirect_to_a_host_that_is_not_listed_is_told_and_never_looked_up(folder: Path, fake_server: Any, name: str) -> None:
    (folder / "epm.toml").write_text('[egress]\nhosts = ["api.openai.com"]\n')
    fake_server.script(faults=["redirect:307 http://evil.invalid/v1/chat/completions"] * 40)
    done, seen = run(folder, *COMMANDS[name], "--api-base", fake_server.url)
    assert (done.returncode, seen) == (2, [])
    assert "evil.invalid" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_rules_of_a_folder_hold_in_the_folders_below_it(folder: Path) -> None:
    (folder / "epm.toml").write_text("[egress]\nlocal_only = true\n")
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    write_pairs(below / "pairs.jsonl", [Pair("p", Listing("l", "Kolvra KX-1"), Listing("r", "Kolvra KX-2"))])
    for name in ("teach", "compare"):
        done, seen = run(below, *COMMANDS[name], HOME=str(folder))
        assert (done.returncode, seen) == (2, []), done.stderr
        assert "nothing may be sent" in done.stderr
