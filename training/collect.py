"""API documents from everywhere, brought into one table: what ``toolgrove data collect`` does.

The order is that of the sources, and within one that of its files. Two entries are one API where
category, tool and API are equal in ToolBench's standard writing, and where tool and API are also
written alike; or, of two sources, where for each of them one is in the standard writing already (a
catalogue's): ``By City (2)`` and ``By City 2`` are two. The first keeps its names and its place;
what it lacks is taken from the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ..core import FINISH, UsageError, world
from ..core.registry import Spec, names, parse
from ..envs.toolbench import free_name
from .collect_toolbench import Dropped, Entry, catalogue, standard, toolbench
from .documents import Document, read_documents, write_documents
from .writing import write_json

EXAMPLES: Final = 3  # of an API that a table keeps
PLACES: Final = 20  # of dropped entries that a report names, a reason


@dataclass
class Counts:
    """What became of the entries of one source.

    Attributes:
        source: the spec.
        found: entries it has.
        new: those that became an API of the table.
        merged: those that were the API of an earlier entry.
        dropped: those that are none, by reason.
        renamed: new ones whose function name was taken.
        places: where dropped ones stand, the first of each reason.
    """

    source: str
    found: int = 0
    new: int = 0
    merged: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    renamed: int = 0
    places: dict[str, list[str]] = field(default_factory=dict)

    def drop(self, entry: Dropped) -> None:
        """Count an entry that is no API."""
        self.dropped[entry.reason] += 1
        places = self.places.setdefault(entry.reason, [])
        if len(places) < PLACES:
            places.append(f"{entry.where}: {entry.text}" if entry.text else entry.where)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "dropped": dict(self.dropped)}


@dataclass(frozen=True)
class Collected:
    """A table, and how it came about."""

    documents: tuple[Document, ...]
    sources: tuple[Counts, ...]

    def report(self) -> dict[str, Any]:
        """Counts of the table and of each source, as plain data."""
        apis = [document.api for document in self.documents]
        return {
            "apis": len(apis),
            "tools": len({(api.category, api.tool) for api in apis}),
            "categories": len({api.category for api in apis}),
            "examples": sum(bool(document.examples) for document in self.documents),
            "returns": sum(document.returns is not None for document in self.documents),
            "writing": sum(not api.read_only for api in apis),
            "licences": dict(Counter(d.licence for d in self.documents).most_common()),
            "sources": [counts.to_json() for counts in self.sources],
        }


def collect(sources: Sequence[str], licence: str = "", category: str = "") -> Collected:
    """Read sources into one table.

    Args:
        sources: specs: ``toolbench:PATH``, ``catalogue:FILE``, ``openapi:FILE``, ``hub``,
            ``table:FILE`` (a table collected before), or an environment that knows its functions.
        licence: of the documents of which nothing else says.
        category: of the APIs of which nothing else says.

    Raises:
        UsageError: a source cannot be read, or has no API; the text names file and line.
    """
    table, counted = _Table(), []
    for source in dict.fromkeys(sources):
        counts = Counts(source)
        for entry in read_source(source):
            counts.found += 1
            if isinstance(entry, Dropped):
                counts.drop(entry)
            else:
                if licence and not entry.licence:
                    entry = replace(entry, licence=licence)
                if category and not entry.api.category:
                    entry = replace(entry, api=replace(entry.api, category=category))
                table.add(entry, counts)
        if not counts.found:
            raise UsageError(f"the source {source!r} has no API")
        counted.append(counts)
    if not table.documents:
        raise UsageError(f"no API is left: {_why(counted)}")
    return Collected(tuple(table.documents), tuple(counted))


def write(collected: Collected, out: Path) -> dict[str, Any]:
    """Write the table, and its report beside it; each is there whole or not at all.

    Returns:
        The report, with the table's path and SHA-256.
    """
    if out.is_file():
        try:
            read_documents(out)
        except UsageError as error:
            raise UsageError(
                f"{out} is there and is no table of APIs: give another --out"
            ) from error
    write_documents(collected.documents, out)
    digest = sha256(out.read_bytes()).hexdigest()
    report = {"out": str(out), "sha256": digest, **collected.report()}
    write_json(out.with_name(out.name + ".report.json"), report)
    return report


def read_source(source: str) -> Iterator[Entry]:
    """The entries of a source, in its order; see :func:`collect`.

    Raises:
        UsageError: it names nothing that can be read.
    """
    spec = parse(source)
    if spec.name in ("toolbench", "catalogue"):
        path, responses = _paths(spec, source)
        read = toolbench if spec.name == "toolbench" else catalogue
        yield from read(path, source, responses)
    elif spec.name == "table":
        yield from read_documents(_paths(spec, source)[0])
    elif spec.name == "openapi":
        yield from _openapi(spec, source)
    elif source == "hub":
        yield from _hub()
    elif spec.name not in names("envs") and Path(source).exists():
        raise UsageError(
            f"{source!r} says not what it is: write toolbench:{source} for ToolBench's files, or "
            f"catalogue:, openapi:, table:"
        )
    else:
        yield from _world(source)


def _paths(spec: Spec, source: str) -> tuple[Path, Path | None]:
    """The path that a spec names, and that of its ``responses``."""
    if spec.main is None or spec.n is not None:
        raise UsageError(f"{source!r} lacks a path: write {spec.name}:PATH")
    items = dict(spec.items)
    responses = items.pop("responses", None)
    if items or (responses is not None and spec.name == "table"):
        takes = "nothing else" if spec.name == "table" else "responses=PATH"
        raise UsageError(f"{source!r}: beside its path {spec.name} takes {takes}")
    path = Path(spec.main)
    if not path.exists():
        raise UsageError(f"there is no {path} ({source})")
    return path, None if responses is None else Path(responses)


def _openapi(spec: Spec, source: str) -> Iterator[Entry]:
    """The operations of a document or a folder of them; the items are those of the environment."""
    from .collect_openapi import openapi

    if spec.main is None:
        raise UsageError(f"{source!r} lacks a path: write openapi:FILE")
    items = dict(spec.items)
    only = [part.strip() for part in items.get("only", "").split(";") if part.strip()]
    root = Path(items["root"]) if "root" in items else None
    yield from openapi(Path(spec.main), only, items.get("name", ""), root)


def _hub() -> Iterator[Entry]:
    """The hub's APIs, each with the answer to its example: they are pure, so it is their own."""
    from ..envs.hub.export import shape
    from ..envs.hub.registry import call, endpoints

    for endpoint in endpoints().values():
        answer = call(endpoint, endpoint.example)
        good = answer.status == 200
        extra = {"api_description": endpoint.about, "tool_description": endpoint.tool.about}
        returns = shape(answer["response"]) if good else None
        examples = (answer.text,) if good else ()
        yield Document(endpoint.api, examples, returns, "Apache-2.0", "hub", extra)
    if not endpoints():
        raise UsageError("the hub needs its libraries: pip install 'toolgrove[hub]'")


