"""Runs programs in processes of their own that need not import the large libraries again: each is forked from one that has.

A command of epm over litellm spends two to three seconds importing; tests start hundreds. The forked process has its own
memory, environment, folder, output and exit code like any other. What start-up itself does (imports, installed scripts,
signals) is tested with processes started in the ordinary way.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

EPM = "from epm.cli.app import main; main()"


def run_forked(
    code: str, *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout_s: int = 120
) -> subprocess.CompletedProcess[str]:
    """What the program printed and its exit code; the negative number of a signal that ended it, SIGALRM after the timeout."""
    listed = ["epm", *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder, name) for name in ("stdout", "stderr")]
        order = {
            "code": code, "argv": listed, "cwd": str(cwd or Path.cwd()), "env": dict(os.environ if env is None else env),
            "outputs": list(map(str, outputs)), "timeout_s": timeout_s,
        }  # fmt: skip
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        returncode = int(server.stdout.readline())
        stdout, stderr = (path.read_text(encoding="utf-8") for path in outputs)
    return subprocess.CompletedProcess(listed, returncode, stdout, stderr)


@cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.kill)
    return server


def _import_large_libraries() -> None:
    """Without chromadb: it starts a thread, and a forked process would have none."""
    from epm.config import stay_offline

    stay_offline()
    import sqlalchemy  # noqa: F401

    from epm.gateway.transports.litellm import load_litellm

    load_litellm()


def _become(order: dict) -> None:
    """Take the place of the ordered program: what follows is its life."""
    for target, path in zip((1, 2), order["outputs"], strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), target)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    signal.alarm(order["timeout_s"])
    sys.argv = order["argv"]
    exec(compile(order["code"], "<forked>", "exec"), {"__name__": "__main__"})  # noqa: S102  # the caller's own program


def _serve() -> None:
    _import_large_libraries()
    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)  # it ends as any program does: with all that runs at exit
            return
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
