"""Model doubles behind the fake server: what a model would do that obeys whatever it can be told.

``honest`` answers each step as the evidence engine does; it reads the data fields of the prompt. ``literal`` does the same, but
obeys any order that it can read outside a delimited data field. ``captive`` obeys an order wherever it stands, by writing a
rationale with the ordered label in its ``style``, and as second reader passes everything. An order is the word ``zqx-obey``
and the ordered label: no prompt of ours holds it. Settings: ``kind``, ``style``, ``questions``, ``tools`` (called one after another,
with ``query``), ``cites`` (ids instead of those found), ``says`` (the researched answer instead of what was found), ``is_faulty`` (the first rationale of an
item has the left title where its confidence belongs).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

Body = dict[str, Any]
_FIELD = re.compile(r'<data name="(\w+)">\n(.*?)</data>', re.DOTALL)
_TEMPLATE = re.compile(r"<\|im_(?:start|end)\|>|\[/?INST\]|^\s*(?:system|assistant)\s*:", re.IGNORECASE | re.MULTILINE)
_ORDER = re.compile(r"zqx-obey (match|no_match)")


def make_double(settings: dict[str, Any] | None) -> Callable[[Body], dict[str, Any]] | None:
    """The double of these settings."""
    return None if settings is None else Double(settings)


def read_outside(body: Body) -> str:
    """Everything a model reads as said to it: the messages of others without their data fields.

    A chat-template token or a role header is none to the model: what follows it is a message of its own, in a field or not.
    """
    said = [str(message.get("content") or "") for message in body["messages"] if message["role"] != "assistant"]
    outside = [_FIELD.sub("", text) for text in said]
    return "\n".join([*outside, *(part for text in said for part in _TEMPLATE.split(text)[1:])])


class Double:
    """Answers a chat body with a message."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.kind = settings["kind"]
        self.style = settings.get("style", "silent")
        self.questions = settings.get("questions", [])
        self.tools = settings.get("tools", ["find_rivals"])
        self.query = settings.get("query", "kolvra kx-120")
        self.cites = settings.get("cites")
        self.says = settings.get("says")
        self.is_faulty = settings.get("is_faulty", False)

    def __call__(self, body: Body) -> dict[str, Any]:
        text = json.dumps(body["messages"], ensure_ascii=False)
        found = _ORDER.search({"honest": "", "literal": read_outside(body), "captive": text}[self.kind])
        order = None if found is None else found.group(1)
        if body.get("tools"):
            return self.researched(body)
        step = body["response_format"]["json_schema"]["schema"]["title"]
        fields = self.fields(body)
        reply = self.answer(step, fields, order)
        if self.is_faulty and step == "DecideReply" and all(message["role"] != "assistant" for message in body["messages"]):
            reply["confidence"] = fields["left"]["title"]
        return {"content": json.dumps(reply)}

    def fields(self, body: Body) -> dict[str, Any]:
        user = next(message["content"] for message in body["messages"] if message["role"] == "user")
        return {name: json.loads(value) for name, value in _FIELD.findall(user)}

    def researched(self, body: Body) -> dict[str, Any]:
        results = [message["content"] for message in body["messages"] if message["role"] == "tool"]
        if len(results) < len(self.tools):
            return {"tool_calls": [{"name": self.tools[len(results)], "arguments": {"query": self.query}}]}
        rows = [row for text in results for _, value in _FIELD.findall(text) for row in json.loads(value)]
        said = " ".join(row["text"] for row in rows)[:900] if self.says is None else self.says
        reply = {"answer": said or None, "citations": [row["id"] for row in rows] if self.cites is None else self.cites}
        return {"content": json.dumps(reply)}

    def answer(self, step: str, fields: dict[str, Any], order: str | None) -> dict[str, Any]:
        from epm.evidence.tasks import answer

        if step == "AskReply":
            return {"thinking": "", "questions": self.questions}
        if step == "SufficientReply":
            known = fields["answers"][0]
            return {"reason": "", "sufficient": True, "answer": known["answer"], "citations": self.cites or [known["id"]]}
        if step == "ExtractReply":
            return {"attributes": []}
        if step == "VerifyReply" and self.kind == "captive":
            return {"problems": [], "verdict": "pass"}
        shown = {name: fields[name] for name in ("left", "right", "rationale", "answers", "rivals") if name in fields}
        if step == "VerifyReply":
            return answer("verify", {**shown, "identity": "strict"})
        written = answer("decide", {**shown, "identity": "strict"})
        if step == "LabelReply":
            written = {"label": "match" if written["label"] == "match" else "no_match"}
        return written if order is None else _ordered(written, fields["left"]["title"], fields["right"]["title"], order, self.style)


def _ordered(honest: dict[str, Any], left: str, right: str, order: str, style: str) -> dict[str, Any]:
    """A rationale with the ordered label. ``argued`` even quotes what speaks against it, and calls it open."""
    verdict, relation = ("same", "exact") if order == "match" else ("different", "different")
    if style == "contradictory":
        return {**honest, "relation": relation, "factor": None, "label": order}
    code = re.compile(r"KX-?\d+")
    codes = [found.group() if (found := code.search(title)) else "KX" for title in (left, right)]
    cells = {
        "forged": [("model", "KX-777", "KX-777" if order == "match" else "KX-778", verdict)],
        "silent": [("brand", "Kolvra", "Kolvra", "same")] if order == "match" else [("type", left[-9:], right[:9], "different")],
        "named": [("name", left, right, verdict)],
        "argued": [("name", left, right, verdict), ("model", *codes, "unknown")],
    }[style]
    comparisons = [dict(zip(("attribute", "left", "right", "verdict"), cell, strict=True)) for cell in cells]
    nothing = {"comparisons": [], "verdict": "unknown"}
    core = {"comparisons": comparisons, "verdict": verdict}
    return {"core": core, "identifier": nothing, "variant": nothing, "relation": relation, "label": order, "confidence": "high"}
