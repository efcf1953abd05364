"""Names and answers as the servers of ToolBench and StableToolBench have them.

Read from their clients' and servers' public code: ``toolbench/inference/server.py`` and
``Downstream_tasks/rapidapi.py`` of OpenBMB/ToolBench, ``server/main.py`` of StableToolBench.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from ...core import API, Status, Step
from ..toolbench import identifier, standardize

LONGEST: Final = 2048  # characters that ToolBench's server leaves of a response

# Their clients derive the code of a call from these texts, and from nothing else.
ERRORS: Final[dict[Status, str]] = {
    "unavailable": "API not working error...",
    "unauthorised": "Unauthorized error...",
    "unsubscribed": "Unsubscribed error...",
    "too_many_requests": "Too many requests error...",
    "rate_limited": "Rate limit per minute error...",
}
HTTP: Final[dict[Status, int]] = {
    "ok": 200,
    "answered": 200,
    "gave_up": 200,
    "bad_arguments": 400,
    "bad_finish": 400,
    "unauthorised": 401,
    "unsubscribed": 403,
    "error": 404,
    "no_such_api": 404,
    "http_error": 410,
    "too_many_requests": 429,
    "rate_limited": 429,
    "model_error": 502,
    "unavailable": 503,
    "timeout": 504,
}


class Names:
    """The functions of a world by the names of their providers, as given and standardised."""

    def __init__(self, apis: Iterable[API]) -> None:
        self._exact: dict[tuple[str, str], API] = {}
        self._standard: dict[tuple[str, str, str], API] = {}
        for api in apis:
            tool, name = api.tool, api.api or api.name
            self._exact.setdefault((tool, name), api)
            key = standardize(tool), identifier(name)
            for category in (_category(api.category), ""):
                self._standard.setdefault((category, *key), api)

    def exact(self, tool: str, api: str) -> API | None:
        """The function of a tool's API, both as ``GET /apis`` writes them."""
        return self._exact.get((tool, api))

    def standard(self, category: str, tool: str, api: str) -> API | None:
        """The function that ToolBench's code means.

        The tool may have ``_for_CATEGORY`` after it, and the API ``_for_TOOL``. A category that
        is not there makes no difference: tools are named once, as a rule.
        """
        category = _category(category)
        tool = standardize(tool.removesuffix(f"_for_{category}") if category else tool)
        name = identifier(standardize(api).removesuffix(f"_for_{tool}"))
        found = self._standard.get((category, tool, name))
        return found or self._standard.get(("", tool, name))


def _category(name: str) -> str:
    """A category as ToolBench's folders write it."""
    for char in " ,/":
        name = name.replace(char, "_")
    while "__" in name:
        name = name.replace("__", "_")
    return name


def envelope(step: Step) -> dict[str, Any]:
    """The observation as ``{"error", "response"}``: as it is where it is one, else put into one."""
    text = step.observation
    if text.startswith('{"error"'):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and found.keys() == {"error", "response"}:
            return found
    try:
        response = json.loads(text) if text[:1] in ("{", "[") else text
    except (ValueError, RecursionError):
        response = text
    failed = HTTP.get(step.info.status, 200) >= 400
    return {"error": text if failed else "", "response": "" if failed else response}


def answered(step: Step, strip: str) -> dict[str, Any]:
    """A step as their clients expect it.

    The texts in :data:`ERRORS` go into ``error`` and what the tool said into ``response``.
    ``truncate`` and ``random`` give the response as a text of at most 2,048 characters, written
    as Python writes it, which is what models trained on ToolBench's data have read. ``filter``
    would keep the keys of recorded examples; a world has none, so everything is kept, as for "".
    """
    found = envelope(step)
    word = ERRORS.get(step.info.status)
    if word is not None and found["error"] != word:
        found = {"error": word, "response": found["response"] or found["error"]}
    if strip in ("truncate", "random"):
        found["response"] = str(found["response"])[:LONGEST]
    return found
