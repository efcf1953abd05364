"""Recorded: calls answered from a table of recorded calls, wherever in a search they are made."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ..core import (
    STATUS_OF_CODE,
    Action,
    EnvMiss,
    Status,
    Step,
    StepInfo,
    Task,
    ToolEnv,
    Turn,
    UsageError,
)
from ..core.contracts import Fork


class Answer(NamedTuple):
    """What a call got when it was recorded."""

    observation: str
    status: Status


Table = Mapping[str, tuple[Answer, ...]]


class RecordedEnv(ToolEnv):
    """Serves recorded calls by (function, arguments).

    Where a call has several recorded answers they are served in order: by how often the call
    was made before on this path, and by earlier siblings; the last one repeats. Argument order,
    spacing and 25 against 25.0 make no difference.

    Args:
        file: a JSONL file of calls, ``{"function", "arguments", "observation"}`` and, where
            known, ``"observation_code"`` and ``"query_id"``; answers recorded for a task's own
            query come before those of others. Without a file, the calls in the task's recording.
    """

    main = "file"
    fork: Fork = "snapshot"
    resolves_names = True

    def __init__(self, file: Path | None = None) -> None:
        if file is not None:
            read_table(file)  # a wrong file is told before anything is spent
        self._file = file
        self._own: Table = {}
        self._table: Table = {}
        self._made: dict[str, int] = {}

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """Find the task's table.

        Raises:
            EnvMiss: there is neither a file nor a recording.
        """
        if self._file is not None:
            tables = read_table(self._file)
            query = str(task.extra.get("query_id", task.id))
            self._own, self._table = tables.get(query, {}), tables[""]
        elif task.recording is not None:
            self._table = table_of(task.recording)
        else:
            raise EnvMiss(f"task {task.id} has no recording, and no file of calls was given")
        self._made = {}
        return "", {"calls": len(self._table)}

    async def step(self, action: Action) -> Step:
        """The recorded answer.

        Raises:
            EnvMiss: this call was not recorded; the nearest one that was is named.
        """
        key = call_key(action.api, action.arguments)
        answers = self._own.get(key) or self._table.get(key)
        if answers is None:
            near = difflib.get_close_matches(key, self._table, 1, 0.3)
            hint = f"; the nearest recorded call is {near[0]}" if near else ""
            raise EnvMiss(f"no recorded call {key}{hint}")
        made = self._made.get(key, 0)
        self._made[key] = made + 1
        answer = answers[min(made + action.occurrence, len(answers) - 1)]
        ended = answer.status in ("answered", "gave_up")
        info = StepInfo(answer.status, "recorded")
        return Step(answer.observation, 0.0, ended, False, info)

    def snapshot(self) -> object:
        """How often each call was made on this path."""
        return tuple(self._made.items())

    def restore(self, snapshot: object) -> None:
        """Back to those counts."""
        assert isinstance(snapshot, tuple)
        self._made = dict(snapshot)


def call_key(function: str, arguments: str) -> str:
    """One text a call: canonical JSON of its arguments, or the raw text if they are not JSON."""
    try:
        value = _plain(json.loads(arguments or "{}", strict=False))
        return f"{function}({json.dumps(value, sort_keys=True, ensure_ascii=False)})"
    except (ValueError, RecursionError):
        return f"{function}({arguments.strip()})"


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def table_of(recording: Turn) -> dict[str, tuple[Answer, ...]]:
    """The calls of a recording, in preorder."""
    calls: list[tuple[str, Answer]] = []
    stack = [recording]
    while stack:
        turn = stack.pop()
        if turn.api is not None and turn.status not in ("answered", "gave_up", "model_error"):
            key = call_key(turn.api, turn.arguments)
            calls.append((key, Answer(turn.observation, turn.status)))
        stack.extend(reversed(turn.turns))
    return _group(calls)


@lru_cache(maxsize=8)
def read_table(path: Path) -> dict[str, dict[str, tuple[Answer, ...]]]:
    """Tables of a JSONL file by query id, and of all its calls under ``""``.

    Raises:
        UsageError: the file is missing, or a line of it is no call.
    """
    calls: dict[str, list[tuple[str, Answer]]] = {"": []}
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
            answer = Answer(row["observation"], status)
            if not isinstance(answer.observation, str):
                raise TypeError("the observation must be a text")
            call = (call_key(row["function"], row["arguments"]), answer)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}:{number} is no recorded call: {error!r}") from error
        calls[""].append(call)
        if "query_id" in row:
            calls.setdefault(str(row["query_id"]), []).append(call)
    return {query: _group(rows) for query, rows in calls.items()}


def _group(calls: Iterable[tuple[str, Answer]]) -> dict[str, tuple[Answer, ...]]:
    table: dict[str, list[Answer]] = {}
    for key, answer in calls:
        table.setdefault(key, []).append(answer)
    return {key: tuple(answers) for key, answers in table.items()}
