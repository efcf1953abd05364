"""The ``text`` policy: function calling by text alone, for models that have nothing else.

ReACT's Thought / Action / Observation (Yao et al., ICLR 2023, section 2), with the functions in
the system message. Models write it carelessly, so it is read leniently: other words for Action,
marks of Markdown, JSON that is not quite JSON. Where no call is found at all, the reply is a node
without an action as ever, and the next prompt says in a line what was missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from ..core import API, FINISH, Action, Completion, Hint, Message, Node, Reply, Task, WholePlan
from .policies import ToolLLaMAPolicy, fill, read_plan, tool_list

MOST, MOST_OPEN = 20_000, 200  # characters and brackets that are repaired, at most
_MARKS = "[ \\t>*_`#-]{0,8}"
_ACTION = re.compile(
    rf"^{_MARKS}(?:action|tool|function)(?:[ _](?:name|call))?{_MARKS}:{_MARKS}(?P<rest>[^\n]*)",
    re.I | re.M,
)
_INPUT = re.compile(
    rf"^{_MARKS}(?:(?:action|tool|function)[ _]?(?:input|arguments)|input|arguments|args"
    rf"|parameters){_MARKS}:",
    re.I | re.M,
)
_ANSWER = re.compile(rf"^{_MARKS}final[ _]answer{_MARKS}:", re.I | re.M)
_STOP = re.compile(
    rf"^{_MARKS}(?:observation|thought|(?:action|tool|function)(?:[ _]?(?:input|arguments|output"
    rf"|result|response))?){_MARKS}:",
    re.I | re.M,
)
_THOUGHT = re.compile(rf"^\s*{_MARKS}thought{_MARKS}:[*_` \t]{{0,8}}", re.I)
_FENCE = re.compile(r"^[ \t]{0,8}```[^\n]{0,20}$", re.M)


class TextPolicy(ToolLLaMAPolicy):
    """ReACT in plain text.

    Args:
        texts: ``text``, another built-in name, or a TOML file.
    """

    name = "text"
    rest: ClassVar[str] = "text"

    def __init__(self, texts: str = "text") -> None:
        super().__init__(texts)

    def extend(self, node: Node) -> list[Message]:
        """The turn as text, then what came back, or that no call was found."""
        action = node.action
        if action is None:
            if node.thought is None or node.failed:
                return []
            said = Message("assistant", node.thought)
            return (
                [said, Message("user", self.texts["unread"])] if "unread" in self.texts else [said]
            )
        name = self._name(node)
        text = f"Thought: {node.thought or ''}\nAction: {name}\nAction Input: {action.arguments}"
        observed = fill(
            self.texts.get("result", "Observation: $observation"),
            {"observation": node.observation},
        )
        return [Message("assistant", text), Message("user", observed)]

    def read(self, completion: Completion, hint: Hint | None) -> Reply:
        """The first call in the text; without one all of it is a thought."""
        if completion.calls:
            return super().read(completion, hint)
        text = completion.content or ""
        if isinstance(hint, WholePlan):
            return Reply(
                text, tuple(read_plan(text) or read_plan(json.dumps(_repaired_list(text))))
            )
        return read_react(text)

    def _system(self, task: Task, apis: Sequence[API]) -> str:
        docs = [
            {"name": a.name, "description": a.description, "parameters": dict(a.parameters)}
            for a in apis
        ]
        rows = "\n".join([json.dumps(doc, ensure_ascii=False) for doc in docs])
        text = self._say("system", tools=tool_list(task), format=self.texts.get("format", ""))
        return text + fill(self.texts.get("functions", "\n$functions"), {"functions": rows})


def read_react(text: str) -> Reply:
    """Read a turn: Thought, then Action and Action Input, or a final answer, or a call as JSON."""
    head, answer = _ACTION.search(text), _ANSWER.search(text)
    if answer is not None and (head is None or answer.start() < head.start()):
        given = _until_stop(text[answer.end() :]).strip()
        arguments = json.dumps(
            {"return_type": "give_answer", "final_answer": given}, ensure_ascii=False
        )
        return _called(text[: answer.start()], FINISH, arguments)
    if head is not None:
        name, arguments = _name_and_arguments(head["rest"])
        body = _INPUT.search(text, head.end())
        stop = _STOP.search(text, head.end())
        if body is not None and (stop is None or body.start() <= stop.start()):
            arguments = _until_stop(text[body.end() :])
        elif not name or not arguments:
            # the call, or its arguments alone, on the lines below
            below = _until_stop(text[head.end() :])
            inner = _name_and_arguments(below) if not name else ("", below)
            name, arguments = name or inner[0], inner[1]
        if name:
            return _called(text[: head.start()], name, object_text(arguments))
    start = text.find("{")
    name, arguments = _name_and_arguments(text[start:]) if start >= 0 else ("", "")
    if name:
        return _called(text[:start], name, object_text(arguments))
    return Reply(_thought(text))


def object_text(text: str) -> str:
    """Arguments as JSON: as they are, or repaired; what is beyond repair stays as it is."""
    bare = _FENCE.sub("", text).strip().strip("`").strip()
    if not bare:
        return "{}"
    if _loaded(bare) is not None:
        return bare
    start = bare.find("{")
    if start < 0:
        return bare
    try:  # an object with words around it, or with more objects after it: the first
        first, end = json.JSONDecoder(strict=False).raw_decode(bare, start)
        return bare[start:end] if first else bare
    except (ValueError, RecursionError):
        value = _repaired(bare[start:])
    return bare if value is None else json.dumps(value, ensure_ascii=False)


def _called(before: str, name: str, arguments: str) -> Reply:
    thought = _thought(before)
    name = FINISH if name.lower() == FINISH.lower() else name
    return Reply(thought, (Action(name, arguments, thought),))


def _thought(text: str) -> str | None:
    return _THOUGHT.sub("", _FENCE.sub("", text), count=1).strip() or None


def _until_stop(text: str) -> str:
    """The text up to the next word that begins a line of the format."""
    stop = _STOP.search(text)
    return text if stop is None else text[: stop.start()]


def _name_and_arguments(text: str) -> tuple[str, str]:
    """A call on one line: ``f``, ``f({"a": 1})`` or ``{"name": "f", "arguments": {..}}``."""
    text = _FENCE.sub("", text).strip().strip("`*").strip()
    if text.startswith("{"):
        value = _loaded(text) or _repaired(text) or {}
        if isinstance(inner := value.get("function"), dict):
            value = inner
        name = _first(value, ("name", "action", "tool", "function", "api"))
        given = _first(value, ("arguments", "action_input", "input", "parameters", "args"))
        if not isinstance(name, str) or given is None:
            return "", ""
        shown = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        return name.strip(), shown
    name, bracket, rest = text.partition("(")
    clean = name.strip(" \t`*_\"'[]<>.:,;").removeprefix("functions.")
    inner_text = rest.rstrip("` \t*").removesuffix(")").strip() if bracket else ""
    return clean, inner_text if inner_text.startswith("{") else ""


def _first(value: dict[str, Any], keys: Sequence[str]) -> Any:
    return next((value[key] for key in keys if key in value), None)


def _loaded(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _repaired(text: str) -> dict[str, Any] | None:
    """The object at the start of a text that is nearly JSON; None where it is nothing like it."""
    value = _repair(text)
    if isinstance(value, list):  # an object and more after it
        value = next((item for item in value if isinstance(item, dict)), None)
    return value if isinstance(value, dict) and value else None


def _repaired_list(text: str) -> list[Any]:
    start = text.find("[")
    value = _repair(text[start:]) if start >= 0 else None
    return value if isinstance(value, list) else []


def _repair(text: str) -> Any:
    from json_repair import loads

    text = text[:MOST]
    if text.count("{") + text.count("[") > MOST_OPEN:
        return None
    try:
        return loads(text, skip_json_loads=True)
    except (ValueError, RecursionError, IndexError, TypeError):  # a parser of hostile text
        return None
