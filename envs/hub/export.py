"""The hub in ToolBench's tool JSON, for code that reads its ``toolenv``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..toolbench import standardize
from .registry import Endpoint, call, endpoints
from .types import TYPES

_KINDS = {"integer": "NUMBER", "number": "NUMBER", "boolean": "BOOLEAN", "array": "ARRAY"}


def api_doc(endpoint: Endpoint) -> dict[str, Any]:
    """One API as an entry of an ``api_list``."""
    named: dict[str, list[dict[str, Any]]] = {"required": [], "optional": []}
    for name, takes in endpoint.params.items():
        default = takes.example if takes.required else takes.default
        named["required" if takes.required else "optional"].append(
            {
                "name": name,
                "type": _KINDS.get(TYPES[takes.type].kind, "STRING"),
                "description": takes.about or TYPES[takes.type].about,
                "default": "" if default is None else default,
            }
        )
    return {
        "category_name": endpoint.tool.category,
        "tool_name": endpoint.tool.name,
        "api_name": endpoint.name,
        "api_description": endpoint.about,
        "required_parameters": named["required"],
        "optional_parameters": named["optional"],
        "method": "GET",
        "template_response": shape(call(endpoint, endpoint.example)["response"]),
    }


def shape(value: Any) -> Any:
    """A response with its values replaced by their types, as ToolBench's templates are."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def tool_json(apis: Iterable[Endpoint]) -> dict[str, Any]:
    """A tool as a file of ToolBench's ``toolenv/tools``."""
    listed = list(apis)
    tool = listed[0].tool
    keys = ("required_parameters", "optional_parameters", "method")
    return {
        "tool_name": tool.name,
        "tool_description": tool.about,
        "title": tool.name,
        "name": tool.name,
        "pricing": "FREE",
        "score": None,
        "home_url": "",
        "host": "",
        "standardized_name": standardize(tool.name),
        "api_list": [
            {
                "name": doc["api_name"],
                "url": f"/call/{tool.name}/{doc['api_name']}",
                "description": doc["api_description"],
                **{key: doc[key] for key in keys},
                "schema": doc["template_response"],
            }
            for doc in map(api_doc, listed)
        ],
    }


def write_tools(folder: Path) -> int:
    """Write ``CATEGORY/tool.json`` for every tool; how many there were."""
    tools: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints().values():
        tools.setdefault(endpoint.tool.name, []).append(endpoint)
    for apis in tools.values():
        path = folder / apis[0].tool.category / f"{standardize(apis[0].tool.name)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(tool_json(apis), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return len(tools)
