"""The shape of OpenAI's chat completions: requests in it, and what is read from its replies."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from ..core import API, Completion, Message, ToolCall

_LEGAL = re.compile(r"[A-Za-z0-9_-]{1,64}")
NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}}


def legal(name: str) -> str:
    """A name that may be sent: at most 64 of ``A-Za-z0-9_-``, one for each name, ever the same."""
    if _LEGAL.fullmatch(name):
        return name
    mark = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{re.sub('[^A-Za-z0-9_-]', '_', name)[:55]}_{mark}"


def sendable(text: str) -> str:
    """The text as UTF-8 can carry it: a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def arguments_object(text: str) -> Any:
    """A history's arguments as an object; what is not JSON is told as the text that it was.

    Servers that render arguments by a chat template refuse the whole request otherwise.
    """
    try:
        value = json.loads(text or "{}", strict=False)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"not_an_object": text}


def messages(prompt: Sequence[Message], *, functions: bool = False) -> list[dict[str, Any]]:
    """The prompt in OpenAI's shape; ids of calls follow from their order.

    Args:
        prompt: the messages.
        functions: the shape before tools, with ``function_call``.
    """
    sent: list[dict[str, Any]] = []
    made, answered = 0, 0
    for role, content, calls, name in prompt:
        text = None if content is None else sendable(content)
        if role == "tool" and answered == made:  # a text policy's: no call was sent
            sent.append({"role": "user", "content": text or ""})
            continue
        if role == "tool":
            answered += 1
            known = {"role": "tool", "tool_call_id": f"call{answered:05}"}
            named = {"role": "function", "name": legal(name)}
            sent.append({**(named if functions else known), "content": text or ""})
            continue
        message: dict[str, Any] = {"role": role, "content": text}
        shown = [
            {"name": legal(n), "arguments": sendable(json.dumps(arguments_object(a)))}
            for n, a in calls
        ]
        if functions and shown:
            message["function_call"] = shown[0]
            made = answered + 1
        elif shown:
            answered = made  # a call that nothing answered does not move the ids of later ones
            message["tool_calls"] = [
                {"id": f"call{made + i:05}", "type": "function", "function": call}
                for i, call in enumerate(shown, 1)
            ]
            made += len(shown)
        elif text is None:
            message["content"] = ""
        sent.append(message)
    return sent


def tools(apis: Sequence[API]) -> list[dict[str, Any]]:
    """The functions that are offered, in OpenAI's shape."""
    return [{"type": "function", "function": function} for function in functions(apis)]


def functions(apis: Sequence[API]) -> list[dict[str, Any]]:
    """The same in the shape before tools."""
    return [
        {
            "name": legal(api.name),
            "description": sendable(api.description),
            "parameters": dict(api.parameters) or dict(NOTHING),
        }
        for api in apis
    ]


class Said(NamedTuple):
    """One choice of a reply, as it is read."""

    content: str | None
    calls: tuple[ToolCall, ...]
    thinking: str | None
    logprob: float | None
    finish: str

    def completion(
        self, prompt_tokens: int, completion_tokens: int, usd: float, reused: int = 0
    ) -> Completion:
        """The same with its cost."""
        return Completion(
            self.content, self.calls, prompt_tokens, completion_tokens, usd, self.thinking,
            self.logprob, reused=reused,
        )  # fmt: skip


def read_choice(choice: Mapping[str, Any], apis: Sequence[API]) -> Said:
    """What a choice says; parts of a wrong type are read as absent.

    Args:
        choice: one of the reply's ``choices``.
        apis: what was offered, to turn names that were sent back into the functions' own.
    """
    message = choice["message"]
    names = {legal(api.name): api.name for api in apis}
    content = _text(message.get("content"))
    if content is None:
        content = _text(message.get("refusal"))
    thinking = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    if content is not None:
        content, inner = unthink(content)
        thinking = thinking or inner
    made = message.get("tool_calls")
    raw = [c.get("function") for c in made if isinstance(c, dict)] if isinstance(made, list) else []
    if not raw:
        raw = [message.get("function_call")]
    calls = tuple(c for function in raw if (c := _call(function, names)) is not None)
    finish = choice.get("finish_reason")
    return Said(
        content, calls, thinking, _logprob(choice), finish if isinstance(finish, str) else ""
    )


def unthink(text: str) -> tuple[str | None, str | None]:
    """Content and thinking, where a reasoning model's ``<think>`` was left in the content.

    Without its opening tag, which some templates put into the prompt, all before ``</think>`` is
    thinking; without its end, which a limit of tokens may cut off, all is.
    """
    head, tag, rest = text.partition("</think>")
    start = head.lstrip()
    if not tag and not start.startswith("<think>"):
        return text, None
    thinking = start.removeprefix("<think>").strip()
    return rest.strip() or None, thinking or None


def _call(function: object, names: Mapping[str, str]) -> ToolCall | None:
    if not isinstance(function, dict) or not isinstance(name := function.get("name"), str):
        return None
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = "{}" if arguments is None else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(names.get(name, name), arguments)


def _text(value: object) -> str | None:
    """A text; parts of a content list are joined."""
    if isinstance(value, list):
        parts = [p.get("text") for p in value if isinstance(p, dict)]
        value = "".join([p for p in parts if isinstance(p, str)])
    return value if isinstance(value, str) and value else None


def _logprob(choice: Mapping[str, Any]) -> float | None:
    """The sum over the reply's tokens."""
    offered = choice.get("logprobs")
    tokens = offered.get("content") if isinstance(offered, dict) else None
    if not isinstance(tokens, list) or not tokens:
        return None
    values = [t.get("logprob") for t in tokens if isinstance(t, dict)]
    found = [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]
    return math.fsum(found) if found else None
