"""A fake OpenAI-compatible server on a real socket: scripted replies, faults, latency, and a log of what it was asked.

    python tests/integration/fake_openai.py --port 0        prints the address, then serves until killed

``POST /v1/chat/completions`` answers, and so does Azure's route with its query. ``POST /script`` with JSON sets ``replies`` (list of {contains, content | tool_calls}; the
first whose ``contains``, a text or a list of texts, stands in the request wins), ``faults`` (list of names or null, one for each coming request),
``fault_rate`` and ``fault_kinds`` (random faults, seeded by ``seed``), ``latency_s`` and ``stall_s``, and clears the log. ``GET /log``
returns the log, with every body where ``keep_bodies`` is set. ``double`` sets a model double (``model_doubles.py``) that answers instead of
the replies; ``GET /search?q=`` is a web search that finds ``pages``. ``reasoning_tokens`` are thought unseen by every reply to a request with ``reasoning_effort``. Faults are the keys of ``STATUS_FAULTS``, stall, reset, truncated_body, invalid_json, wrong_schema, refusal, length,
content_filter, empty_choices, missing_usage, wrong_model, and those of ``HOSTILE`` with an argument after a colon (``redirect:307 /there``,
``usage:{"prompt_tokens": -1}``, ``page:300000``). Without a matching reply it fills the request's JSON schema, or calls its first tool once, or says "ok".

Batches (``fake_batches.py``): ``batch_looks`` is how often one is looked at before it ends, ``batch_end`` its last status, ``batch_answered`` how
many lines are answered before an end that is none; ``admin_faults`` are faults of the coming requests to files and batches. ``POST /release``
ends all that wait. Faults hit lines as they hit calls.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import hashlib
import json
import random
import sys
import time
import zlib
from typing import Any
from urllib.parse import unquote_plus

from fake_batches import Batches
from model_doubles import make_double

STATUS_FAULTS = {
    "429": (429, {"message": "slow down", "type": "rate_limit", "code": "rate_limit_exceeded"}),
    "429_retry_after": (429, {"message": "slow down", "type": "rate_limit", "code": "rate_limit_exceeded"}),
    "429_quota": (429, {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}),
    "402": (402, {"message": "Insufficient Balance", "type": "unknown_error", "code": None}),
    "credit_400": (400, {"message": "Your credit balance is too low to access the API.", "type": "invalid_request_error", "code": None}),
    "503_retry_after": (503, {"message": "overloaded", "type": "server_error", "code": None}),
    "500": (500, {"message": "server error", "type": "server_error", "code": None}),
    "503": (503, {"message": "overloaded", "type": "server_error", "code": None}),
    "401": (401, {"message": "Incorrect API key provided: sk-canary-123.", "type": "invalid_request_error", "code": "invalid_api_key"}),
    "400": (400, {"message": "bad request", "type": "invalid_request_error", "code": None}),
    "strict_400": (400, {"message": "response_format: strict is not supported", "type": "invalid_request_error", "code": None}),
    "404": (404, {"message": "no such model", "type": "invalid_request_error", "code": "model_not_found"}),
    "context": (
        400,
        {
            "message": "This model's maximum context length is 10 tokens.",
            "type": "invalid_request_error",
            "code": "context_length_exceeded",
        },
    ),
    "filter_400": (
        400,
        {
            "message": "The response was filtered due to the content management policy.",
            "type": "invalid_request_error",
            "code": "content_filter",
        },
    ),
}
STATUS_FAULTS["azure_filter_400"] = (
    400,
    {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
        },
    },
)
UNAUTHORIZED = 401


class Script:
    """What the server will do, and what it has seen."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.replies = settings.get("replies", [])
        self.faults = list(settings.get("faults", []))
        self.fault_rate = settings.get("fault_rate", 0.0)
        self.fault_kinds = settings.get("fault_kinds", ["429", "500", "invalid_json"])
        self.latency_s = settings.get("latency_s", 0.0)
        self.stall_s = settings.get("stall_s", 30.0)
        self.keep_bodies = settings.get("keep_bodies", False)
        self.reasoning_tokens = settings.get("reasoning_tokens", 0)
        self.retry_after = settings.get("retry_after", "1")
        self.rng = random.Random(settings.get("seed", 0))
        self.requests = []
        self.double = make_double(settings.get("double"))
        self.pages = settings.get("pages", [])
        self.queries = []
        self.batches = Batches(settings)
        self.n_in_flight = 0
        self.most_in_flight = 0

    def next_fault(self) -> str | None:
        if self.faults:
            return self.faults.pop(0)
        return self.rng.choice(self.fault_kinds) if self.rng.random() < self.fault_rate else None

    def to_json(self) -> dict[str, Any]:
        delivered = [request for request in self.requests if request["status"] == 200]
        return {
            "n_requests": len(self.requests),
            "most_in_flight": self.most_in_flight,
            "prompt_tokens": sum(request["prompt_tokens"] for request in delivered),
            "completion_tokens": sum(request["completion_tokens"] for request in delivered),
            "requests": self.requests,
            "queries": self.queries,
            **self.batches.to_json(),
        }


