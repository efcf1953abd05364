"""A folder of training data: rows, what they are, and a card for people.

``sft.jsonl`` or ``dpo.jsonl`` (one row a line), the same as Parquet, ``data.json`` (for programs)
and ``README.md`` (for people). ``data.json`` is written last and has the hash of the rows, so a
folder that was cut off while it was made, or changed since, is never taken for whole.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ..core import UsageError
from .writing import line_of, written

VERSION: Final = 1
# What stands in a row of each shape: the lists of messages, and in those what tells a message.
SHAPES: Final[Mapping[tuple[str, str], tuple[tuple[str, ...], str]]] = {
    ("sft", "toolllama"): (("conversations",), "from"),
    ("sft", "chat"): (("messages",), "role"),
    ("dpo", "chat"): (("prompt", "chosen", "rejected"), "role"),
}
_OWN: Final = frozenset(
    {"data.json", "README.md"}
    | {f"{name}.{end}" for name in ("sft", "dpo") for end in ("jsonl", "parquet")}
)


@dataclass(frozen=True)
class Dataset:
    """A data set that was checked; iterate it for its rows, which are read as you go.

    Attributes:
        folder: where it is.
        format: ``sft`` or ``dpo``.
        shape: ``toolllama`` or ``chat``.
        learn: which assistant turns of a row are learnt: ``last``, ``all`` (but those with weight
            0), or ``preference``.
        info: all that ``data.json`` says.
    """

    folder: Path
    format: str
    shape: str
    learn: str
    info: Mapping[str, Any] = field(repr=False)

    @property
    def file(self) -> Path:
        """The rows."""
        return self.folder / f"{self.format}.jsonl"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the rows, in hex: it goes into the card of a model trained on them."""
        return str(self.info["sha256"])

    def __len__(self) -> int:
        return int(self.info["rows"])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self.file.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield _row(line, self.file, number, self.format, self.shape)

    def learnt(self, row: Mapping[str, Any]) -> tuple[int, ...]:
        """Which messages of a row the loss is on, by their place; of a pair none."""
        if self.learn == "preference":
            return ()
        [key], role = SHAPES[self.format, self.shape]
        messages = row[key]
        if self.learn == "last":
            return (len(messages) - 1,)
        return tuple(
            i
            for i, message in enumerate(messages)
            if message[role] == "assistant" and message.get("weight", 1)
        )


def read_dataset(folder: Path) -> Dataset:
    """Open a data set, its rows checked against their hash.

    Raises:
        UsageError: it is no data set, of a shape that nobody here knows, or its rows were changed
            or cut since; a line that is torn is named.
    """
    place = folder / "data.json"
    if not folder.exists():
        raise UsageError(f"no data set {folder}: `toolgrove export RUN --format sft` makes one")
    if not place.is_file():
        raise UsageError(
            f"{folder} is no data set: it has no data.json. An export that was stopped leaves "
            f"none: run it again"
        )
    try:
        info = json.loads(place.read_text("utf-8"))
        version, format, shape = info["version"], info["format"], info["shape"]
        learn, rows, digest = info["learn"], int(info["rows"]), str(info["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        told = f"{type(error).__name__}: {error}"
        raise UsageError(f"{place} is damaged ({told}): export the data again") from None
    if version != VERSION:
        raise UsageError(f"{place} is of version {version!r}, not {VERSION}: export the data again")
    if (format, shape) not in SHAPES or learn not in ("last", "all", "preference"):
        known = ", ".join(f"{f} of shape {s}" for f, s in SHAPES)
        raise UsageError(
            f"{place}: no rows are called {format} of shape {shape}, learnt {learn}; known are: "
            f"{known}"
        )
    found = Dataset(folder, format, shape, learn, info)
    try:
        with found.file.open("rb") as file:
            now = file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"cannot read {found.file}: {error.strerror or error}") from error
    if now != digest:
        there = sum(1 for _ in found)  # raises at the first torn line
        raise UsageError(
            f"{found.file} is not what {place} describes: it has {there} rows of {rows}, and its "
            f"SHA-256 is {now[:12]}.. where {digest[:12]}.. was written. Export the data again, or "
            f"put the file back"
        )
    return found


def _row(line: bytes, path: Path, number: int, format: str, shape: str) -> dict[str, Any]:
    keys, role = SHAPES[format, shape]
    try:
        row = json.loads(line)
        for key in keys:
            for message in row[key]:
                message[role]
        if not line.endswith(b"\n"):
            raise ValueError("the line has no end")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            f"{path}:{number} is torn or no row of shape {shape} "
            f"({type(error).__name__}: {error}): export the data again, or put the file back"
        ) from None
    return dict(row)


