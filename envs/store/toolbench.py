"""Recorded calls in ToolBench's form, one JSON object a line, for the store.

Every answer is kept in three places: for its trace, in order, so that the trace replays exactly;
for its query; and for anyone who makes the call, where equal answers are kept once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core import API, STATUS_OF_CODE, Action, BadArguments, Status, UsageError
from ...core.values import FINISH
from .file import Recorded, Response
from .keys import Call, call_of, raw_call
from .secrets import Secrets
from .transfer import lines_of


@dataclass
class Imported:
    """What a file of recorded calls held.

    Attributes:
        calls: the calls under each scope.
        apis: the functions, by name, as far as the rows tell.
        rows: how many were taken.
        finish: rows that call Finish, left out.
        unknown: rows that call a function which was not offered, left out.
        broken: places of rows whose arguments are no JSON object; they are kept under their text.
    """

    calls: list[Recorded] = field(default_factory=list)
    apis: list[API] = field(default_factory=list)
    rows: int = 0
    finish: int = 0
    unknown: int = 0
    broken: list[str] = field(default_factory=list)


def read_calls(path: Path, secrets: Secrets | None = None) -> Imported:
    """The calls of a file.

    Raises:
        UsageError: a line is no recorded call.
    """
    secrets = Secrets.of_environment() if secrets is None else secrets
    found = Imported()
    answers: dict[Call, list[Response]] = {}
    apis: dict[str, API] = {}
    rows: list[tuple[int, Any, str, str, Status]] = []
    for number, text in lines_of(path):
        try:
            row = json.loads(text)
            name, raw, observation = row["function"], row["arguments"], row["observation"]
            for value in (name, raw, observation):
                if not isinstance(value, str):
                    raise TypeError("function, arguments and observation must be texts")
            status = STATUS_OF_CODE[row.get("observation_code") or 0]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UsageError(f"{path}:{number} is no recorded call: {error!r}") from error
        if name == FINISH:
            found.finish += 1
            continue
        if status == "no_such_api":
            found.unknown += 1
            continue
        api = _api(name, row)
        if not (name in apis and (apis[name].tool or not api.tool)):
            apis[name] = api
        rows.append((number, row, raw, observation, status))
    found.rows = len(rows)
    for number, row, raw, observation, status in rows:
        name = row["function"]
        api = _api(name, row) if row.get("tool_name") else apis[name]  # named in another row
        try:
            call = call_of(api, Action(name, raw).kwargs(), secrets=secrets)
        except BadArguments:
            found.broken.append(f"{path.name}:{number}")
            call = raw_call(api, raw, secrets=secrets)
        source, query = str(row.get("source") or ""), str(row.get("query_id") or "")
        response = Response(secrets.blotted(observation), status, "imported", {}, 0.0, source)
        for scope in _scopes(source, query):
            place = Call(call.tool, call.api, call.arguments, scope)
            kept = answers.setdefault(place, [])
            if scope or response not in kept:
                kept.append(response)
    found.calls = [Recorded(call, tuple(responses)) for call, responses in answers.items()]
    found.apis = list(apis.values())
    return found


def _api(name: str, row: Any) -> API:
    def text(key: str) -> str:
        return str(row.get(key) or "")

    return API(name, category=text("category"), tool=text("tool_name"), api=text("api_name"))


def _scopes(source: str, query: str) -> list[str]:
    scopes = [""]
    if query:
        scopes.append(f"task:{query}")
    if query and source:
        scopes.append(f"trace:{source}/{query}")
    return scopes