def fill_schema(schema: dict[str, Any], root: dict[str, Any], name: str = "") -> object:
    """A value that fits a JSON schema: first enum member, defaults, first branch of a union, short texts, few items."""
    if "$ref" in schema:
        return fill_schema(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, name)
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in schema:
            return fill_schema(schema[keyword][0], root, name)
    return schema["enum"][0] if "enum" in schema else fill_type(schema, root, name)


def fill_type(schema: dict[str, Any], root: dict[str, Any], name: str) -> object:
    kind = schema.get("type")
    if kind == "object":
        wanted = schema.get("required", list(schema.get("properties", {})))
        return {key: fill_schema(part, root, key) for key, part in schema.get("properties", {}).items() if key in wanted}
    if kind == "array":
        return [fill_schema(schema.get("items", {}), root, name) for _ in range(schema.get("minItems", 0))]
    if kind in {"integer", "number"}:
        return schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
    return {"boolean": True, "null": None}.get(str(kind), f"some {name or 'text'}")


def schema_of(body: dict[str, Any]) -> dict[str, Any] | None:
    response_format = body.get("response_format") or {}
    return (response_format.get("json_schema") or {}).get("schema")


def choose_message(script: Script, body: dict[str, Any]) -> dict[str, Any]:
    if script.double is not None:
        message = script.double(body)
        return tool_message(message["tool_calls"], body) if "tool_calls" in message else {"role": "assistant", **message}
    text = json.dumps(body.get("messages"), ensure_ascii=False)
    for reply in script.replies:
        wanted = reply.get("contains", "")
        if all(part in text for part in ([wanted] if isinstance(wanted, str) else wanted)):
            if "tool_calls" in reply:
                return tool_message(reply["tool_calls"], body)
            content = reply["content"]
            return {"role": "assistant", "content": content if isinstance(content, str) else json.dumps(content)}
    tools = body.get("tools") or []
    if tools and not any(message["role"] == "tool" for message in body["messages"]):
        function = tools[0]["function"]
        return tool_message(
            [{"name": function["name"], "arguments": {**fill_schema(function["parameters"], function["parameters"]), **_QUERY}}], body
        )
    schema = schema_of(body)
    return {"role": "assistant", "content": "ok" if schema is None else json.dumps(fill_schema(schema, schema))}


_QUERY = {"query": "kolvra kx-120 kettle"}
"""What a model would look for: nonsense finds nothing."""


