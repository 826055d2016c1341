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
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_STILL_RUNS = "still runs"

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
        returncode = int(_ask(order))
        stdout, stderr = (path.read_text(encoding="utf-8") for path in outputs)
    return subprocess.CompletedProcess(listed, returncode, stdout, stderr)


class Started:
    """A program that runs beside the test; ``ended`` waits for it."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._folder = folder

    def poll(self) -> int | None:
        """Its exit code, or the negative number of the signal that ended it; nothing while it runs."""
        if self.returncode is None:
            answer = _ask({"wait": self.pid})
            self.returncode = None if answer == _STILL_RUNS else int(answer)
        return self.returncode

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def stderr(self) -> str:
        """What it said so far."""
        return (self._folder / "stderr").read_text(encoding="utf-8")

    def ended(self, *, timeout_s: float = 60) -> str:
        """What it said on stderr until its end; one that does not end is killed, so that a red test leaves none behind."""
        until = time.monotonic() + timeout_s
        while self.poll() is None:
            if time.monotonic() > until:
                self.kill()
                raise TimeoutError(f"still running after {timeout_s:g} s; it said: {self.stderr()}")
            time.sleep(0.02)
        return self.stderr()


def start_forked(code: str, *arguments: object, cwd: Path, env: Mapping[str, str], outputs: Path, timeout_s: int = 120) -> Started:
    """Like :func:`run_forked`, but beside the caller; what it prints lies in the folder ``outputs``, a new one."""
    outputs.mkdir()
    order = {
        "code": code, "argv": ["epm", *map(str, arguments)], "cwd": str(cwd), "env": dict(env), "timeout_s": timeout_s,
        "outputs": [str(outputs / name) for name in ("stdout", "stderr")], "is_started_only": True,
    }  # fmt: skip
    return Started(int(_ask(order)), outputs)


def _ask(order: Mapping[str, object]) -> str:
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(order) + "\n")
    server.stdin.flush()
    return server.stdout.readline().strip()


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
        if "wait" in order:
            pid, status = os.waitpid(order["wait"], os.WNOHANG)
            _answer(os.waitstatus_to_exitcode(status) if pid else _STILL_RUNS)
            continue
        child = os.fork()
        if child == 0:
            _become(order)  # it ends as any program does: with all that runs at exit
            return
        _answer(child if order.get("is_started_only") else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _answer(value: object) -> None:
    sys.stdout.write(f"{value}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
