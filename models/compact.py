"""The ``compact`` policy: the text policy's turns under a prompt of a line a function.

A task of eight functions takes about 330 tokens here, and 1,600 in ToolBench's own words: what
models of a hundred million parameters can be trained on, on a CPU.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ..core import API, FINISH, Hint, Message, Node, Siblings, Task
from .text_policy import TextPolicy

SHOWN = 160  # characters of an attempt's result that a hint repeats
_MARKS = {"integer": "int", "number": "number", "boolean": "bool", "array": "list"}


class CompactPolicy(TextPolicy):
    """Short prompts for small models.

    Args:
        texts: ``compact``, another built-in name, or a TOML file.
    """

    name = "compact"
    rest: ClassVar[str] = "compact"

    def __init__(self, texts: str = "compact") -> None:
        super().__init__(texts)

    def hint(self, hint: Hint, node: Node) -> list[Message]:
        """As of function calling; attempts take a line each."""
        if not isinstance(hint, Siblings):
            return super().hint(hint, node)
        lines = dict.fromkeys(line for tried in hint.nodes if (line := _attempt(tried)))
        if not lines:
            return []
        return [Message("user", self._say("attempts", attempts="\n".join(lines)))]

    def _system(self, task: Task, apis: Sequence[API]) -> str:
        lines = [signature(api) for api in apis if api.name != FINISH]
        if finish := self.texts.get("finish"):
            lines.append(finish)
        return self._say("system", functions="\n".join(lines), tools="", format="")


def signature(api: API) -> str:
    """An API in a line: name, parameters (``?`` after optional ones), what it gives."""
    shown = ", ".join(_parameters(api.parameters))
    said = " ".join(api.description.split())
    told = f" (Tool {api.tool}: "  # the hub's and ToolBench's descriptions end with their tool's
    return f"{api.name}({shown}): {said.partition(told)[0]}".rstrip(": ")


def _parameters(schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required") or ()
    properties = schema.get("properties")
    for name, each in (properties if isinstance(properties, Mapping) else {}).items():
        each = each if isinstance(each, Mapping) else {}
        mark = "" if name in required else "?"
        kind = _MARKS.get(str(each.get("type")), "")
        if isinstance(values := each.get("enum"), list | tuple):
            kind = " | ".join(json.dumps(value, ensure_ascii=False) for value in values[:8])
        yield f"{name}{mark}: {kind}" if kind else f"{name}{mark}"


def _attempt(node: Node) -> str:
    if node.action is None:
        return ""
    shown = " ".join(node.observation.split())
    if len(shown) > SHOWN:
        shown = shown[: SHOWN - 1] + "…"
    return f"{node.action.api}({node.action.arguments}) -> {shown}"