def _world(source: str) -> Iterator[Entry]:
    """The functions that any other environment offers."""
    found = world(source)
    if not found.apis:
        raise UsageError(f"{source!r} lists no functions: only its tasks know them")
    for api in found.apis:
        yield Document(api, source=source)


class _Table:
    """Documents as they come in, each API once and under a function name of its own."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self._places: dict[tuple[str, str, str], list[int]] = {}
        self._taken = {FINISH}
        self._last: dict[str, int] = {}

    def add(self, document: Document, counts: Counts) -> None:
        """Take a document as a new API, or into the one that it is about."""
        api = document.api
        key = _standard(api.category), _standard(api.tool), _standard(api.api or api.name)
        places = self._places.setdefault(key, [])
        place = self._same(document, places)
        if place is not None:
            self.documents[place] = merged(self.documents[place], document)
            counts.merged += 1
            return
        name = free_name(api.name, self._taken, self._last)
        self._taken.add(name)
        if name != api.name:
            counts.renamed += 1
            extra = {"function": api.name, **document.extra}  # what its own world calls it
            document = replace(document, api=replace(api, name=name), extra=extra)
        places.append(len(self.documents))
        self.documents.append(document)
        counts.new += 1

    def _same(self, document: Document, places: Sequence[int]) -> int | None:
        """The place of the API that a document is about."""
        tool, name = _written(document)
        found = [(place, *_written(self.documents[place])) for place in places]
        for place, its_tool, its_name in found:
            if (its_tool, its_name) == (tool, name):
                return place
        for place, its_tool, its_name in found:
            if self.documents[place].source == document.source:
                continue  # one provider that writes two names means two APIs
            if _alike(tool.lower(), its_tool.lower()) and _alike(name, its_name):
                return place
        return None


def _written(document: Document) -> tuple[str, str]:
    api = document.api
    return api.tool.strip(), (api.api or api.name).strip()


def _alike(one: str, other: str) -> bool:
    """Whether two names of one standard writing are the same, or one of them is that writing."""
    return one == other or _standard(one) in (one, other)


def _standard(name: str) -> str:
    """The standard writing; a name that has none stays as it is."""
    return standard(name) or name.strip()


def merged(first: Document, second: Document) -> Document:
    """Both documents of one API: what the first lacks is the second's.

    That goes for description, parameters, response schema, licence and each entry of ``extra``.
    Examples are those of both, at most three. The API only reads if both say so.
    """
    api, other = first.api, second.api
    if not _about(first) and _about(second):
        api = replace(api, description=other.description)
    if not api.parameters.get("properties") and other.parameters.get("properties"):
        api = replace(api, parameters=other.parameters)
    api = replace(api, read_only=api.read_only and other.read_only)
    extra = {**second.extra, **{k: v for k, v in first.extra.items() if v not in ("", None)}}
    sources = dict.fromkeys(
        [
            first.source,
            *first.extra.get("sources", ()),
            *second.extra.get("sources", ()),
            second.source,
        ]  # fmt: skip
    )
    if len(sources) > 1:
        extra["sources"] = list(sources)
    return Document(
        api,
        tuple(dict.fromkeys([*first.examples, *second.examples]))[:EXAMPLES],
        first.returns if first.returns is not None else second.returns,
        first.licence or second.licence,
        first.source,
        extra,
    )


def _about(document: Document) -> str:
    """What its provider says of the API; ToolBench's descriptions begin with words of their own."""
    return str(document.extra.get("api_description", document.api.description))


def _why(counted: Sequence[Counts]) -> str:
    dropped = sum((counts.dropped for counts in counted), Counter[str]())
    where = next(iter(next(iter(counted[0].places.values()), [])), "")
    reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    return f"{reasons} (the first: {where})"
