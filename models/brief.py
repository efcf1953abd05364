"""Calls in few tokens, for small models: functions by their names, a reply in two lines.

A function is told by its name and its parameters alone, a reply is a line of thought and a line
with the name and the arguments of a call, and a result comes without its envelope. A path takes
half the tokens that it takes with :mod:`.schema`. What a function does is not told: that is for
models which learnt it, or for names that say it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..core import API, Message, ToolCall
from .chat import arguments_object, legal
from .schema import as_text, names_of
from .signatures import parameters


def messages(prompt: Sequence[Message], apis: Sequence[API]) -> list[dict[str, Any]]:
    """The prompt without any field for tools.

    Args:
        prompt: the messages.
        apis: the functions offered.
    """
    return as_text(prompt, _told(apis), _called, lambda name, text: result(text))


def result(text: str) -> str:
    """An observation without its envelope ``{"error": .., "response": ..}``, if it has that."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(told, dict) or set(told) != {"error", "response"}:
        return text
    error, response = told["error"], told["response"]
    shown = json.dumps(response, ensure_ascii=False) if response not in ("", None) else ""
    return "\n".join(part for part in (f"error: {error}" if error else "", shown) if part)


def read(text: str, apis: Sequence[API]) -> tuple[str | None, tuple[ToolCall, ...]] | None:
    """Thought and call of a reply; None where it has no line with a call."""
    names = names_of(apis)
    before: list[str] = []
    for line in text.split("\n"):
        name, _, given = line.strip().partition(" ")
        if name in names:
            try:
                arguments = json.JSONDecoder(strict=False).raw_decode(given.strip())[0]
            except (ValueError, RecursionError):
                arguments = None
            if isinstance(arguments, dict):
                call = ToolCall(names[name], json.dumps(arguments, ensure_ascii=False))
                return "\n".join(before).strip() or None, (call,)
        before.append(line)
    return None


def grammar(schemas: Mapping[str, Mapping[str, Any]], thought: int) -> str:
    """A grammar in llguidance's Lark: a thought, then one call.

    Args:
        schemas: of the arguments, by the names of the functions.
        thought: its most characters.
    """
    calls, rules = [], []
    for i, (name, schema) in enumerate(schemas.items()):
        calls.append(f"{json.dumps(name + ' ')} arguments_{i}")
        rules.append(f"arguments_{i}: %json {json.dumps(schema, ensure_ascii=False)}")
    first = ["start: THOUGHT call", f"THOUGHT: /[^\\n]{{0,{thought}}}\\n/"]
    return "\n".join([*first, f"call: {' | '.join(calls)}", *rules])


def _called(thought: str, calls: Sequence[tuple[str, str]]) -> str:
    made = [
        f"{legal(name)} {json.dumps(arguments_object(given), ensure_ascii=False)}"
        for name, given in calls
    ]
    return "\n".join([" ".join(thought.split()), *made])


def _told(apis: Sequence[API]) -> str:
    if not apis:
        return ""
    functions = "\n".join(map(_name_and_parameters, apis))
    return (
        f"Functions:\n{functions}\n\nReply with a line that says what comes, and a line with a "
        f"function's name and its arguments as JSON."
    )


def _name_and_parameters(api: API) -> str:
    shown = [name if required else f"{name}?" for name, required, _ in parameters(api.parameters)]
    return f"{legal(api.name)}({', '.join(shown)})"
