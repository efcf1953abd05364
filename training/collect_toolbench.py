"""ToolBench's files as API documents: tool JSON, query files, catalogues, response examples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ..core import UsageError
from ..envs.catalogue import Catalogue
from ..envs.toolbench import identifier, parse_api, response_schema, standardize
from .documents import Document

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
BESIDE: Final = ("response_examples", "response_examples.jsonl")
# Types as the wrappers write them, from which the catalogue was read; ToolBench's own beside.
_TYPES: Final = {"int": "NUMBER", "float": "NUMBER", "bool": "BOOLEAN", "str": "STRING"}
_KEPT: Final = ("method", "url", "host", "score", "pricing", "home_url", "tool_description")
standard: Final = lru_cache(maxsize=65_536)(standardize)  # a tool's name comes again and again
_PARAMETERS: Final = ("required_parameters", "optional_parameters")


@dataclass(frozen=True)
class Dropped:
    """An entry that is no API.

    Attributes:
        reason: in a word: ``no_name no_tool bad_parameters not_an_object no_api_list``.
        where: the file, and the place in it.
        text: what is wrong.
    """

    reason: str
    where: str
    text: str = ""


Entry = Document | Dropped
Key = tuple[str, str, str]


@dataclass
class Responses:
    """Response schemas by (category, tool, API), all standardised."""

    known: dict[Key, Any] = field(default_factory=dict)

    def of(self, category: str, tool: str, api: str) -> Any:
        """The schema of an API's response; None where none is known."""
        place = standard(category), standard(tool)
        for name in (standard(api), identifier(api)):
            if (found := self.known.get((*place, name))) is not None:
                return found
        return None

    def add(self, path: str, content: Any, where: str) -> None:
        """Take the schemas of one tool, from ``CATEGORY/tool.json``."""
        listed = content.get("api_list") if isinstance(content, dict) else None
        if not isinstance(listed, list):
            raise UsageError(f"{where} holds no response examples: it has no api_list")
        place = Path(path)
        for each in listed:
            if isinstance(each, dict) and each.get("name") and each.get("schema"):
                names = place.parent.name, place.stem, str(each["name"])
                category, tool, api = map(standard, names)
                self.known.setdefault((category, tool, api), each["schema"])


def read_responses(path: Path) -> Responses:
    """Response schemas: a folder of ``CATEGORY/tool.json``, or JSON lines of path and content.

    Raises:
        UsageError: it is not there, or a part of it holds none; the text names file and line.
    """
    found = Responses()
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            found.add(str(file), read_json(file), str(file))
        return found
    for number, row in json_lines(path):
        if not isinstance(row, dict) or not isinstance(row.get("path"), str):
            raise UsageError(f"{path}:{number} has no path and content of response examples")
        found.add(row["path"], row.get("content"), f"{path}:{number}")
    return found


def toolbench(path: Path, source: str, responses: Path | None = None) -> Iterator[Entry]:
    """The APIs of tool JSON or query files: one file, or all ``*.json`` of a folder.

    A tool's category is the name of its folder. A query file is a list of objects with
    ``api_list``; every API is taken once for each query that offers it.

    Args:
        path: the file or folder.
        source: what the documents say they come from.
        responses: response examples; where it is not given, those beside a folder ``tools``.

    Raises:
        UsageError: a file cannot be read, or is neither kind; the text names file and line.
    """
    if path.is_dir():
        files = [f for f in sorted(path.rglob("*.json")) if not set(f.parts) & set(BESIDE)]
        if not files:
            raise UsageError(f"{path} has no *.json file: name ToolBench's folder `tools`")
    else:
        files = [path]
    schemas = Responses()
    if responses is not None:
        schemas = read_responses(responses)
    elif (near := beside(path)) is not None:
        schemas = read_responses(near)
    for file in files:
        content = read_json(file)
        if isinstance(content, dict) and isinstance(content.get("api_list"), list):
            if all(isinstance(each, dict) and "api_name" in each for each in content["api_list"]):
                yield from _queries(file, [content], source, schemas)
            else:
                yield from _tool(file, content, source, schemas)
        elif isinstance(content, list):
            yield from _queries(file, content, source, schemas)
        elif path != file and isinstance(content, dict):
            yield Dropped("no_api_list", str(file))  # a folder may hold other files: ids of queries
        else:
            raise UsageError(f"{file} is neither a tool's JSON nor a query file: no api_list")


