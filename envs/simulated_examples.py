"""Recorded calls as examples for whoever simulates an API: found by API, nearest first."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ..core import API, STATUS_OF_CODE, UsageError

Example = tuple[Mapping[str, Any], str]  # arguments, observation
Examples = Callable[[API], Sequence[Example]]

LONGEST: Final = 2_000  # characters of one example's response
ALL: Final = 10_000  # characters of all examples
LOOKED: Final = 500  # recorded calls of an API among which the nearest are looked for


def nearest(
    recorded: Sequence[Example], arguments: Mapping[str, Any], count: int
) -> list[tuple[str, str]]:
    """The examples to show, as texts: those that worked before those that failed, nearest first.

    Args:
        recorded: calls of the API.
        arguments: of the call that is simulated.
        count: how many at most; fewer if they are long.
    """
    if count < 1:
        return []
    ranked = sorted(
        (_failed(observation), _distance(arguments, given), i)
        for i, (given, observation) in enumerate(recorded[:LOOKED])
    )
    shown: list[tuple[str, str]] = []
    room = ALL
    for *_, i in ranked:
        given, observation = recorded[i]
        asked = cut(json.dumps(given, ensure_ascii=False, sort_keys=True, default=str))
        example = (asked, cut(observation))
        room -= len(asked) + len(example[1])
        if room < 0:
            break
        if example not in shown:
            shown.append(example)
        if len(shown) == count:
            break
    return shown


def cut(text: str, longest: int = LONGEST) -> str:
    """The text, or its beginning and a mark that it goes on."""
    return text if len(text) <= longest else f"{text[:longest]}… (cut)"


def _failed(observation: str) -> bool:
    """Whether a recorded response is an error, as its envelope says."""
    try:
        body = json.loads(observation)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and bool(body.get("error"))


def _distance(asked: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[int, float]:
    """How many arguments differ, then how much."""
    names = [name for name in sorted({*asked, *other}) if asked.get(name) != other.get(name)]
    alike = sum(
        difflib.SequenceMatcher(
            None, str(asked.get(n, ""))[:200], str(other.get(n, ""))[:200]
        ).ratio()
        for n in names
    )
    return len(names), -alike


@lru_cache(maxsize=8)
def read_examples(path: Path) -> Examples:
    """Examples from a JSONL file of recorded calls.

    A line is ``{"function", "arguments", "observation"}`` and, where known, ``"tool_name"``,
    ``"api_name"`` and ``"observation_code"``; arguments are an object, or JSON of one as text.
    An API's calls are those of its tool and name, else those of its function's name.

    Raises:
        UsageError: the file is missing, or a line of it is no call.
    """
    found: dict[tuple[str, ...], list[Example]] = {}
    try:
        lines = path.read_text("utf-8").split("\n")  # splitlines() also splits inside strings
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read recorded calls from {path}: {error}") from error
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
            status = STATUS_OF_CODE[row.get("observation_code") or 0]
            observation, function = row["observation"], row["function"]
            if not (isinstance(observation, str) and isinstance(function, str)):
                raise TypeError("function and observation must be texts")
            given = _object(row["arguments"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}:{number} is no recorded call: {error!r}") from error
        if given is None or status in ("answered", "gave_up", "bad_finish", "no_such_api"):
            continue
        keys: list[tuple[str, ...]] = [(function,)]
        if row.get("tool_name") and row.get("api_name"):
            keys.append((str(row["tool_name"]), str(row["api_name"])))
        for key in keys:
            found.setdefault(key, []).append((given, observation))

    def of(api: API) -> Sequence[Example]:
        return found.get((api.tool, api.api)) or found.get((api.name,)) or ()

    return of


def _object(arguments: object) -> Mapping[str, Any] | None:
    """Arguments as an object; None for what a model wrote that is none."""
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}", strict=False)
        except (ValueError, RecursionError):
            return None
    return arguments if isinstance(arguments, dict) else None
