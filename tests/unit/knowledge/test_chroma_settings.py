"""The index's settings are ours alone: chromadb reads neither the environment nor a ``.env``, not even while it is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("chromadb")

CODE = """
from pathlib import Path
import epm.knowledge.chroma_store.chroma_index
from epm.knowledge.chroma_store.chroma_settings import own_settings
from chromadb.config import Settings
made = own_settings()
defaults = {name: field.default for name, field in Settings.model_fields.items()}
print({name for name, value in made.model_dump().items() if value != defaults[name]})
"""
HOSTILE = {
    "CHROMA_OTEL_GRANULARITY": "all", "CHROMA_OTEL_COLLECTION_ENDPOINT": "http://127.0.0.1:9", "CHROMA_API_IMPL": "x.Y", "IS_PERSISTENT": "perhaps",
    "CHROMA_SERVER_HTTP_PORT": "no number", "ANONYMIZED_TELEMETRY": "true", "PERSIST_DIRECTORY": "/elsewhere", "ALLOW_RESET": "true",
}  # fmt: skip


@pytest.mark.parametrize("file", [b"", "".join(f"{name}={value}\n" for name, value in HOSTILE.items()).encode(), b"\xff\xfeA\x00"])
def test_environment_and_files_change_nothing(tmp_path: Path, file: bytes) -> None:
    (tmp_path / ".env").write_bytes(file)
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(path for path in sys.path if path), **HOSTILE}
    done = subprocess.run([sys.executable, "-c", CODE], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "{'anonymized_telemetry'}"
