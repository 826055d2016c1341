"""A simulated chat model that errs plausibly: an OpenAI-compatible server in a process of its own.

    python benchmarks/erring_model.py --seed 11 [--no-strict]        prints its address, then serves until it is killed

It reads the data fields of the prompts and decides as the evidence engine does, and errs in seeded shares: the same pair errs in
the same way for every version of the toolkit, so that two versions can be compared. Where a schema is asked for strictly, it
cannot err in form: that is what vendors' constrained decoding does. Usage is counted in tokens of o200k_base over schema and
messages; ``cached_tokens`` are those of a prefix of at least 1,024 tokens that was sent before, in steps of 128 (OpenAI's rule).

``GET /log`` says how often it erred in which way; ``GET /truth`` what it would have said of each pair without erring.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import random
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import cast

import tiktoken

from epm.evidence.tasks import answer

Body = dict[str, object]
Fields = dict[str, object]

FORM = {"fenced": 0.03, "broken": 0.01, "omitted": 0.02, "synonym": 0.02}
"""Shares of replies that err in form where no strict schema binds them. Our assumption: no source measures them for gpt-4o-mini."""
CONTENT = {"misquote": 0.09, "contradiction": 0.05, "wrong_label": 0.03, "truncated": 0.005}
"""Shares of first drafts. ``wrong_label``: gpt-4o-mini errs on 2.7 % of Abt-Buy test (P .856, R .898, 206 of 1,916 match:
leaderboards/tailormatch-all-results.csv). ``misquote`` and ``contradiction`` together: 17 % of decide calls were repeats in the
measurement that this simulation stands in for, so the share of vetoed drafts is set to that; of values that gpt-4o-mini quoted
without being told to copy 17.6 % were not verbatim (data/README.md). ``truncated`` is our assumption."""
FALSE_VETO = 0.02
"""Share of sound drafts that the second reader vetoes. Our assumption."""
CORRECTS = {"draft and faults": 0.85, "faults": 0.60, "form": 0.90, "again": 0.50}
"""How often it mends its error: shown its draft with the faults, the faults alone, its reply with what does not fit, or nothing.
Our assumption, from strongest to weakest; only their order is argued."""
SYNONYMS = {"same": "identical", "different": "conflict", "unknown": "unclear", "exact": "same product", "match": "yes", "no_match": "no"}
_FIELD = re.compile(r'<data name="([\w-]+)">\n(.*?)\n</data>', re.DOTALL)
_CACHE_FROM, _CACHE_STEP = 1_024, 128


@dataclass
class ErringModel:
    """Answers chat bodies. ``erred`` counts each kind of error by step, ``truth`` holds its sound decision on each pair."""

    seed: int
    erred: Counter[str] = field(default_factory=Counter)
    truth: dict[str, str | None] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    prefixes: set[str] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)

    def reply(self, body: Body) -> Body:
        """The chat completion that answers a body."""
        with self.lock:
            message, finish = self._message(body)
            n_prompt, n_cached = self._prompt_tokens(body)
            said = message.get("content") or json.dumps(message.get("tool_calls"))
            n_said = len(WORDS.encode(str(said), disallowed_special=()))
        return {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body.get("model"),
            "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}],
            "usage": {
                "prompt_tokens": n_prompt, "completion_tokens": n_said, "total_tokens": n_prompt + n_said,
                "prompt_tokens_details": {"cached_tokens": n_cached},
            },
        }  # fmt: skip

    def _message(self, body: Body) -> tuple[Body, str]:
        messages = cast("list[dict[str, object]]", body["messages"])
        if body.get("tools"):
            return _searching(messages)
        asked = cast("dict[str, dict[str, object]]", body["response_format"])["json_schema"]
        step = str(cast("dict[str, object]", asked["schema"])["title"])
        user = str(next(message["content"] for message in messages if message["role"] == "user"))
        fields = {name: json.loads(value) for name, value in _FIELD.findall(user)}
        kind = self._kind(step, fields, messages)
        self.asked[f"{step}, {kind}"] += 1
        value, error = self._value(step, fields, kind)
        text = json.dumps(value, ensure_ascii=False)
        if error == "truncated":
            self.erred[f"{step} truncated"] += 1
            return {"content": text[: len(text) // 2]}, "length"
        if not asked.get("strict"):
            text = self._malformed(step, text, fields, kind)
        return {"content": text}, "stop"

    def _kind(self, step: str, fields: Fields, messages: list[dict[str, object]]) -> str:
        """Whether this is a first asking, or what it is shown of its error."""
        if any(message["role"] == "assistant" for message in messages):
            return "form"
        if step == "DecideReply" and fields.get("problems"):
            return "draft and faults" if fields.get("draft") else "faults"
        return "first"

    def _dice(self, *of: object) -> random.Random:
        digest = hashlib.sha256(json.dumps([self.seed, *of], sort_keys=True, default=str).encode()).digest()
        return random.Random(digest)

    def _value(self, step: str, fields: Fields, kind: str) -> tuple[dict[str, object], str | None]:
        if step == "DecideReply":
            return self._decided(fields, kind)
        shown = {name: fields[name] for name in ("left", "right", "rationale", "question", "answers", "listing") if name in fields}
        if step == "AskReply":
            told = answer("ask", shown)
            return {"thinking": "The titles state what decides.", **told}, None
        if step == "SufficientReply":
            question = {"question": fields["question"]} if isinstance(fields["question"], str) else fields["question"]
            return {"reason": "", **answer("sufficient", {**shown, "question": question})}, None
        if step == "ExtractReply":
            return answer("extract", shown), None
        found = answer("verify", {**shown, "identity": "strict"})
        if found["verdict"] == "pass" and self._dice("veto", fields["left"], fields["right"], kind).random() < FALSE_VETO:
            self.erred["VerifyReply false veto"] += 1
            found = {"problems": ["name: the names may mean two products"], "verdict": "veto"}
        return found, None

    def _decided(self, fields: Fields, kind: str) -> tuple[dict[str, object], str | None]:
        pair = (fields["left"], fields["right"])
        shown = {name: fields[name] for name in ("left", "right", "answers", "rivals") if name in fields}
        sound = {**answer("decide", {**shown, "identity": "strict"}), "confidence": "high"}
        self.truth[_pair_key(*pair)] = cast("str | None", sound["label"])
        error = _drawn(CONTENT, self._dice("content", *pair))
        if kind != "first" and error != "wrong_label":
            mends = CORRECTS[kind]
            error = None if self._dice("mend", kind, *pair).random() < mends else error
        if error is None or error == "truncated":
            return sound, error
        wrong = _ERRORS[error](sound, pair)
        self.erred[f"DecideReply {error}, {kind}"] += 1
        return wrong, error

    def _malformed(self, step: str, text: str, fields: Fields, kind: str) -> str:
        of = (step, fields.get("left"), fields.get("right"), fields.get("question"), fields.get("listing"))
        error = _drawn(FORM, self._dice("form", *of))
        if kind == "form":
            error = None if self._dice("mend form", *of).random() < CORRECTS["form"] else error
        if kind not in {"first", "form"}:
            error = _drawn(FORM, self._dice("form", kind, *of))
        if error is None:
            return text
        self.erred[f"{step} {error}, {kind}"] += 1
        if error == "fenced":
            return f"```json\n{text}\n```"
        if error == "broken":
            return text[:-2]
        value = json.loads(text)
        if error == "omitted":
            value.pop(next(reversed(value)) if step != "DecideReply" else "relation")
            return json.dumps(value, ensure_ascii=False)
        return re.sub(r'"(same|different|unknown|exact|match|no_match)"', lambda found: json.dumps(SYNONYMS[found[1]]), text, count=1)

    def _prompt_tokens(self, body: Body) -> tuple[int, int]:
        """Tokens of schema and messages, and how many of them a prefix cache holds."""
        format_ = cast("dict[str, dict[str, object]]", body.get("response_format") or {})
        schema = format_.get("json_schema", {}).get("schema") or body.get("tools")
        messages = cast("list[dict[str, object]]", body["messages"])
        parts = [json.dumps(schema, separators=(",", ":"), sort_keys=True)]
        parts += [f"{message['role']}\n{message.get('content') or json.dumps(message.get('tool_calls'))}" for message in messages]
        tokens = [token for part in parts for token in (*WORDS.encode(part, disallowed_special=()), 0, 0, 0)]  # three for each message
        n_cached = 0
        for end in range(_CACHE_FROM, len(tokens) + 1, _CACHE_STEP):
            digest = hashlib.sha256(repr(tokens[:end]).encode()).hexdigest()
            n_cached = end if digest in self.prefixes else n_cached
            self.prefixes.add(digest)
        return len(tokens), n_cached


def _searching(messages: list[dict[str, object]]) -> tuple[Body, str]:
    """One search for the question, then an answer from what was found, as the rules would."""
    fields = dict(_FIELD.findall(str(next(message["content"] for message in messages if message["role"] == "user"))))
    question = json.loads(fields["question"])
    results = [message for message in messages if message["role"] == "tool"]
    if not results:
        call = {"name": "find_rivals", "arguments": json.dumps({"query": str(question)[:200]})}
        return {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": call}]}, "tool_calls"
    rows = [row for result in results for _, value in _FIELD.findall(str(result["content"])) for row in json.loads(value)]
    said = {"answer": rows[0]["text"][:200], "citations": [rows[0]["id"]]} if rows else {"answer": None, "citations": []}
    return {"content": json.dumps(said)}, "stop"


def _drawn(shares: dict[str, float], dice: random.Random) -> str | None:
    at = dice.random()
    for name, share in shares.items():
        at -= share
        if at < 0:
            return name
    return None


def _misquoted(sound: dict[str, object], _pair: tuple[object, object]) -> dict[str, object]:
    """A quote that is said in other words than the listing's."""
    core = cast("dict[str, object]", sound["core"])
    cells = [dict(cell) for cell in cast("list[dict[str, object]]", core["comparisons"])]
    quoted = [cell for cell in cells if cell["left"] is not None] or [
        {"attribute": "name", "left": "x", "right": None, "verdict": "unknown"}
    ]
    quoted[0]["left"] = f"{quoted[0]['left']} (genuine series)"
    return {**sound, "core": {**core, "comparisons": cells or quoted}}


