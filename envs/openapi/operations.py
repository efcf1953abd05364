"""The operations of an OpenAPI document as functions for a model."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from ...core import API, UsageError
from . import bodies
from .arguments import Validator
from .bodies import Body
from .document import Document, load
from .parameters import Parameter, declared
from .parameters import read as read_parameters
from .schemas import Schemas
from .security import Alternatives, Scheme, alternatives, carriers, schemes
from .servers import server

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
READING: Final = frozenset({"get", "head", "options"})
LONGEST_NAME: Final = 64
MOST: Final = 1_000_000  # schemas within those of all tools of a world: half a minute of work
LONGEST_TEXT: Final = 1_024  # characters of a description; more is refused by some models' servers


@dataclass(frozen=True)
class Operation:
    """One operation, with what it takes to call it.

    Attributes:
        api: as it is offered to a model.
        method: in capitals.
        path: the template.
        parameters: those that arguments are given for.
        body: likewise; None where there is none.
        server: of the document; it may be relative.
        security: the ways to be let in.
        tags: of the document.
    """

    api: API
    method: str
    path: str
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    server: str = "/"
    security: Alternatives = ()
    tags: tuple[str, ...] = field(default=(), repr=False)

    @cached_property
    def validator(self) -> Validator:
        """Checks arguments; made at the first call."""
        return Validator(self.api.parameters)


@dataclass(frozen=True)
class _Found:
    """An operation as it stands in a document."""

    path: str
    method: str
    item: Mapping[str, Any]
    node: Mapping[str, Any]
    place: Any

    @property
    def id(self) -> str:
        said = self.node.get("operationId")
        return said if isinstance(said, str) and said else self.call

    @property
    def call(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def tags(self) -> tuple[str, ...]:
        said = self.node.get("tags")
        return tuple(str(tag) for tag in said) if isinstance(said, list) else ()


def operations(
    document: Document, only: Collection[str] = (), name: str = ""
) -> tuple[Operation, ...]:
    """The operations of a document, in its order.

    A function is called by its operationId, or by method and path; other characters become
    ``_``. A name that is too long, or taken, ends in a hash of the whole.

    Args:
        document: the document.
        only: tags, operationIds, or ``METHOD /path``; empty for all.
        name: of the tool; else the document's title.

    Raises:
        UsageError: an operation cannot be read, or ``only`` names none; the text says which.
    """
    found = list(_found(document))
    chosen = _chosen(found, only, document.path)
    seen: dict[str, _Found] = {}
    for each in chosen:
        before = seen.setdefault(each.id, each)
        if before is not each:
            raise UsageError(
                f"{document.path}: the operationId {each.id!r} is given twice: at "
                f"{before.call} and {each.call}"
            )
    known = schemes(document, name)
    taken: set[str] = set()
    made: list[Operation] = []
    count = 0
    for each in chosen:
        shared = Schemas()
        try:
            made.append(_operation(document, each, name or document.title, known, taken, shared))
            count += shared.count
            if count > MOST:
                raise UsageError("it is too much to import as a whole: choose tags with only=")
        except UsageError as error:
            said = str(error).removeprefix(f"{document.path}: ")
            raise UsageError(f"{document.path}: {each.call}: {said}") from None
        except RecursionError:
            raise UsageError(
                f"{document.path}: {each.call}: its schemas are nested too deeply"
            ) from None
    return tuple(made)


def api_documents(
    path: Path | str, only: Collection[str] = (), name: str = "", root: Path | None = None
) -> list[dict[str, Any]]:
    """The functions of a document as plain rows: ``API.to_json()``, and ``method`` and ``path``.

    Raises:
        UsageError: the document cannot be read.
    """
    made = operations(load(path, root), only, name)
    return [{**op.api.to_json(), "method": op.method, "path": op.path} for op in made]


def _found(document: Document) -> Iterator[_Found]:
    paths = document.content.get("paths")
    if paths is None and document.version != "3.1":
        raise UsageError(f"{document.path} has no paths")
    if paths is not None and not isinstance(paths, Mapping):
        raise UsageError(f"{document.path}: paths must be a mapping")
    for path, node in (paths or {}).items():
        if not path.startswith("/"):
            if path.startswith("x-"):
                continue
            raise UsageError(f"{document.path}: the path {path!r:.100} does not begin with /")
        item, place = document.place.settle(node)
        if not isinstance(item, Mapping):
            raise UsageError(f"{document.path}: the path {path!r:.100} holds no mapping")
        for method in item:
            if method in METHODS:
                operation, there = place.settle(item[method])
                if not isinstance(operation, Mapping):
                    raise UsageError(
                        f"{document.path}: {method.upper()} {path!r:.100} holds no mapping"
                    )
                yield _Found(path, method, item, operation, there)


def _chosen(found: list[_Found], only: Collection[str], path: Path) -> list[_Found]:
    if not only:
        return found
    wanted = set(only)
    names: set[str] = set()
    chosen = []
    for each in found:
        own = {each.id, each.call, *each.tags}
        names |= own
        if own & wanted:
            chosen.append(each)
    for missing in sorted(wanted - names):
        near = difflib.get_close_matches(missing, names, 1, 0.5)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UsageError(f"{path} has no tag and no operation {missing!r}{hint}")
    return chosen


def _operation(
    document: Document,
    found: _Found,
    tool: str,
    known: Mapping[str, Scheme],
    taken: set[str],
    shared: Schemas,
) -> Operation:
    content, node = document.content, found.node
    security = alternatives(document, node, known)
    listed = declared(found.item, found.place, node)
    parameters, properties, required = read_parameters(
        listed, found.path, shared, carriers(known, security)
    )
    if document.version == "2.0":
        said = node.get("consumes", content.get("consumes"))
        requested = bodies.of_2(listed, [str(m) for m in said] if isinstance(said, list) else [])
    else:
        request, place = found.place.settle(node.get("requestBody"))
        requested = (request, place) if isinstance(request, Mapping) else None
    body = None
    if requested is not None:
        read = bodies.read(*requested, shared, properties)
        if read is not None:
            body, wanted = read
            required = [*required, *wanted]
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    schema = shared.finish({**schema, "additionalProperties": False})
    api = API(
        _name(found, taken),
        _description(found),
        schema,
        tool=tool,
        api=found.id,
        read_only=found.method in READING,
    )
    method = found.method.upper()
    where = server(document, found.item, node)
    return Operation(api, method, found.path, tuple(parameters), body, where, security, found.tags)


def _name(found: _Found, taken: set[str]) -> str:
    said = found.node.get("operationId")
    if isinstance(said, str) and said:
        name = re.sub(r"[^a-zA-Z0-9_-]+", "_", said)
    else:
        name = re.sub(r"[^a-zA-Z0-9-]+", "_", f"{found.method}_{found.path}").strip("_")
    if not name.strip("_") or len(name) > LONGEST_NAME or name in taken:
        mark = blake2b(found.call.encode("utf-8", "replace"), digest_size=4).hexdigest()
        name = f"{name[: LONGEST_NAME - 9]}_{mark}"
    taken.add(name)
    return name


def _description(found: _Found) -> str:
    summary = str(found.node.get("summary") or "").strip()
    about = str(found.node.get("description") or "").strip()
    if about.startswith(summary):
        summary = ""
    text = "\n".join(part for part in (summary, about) if part) or found.call
    if found.node.get("deprecated") is True:
        text = f"Deprecated. {text}"
    if len(text) <= LONGEST_TEXT:
        return text
    return text[: LONGEST_TEXT - 1].rpartition(" ")[0].rstrip() + "…"
