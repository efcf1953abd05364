"""OpenAPI documents as API documents: operations, response schemas, examples, licence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..core import UsageError
from ..envs.openapi.document import Document as Description
from ..envs.openapi.document import Place, load
from ..envs.openapi.operations import Operation, operations
from ..envs.openapi.schemas import Schemas
from .collect_toolbench import Dropped, Entry
from .documents import Document

SUFFIXES: Final = frozenset({".json", ".yaml", ".yml"})
EXAMPLES: Final = 3  # of an operation


def openapi(
    path: Path, only: Sequence[str] = (), name: str = "", root: Path | None = None
) -> Iterator[Entry]:
    """The operations of a document, or of all documents of a folder; no host is asked.

    A file of a folder that is no document, or cannot be read as one, is dropped.

    Args:
        path: the file or folder.
        only: tags, operationIds, or ``METHOD /path``; empty for all.
        name: of the tool; else the document's title.
        root: a wider folder that ``$ref`` may read files from.

    Raises:
        UsageError: the file cannot be read; the text says where.
    """
    if not path.is_dir():
        yield from _document(path, only, name, root)
        return
    files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES]
    for file in files:
        try:
            yield from list(_document(file, only, name, root))
        except UsageError as error:
            said = str(error).removeprefix(str(file)).lstrip(": ")
            yield Dropped("unreadable", str(file), said)
    if not files:
        raise UsageError(f"{path} has no *.json, *.yaml or *.yml file")


def _document(path: Path, only: Sequence[str], name: str, root: Path | None) -> Iterator[Document]:
    described = load(path, root)
    info = described.content.get("info")
    info = info if isinstance(info, Mapping) else {}
    said = info.get("license")
    licence = ""
    if isinstance(said, Mapping):
        licence = str(said.get("identifier") or said.get("name") or "")
    about = str(info.get("description") or "").strip()
    for op in operations(described, only, name):
        extra: dict[str, Any] = {"method": op.method, "path": op.path, "server": op.server}
        if op.tags:
            extra["tags"] = list(op.tags)
        if about:
            extra["tool_description"] = about
        returns, examples = _response(described, op)
        yield Document(op.api, examples, returns, licence, f"openapi:{path}", extra)


def _response(described: Description, op: Operation) -> tuple[Any, tuple[str, ...]]:
    """The schema of an operation's first good JSON response, and the examples of it.

    What is wrong in a response does not make the operation unusable: it then has none.
    """
    try:
        item, place = described.place.settle(described.content["paths"][op.path])
        node, place = place.settle(item[op.method.lower()])
        responses, place = place.settle(node.get("responses"))
        codes = sorted(str(code) for code in responses)
        code = next((c for c in (*codes, "default") if c[:1] == "2" or c == "default"), "")
        known = {str(key): value for key, value in responses.items()}
        response, place = place.settle(known.get(code))
        if described.version == "2.0":
            holder = {"schema": response.get("schema"), "examples": response.get("examples")}
            medias = holder["examples"] or {}
            examples = [value for media, value in medias.items() if "json" in media]
        else:
            contents = response.get("content") or {}
            media = next((m for m in contents if "json" in m), None)
            if media is None:
                return None, ()
            holder, place = place.settle(contents[media])
            examples = _examples(holder, place)
        returns = None
        if isinstance(holder.get("schema"), Mapping):
            schemas = Schemas()
            converted = schemas.convert(holder["schema"], place)
            returns = schemas.finish(converted) if isinstance(converted, dict) else None
    except (UsageError, RecursionError, AttributeError, KeyError, TypeError, ValueError):
        return None, ()
    texts = [json.dumps(each, ensure_ascii=False, default=str) for each in examples]
    return returns or None, tuple(dict.fromkeys(texts))[:EXAMPLES]


def _examples(holder: Mapping[str, Any], place: Place) -> list[Any]:
    """The examples of a media type, or that of its schema."""
    found = [holder["example"]] if holder.get("example") is not None else []
    for each in (holder.get("examples") or {}).values():
        value, _ = place.settle(each)
        if isinstance(value, Mapping) and value.get("value") is not None:
            found.append(value["value"])
    if not found:
        schema, _ = place.settle(holder.get("schema"))
        if isinstance(schema, Mapping) and schema.get("example") is not None:
            found.append(schema["example"])
    return found