def tool_message(calls: list[dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
    number = len(body["messages"])
    listed = [
        {"id": f"call_{number}_{i}", "type": "function", "function": {"name": call["name"], "arguments": json.dumps(call["arguments"])}}
        for i, call in enumerate(calls)
    ]
    return {"role": "assistant", "content": None, "tool_calls": listed}


def completion(script: Script, body: dict[str, Any], fault: str | None) -> dict[str, Any]:
    message = choose_message(script, body)
    finish_reason = "tool_calls" if "tool_calls" in message else "stop"
    if fault == "invalid_json":
        message = {"role": "assistant", "content": '{"broken": '}
    if fault == "wrong_schema":
        message = {"role": "assistant", "content": '{"surprise": true}'}
    if fault == "refusal":
        message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    if fault in {"length", "content_filter"}:
        finish_reason = fault
        message = {"role": "assistant", "content": (message["content"] or "")[:5]}
    usage = {
        "prompt_tokens": len(json.dumps(body.get("messages")).split()),
        "completion_tokens": len(json.dumps(message)) // 4 + 1,
    }
    if body.get("reasoning_effort") and script.reasoning_tokens:
        usage["completion_tokens"] += script.reasoning_tokens
        usage["completion_tokens_details"] = {"reasoning_tokens": script.reasoning_tokens}
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    model = "surprise-model-7" if fault == "wrong_model" else str(body.get("model"))
    reply = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "usage": usage}
    reply["choices"] = [] if fault == "empty_choices" else [{"index": 0, "finish_reason": finish_reason, "message": message}]
    if fault == "missing_usage":
        del reply["usage"]
    return reply


class FakeServer:
    """Serves HTTP/1.1 with keep-alive; one coroutine for each connection."""

    def __init__(self) -> None:
        self.script = Script({})

    async def serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self.serve_request(reader, writer):
                pass
        with contextlib.suppress(ConnectionError):
            writer.close()

    async def serve_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        request_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        payload = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = request_line.split(" ")
        if path == "/log" or path.startswith("/search?q="):
            return await respond(writer, 200, self.looked_up(path))
        if path == "/script":
            self.script = Script(json.loads(payload))
            return await respond(writer, 200, {})
        if method == "POST" and path.partition("?")[0].endswith("/chat/completions"):
            return await self.answer(writer, json.loads(payload), path, headers)
        if path == "/release":
            self.script.batches.looks_left = 0
            return await respond(writer, 200, {})
        if "/files" in path or "/batches" in path:
            return await self.administer(writer, method, path, headers, payload)
        return await respond(writer, 404, {"error": {"message": f"no {method} {path}"}})

    def looked_up(self, path: str) -> dict[str, Any]:
        if path == "/log":
            return self.script.to_json()
        self.script.queries.append(unquote_plus(path.removeprefix("/search?q=")))
        return {"hits": self.script.pages}

    async def answer(self, writer: asyncio.StreamWriter, body: dict[str, Any], path: str, headers: dict[str, str]) -> bool:
        script = self.script
        fault = script.next_fault()
        seen = {
            "at_s": time.time(), "fault": fault, "model": body.get("model"), "has_tools": bool(body.get("tools")), "status": 0,
            "sha": hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(), "prompt_tokens": 0, "completion_tokens": 0,
            "keys": sorted(body), "authorization": headers.get("authorization"), "api_key": headers.get("api-key"), "path": path, "max_tokens": body.get("max_tokens"),
        }  # fmt: skip
        if script.keep_bodies:
            seen["body"] = body
        script.requests.append(seen)
        script.n_in_flight += 1
        script.most_in_flight = max(script.most_in_flight, script.n_in_flight)
        try:
            await asyncio.sleep(script.latency_s)
            kind, _, argument = (fault or "").partition(":")
            if kind in HOSTILE:
                return await HOSTILE[kind](writer, completion(script, body, None), argument)
            return await self.deliver(writer, body, fault, seen)
        finally:
            script.n_in_flight -= 1

    async def administer(self, writer: asyncio.StreamWriter, method: str, path: str, headers: dict[str, str], payload: bytes) -> bool:
        script, fault = self.script, self.script.batches.next_fault(method, path)
        if fault in STATUS_FAULTS:
            status, error = STATUS_FAULTS[fault]
            return await respond(writer, status, {"error": {**error, "param": None}})

        def line(body: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
            kind = script.next_fault()
            if kind in STATUS_FAULTS:
                return STATUS_FAULTS[kind][0], {"error": {**STATUS_FAULTS[kind][1], "param": None}}
            return (200, None) if kind == "missing_line" else (200, completion(script, body, kind))

        status, value = script.batches.handle(method, path, headers, payload, line)
        if fault == "reset":  # after the work is done: what the caller asked for has happened, and it does not know
            writer.transport.abort()
            return False
        if isinstance(value, bytes):
            return await respond_bytes(writer, status, value)
        return await respond(writer, status, value)

    async def deliver(self, writer: asyncio.StreamWriter, body: dict[str, Any], fault: str | None, seen: dict[str, Any]) -> bool:
        if fault in STATUS_FAULTS:
            status, error = STATUS_FAULTS[fault]
            seen["status"] = status
            if status == UNAUTHORIZED:  # some servers echo the key
                error = {**error, "message": f"{error['message']} Got: {str(seen['authorization']).removeprefix('Bearer ')}"}
            headers = {"Retry-After": self.script.retry_after} if str(fault).endswith("_retry_after") else {}
            return await respond(writer, status, {"error": {**error, "param": None}}, headers)
        if fault == "redirect":
            return await respond(writer, 307, {}, {"Location": "http://evil.invalid/v1/chat/completions"})
        if fault == "stall":
            await asyncio.sleep(self.script.stall_s)
            return False
        if fault == "reset":
            writer.transport.abort()
            return False
        reply = completion(self.script, body, fault)
        if fault == "truncated_body":
            return await respond(writer, 200, reply, cut=True)
        seen["status"] = 200
        seen.update({name: (reply.get("usage") or {}).get(name, 0) for name in ("prompt_tokens", "completion_tokens")})
        return await respond(writer, 200, reply)


async def respond(
    writer: asyncio.StreamWriter, status: int, value: object, headers: dict[str, str] | None = None, *, cut: bool = False
) -> bool:
    payload = json.dumps(value).encode()
    return await respond_bytes(writer, status, payload[: len(payload) // 2] if cut else payload, headers)


async def respond_bytes(writer: asyncio.StreamWriter, status: int, payload: bytes, headers: dict[str, str] | None = None) -> bool:
    lines = [f"HTTP/1.1 {status} Fake", "Content-Type: application/json", f"Content-Length: {len(payload)}"]
    lines += [f"{name}: {text}" for name, text in (headers or {}).items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
    await writer.drain()
    return True


async def send_redirect(writer: asyncio.StreamWriter, _: dict[str, Any], argument: str) -> bool:
    """``STATUS LOCATION``; without a location the header is absent."""
    status, _, location = argument.partition(" ")
    return await respond(writer, int(status), {}, {"Location": location} if location else None)


async def send_usage(writer: asyncio.StreamWriter, reply: dict[str, Any], argument: str) -> bool:
    """A reply whose counts are the argument's, as they stand there."""
    text = json.dumps({**reply, "usage": "USAGE"}).replace('"USAGE"', argument)
    return await respond_bytes(writer, 200, text.encode())


async def send_big(writer: asyncio.StreamWriter, reply: dict[str, Any], argument: str) -> bool:
    """A whole reply that says so many bytes."""
    reply["choices"][0]["message"] = {"role": "assistant", "content": "x" * int(argument)}
    return await respond(writer, 200, reply)


async def send_page(writer: asyncio.StreamWriter, _: dict[str, Any], argument: str) -> bool:
    """A 400 with a page of so many bytes."""
    page = "<html><head><title>The gate is shut</title></head><body>" + "<p>sk- key- Bearer no such model\n " * (int(argument) // 34)
    return await respond_bytes(writer, 400, page.encode(), {"X-Kind": "page"})


async def send_error(writer: asyncio.StreamWriter, _: dict[str, Any], argument: str) -> bool:
    """A 400 in JSON whose message has so many bytes."""
    return await respond(writer, 400, {"error": {"message": "no such thing " * (int(argument) // 14), "code": None}})


async def send_deep(writer: asyncio.StreamWriter, _: dict[str, Any], argument: str) -> bool:
    """A reply of so many nested lists."""
    return await respond_bytes(writer, 200, b'{"choices": ' + b"[" * int(argument) + b"]" * int(argument) + b"}")


async def send_packed(writer: asyncio.StreamWriter, reply: dict[str, Any], argument: str) -> bool:
    """``CODING BYTES``: a reply of so many bytes, packed as gzip or deflate, or said to be packed in another way."""
    coding, _, size = argument.partition(" ")
    reply["choices"][0]["message"] = {"role": "assistant", "content": "x" * int(size)}
    payload = json.dumps(reply).encode()
    packed = gzip.compress(payload) if coding == "gzip" else zlib.compress(payload) if coding == "deflate" else payload
    return await respond_bytes(writer, 200, packed, {"Content-Encoding": coding})


async def send_endless(writer: asyncio.StreamWriter, _: dict[str, Any], argument: str) -> bool:
    """A body without an end, so many bytes every 10 ms."""
    writer.write(b"HTTP/1.1 200 Fake\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{")
    part = b" " * int(argument)
    while True:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.01)


HOSTILE = {
    "redirect": send_redirect, "usage": send_usage, "big": send_big, "page": send_page, "error": send_error, "deep": send_deep,
    "packed": send_packed, "endless": send_endless,
}  # fmt: skip


async def main(port: int) -> None:
    server = await asyncio.start_server(FakeServer().serve_connection, "127.0.0.1", port, limit=2**24)
    address = server.sockets[0].getsockname()
    sys.stdout.write(f"http://127.0.0.1:{address[1]}/v1\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(parser.parse_args().port))
