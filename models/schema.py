"""Calls asked for as constrained JSON, for servers that find no call in what a model writes.

The reply is held to one object, its thought first: ``{"thought", "call": {"name", "arguments"}}``
with a branch for each function. Where Finish is not offered (a plan, a plain question) it has
``calls`` instead, a list that may be empty: then the thought is the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core import API, FINISH, Message, ToolCall
from .chat import NOTHING, arguments_object, legal, sendable
from .signatures import signature

# Other keywords (formats, patterns, references) are refused by some servers' grammars.
_KEPT = ("type", "enum", "const", "description", "required")
_MOST_DEEP = 12
WORDS = 100  # tokens, at most, that this shape adds to a prompt beside its functions


def response_format(apis: Sequence[API]) -> dict[str, Any]:
    """What holds a reply to a thought and a call of one of these functions."""
    branches = [
        _object(name={"type": "string", "enum": [legal(api.name)]}, arguments=_arguments(api))
        for api in apis
    ]
    call = branches[0] if len(branches) == 1 else {"anyOf": branches}
    thought = {"type": "string"}
    if one_call(apis):
        schema = _object(thought=thought, call=call)
    else:
        schema = _object(thought=thought, calls={"type": "array", "items": call})
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}


def messages(
    prompt: Sequence[Message], apis: Sequence[API], *, lines: bool = False
) -> list[dict[str, Any]]:
    """The prompt without any field for tools: functions in the system message, calls as text.

    Args:
        prompt: the messages.
        apis: the functions offered.
        lines: tell each function in a line, and not as JSON: a third of the tokens.
    """
    one = one_call(apis)

    def called(thought: str, calls: Sequence[tuple[str, str]]) -> str:
        made = [{"name": legal(n), "arguments": arguments_object(a)} for n, a in calls]
        shown = {"call": made[0]} if one else {"calls": made}
        return json.dumps({"thought": thought, **shown}, ensure_ascii=False)

    def observed(name: str, text: str) -> str:
        return f"Result of {legal(name)}:\n{text}"

    return as_text(prompt, _told(apis, lines), called, observed)


def as_text(
    prompt: Sequence[Message],
    told: str,
    called: Callable[[str, Sequence[tuple[str, str]]], str],
    observed: Callable[[str, str], str],
) -> list[dict[str, Any]]:
    """A prompt whose calls and results are text.

    Args:
        prompt: the messages.
        told: what stands at the end of the system message; "" for nothing.
        called: words a turn from its thought and its calls.
        observed: words a result from the function's name and what came.
    """
    sent: list[dict[str, Any]] = []
    for role, content, calls, name in prompt:
        text = content or ""
        if role == "tool":
            role, text = "user", observed(name, text)
        elif calls:
            text = called(text, calls)
        elif role == "system" and told:
            text, told = f"{text}\n\n{told}", ""
        sent.append({"role": role, "content": sendable(text)})
    return [{"role": "system", "content": told}, *sent] if told else sent


def one_call(apis: Sequence[API]) -> bool:
    """Whether one call is asked for, and not a list: Finish is among the functions."""
    return any(api.name == FINISH for api in apis)


def names_of(apis: Sequence[API]) -> dict[str, str]:
    """The functions' own names by those that a reply may give them."""
    return {legal(api.name): api.name for api in apis} | {api.name: api.name for api in apis}


def read(text: str | None, apis: Sequence[API]) -> tuple[str | None, tuple[ToolCall, ...]] | None:
    """Thought and calls of such a reply, or of a call that a model wrote as JSON by itself.

    Returns:
        None where the text holds no JSON object that is either.
    """
    names = names_of(apis)
    text = text or ""
    for value in objects(text):
        thought = value.get("thought", _before(text))
        raw = value.get("calls", value.get("call", value))
        calls = [_call(item, names) for item in (raw if isinstance(raw, list) else [raw])]
        found = tuple(call for call in calls if call is not None)
        if found or ("calls" in value and isinstance(thought, str)):
            return (thought if isinstance(thought, str) and thought else None), found
    return None


def _before(text: str) -> str:
    """What a model wrote before its call, without the fences and tags around that."""
    return re.sub(r"```\w*|</?[\w|]+>|\[TOOL_CALLS\]", "", text.partition("{")[0]).strip()


def objects(text: str) -> list[dict[str, Any]]:
    """The JSON objects in a text, outermost ones, in order; at most 8 places are tried."""
    decoder, found, at = json.JSONDecoder(strict=False), [], text.find("{")
    for _ in range(8):
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
            found.append(value)
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)
    return found


def looks_like_a_call(text: str | None, apis: Sequence[API]) -> bool:
    """Whether a reply without a call is no plain answer: empty, or a call that was not found."""
    plain = (text or "").strip()
    marks = ("<tool_call", "<function", "[TOOL_CALLS]", "Action:", "```json", '"arguments"')
    if not plain or any(mark in plain for mark in marks):
        return True
    return any(api.name in plain or legal(api.name) in plain for api in apis)


def _told(apis: Sequence[API], lines: bool) -> str:
    if not apis:
        return ""
    functions = "\n".join([signature(api) if lines else _document(api) for api in apis])
    shape = (
        'one JSON object {"thought": ..., "call": {"name": ..., "arguments": {...}}}, which calls '
        "one function"
        if one_call(apis)
        else 'one JSON object {"thought": ..., "calls": [{"name": ..., "arguments": {...}}]}, '
        "which calls any number of functions, or none"
    )
    return f"Functions:\n{functions}\n\nReply with {shape}. Nothing else."


def _document(api: API) -> str:
    said = {"name": legal(api.name), "description": api.description}
    shown = dict(api.parameters or NOTHING)  # as chat.functions, which training data come from
    return json.dumps({**said, "parameters": shown}, ensure_ascii=False)


def _arguments(api: API) -> dict[str, Any]:
    schema = plain(api.parameters or NOTHING)
    schema["type"] = "object"
    schema.setdefault("properties", {})
    schema["additionalProperties"] = False
    return schema


def plain(schema: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """The part of a schema that every server's grammar takes."""
    if depth > _MOST_DEEP:
        return {}
    kept: dict[str, Any] = {k: schema[k] for k in _KEPT if k in schema}
    if isinstance(properties := schema.get("properties"), Mapping):
        kept["properties"] = {
            k: plain(v, depth + 1) for k, v in properties.items() if isinstance(v, Mapping)
        }
        if isinstance(required := kept.get("required"), list | tuple):
            kept["required"] = [k for k in required if k in kept["properties"]]
    else:
        kept.pop("required", None)
    if isinstance(items := schema.get("items"), Mapping):
        kept["items"] = plain(items, depth + 1)
    for key in ("anyOf", "oneOf"):
        if isinstance(choices := schema.get(key), list | tuple):
            parts = [plain(c, depth + 1) for c in choices if isinstance(c, Mapping)]
            kept["anyOf"] = parts
    return kept


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _call(value: object, names: Mapping[str, str]) -> ToolCall | None:
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict) or not isinstance(name := value.get("name"), str):
        return None
    given = value.get("arguments", value.get("parameters"))
    if name not in names or given is None:
        return None
    return ToolCall(
        names[name], given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    )
