"""The program with its standard streams full, closed, cut off by ``head``, or in a narrow encoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

EPM = f"{sys.executable} -c 'from epm.cli.app import main; main()'"


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """What the shell makes of the line, in which ``epm`` is the program."""
    script = f'epm() {{ {EPM} "$@"; }}\n{line}'
    return subprocess.run(["bash", "-c", script], check=False, capture_output=True, env={**os.environ, **environment}, timeout=60)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110  # as short as it gets
@pytest.mark.parametrize("command", ["--help", "compare a b", "compare a b --json"])
def test_a_full_stdout_is_exit_2_with_one_line(command: str) -> None:
    done = shell(f"epm {command} >/dev/full")

    assert done.returncode == 2
    assert done.stderr.decode() == "epm: cannot write to standard output: No space left on device; make room, or send it elsewhere\n"


def test_head_ends_the_program_quietly_with_the_status_of_sigpipe() -> None:
    done = shell('epm compare a b | true; exit "${PIPESTATUS[0]}"')

    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_are_as_good_as_dev_null_and_no_file_takes_their_place(closed: str, tmp_path: object) -> None:
    done = shell(f"cd {tmp_path}; echo '{json.dumps({'left': {'title': 'Kolvra'}, 'right': {'title': 'Kolvra'}})}' > p.jsonl\n"
                 f"epm match p.jsonl --matcher evidence-rules --out d.jsonl {closed}; code=$?; cat d.jsonl; exit $code")  # fmt: skip

    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1])["outcome"] == "decided"
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_narrow_encoding_escapes_what_it_lacks(encoding: str) -> None:
    done = shell("epm compare 'größer 5 €' b --json", PYTHONIOENCODING=encoding)

    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode(encoding))["left"] == "größer 5 €"
    assert b"\\u20ac" in done.stdout
