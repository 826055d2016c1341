from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from epm.store.process_mark import is_running, own_process

pytestmark = pytest.mark.skipif(os.name != "posix", reason="other systems do not tell")


def test_this_process_runs_and_its_id_with_another_start_is_another_process() -> None:
    mine = own_process()
    assert is_running(mine) is True
    assert is_running(replace(mine, started="0")) is False


def test_a_process_that_ended_is_seen_to_have_ended_before_it_is_collected() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    until = time.monotonic() + 20
    try:
        while is_running(replace(own_process(), pid=child.pid, started=None)) is not False and time.monotonic() < until:
            mark = replace(own_process(), pid=child.pid, started=_started(child.pid))
            if is_running(mark) is False:
                return
            time.sleep(0.01)
        pytest.fail("a process that has ended still counts as running")
    finally:
        child.wait()


def _started(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123  # read as it lies there
        return file.read().rpartition(")")[2].split()[19]


def test_a_process_of_another_machine_cannot_be_seen_nor_one_whose_start_is_unknown() -> None:
    mine = own_process()
    assert is_running(replace(mine, machine="elsewhere")) is None
    assert is_running(replace(mine, started=None)) is None
