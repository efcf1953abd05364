"""What an MCP server says, in toolgrove's words: its tools as APIs, its results as steps."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b, sha256
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from mcp import Tool
from mcp.types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from ..core import API, CODES, FINISH, Provenance, Status, Step, StepInfo, UsageError

LONGEST_NAME: Final = 64  # characters of a function name, as models' providers take them
ATTACHED: Final = 65_536  # bytes of a picture, sound or file that are shown; of more, the hash
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_-]")


# ------------------------------------------------------------------ tools as APIs


def apis_of(tools: Iterable[Tool], server: str, only: Sequence[str] = ()) -> tuple[API, ...]:
    """The functions that a server's tools are offered as, in its order.

    A tool is read-only where its annotation says so; one that says nothing may write.

    Args:
        tools: as the server lists them.
        server: what the server is called.
        only: names of the tools to take; all if empty.

    Raises:
        UsageError: ``only`` names no tool of it, or a schema is no JSON Schema of an object.
    """
    listed = {tool.name: tool for tool in reversed(list(tools))}
    listed = dict(reversed(listed.items()))
    unknown = [name for name in only if name not in listed]
    if unknown:
        raise UsageError(
            f"MCP server {server} has no tool {', '.join(map(repr, unknown))}; "
            f"there are: {', '.join(listed) or 'none'}"
        )
    taken = {FINISH}
    apis = []
    for name, tool in listed.items():
        if only and name not in only:
            continue
        notes = tool.annotations
        title = tool.title or (notes.title if notes else None)
        apis.append(
            API(
                name=function_name(name, taken),
                description=tool.description or title or "",
                parameters=schema_of(tool, server),
                tool=server,
                api=name,
                read_only=bool(notes and notes.read_only_hint),
            )
        )
        taken.add(apis[-1].name)
    return tuple(apis)


def function_name(name: str, taken: Iterable[str] = ()) -> str:
    """A name that models can call: letters, digits, ``_`` and ``-``, at most 64, not taken.

    >>> function_name("files.read")
    'files_read'
    >>> len(function_name("x" * 100))
    64
    """
    plain = _NOT_IN_NAMES.sub("_", name) or "tool"
    if len(plain) > LONGEST_NAME:
        mark = blake2b(name.encode("utf-8", "replace"), digest_size=4).hexdigest()
        plain = f"{plain[: LONGEST_NAME - 9]}_{mark}"
    found, k = plain, 1
    while found in taken:
        k += 1
        found = f"{plain[: LONGEST_NAME - 1 - len(str(k))]}_{k}"
    return found


def schema_of(tool: Tool, server: str) -> dict[str, Any]:
    """The schema of a tool's arguments, as JSON Schema 2020-12 of an object.

    Raises:
        UsageError: it is none, or it refers to something outside itself.
    """
    schema = dict(tool.input_schema)
    schema.pop("$schema", None)
    schema.setdefault("type", "object")
    try:
        if schema["type"] != "object":
            raise ValueError(f"its type is {schema['type']!r}, not 'object'")
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError:
            schema = _newer(schema)
            Draft202012Validator.check_schema(schema)
        resource = DRAFT202012.create_resource(schema)
        registry: Registry[Any] = Registry().with_resource(resource.id() or "", resource)
        for reference in _references(schema):
            registry.resolver(resource.id() or "").lookup(reference)
    except SchemaError as error:
        place = "/".join(str(step) for step in error.absolute_path)
        wrong = f"{error.message[:200]} (at {place or 'its root'})"
    except Unresolvable as error:
        wrong = f"it refers to {error.ref!r}, which it does not have"
    except (ValueError, RecursionError) as error:
        wrong = str(error)
    else:
        return schema
    raise UsageError(
        f"tool {tool.name!r} of MCP server {server} has no JSON Schema of an object: {wrong}. "
        f"Name the tools to take with only=..;.., without this one"
    )


def _newer(value: Any) -> Any:
    """Older dialects wrote the items of a tuple as a list under ``items``."""
    if isinstance(value, list):
        return [_newer(each) for each in value]
    if not isinstance(value, dict):
        return value
    new = {key: _newer(each) for key, each in value.items()}
    if isinstance(new.get("items"), list):
        new["prefixItems"] = new.pop("items")
        if "additionalItems" in new:
            new["items"] = new.pop("additionalItems")
    return new


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)


# ------------------------------------------------------------------ results as steps


def step_of(result: CallToolResult, largest: int) -> Step:
    """The step of a result, in ToolBench's envelope.

    The response is the structured content where there is some; else the text, which is taken as
    JSON where it is an object or a list; else, where there are pictures, sounds or files, a list
    of all blocks. A picture of more than ATTACHED bytes is told by its size and hash alone.

    Args:
        result: as the server gave it.
        largest: characters that an observation may have.
    """
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    more = [block for block in result.content if not isinstance(block, TextContent)]
    if (whole := _enveloped(result, texts)) is not None and not more:
        return whole
    if result.is_error:
        text = "\n".join(texts) or "the tool failed and did not say why"
        return said(text, "error", [shown(block) for block in more] or "", largest=largest)
    response: Any
    if "structured_content" in result.model_fields_set and result.structured_content is not None:
        response = result.structured_content
        if more:
            response = {"content": response, "attachments": [shown(block) for block in more]}
    elif more:
        response = [shown(block) for block in result.content]
    else:
        response = _read("\n".join(texts))
    return said("", "ok", response, largest=largest)


def _enveloped(result: CallToolResult, texts: Sequence[str]) -> Step | None:
    """The step of a server of ours, whose text is in the envelope already."""
    told = result.meta or {}
    status, provenance = told.get("toolgrove/status"), told.get("toolgrove/provenance")
    if status not in CODES or len(texts) != 1 or (status == "ok") == result.is_error:
        return None
    seen: Provenance = "simulated" if provenance == "simulated" else "live"
    return Step(texts[0], 0.0, False, False, StepInfo(status, seen))


def said(
    error: str,
    status: Status,
    response: Any = "",
    *,
    largest: int = 1 << 20,
    detail: Mapping[str, Any] | None = None,
) -> Step:
    """A step with what the server said."""
    text = json.dumps({"error": error, "response": response}, ensure_ascii=False)
    if len(text) > largest:
        words = f"the answer has {len(text)} characters, more than the {largest} allowed"
        return said(words, "error", detail=detail)
    return Step(text, 0.0, False, False, StepInfo(status, "live", 0.0, detail))


def shown(block: ContentBlock) -> dict[str, Any]:
    """A block of a result as plain data."""
    if isinstance(block, TextContent):
        return {"type": "text", "text": block.text}
    if isinstance(block, ImageContent | AudioContent):
        return {"type": block.type, "media": block.mime_type, **_bytes(block.data)}
    if isinstance(block, ResourceLink):
        told = {"type": "link", "uri": str(block.uri), "name": block.name, "media": block.mime_type}
        return {key: value for key, value in told.items() if value is not None}
    assert isinstance(block, EmbeddedResource)
    held = block.resource
    found: dict[str, Any] = {"type": "resource", "uri": str(held.uri)}
    if held.mime_type is not None:
        found["media"] = held.mime_type
    if isinstance(held, TextResourceContents):
        return {**found, "text": held.text}
    assert isinstance(held, BlobResourceContents)
    return {**found, **_bytes(held.blob)}


def _bytes(data: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return {"bytes": 0, "error": "its data is not base64"}
    found: dict[str, Any] = {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}
    return {**found, "data": data} if len(raw) <= ATTACHED else found


def _read(text: str) -> Any:
    """The object or list that a text is the JSON of; else the text."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
