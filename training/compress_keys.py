"""The keys of responses: their paths, what a teacher's reply names of them, and keep-files of them.

A path is the way to a value: a key for each object, None for "each element" of an array. It is
written ``data.items[].name``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import json_repair

Path = tuple[str | None, ...]

DEEPEST: Final = 12  # levels below which a value is taken whole
MOST: Final = 2_000  # paths of an API that are looked at
LOOKED: Final = 50  # elements of an array that are looked at
SAMPLES: Final = 20  # values of a path that are kept
MAP: Final = 3  # keys from which an object of like values may be a table whose keys are data
LONGEST: Final = 20_000  # characters of a reply that are read
BRACKETS: Final = 200  # in a reply, beyond which nothing is repaired: it takes too long
# Where an API says what is wrong: kept in every response, or an error would become ``{}``.
COMPLAINTS: Final = ("error", "errors", "message", "detail")

_DATA_KEY = re.compile(r"\d[\d.:/_-]*([T ][\d:.Z+-]*)?|[A-Z]{2,3}|#\w+|[0-9a-fA-F-]{16,}")


@dataclass
class Shape:
    """What is known of an API's responses.

    Attributes:
        leaves: the paths at which values stand, in their order, and some of the values.
    """

    leaves: dict[Path, list[Any]] = field(default_factory=dict)

    def add(self, value: Any, path: Path = ()) -> None:
        """Take in a response, or a schema of ToolBench's, whose leaves are names of types."""
        if isinstance(value, dict) and value and len(path) < DEEPEST and not _is_map(value):
            for key, each in value.items():
                self.add(each, (*path, str(key)))
        elif isinstance(value, list) and len(path) < DEEPEST and _has_parts(value):
            for each in value[:LOOKED]:
                self.add(each, (*path, None))
        elif path in self.leaves or len(self.leaves) < MOST:
            kept = self.leaves.setdefault(path, [])
            values = value if isinstance(value, list) else [value]
            kept.extend(values[: SAMPLES - len(kept)])

    @property
    def keys(self) -> list[Path]:
        """The leaves that have a key, so that there is something to choose."""
        return [path for path in self.leaves if any(step is not None for step in path)]

    def known(self) -> dict[str, list[Path]]:
        """What a reply may write for which paths; a last key alone stands for all of that name."""
        found: dict[str, list[Path]] = {}
        last: dict[str, list[Path]] = {}
        for leaf in self.keys:
            for end in range(1, len(leaf) + 1):
                path = leaf[:end]
                if path[-1] is None:
                    continue
                _append(found, plain(written(path)), path)
                _append(last, plain(str(path[-1])), path)
        return {**last, **found}


def _append(to: dict[str, list[Path]], name: str, path: Path) -> None:
    if path not in to.setdefault(name, []):
        to[name].append(path)


def _has_parts(value: Sequence[Any]) -> bool:
    return any(isinstance(each, dict | list) for each in value[:LOOKED])


def _is_map(value: Mapping[str, Any]) -> bool:
    """Whether the keys are data (dates, codes, ids): other responses have other ones."""
    keys = [str(key) for key in value]
    return len(keys) >= MAP and all(_DATA_KEY.fullmatch(key) for key in keys)


def written(path: Path) -> str:
    """A path as it is read: ``data.items[].name``."""
    text = ""
    for step in path:
        text += "[]" if step is None else f".{step}" if text else step
    return text


def plain(text: str) -> str:
    """A written path without what replies write in many ways: arrays, quotes, case, the root."""
    text = re.sub(r"\[\s*(?:\d+|\*|:|i|n)?\s*\]", "", text.strip().strip("`'\"“”*,;"))
    text = re.sub(r"\[\s*['\"]([^'\"]*)['\"]\s*\]", r".\1", text)
    text = re.sub(r"^\$?\.+|^\$", "", text)
    return text.strip().casefold()


def unwrapped(text: str) -> Any:
    """The response in an observation: that in ToolBench's envelope, if it stands in one.

    Raises:
        ValueError, RecursionError: it is no JSON.
    """
    value = json.loads(text)
    if isinstance(value, dict) and set(value) == {"error", "response"}:
        return value["response"]
    return value


