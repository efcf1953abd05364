"""Tasks as ToolBench's query files: ``query``, ``api_list``, ``relevant APIs``, ``query_id``.

The inverse of benchmarks/toolbench.py: reading such a file gives the same instructions, relevant
APIs and, for APIs that were collected from ToolBench, the same functions. Others are rewritten
there by ToolBench's rules (names of functions and parameters, three types, 256 characters).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ...core import API, Task
from ...envs.toolbench import function_name
from ..documents import Document
from ..writing import write_json

_TYPES: Final = {"integer": "NUMBER", "number": "NUMBER", "boolean": "BOOLEAN"}
_OURS: Final = re.compile(
    r'This is the subfunction for tool "[^"]*", you can use this tool\.'
    r'(?:The description of this function is: "(.*)")?',
    re.DOTALL,
)


def query_of(task: Task, number: int | str, documents: Mapping[Any, Document]) -> dict[str, Any]:
    """A task as an entry of a query file.

    Args:
        task: the task.
        number: its ``query_id``.
        documents: by (category, tool, API): method, response schema, whole descriptions.
    """
    relevant = [[api.tool or api.name, api.api or api.name] for name in task.relevant
                for api in task.apis if api.name == name]  # fmt: skip
    entry: dict[str, Any] = {
        "api_list": [entry_of(api, documents.get(place_of(api))) for api in task.apis],
        "query": task.instruction,
    }
    if relevant:
        entry["relevant APIs"] = relevant
    return {**entry, "query_id": number}


def place_of(api: API) -> tuple[str, str, str]:
    """What tells an API from others in a table."""
    return api.category, api.tool or api.name, api.api or api.name


def entry_of(api: API, document: Document | None = None) -> dict[str, Any]:
    """An API as an entry of an ``api_list``."""
    category, tool, name = place_of(api)
    extra: Mapping[str, Any] = document.extra if document is not None else {}
    about = extra.get("api_description")
    if about is None:
        found = _OURS.fullmatch(api.description)
        about = api.description if found is None else found[1] or ""
        about = about.replace(function_name(name, tool), name)
    listed = api.parameters.get("required")
    needed = list(map(str, listed)) if isinstance(listed, list) else []
    properties = api.parameters.get("properties")
    groups: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for key, schema in (properties if isinstance(properties, Mapping) else {}).items():
        groups[key in needed].append(_parameter(key, schema))
    entry = {
        "category_name": category,
        "tool_name": tool,
        "api_name": name,
        "api_description": about,
        "required_parameters": groups[True],
        "optional_parameters": groups[False],
        "method": extra.get("method") or "GET",
    }
    if document is not None and document.returns is not None:
        entry["template_response"] = document.returns
    return entry


def _parameter(name: str, schema: Any) -> dict[str, Any]:
    told = schema if isinstance(schema, Mapping) else {}
    default = told.get("default", told.get("example_value", ""))
    return {
        "name": name,
        "type": _TYPES.get(str(told.get("type")), "STRING"),
        "description": str(told.get("description") or ""),
        "default": default,
    }


def write_queries(tasks: Sequence[Task], path: Path, documents: Iterable[Document]) -> int:
    """Write a query file; how many queries it has.

    A task that was read from one keeps its ``query_id``; others are numbered from 0.

    Raises:
        UsageError: nothing can be written there.
    """
    known = {place_of(document.api): document for document in documents}
    rows = [query_of(t, t.extra.get("query_id", n), known) for n, t in enumerate(tasks)]
    write_json(path, rows)
    return len(rows)
