"""ToolBench's API documents: its names, its parameters, its catalogue.

The rules are those of ToolBench's released code, so that a function is called here what it is
called in its traces. ``standardize`` and the rest are checked against the functions recorded in
real answers (tests/envs/test_toolbench_names.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ..core import API, UsageError

LONGEST_NAME: Final = 64
_RESERVED = frozenset({"from", "class", "return", "false", "true", "id", "and"})
_TYPES = {"NUMBER": "integer", "STRING": "string", "BOOLEAN": "boolean"}
_OTHER = re.compile("[^\u4e00-\u9fa5^a-zA-Z0-9_]")


def standardize(name: str) -> str:
    """A name as ToolBench writes it: lower case, other characters as single underscores."""
    name = re.sub(r"_+", "_", _OTHER.sub("_", name)).lower().strip("_")
    return f"get_{name}" if name[:1].isdigit() else name


def identifier(name: str) -> str:
    """A standardised name that is no keyword of the wrappers that ToolBench generates."""
    name = standardize(name)
    return f"is_{name}" if name in _RESERVED else name


def function_name(api: str, tool: str) -> str:
    """What the model calls the API: its last 64 characters, as in ToolBench."""
    return f"{identifier(api)}_for_{standardize(tool)}"[-LONGEST_NAME:]


def parse_api(doc: Mapping[str, Any]) -> API:
    """The API that one entry of an ``api_list`` (or of the catalogue) describes.

    Parameters that are named twice are kept once, the first time. Types other than NUMBER,
    STRING and BOOLEAN are strings, as in ToolBench.

    Raises:
        KeyError: it has no ``tool_name`` or ``api_name``.
    """
    tool, api = str(doc["tool_name"]), str(doc["api_name"])
    name = function_name(api, tool)
    text = f'This is the subfunction for tool "{standardize(tool)}", you can use this tool.'
    about = str(doc.get("api_description") or "").strip()
    if about:
        about = about.replace(api, name)[:256]
        text += f'The description of this function is: "{about}"'
    properties: dict[str, Any] = {}
    named: dict[str, list[str]] = {"required": [], "optional": []}
    for group, listed in named.items():
        for parameter in doc.get(f"{group}_parameters") or ():
            key = identifier(str(parameter["name"]))
            if key in properties:
                continue
            shown: dict[str, Any] = {
                "type": _TYPES.get(str(parameter.get("type")), "string"),
                "description": str(parameter.get("description") or "")[:256],
            }
            default = parameter.get("default")
            if default is not None and str(default):
                shown["example_value"] = default
            properties[key] = shown
            listed.append(key)
    schema = {"type": "object", "properties": properties, **named}
    category = str(doc.get("category_name") or "")
    return API(name, text, schema, category, tool, api)


def parse_apis(docs: Iterable[Mapping[str, Any]]) -> tuple[API, ...]:
    """The APIs of an ``api_list``, each under a name of its own.

    Where two have one function name (9 of ToolBench's test queries), the first keeps it and the
    next get ``_2``, ``_3``: in ToolBench they could not be called at all.
    """
    apis: dict[str, API] = {}
    for doc in docs:
        api = parse_api(doc)
        name = free_name(api.name, apis)
        apis[name] = replace(api, name=name)
    return tuple(apis.values())


def free_name(name: str, taken: Container[str], last: dict[str, int] | None = None) -> str:
    """The name, or the first of ``name_2``, ``name_3`` .. that is not taken.

    Args:
        name: what it shall be.
        taken: names that are not free.
        last: the last number given to each name, kept from call to call, so that many APIs of
            one name are not quadratic.
    """
    found, k = name, 1
    if last is not None and name in taken:
        k = last.get(name, 1)
    while found in taken:
        k += 1
        found = f"{name[: LONGEST_NAME - max(3, len(str(k)) + 1)]}_{k}"
    if last is not None:
        last[name] = k
    return found


def response_schema(doc: Mapping[str, Any]) -> Any:
    """The ``template_response`` of an API: JSON, JSON in a string, or None where there is none."""
    value = doc.get("template_response")
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def read_catalogue(path: Path) -> list[API]:
    """The APIs of a catalogue: JSON lines, one API document each.

    Raises:
        UsageError: the file is missing, or a line is no API document.
    """
    apis = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                try:
                    apis.append(parse_api(json.loads(text)))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise UsageError(f"{path}:{number} is no API document: {error!r}") from error
    except OSError as error:
        raise UsageError(f"cannot read the catalogue {path}: {error.strerror}") from error
    return apis
