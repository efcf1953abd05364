"""Which keys to keep where no teacher says: rules that read the document and the values.

They stand in for the model of ToolLLM's appendix on compression, and are our own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from .compress_keys import Path, Shape
from .documents import Document

SHORT: Final = 4  # letters of a word, below which the description naming it says nothing
_URL = re.compile(r"(?:https?:)?//\S+|www\.\S+|data:\w+/[\w.+-]+[;,].*", re.DOTALL)
_LINK = ("url", "uri", "href", "link", "permalink", "endpoint", "self")
_IMAGE = (
    "image", "img", "thumbnail", "thumb", "avatar", "icon", "logo", "photo", "picture", "poster",
    "banner", "cover", "sprite", "background",
)  # fmt: skip
_SHOWS = frozenset([*_LINK, *_IMAGE, *[f"{word}s" for word in (*_LINK, *_IMAGE)]])
_IDENTIFIES = frozenset(
    ["id", "ids", "uuid", "guid", "hash", "etag", "md5", "sha1", "sha256", "checksum", "signature",
     "cursor"]
)  # fmt: skip
_OPAQUE = re.compile(
    r"(?=.*\d)(?:[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE
)
_PLACE = re.compile(r"\S*[/.]\S*")  # an address or a file


def words(name: str) -> list[str]:
    """The words of a name, in small letters: ``homeTeam_id`` is home, team, id."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word]


class Takers:
    """What the APIs of a table take: the names of their arguments.

    Args:
        documents: the table.
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        self._required: dict[tuple[str, str], dict[str, set[str]]] = {}
        self._exact: dict[str, set[str]] = {}
        for document in documents:
            api = document.api
            of_tool = self._required.setdefault((api.category, api.tool), {})
            required = api.parameters.get("required")
            for name in required if isinstance(required, list) else ():
                written = "_".join(words(str(name)))
                of_tool.setdefault(written, set()).add(api.name)
                self._exact.setdefault(written, set()).add(api.name)

    def of_tool(self, document: Document) -> list[str]:
        """What other APIs of the same tool require, in order."""
        api = document.api
        found = self._required.get((api.category, api.tool), {})
        return sorted(name for name, apis in found.items() if apis - {api.name})

    def take(self, path: Path, document: Document) -> bool:
        """Whether another API can take the value at a path as a required argument.

        One of the same tool may name it after what it stands in: ``films[].id`` is its
        ``film_id``. One of another tool must name it alike, by more than ``id`` or ``name``.
        """
        api = document.api
        steps = [words(step) for step in path if step is not None]
        if not steps:
            return False
        last = "_".join(steps[-1])
        above = [word.removesuffix("s") for word in steps[-2]] if len(steps) > 1 else []
        names = {last, last.removesuffix("s"), "_".join([*above, last])}
        of_tool = self._required.get((api.category, api.tool), {})
        if any(of_tool.get(name, set()) - {api.name} for name in names):
            return True
        return "_" in last and bool(self._exact.get(last, set()) - {api.name})


def rules(shape: Shape, document: Document, takers: Takers) -> list[Path]:
    """The paths to keep, at least one if there is any.

    Kept first of all is what a required argument of another API can take, and what the document
    names. Of the rest what says little to a reader goes: values that are never there, addresses,
    images, ids and hashes, texts of markup, and deep repeats of what stands higher. If nothing
    would be left, everything stays.

    Args:
        shape: of the API's responses, with values.
        document: of the API.
        takers: of the table that it stands in.
    """
    paths = shape.keys
    told = set(words(f"{_about(document)} {document.api.api}"))
    higher: dict[str, Path] = {}
    kept = []
    for path in sorted(paths, key=len):
        values = shape.leaves[path]
        mark = _mark(values)
        said = higher.get(mark) if mark else None
        if mark and said is None:
            higher[mark] = path
        repeats = said is not None and len(said) < len(path)
        wanted = takers.take(path, document) or _named(path, told)
        if wanted or not (repeats or _dull(path, values)):
            kept.append(path)
    found = set(kept) or set(paths)
    return [path for path in paths if path in found]


def _about(document: Document) -> str:
    return str(document.extra.get("api_description") or document.api.description)


def _named(path: Path, told: set[str]) -> bool:
    """Whether the document's text names the last key: all its words, one of them no short one."""
    last = next(step for step in reversed(path) if step is not None)
    own = words(last)
    return bool(own) and all(_in(word, told) for word in own) and max(map(len, own)) >= SHORT


def _in(word: str, told: set[str]) -> bool:
    return word in told or f"{word}s" in told or word.removesuffix("s") in told


def _dull(path: Path, values: Sequence[Any]) -> bool:
    """Whether the values say little to a reader."""
    there = [value for value in values if value is not None and value not in ("", [], {})]
    if not there:
        return True
    last = next(step for step in reversed(path) if step is not None)
    own = words(last)
    texts = [value for value in there if isinstance(value, str)]
    if _SHOWS.intersection(own[-1:]):
        return len(texts) == len(there) and all(_PLACE.fullmatch(text.strip()) for text in texts)
    if _IDENTIFIES.intersection(own[-1:]):
        return True
    if len(texts) < len(there):
        return False
    return all(_URL.fullmatch(t.strip()) or _OPAQUE.fullmatch(t.strip()) for t in texts) or all(
        re.match(r"\s*<(?:!|\w)", text) for text in texts
    )


def _mark(values: Sequence[Any]) -> str:
    """What tells repeats: long enough that it is no chance; "" else."""
    text = json.dumps(values, ensure_ascii=False, default=str)
    return text if len(text) > 16 and values else ""
