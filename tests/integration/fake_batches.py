"""Files and batches of the fake server: a batch is answered when it has been looked at often enough, or is released.

Nothing here knows sockets: ``handle`` takes a request and gives status and value (JSON, or bytes of a file).
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from typing import Any

Answer = Callable[[dict[str, Any]], tuple[int, dict[str, Any] | None]]
_ENDED = {"completed", "failed", "expired", "cancelled"}


class Batches:
    """What was uploaded and submitted since the last script."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.looks_left = settings.get("batch_looks", 1)
        self.end = settings.get("batch_end", "completed")
        self.n_answered = settings.get("batch_answered", 0)
        self.faults = list(settings.get("admin_faults", []))
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.lines: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.seen: list[dict[str, Any]] = []

    def to_json(self) -> dict[str, Any]:
        shown = [{key: batch[key] for key in ("id", "status", "input_file_id", "endpoint")} for batch in self.batches.values()]
        return {"batches": shown, "lines": self.lines, "files": sorted(self.files), "deleted": self.deleted, "admin": self.seen}

    def next_fault(self, method: str, path: str) -> str | None:
        """The next scripted fault, if it is for this kind of request: ``METHOD /part fault``, or a fault alone."""
        if not self.faults:
            return None
        where, _, fault = (self.faults[0] or "").rpartition(" ")
        if where and not (method == where.split()[0] and where.split()[1] in path):
            return None
        self.faults.pop(0)
        return fault or None

    def handle(self, method: str, path: str, headers: dict[str, str], payload: bytes, answer: Answer) -> tuple[int, object]:
        self.seen.append({"method": method, "path": path, "authorization": headers.get("authorization"), "api_key": headers.get("api-key")})
        bare = path.partition("?")[0]
        if method == "POST" and bare.endswith("/files"):
            return 200, self.upload(headers, payload)
        if method == "POST" and bare.endswith("/batches"):
            return 200, self.create(json.loads(payload))
        if method == "GET" and bare.endswith("/batches"):
            return 200, {"object": "list", "data": list(self.batches.values())[::-1], "has_more": False}
        if method == "GET" and "/batches/" in bare:
            batch = self.batches.get(bare.rsplit("/", 1)[1])
            return (404, {"error": {"message": "no such batch"}}) if batch is None else (200, self.look(batch, answer))
        name = bare.removesuffix("/content").rsplit("/", 1)[1]
        return self.file(name, is_deleted=method == "DELETE")

    def file(self, name: str, *, is_deleted: bool) -> tuple[int, object]:
        if name not in self.files:
            return 404, {"error": {"message": f"no file {name}"}}
        if is_deleted:
            del self.files[name]
            self.deleted.append(name)
            return 200, {"id": name, "object": "file", "deleted": True}
        return 200, self.files[name]

    def upload(self, headers: dict[str, str], payload: bytes) -> dict[str, Any]:
        boundary = re.search(r'boundary="?([^";]+)', headers["content-type"]).group(1).encode()
        parts = payload.split(b"--" + boundary)
        [content] = [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts if b'name="file"' in part]
        return self.keep(content, "batch")

    def keep(self, content: bytes, purpose: str) -> dict[str, Any]:
        name = f"file-{len(self.files) + len(self.deleted) + 1}"
        self.files[name] = content
        described = {"id": name, "object": "file", "bytes": len(content), "created_at": 1, "filename": "b.jsonl"}
        return {**described, "purpose": purpose, "status": "processed"}

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        name = f"batch_{len(self.batches) + 1}"
        self.batches[name] = {
            "id": name, "object": "batch", "endpoint": body["endpoint"], "input_file_id": body["input_file_id"], "completion_window": "24h",
            "status": "in_progress", "created_at": int(time.time()), "output_file_id": None, "error_file_id": None, "errors": None,
            "request_counts": {"total": self.files[body["input_file_id"]].count(b"\n"), "completed": 0, "failed": 0},
        }  # fmt: skip
        return self.batches[name]

    def look(self, batch: dict[str, Any], answer: Answer) -> dict[str, Any]:
        if batch["status"] not in _ENDED:
            self.looks_left -= 1
            if self.looks_left < 0:
                self.finish(batch, answer)
        return batch

    def finish(self, batch: dict[str, Any], answer: Answer) -> None:
        batch["status"] = self.end
        if self.end == "failed":
            batch["errors"] = {"object": "list", "data": [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}]}
            return
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        n_answered = len(lines) if self.end == "completed" else self.n_answered
        results: dict[str, list[dict[str, Any]]] = {"output_file_id": [], "error_file_id": []}
        for number, line in enumerate(lines):
            status, body = answer(line["body"]) if number < n_answered else (0, {})
            if body is not None:
                results["output_file_id" if status == 200 else "error_file_id"].append(self.result(line, status, body))
        for field, found in results.items():
            if found:
                batch[field] = self.keep("".join(json.dumps(one) + "\n" for one in found[::-1]).encode(), "batch_output")["id"]

    def result(self, line: dict[str, Any], status: int, body: dict[str, Any]) -> dict[str, Any]:
        usage = body.get("usage") or {}
        sent = line["body"]
        self.lines.append(
            {
                "key": line["custom_id"], "url": line["url"], "model": sent["model"], "status": status, "keys": sorted(sent),
                "sha": hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest(),
                "prompt_tokens": usage.get("prompt_tokens", 0), "completion_tokens": usage.get("completion_tokens", 0),
            }
        )  # fmt: skip
        if status == 0:
            error = {"code": f"batch_{self.end}", "message": f"This batch {self.end} before the request was executed."}
            return {"id": "r", "custom_id": line["custom_id"], "response": None, "error": error}
        response = {"status_code": status, "request_id": "q", "body": body}
        return {"id": "r", "custom_id": line["custom_id"], "response": response, "error": None}