def keep_entry(paths: Iterable[Path], shape: Shape) -> Any:
    """What a keep-file says of an API: a schema, or names where responses are arrays.

    A schema's empty parts are kept whole. A keep-file takes no array as a schema, so of responses
    that are arrays the last keys are listed, which :func:`..envs.observations.only` looks for
    wherever they stand.

    Args:
        paths: at least one.
        shape: of the API's responses.
    """
    kept = list(dict.fromkeys(paths))
    if any(path[0] is None for path in kept) or () in shape.leaves:
        named = [next(step for step in reversed(p) if step is not None) for p in kept]
        return sorted(set(named))
    tree: dict[str | None, Any] = {}
    whole = set(kept)
    for path in kept:
        if any(path[:end] in whole for end in range(1, len(path))):
            continue  # what it stands in is kept whole
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    schema = _schema(tree)
    there = {path[0] for path in shape.leaves if path}
    for key in COMPLAINTS:
        if key not in there:
            schema[key] = {}
    return schema


def _schema(tree: Mapping[str | None, Any]) -> Any:
    if None in tree:  # beside keys: now an array, now an object; then it is kept whole
        inner = _schema(tree[None]) if len(tree) == 1 else {}
        return [inner] if inner else {}
    return {key: _schema(each) for key, each in tree.items()}


class Named(NamedTuple):
    """What a reply names.

    Attributes:
        paths: those that exist, in the order of the reply.
        invented: how many it names that do not exist.
    """

    paths: tuple[Path, ...]
    invented: int

    @property
    def sound(self) -> bool:
        """Whether it can be used: it names a key, and more that exist than that do not."""
        return bool(self.paths) and self.invented <= len(self.paths)


def read_reply(text: str, shape: Shape) -> Named:
    """The paths that a reply names: as JSON (a list, an object, a template), or as a list of lines.

    Never raises. Names that are no text, and an object's keys under false or null, are none.
    """
    text = text.rpartition("</think>")[2][:LONGEST]
    known, paths = shape.known(), dict[Path, None]()
    invented = set[str]()
    for name in _names(text):
        found = known.get(plain(name)) or known.get(_without_root(plain(name)))
        if found is None:
            invented.add(name)
        else:
            paths.update(dict.fromkeys(found))
    return Named(tuple(paths), len(invented))


def _without_root(name: str) -> str:
    """A path without the envelope's key, and with numbers of elements left out."""
    steps = [step for step in name.split(".") if not step.isdecimal()]
    return ".".join(steps[1:] if steps[:1] in (["response"], ["root"]) else steps)


def _names(text: str) -> list[str]:
    value = _json(text)
    if value is None:
        return list(_from_lines(text))
    if isinstance(value, dict):
        asked = ("keep", "keys", "fields", "paths")
        told = next((value[key] for key in asked if isinstance(value.get(key), list | dict)), value)
        value = told
    return list(_from_json(value, ""))


def _json(text: str) -> Any:
    """The first object or array in a text that is more than a mark; None without one."""
    start = re.search(r"(?<![\w.\]])(?!\[[\d*]*\])[\[{]\s*[\[{\"'}\w]", text)
    if start is None:
        return None
    body = text[start.start() :]
    try:
        return json.JSONDecoder().raw_decode(body)[0]
    except (ValueError, RecursionError):
        if max(body.count("{"), body.count("[")) > BRACKETS:
            return None
    try:
        found = json_repair.loads(body, skip_json_loads=True)
    except Exception:  # whatever a library makes of a hostile text
        return None
    return found if isinstance(found, dict | list) and found else None


def _from_json(value: Any, path: str, depth: int = 0) -> Iterator[str]:
    """The paths in a list of texts, or those to the leaves of a template."""
    if depth > DEEPEST:
        return
    if isinstance(value, dict):
        for key, each in value.items():
            inner = f"{path}.{key}" if path else str(key)
            if isinstance(each, dict | list) and each:
                yield from _from_json(each, inner, depth + 1)
            elif each is not None and each is not False:
                yield inner
    elif isinstance(value, list):
        parts = [each for each in value if isinstance(each, dict)]
        for each in parts:
            said = next((each[k] for k in ("path", "key") if isinstance(each.get(k), str)), "")
            if said and not path:
                yield said
            else:
                yield from _from_json(each, path, depth + 1)
        if not path:
            yield from (each for each in value if isinstance(each, str))
        elif not parts:
            yield path


# A path at the beginning of a line, and what may follow it: nothing, or why it is kept.
_LINE = re.compile(r"[`'\"*]*([\w$-][\w.$\[\]/-]*)[`'\"*]*\s*(?:$|[:(]|[-–]\s)")


def _from_lines(text: str) -> Iterator[str]:
    """Paths from lines or between commas; words of a sentence are none."""
    for line in text.splitlines():
        line = re.sub(r"^\s*(?:[-*•]|\d+[.)])\s*", "", line).strip()
        parts = line.split(",") if re.fullmatch(r"[\w.\[\]`'\", -]+", line) else [line]
        for part in parts:
            if (told := _LINE.match(part.strip())) is not None:
                yield told[1]
