"""The JSON schema that a reply is asked for with: what strict vendors take, and no word more.

Strict schemas close every object and require every property, and vendors refuse keywords that bound values. So bounds are
left out here and checked on the reply, by the model class itself. Titles, defaults and descriptions are paid for with every
call and say nothing that the prompts do not.
"""

from __future__ import annotations

from collections.abc import Mapping

_KEPT = ("type", "enum", "const", "$ref")
_BRANCHES = ("anyOf", "oneOf")


def strict_schema(schema: Mapping[str, object]) -> dict[str, object]:
    """A pydantic JSON schema in strict form: same fields in the same order, all of them required, every object closed.

    The title of the whole stays: servers and recordings tell the replies apart by it.
    """
    found = _part(schema)
    if "title" in schema:
        found["title"] = schema["title"]
    definitions = schema.get("$defs")
    if isinstance(definitions, Mapping):
        found["$defs"] = {name: _part(part) for name, part in definitions.items()}
    return found


def _part(schema: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {key: schema[key] for key in _KEPT if key in schema}
    for keyword in _BRANCHES:
        branches = schema.get(keyword)
        if isinstance(branches, list):
            found["anyOf"] = [_part(branch) for branch in branches]
    only = schema.get("allOf")
    if isinstance(only, list) and len(only) == 1:
        found |= _part(only[0])
    items = schema.get("items")
    if isinstance(items, Mapping):
        found["items"] = _part(items)
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        found["properties"] = {name: _part(part) for name, part in properties.items()}
        found["required"] = list(properties)
        found["additionalProperties"] = False
    return found