def check_place(folder: Path) -> None:
    """See to it that a data set may be written there; an older one is replaced when it is done.

    Raises:
        UsageError: something else is there.
    """
    if not folder.exists():
        return
    there = (
        {path.name.removesuffix(".new") for path in folder.iterdir()} if folder.is_dir() else {""}
    )
    if foreign := sorted(there - _OWN):
        what = f"it holds {foreign[0]}" if foreign[0] else "it is a file"
        raise UsageError(
            f"{folder} is no data set: {what}. Give another --out, a folder that is new or empty"
        )


def remove_others(folder: Path, keep: Iterable[str]) -> None:
    """Remove what an older data set left there."""
    for name in sorted(_OWN - set(keep)):
        (folder / name).unlink(missing_ok=True)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> tuple[int, str]:
    """Write the rows, whole or not at all; how many, and their SHA-256.

    Raises:
        UsageError: nothing can be written there.
    """
    count, state = 0, sha256()
    with written(path) as file:
        for row in rows:
            line = line_of(row)
            file.write(line)
            state.update(line)
            count += 1
    return count, state.hexdigest()


def arrow() -> Any:
    """The package pyarrow.

    Raises:
        UsageError: it is not installed.
    """
    try:
        importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError(
            "Parquet needs pyarrow: pip install 'toolgrove[annotate]', or leave it out with "
            "--no-parquet"
        ) from error
    return importlib.import_module("pyarrow")


def write_parquet(dataset: Dataset, size: int = 1000) -> str:
    """The rows as Parquet beside them, a thousand at a time; the file's SHA-256.

    The functions of a row are one JSON text: their schemas have no common columns.

    Raises:
        UsageError: pyarrow is missing, or nothing can be written.
    """
    pa = arrow()
    keys, _ = SHAPES[dataset.format, dataset.shape]
    message = _message(pa, dataset.shape)
    schema = pa.schema(
        [("id", pa.string()), *((key, pa.list_(message)) for key in keys), ("tools", pa.string())]
    )
    path = dataset.file.with_suffix(".parquet")
    with written(path) as file, pa.parquet.ParquetWriter(file, schema, compression="zstd") as out:
        rows = iter(dataset)
        while some := list(islice(rows, size)):
            columns = [_columns(row, keys) for row in some]
            out.write_table(pa.Table.from_pylist(columns, schema))
    with path.open("rb") as made:
        return file_digest(made, "sha256").hexdigest()


def _columns(row: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    tools = json.dumps(row["tools"], ensure_ascii=False) if "tools" in row else None
    return {"id": row["id"], "tools": tools, **{key: row[key] for key in keys}}


def _message(pa: Any, shape: str) -> Any:
    text = pa.string()
    if shape == "toolllama":
        return pa.struct([("from", text), ("value", text), ("weight", pa.int8())])
    function = pa.struct([("name", text), ("arguments", text)])
    call = pa.struct([("id", text), ("type", text), ("function", function)])
    return pa.struct(
        [("role", text), ("content", text), ("tool_calls", pa.list_(call)),
         ("tool_call_id", text), ("name", text), ("weight", pa.int8())]
    )  # fmt: skip