def catalogue(path: Path, source: str, responses: Path | None = None) -> Iterator[Entry]:
    """The APIs of a catalogue (JSON lines, ``corpus.tsv``, or a folder with one of them).

    Args:
        path: the file or folder.
        source: what the documents say they come from.
        responses: response examples; where it is not given, those beside the file.

    Raises:
        UsageError: it cannot be read; the text names file and line.
    """
    near = responses if responses is not None else beside(path)
    schemas = Responses() if near is None else read_responses(near)
    for number, doc in enumerate(Catalogue.read(path).docs, 1):
        yield entry(doc, f"{path}: API {number}", source, schemas)


def beside(path: Path) -> Path | None:
    """The response examples that stand beside a folder ``tools`` or a file; None without any."""
    tops = [up for up in (path, *path.parents) if up.name == "tools"]
    place = tops[0].parent if tops else path.parent
    found = [place / name for name in BESIDE if (place / name).exists()]
    return found[0] if found else None


def entry(doc: Any, where: str, source: str, responses: Responses) -> Entry:
    """The document that one entry of an ``api_list`` describes, or why it is dropped."""
    if not isinstance(doc, Mapping):
        return Dropped("not_an_object", where, f"it is a {type(doc).__name__}")
    tool, api = str(doc.get("tool_name") or "").strip(), str(doc.get("api_name") or "").strip()
    if not tool or not api:
        return Dropped("no_name" if tool else "no_tool", where)
    plain = dict(doc, tool_name=tool, api_name=api)
    for group in _PARAMETERS:
        listed = doc.get(group) or []
        if not isinstance(listed, list) or not all(
            isinstance(each, Mapping) and str(each.get("name") or "").strip() for each in listed
        ):
            return Dropped("bad_parameters", where, f"a parameter of {group} has no name")
        plain[group] = [
            {**each, "type": _TYPES.get(str(each.get("type")), each.get("type"))} for each in listed
        ]
    made = parse_api(plain)
    method = str(doc.get("method") or "GET").upper()
    returns = response_schema(doc) or doc.get("schema") or None
    if returns is None:
        returns = responses.of(made.category, tool, api)
    extra = {key: doc[key] for key in _KEPT if doc.get(key)}
    extra["api_description"] = str(doc.get("api_description") or "").strip()
    example = doc.get("test_endpoint")
    examples = (json.dumps(example, ensure_ascii=False),) if example else ()
    made = replace(made, read_only=method in READING)
    return Document(made, examples, returns, str(doc.get("licence") or ""), source, extra)


def _tool(file: Path, tool: dict[str, Any], source: str, schemas: Responses) -> Iterator[Entry]:
    """The APIs of a tool's JSON, in the form of an ``api_list`` of queries."""
    name = tool.get("tool_name") or tool.get("name") or tool.get("title")
    shared = {key: tool[key] for key in _KEPT if tool.get(key)}
    for number, api in enumerate(tool["api_list"], 1):
        where = f"{file}: API {number}"
        if not isinstance(api, dict):
            yield Dropped("not_an_object", where, f"it is a {type(api).__name__}")
            continue
        doc = {"tool_name": name, "category_name": file.parent.name, **shared, **api}
        doc.setdefault("api_name", api.get("name"))
        doc.setdefault("api_description", api.get("description"))
        yield entry(doc, where, source, schemas)


def _queries(
    file: Path, queries: Iterable[Any], source: str, schemas: Responses
) -> Iterator[Entry]:
    for number, query in enumerate(queries, 1):
        if not isinstance(query, dict) or not isinstance(query.get("api_list"), list):
            raise UsageError(f"{file}: query {number} has no api_list")
        for place, doc in enumerate(query["api_list"], 1):
            yield entry(doc, f"{file}: query {number}, API {place}", source, schemas)


def read_json(path: Path) -> Any:
    """A JSON file.

    Raises:
        UsageError: it cannot be read; the text names file and line.
    """
    try:
        return json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        text = f"{path}:{error.lineno} is no JSON: {error.msg} (column {error.colno})"
        raise UsageError(text) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from error


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The lines of a file of JSON lines, with their numbers.

    Raises:
        UsageError: it cannot be read, or a line is no JSON; the text names file and line.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield number, json.loads(line)
                    except (ValueError, RecursionError) as error:
                        raise UsageError(f"{path}:{number} is no JSON: {error}") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
