"""What can be read of a damaged store, in a new file.

Pages are read one by one, without SQLite: a row is where its leaf page is, whatever became of
the schema, of indexes or of the pages above it. Only what its hash proves is kept. The format is
SQLite's (sqlite.org/fileformat2.html).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ...core import API, UsageError
from .file import Recorded, Response, Store
from .keys import Call
from .transfer import PROVENANCES, STATUSES
from .verify import fits, is_object

_LEAF: Final = 0x0D  # a leaf of a table
_PAGE: Final = 4096  # bytes, where the header does not say
_LARGEST: Final = 2**31  # bytes of one row


@dataclass(frozen=True)
class Salvaged:
    """What was saved, and what is known to be lost.

    Attributes:
        calls, answers, bodies, functions: how many were saved.
        lost_calls: calls of which nothing that is served could be saved, at least.
        lost_answers: answers without their call or their body, or after a gap, at least.
        damaged: rows that could be read, but whose hash does not fit.
    """

    calls: int
    answers: int
    bodies: int
    functions: int
    lost_calls: int
    lost_answers: int
    damaged: int


@dataclass
class _Rows:
    calls: dict[bytes, Call] = field(default_factory=dict)
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    answers: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    apis: dict[str, API] = field(default_factory=dict)
    damaged: int = 0


def salvage(path: Path, new: Path) -> Salvaged:
    """Save what can be read of a store; the damaged file is not changed.

    Raises:
        UsageError: the new file is there, or there is nothing to save.
    """
    if new.exists():
        raise UsageError(f"{new} is there already: name a new file to save to")
    if not new.parent.is_dir():
        raise UsageError(f"no folder {new.parent} for {new.name}")
    try:
        pages = Pages(path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    rows = _read(pages)
    saved, lost_answers = _whole(rows)
    if not saved:
        raise UsageError(f"nothing of {path} could be read as a recorded call: nothing was saved")
    store = Store(new)
    try:
        with store.batch():
            for recorded in saved:
                store.settle(recorded)
            store.put_apis(list(rows.apis.values()))
    except BaseException:
        store.close()
        new.unlink(missing_ok=True)
        raise
    store.close()
    served = {each.call.key for each in saved if each.current}
    known = set(rows.calls) | {row[0] for row in rows.answers.values()}
    texts = {r.body for each in saved for r in (*each.current, *each.retired)}
    answers = sum(len(each.current) + len(each.retired) for each in saved)
    return Salvaged(
        len(saved), answers, len(texts), len(rows.apis), len(known - served), lost_answers,
        rows.damaged,
    )  # fmt: skip


def _read(pages: Pages) -> _Rows:
    rows = _Rows()
    for rowid, row in pages.rows():
        kinds = [type(value) for value in row]
        if kinds == [bytes, str, str, str, str] and len(row[0]) == 32:
            if fits(row[0], list(row[1:])):
                rows.calls[row[0]] = Call(*row[1:])
            else:
                rows.damaged += 1
        elif len(row) == 3 and kinds[1:] == [bytes, bytes] and row[0] is None:
            if sha256(row[2]).digest() == row[1]:
                rows.bodies[row[1]] = row[2]
            else:
                rows.damaged += 1
        elif len(row) == 11 and row[0] is None:
            if _sane(row):
                rows.answers.setdefault(rowid, row[1:])
            else:
                rows.damaged += 1
        elif kinds == [str, str, str] and is_object(row[2]):
            try:
                api = API.from_json(json.loads(row[2]))
                if api.digest == row[1] and api.name == row[0]:
                    rows.apis[api.name] = api
                else:
                    rows.damaged += 1
            except (TypeError, ValueError):
                rows.damaged += 1
    return rows


def _sane(row: tuple[Any, ...]) -> bool:
    _, key, position, body, status, provenance, detail, latency, source, made, retired = row
    return (
        isinstance(key, bytes) and len(key) == 32 and isinstance(body, bytes) and len(body) == 32
        and isinstance(position, int) and position >= 0
        and status in STATUSES and provenance in PROVENANCES and is_object(detail)
        and isinstance(latency, int | float) and isinstance(source, str)
        and isinstance(made, str) and isinstance(retired, str | None)
    )  # fmt: skip


def _whole(rows: _Rows) -> tuple[list[Recorded], int]:
    """The calls that have an answer whose body is there, and how many answers are lost."""
    lost = 0
    current: dict[bytes, list[tuple[int, Response]]] = {}
    retired: dict[bytes, list[Response]] = {}
    for _, row in sorted(rows.answers.items()):
        key, position, mark, status, provenance, detail, latency, source, made, gone = row
        body = rows.bodies.get(mark)
        try:
            text = None if body is None else body.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            text = None
        if text is None or key not in rows.calls:
            lost += 1
            continue
        response = Response(
            text, status, provenance, json.loads(detail), float(latency), source, made
        )
        if gone is None:
            current.setdefault(key, []).append((position, response))
        else:
            retired.setdefault(key, []).append(response)
    saved = []
    for key, call in sorted(rows.calls.items()):
        stands: list[Response] = []
        for position, response in sorted(current.get(key, []), key=lambda pair: pair[0]):
            if position == len(stands):
                stands.append(response)
            else:  # one before it is lost: served now, it would be an answer out of order
                retired.setdefault(key, []).append(response)
                lost += 1
        if stands or key in retired:
            saved.append(Recorded(call, tuple(stands), tuple(retired.get(key, ()))))
    return saved, lost


class Pages:
    """The pages of a SQLite file, those of its log put over them."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        log = path.with_name(path.name + "-wal")
        frames = log.read_bytes() if log.is_file() else b""
        self._size = self._page_size(frames)
        self._newer = _log(frames, self._size)
        self._count = max(-(-len(self._data) // self._size), max(self._newer, default=0))
        self._free = self._freed()

    def _page_size(self, log: bytes) -> int:
        said = [int.from_bytes(self._data[16:18], "big")] if self._data[:6] == b"SQLite" else []
        said += [int.from_bytes(log[8:12], "big")] if len(log) >= 32 else []
        for size in said:
            size = 65536 if size == 1 else size
            if 512 <= size <= 65536 and size & (size - 1) == 0:
                return size
        return _PAGE

    def page(self, number: int) -> bytes:
        """A page by its number, from 1; shorter where the file ends in it."""
        if number in self._newer:
            return self._newer[number]
        return self._data[(number - 1) * self._size : number * self._size]

    def _freed(self) -> set[int]:
        """Pages that hold nothing any more: rows in them were deleted."""
        free: set[int] = set()
        head = self.page(1)
        trunk = int.from_bytes(head[32:36], "big") if head[:6] == b"SQLite" else 0
        while 0 < trunk <= self._count and trunk not in free:
            free.add(trunk)
            page = self.page(trunk)
            trunk, count = (*struct.unpack(">II", page[:8]),) if len(page) >= 8 else (0, 0)
            for k in range(min(count, self._size // 4 - 2)):
                free.add(int.from_bytes(page[8 + 4 * k : 12 + 4 * k], "big"))
        return free

    def rows(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Every row that can be read: its id and its values."""
        for number in range(2, self._count + 1):
            page = self.page(number)
            if number in self._free or len(page) < 8 or page[0] != _LEAF:
                continue
            for k in range(min(int.from_bytes(page[3:5], "big"), self._size // 4)):
                at = int.from_bytes(page[8 + 2 * k : 10 + 2 * k], "big")
                try:
                    length, at = _varint(page, at)
                    rowid, at = _varint(page, at)
                    yield rowid, _record(self._payload(page, at, length))
                except (IndexError, ValueError, struct.error):
                    continue

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        usable = self._size
        if length <= usable - 35:
            return _cut(page, at, length)
        if length > min(_LARGEST, self._count * usable):
            raise ValueError("no row is that long")
        least = (usable - 12) * 32 // 255 - 23
        here = least + (length - least) % (usable - 4)
        here = here if here <= usable - 35 else least
        parts, left = [_cut(page, at, here)], length - here
        following = int.from_bytes(_cut(page, at + here, 4), "big")
        while left > 0:
            if not 1 < following <= self._count:
                raise ValueError("the row goes on nowhere")
            more = self.page(following)
            size = min(left, usable - 4)
            parts.append(_cut(more, 4, size))
            following = int.from_bytes(_cut(more, 0, 4), "big")
            left -= size
        return b"".join(parts)


def _cut(data: bytes, at: int, length: int) -> bytes:
    part = data[at : at + length]
    if len(part) != length:
        raise ValueError("the page ends here")
    return part


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for k in range(9):
        byte = data[at + k]
        if k == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + k + 1
    raise AssertionError("unreachable")


def _record(data: bytes) -> tuple[Any, ...]:
    """The values of a row.

    Raises:
        ValueError, IndexError: it is none.
    """
    end, at = _varint(data, 0)
    body, values = end, []
    while at < end:
        kind, at = _varint(data, at)
        size = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)[kind] if kind < 10 else (kind - 12) // 2
        if kind in (10, 11):
            raise ValueError("no such kind of value")
        part = _cut(data, body, size)
        body += size
        value: Any
        if kind == 0:
            value = None
        elif kind == 7:
            value = struct.unpack(">d", part)[0]
        elif kind in (8, 9):
            value = kind - 8
        elif kind < 7:
            value = int.from_bytes(part, "big", signed=True)
        else:
            value = part.decode() if kind % 2 else part
        values.append(value)
    if body != len(data) or at != end:
        raise ValueError("the row is longer than its values")
    return tuple(values)


def _log(data: bytes, size: int) -> dict[int, bytes]:
    """The pages of a write-ahead log up to its last whole transaction."""
    if len(data) < 32 or data[:3] != b"\x37\x7f\x06" or data[3] not in (0x82, 0x83):
        return {}
    order = ">" if data[3] == 0x83 else "<"
    salts, mark = data[16:24], _checksum(data[:24], (0, 0), order)
    if struct.unpack(">II", data[24:32]) != mark:
        return {}
    pages: dict[int, bytes] = {}
    open_: dict[int, bytes] = {}
    for at in range(32, len(data) - 24 - size + 1, 24 + size):
        number, commit = struct.unpack(">II", data[at : at + 8])
        page = data[at + 24 : at + 24 + size]
        mark = _checksum(page, _checksum(data[at : at + 8], mark, order), order)
        told = struct.unpack(">II", data[at + 16 : at + 24])
        if data[at + 8 : at + 16] != salts or told != mark:
            break
        open_[number] = page
        if commit:
            pages.update(open_)
            open_ = {}
    return pages


def _checksum(data: bytes, start: tuple[int, int], order: str) -> tuple[int, int]:
    one, two = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for k in range(0, len(words), 2):
        one = (one + words[k] + two) & 0xFFFFFFFF
        two = (two + words[k + 1] + one) & 0xFFFFFFFF
    return one, two
