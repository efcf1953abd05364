"""What a prompt shows of a search: the calls made so far, and how their results read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ..core import Message


@dataclass(frozen=True)
class View:
    """What the messages show: the calls of the path with their results, and attempts made here."""

    calls: tuple[tuple[str, str, str], ...] = ()
    tried: tuple[tuple[str, str, str], ...] = ()

    def shown(self) -> set[tuple[str, str]]:
        """All calls that can be seen, results aside."""
        return {(name, arguments) for name, arguments, _ in (*self.calls, *self.tried)}


def view(messages: Sequence[Message]) -> View:
    """Read the messages."""
    calls, tried = [], []
    made: tuple[str, str] | None = None
    for message in messages:
        if message.calls:
            made = message.calls[0]
        elif message.role == "tool" and made is not None:
            observation = message.content or ""
            invented = _INVENTED.search(observation)  # the prompt hides the name, the error has it
            calls.append((invented[1] if invented else made[0], made[1], observation))
            made = None
    last = messages[-1]
    if last.role == "user" and len(messages) > 2:
        tried = attempts(last.content or "")
    return View(tuple(calls), tuple(tried))


_INVENTED: Final = re.compile(r"No such function name: ([\w.-]+)")


def attempts(text: str) -> list[tuple[str, str, str]]:
    """The calls that a list of earlier attempts in a message names."""
    decoder, found = json.JSONDecoder(), list[Any]()
    start = text.find("[\n")
    while start >= 0:  # a list of attempts, or one in each lesson of earlier tries
        try:
            made, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        found += made
        start = text.find("[\n", end)
    return [
        (str(each["name"]), str(each.get("arguments", "")), str(each.get("function_output", "")))
        for each in found
        if isinstance(each, dict) and "name" in each
    ]


@lru_cache(maxsize=4096)
def outcome(observation: str) -> str:
    """How a result reads: ``good``, ``refused`` (the call was wrong) or ``down`` (it was not)."""
    try:
        body = json.loads(observation)
    except (ValueError, RecursionError):
        return "down"
    if not isinstance(body, dict):
        return "down"
    error, response = str(body.get("error", "")), body.get("response")
    if not error:
        return "good" if isinstance(response, dict | list) and response else "down"
    return "down" if _DOWN.search(error) else "refused"


_DOWN = re.compile(
    r"doesn't exist|deprecated|Unauthorized|not subscribed|Too many|not working|Timeout", re.I
)


@lru_cache(maxsize=8192)
def same_arguments(text: str) -> str:
    """Arguments as one text, whatever their order and spacing."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text
