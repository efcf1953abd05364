"""The table of API documents: what ``data collect`` writes and every later stage reads.

One API a line, as JSON: the API itself, responses it is known to give, whose it is and where it
was found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core import API, UsageError
from .writing import write_lines


@dataclass(frozen=True)
class Document:
    """One API, as it was collected.

    Attributes:
        api: what a model is offered: category, tool, function name, description, JSON Schema.
        examples: whole responses, as the world gave them or its provider wrote them.
        returns: the schema of its response, where one is known.
        licence: an SPDX identifier or a name; "" where nothing says.
        source: the spec it was collected from, as ``hub`` or ``openapi:petstore.yaml``.
        extra: whatever else its provider says (method, URL, score ..).
    """

    api: API
    examples: tuple[str, ...] = ()
    returns: Any = None
    licence: str = ""
    source: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data; the inverse of :meth:`from_json`."""
        out: dict[str, Any] = {"api": self.api.to_json(), "source": self.source}
        if self.licence:
            out["licence"] = self.licence
        if self.examples:
            out["examples"] = list(self.examples)
        if self.returns is not None:
            out["returns"] = self.returns
        if self.extra:
            out["extra"] = dict(self.extra)
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Document:
        """Read what :meth:`to_json` wrote."""
        examples, extra = data.get("examples", ()), data.get("extra", {})
        if not isinstance(examples, list | tuple) or not isinstance(extra, Mapping):
            raise TypeError("examples must be a list, extra an object")
        return cls(
            API.from_json(data["api"]),
            tuple(map(str, examples)),
            data.get("returns"),
            str(data.get("licence", "")),
            str(data.get("source", "")),
            extra,
        )


def read_documents(path: Path) -> list[Document]:
    """The documents of a table.

    Raises:
        UsageError: it cannot be read, it is empty, or a line of it is no document (a torn one).
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    documents = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            documents.append(Document.from_json(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UsageError(
                f"{path}:{number} is no API document ({type(error).__name__}: {error}): the file "
                f"may be torn; `toolgrove data collect` writes it anew"
            ) from None
    if not documents:
        raise UsageError(f"{path} has no API documents")
    return documents


def write_documents(documents: Iterable[Document], path: Path) -> int:
    """Write a table, whole or not at all; how many documents it has."""
    return write_lines(path, (document.to_json() for document in documents))
