"""An OpenAPI document: its version, and what its ``$ref``s stand for.

References are followed with ``referencing``, into files only: relative ones, in the folder of the
document or below, unless the user names a wider ``root``. No URL is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote, urljoin, urlsplit

from ...core import UsageError
from .reading import read

try:
    import jsonschema  # noqa: F401 - so that the error below names all of the extra
    import referencing
    from referencing.exceptions import Unresolvable
except ImportError as error:  # pragma: no cover - a light install
    raise UsageError("OpenAPI documents need pip install 'toolgrove[openapi]'") from error

Version = Literal["2.0", "3.0", "3.1"]
LONGEST_CHAIN: Final = 50  # references that lead to references
MOST_FILES: Final = 1_000


class Place:
    """Where a part of a document stands, so that its references can be followed."""

    __slots__ = ("base", "document", "resolver")

    def __init__(self, document: Document, resolver: Any, base: str) -> None:
        self.document, self.resolver, self.base = document, resolver, base

    def follow(self, ref: object) -> tuple[Any, Place, str]:
        """What a reference stands for, where that stands, and its absolute form.

        Raises:
            UsageError: there is no such thing, or it is not one that may be read.
        """
        if not isinstance(ref, str):
            raise UsageError(f"{self.document.path}: a $ref must be a text, not {ref!r:.60}")
        if (known := self.document.followed.get((self.base, ref))) is not None:
            return known
        try:
            whole = urljoin(self.base, ref)
            found = self.resolver.lookup(ref)
        except UsageError:
            raise
        except Unresolvable as error:
            cause: BaseException | None = error
            while cause is not None:
                cause = cause.__cause__ or cause.__context__
                if isinstance(cause, UsageError):
                    raise cause from None
            raise UsageError(f"{self.document.path}: there is no {ref!r:.200}") from None
        except (ValueError, TypeError, LookupError, AttributeError):
            raise UsageError(f"{self.document.path}: there is no {ref!r:.200}") from None
        place = Place(self.document, found.resolver, whole.partition("#")[0])
        self.document.followed[self.base, ref] = found.contents, place, whole
        return found.contents, place, whole

    def settle(self, node: Any) -> tuple[Any, Place]:
        """The node, or what it refers to; a description beside a ``$ref`` comes along (3.1)."""
        place, seen = self, 0
        while isinstance(node, Mapping) and "$ref" in node:
            seen += 1
            if seen > LONGEST_CHAIN:
                raise UsageError(
                    f"{self.document.path}: {node['$ref']!r:.200} only leads to itself"
                )
            beside = {k: v for k, v in node.items() if k in ("summary", "description")}
            node, place, _ = place.follow(node["$ref"])
            if beside and self.document.version == "3.1" and isinstance(node, Mapping):
                node = {**node, **beside}
        return node, place


@dataclass(frozen=True)
class Document:
    """A document and the files that it refers to.

    Attributes:
        path: the file.
        version: 2.0, 3.0 or 3.1.
        content: its values.
        root: the folder that files are read from.
        followed: what references stand for, as far as they were followed.
    """

    path: Path
    version: Version
    content: Mapping[str, Any] = field(repr=False)
    root: Path
    followed: dict[tuple[str, str], tuple[Any, Place, str]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _files: dict[Path, tuple[str, Any]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def title(self) -> str:
        """Its title, or the name of its file."""
        info = self.content.get("info")
        title = info.get("title") if isinstance(info, Mapping) else None
        return " ".join(str(title).split()) if title else self.path.stem

    @cached_property
    def place(self) -> Place:
        """Where the document itself stands."""
        uri = self.path.resolve().as_uri()
        resource = referencing.Resource.opaque(self.content)
        registry: Any = referencing.Registry(retrieve=self._retrieve)  # type: ignore[call-arg]
        return Place(self, registry.with_resource(uri, resource).resolver(uri), uri)

    def fingerprint(self) -> str:
        """Changes with the content of any file that was read."""
        own = sha256(self.path.read_bytes()).hexdigest()
        others = sorted(mark for mark, _ in self._files.values())
        return sha256("\n".join([own, *others]).encode()).hexdigest()[:24]

    def _retrieve(self, uri: str) -> Any:
        parts = urlsplit(uri)
        shown = uri if parts.scheme != "file" else unquote(parts.path)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise UsageError(
                f"{self.path}: the $ref {shown!r:.200} is not a file: nothing is fetched. "
                f"Put a copy beside the document and refer to that"
            )
        path = Path(unquote(parts.path)).resolve()
        if not path.is_relative_to(self.root):
            raise UsageError(
                f"{self.path}: the $ref to {path} leads out of {self.root}; "
                f"root=FOLDER allows a wider folder"
            )
        if path not in self._files:
            if not path.is_file():
                raise UsageError(f"{self.path}: there is no file {path}, to which a $ref leads")
            if len(self._files) >= MOST_FILES:
                raise UsageError(f"{self.path}: more than {MOST_FILES} files")
            mark = sha256(path.read_bytes()).hexdigest()
            self._files[path] = mark, referencing.Resource.opaque(read(path))
        return self._files[path][1]


def load(path: Path | str, root: Path | str | None = None) -> Document:
    """Read a document.

    Args:
        path: JSON or YAML.
        root: the folder that ``$ref`` may read files from; else the document's own.

    Raises:
        UsageError: it cannot be read, or is no OpenAPI document of a version known here.
    """
    path = Path(path)
    content = read(path)
    top = Path(root) if root is not None else path.parent
    if not top.is_dir():
        raise UsageError(f"root={top}: there is no such folder")
    return Document(path, _version(content, path), content, top.resolve())


def _version(content: Any, path: Path) -> Version:
    if not isinstance(content, Mapping):
        raise UsageError(f"{path} is no OpenAPI document: it holds no mapping at its top")
    said = content.get("openapi", content.get("swagger"))
    if said is None:
        keys = ", ".join(list(content)[:5]) or "nothing"
        raise UsageError(
            f"{path} is no OpenAPI document: there is no openapi or swagger at its top, but {keys}"
        )
    text = str(said)
    for version in ("3.0", "3.1"):
        if "openapi" in content and re.fullmatch(rf"{re.escape(version)}(\.\d+.*)?", text):
            return "3.0" if version == "3.0" else "3.1"
    if "swagger" in content and text in ("2.0", "2"):
        return "2.0"
    raise UsageError(f"{path}: version {text!r:.40}; 2.0, 3.0 and 3.1 can be read")
