"""Files of the pipeline: each is there whole or not at all, and what cannot be written is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..core import UsageError
from ..core.whole import whole


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file to write, with the folders that it needs.

    Raises:
        UsageError: nothing can be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as file:
            yield file
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def line_of(row: Mapping[str, Any]) -> bytes:
    """A row as a line of JSON; half a surrogate pair has no place in UTF-8 and becomes ``?``."""
    return (json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write JSON lines; how many there are.

    Raises:
        UsageError: nothing can be written there.
    """
    count = 0
    with written(path) as file:
        for row in rows:
            file.write(line_of(row))
            count += 1
    return count


def write_text(path: Path, text: str) -> None:
    """Write a text.

    Raises:
        UsageError: nothing can be written there.
    """
    with written(path) as file:
        file.write(text.encode("utf-8", "replace"))


def write_json(path: Path, value: object) -> None:
    """Write one JSON value, for people to read, too.

    Raises:
        UsageError: nothing can be written there.
    """
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
