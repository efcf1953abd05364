"""What the files that specs name hold, so that a changed one is not taken for the same run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import blake2b, file_digest
from itertools import islice
from pathlib import Path
from typing import Final

from ..core.registry import parse
from ..models.identity import weights_mark

BESIDE: Final = frozenset({"checkpoints", "tensorboard", "runs", ".git", "__pycache__"})
MOST_FILES: Final = 10_000


def digests(specs: Iterable[str]) -> dict[str, str]:
    """The content hash of each file or folder that is named in a spec, by its name there.

    Of a folder (an index, a model) its files count: small ones whole, large ones by their sizes
    and both ends; what a training leaves beside a model does not.

    That is a planner's ``file.py`` as well as the file that a model or environment reads. A
    resumed run would mix the results of two versions otherwise.
    """
    found: dict[str, str] = {}
    for name in sorted({name for spec in filter(None, specs) for name in _names(spec)}):
        if os.path.isfile(name):  # False, too, where the name cannot be one
            with Path(name).open("rb") as file:
                state = file_digest(file, lambda: blake2b(digest_size=12))
            found[name] = state.hexdigest()
        elif os.path.isdir(name):
            found[name] = weights_mark(_files(Path(name)))
    return found


def _files(folder: Path) -> list[Path]:
    """The files of a folder, at most so many, in order; none of a training's by-products."""
    found = (path for path in folder.rglob("*") if path.is_file())
    own = (p for p in found if not BESIDE & set(p.relative_to(folder).parts))
    return sorted(islice(own, MOST_FILES))


def _names(spec: str) -> set[str]:
    """Every part of a spec that may be the name of a file, nested specs included.

    A cache's file is none: the run itself writes it.
    """
    read = parse(spec)
    names = {read.name} if read.name.endswith(".py") else set()
    items = [value for key, value in read.items if (read.name, key) != ("cache", "file")]
    for value in filter(None, [read.main, *items]):
        if value.startswith("(") and value.endswith(")"):
            names |= _names(value[1:-1])
        else:
            names.add(value)
    return names