def _contradicted(sound: dict[str, object], _pair: tuple[object, object]) -> dict[str, object]:
    """A conclusion that the findings do not support."""
    is_match = sound["label"] == "match"
    return {**sound, "relation": "different" if is_match else "exact", "factor": None, "label": "no_match" if is_match else "match"}


def _mislabelled(sound: dict[str, object], pair: tuple[object, object]) -> dict[str, object]:
    """A wrong label that is argued: the whole names are read as one product, or as two."""
    left, right = (str(cast("dict[str, object]", listing).get("title")) for listing in pair)
    verdict = "different" if sound["label"] == "match" else "same"
    name = {"attribute": "name", "left": left, "right": right, "verdict": verdict}
    nothing = {"comparisons": [], "verdict": "unknown"}
    label, relation = ("match", "exact") if verdict == "same" else ("no_match", "different")
    core = {"comparisons": [name], "verdict": verdict}
    return {**sound, "core": core, "identifier": nothing, "variant": nothing, "relation": relation, "factor": None, "label": label}


_ERRORS = {"misquote": _misquoted, "contradiction": _contradicted, "wrong_label": _mislabelled}


def _pair_key(left: object, right: object) -> str:
    return json.dumps([cast("dict[str, object]", listing).get("title") for listing in (left, right)])


def _words() -> tiktoken.Encoding:
    """The vocabulary that litellm packages, so that nothing is fetched."""
    spec = importlib.util.find_spec("litellm")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(str(spec and spec.origin)).parent / "litellm_core_utils" / "tokenizers")
    return tiktoken.get_encoding("o200k_base")


WORDS = _words()


def _handler(model: ErringModel, *, takes_strict: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = (body.get("response_format") or {}).get("json_schema", {})
            if asked.get("strict") and not takes_strict:
                self._say({"error": {"message": "response_format: strict is not supported", "code": None}}, 400)
            else:
                self._say(model.reply(body))

        def do_GET(self) -> None:
            self._say(dict(model.truth) if self.path == "/truth" else {"erred": dict(model.erred), "asked": dict(model.asked)})

        def _say(self, value: object, status: int = 200) -> None:
            payload = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def main(seed: int, *, takes_strict: bool) -> None:
    """Serve until killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(ErringModel(seed), takes_strict=takes_strict))
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}/v1\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--no-strict", action="store_true", help="Refuse strict schemas, as servers do that do not know them.")
    given = parser.parse_args()
    main(given.seed, takes_strict=not given.no_strict)
