"""A catalogue of APIs, looked up by name; :mod:`toolgrove.models.retrieval` searches one.

ToolBench's 16,345 APIs load in less than a second: their documents are read at once, and what
the model is shown of one is made when it is asked for.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ..core import API, UsageError
from .toolbench import function_name, parse_api


class Catalogue:
    """APIs in the order of their file.

    Args:
        docs: their documents, in ToolBench's form.

    Attributes:
        docs: the same.
    """

    def __init__(self, docs: Sequence[Mapping[str, Any]]) -> None:
        self.docs = docs
        self._made: dict[int, API] = {}

    @classmethod
    def read(cls, path: Path | str) -> Catalogue:
        """Read a catalogue.

        Args:
            path: JSON lines, one API document each; or ``corpus.tsv`` in the layout of
                ToolBench's retriever data; or a folder with ``catalogue.jsonl`` or
                ``corpus.tsv``.

        Raises:
            UsageError: it cannot be read, or a line of it is no API document.
        """
        path = Path(path)
        if path.is_dir():
            names = ("catalogue.jsonl", "corpus.tsv")
            inside = [path / name for name in names if (path / name).is_file()]
            if not inside:
                raise UsageError(f"the folder {path} has no {' and no '.join(names)}")
            path = inside[0]
        try:
            docs = list(_corpus(path) if path.suffix == ".tsv" else _lines(path))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the catalogue {path}: {error}") from error
        if not docs:
            raise UsageError(f"the catalogue {path} is empty")
        return cls(docs)

    def __len__(self) -> int:
        return len(self.docs)

    def api(self, number: int) -> API:
        """The API at a place of the file, from 0."""
        found = self._made.get(number)
        if found is None:
            found = self._made[number] = parse_api(self.docs[number])
        return found

    @cached_property
    def apis(self) -> tuple[API, ...]:
        """All of them."""
        return tuple([self.api(i) for i in range(len(self))])

    def by_function(self, name: str) -> tuple[API, ...]:
        """The APIs under a function name: none, one, or several (164 of ToolBench's share one)."""
        return tuple([self.api(i) for i in self._functions.get(name, ())])

    @cached_property
    def _functions(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for i, doc in enumerate(self.docs):
            name = function_name(str(doc["api_name"]), str(doc["tool_name"]))
            found.setdefault(name, []).append(i)
        return found

    def tools(self) -> dict[tuple[str, str], tuple[API, ...]]:
        """The APIs by (category, tool), as their documents write them."""
        found: dict[tuple[str, str], list[API]] = {}
        for api in self.apis:
            found.setdefault((api.category, api.tool), []).append(api)
        return {tool: tuple(apis) for tool, apis in found.items()}

    def categories(self) -> dict[str, int]:
        """How many APIs each category has."""
        return dict(Counter(str(doc.get("category_name") or "") for doc in self.docs))


def about(doc: Mapping[str, Any]) -> str:
    """The words of a document that are searched: category, tool, API and description."""
    keys = ("category_name", "tool_name", "api_name", "api_description")
    return " ".join([str(doc.get(key) or "") for key in keys])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _doc(line, f"{path}:{number}")


def _corpus(path: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t"), 1):
            if row and not (number == 1 and row[0] == "docid"):
                yield _doc(row[-1], f"{path}: row {number}")


def _doc(text: str | bytes, where: str) -> dict[str, Any]:
    try:
        doc = json.loads(text)
        if not (isinstance(doc, dict) and {"tool_name", "api_name"} <= set(doc)):
            raise TypeError("it must be an object with tool_name and api_name")
    except (ValueError, TypeError) as error:
        raise UsageError(f"{where} is no API document: {error}") from error
    return doc
