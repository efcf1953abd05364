"""Files of checksummed JSON lines: appended, flushed, never overwritten, torn tails survived."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from .errors import UsageError

_ENCODE = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def seal(record: Mapping[str, Any]) -> str:
    """The record as one line of JSON whose first field is a CRC-32 of the rest."""
    body = _ENCODE(record)
    return f'{{"crc":"{crc32(body.encode()):08x}"{"," if record else ""}{body[1:]}'


def unseal(line: str) -> dict[str, Any] | None:
    """The record in a line, or None if the line is torn or was changed."""
    if not line.startswith('{"crc":"') or line[16:18] not in ('",', '"}'):
        return None
    body = "{" + line[17:].removeprefix(",")
    if f"{crc32(body.encode()):08x}" != line[8:16]:
        return None
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def scan(path: Path, start: int = 0) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Every line's offset in bytes and its record, None for a torn or damaged line."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        offset = start
        for raw in file:
            line = raw.rstrip(b"\n")
            if line:
                yield offset, unseal(line.decode("utf-8", "replace"))
            offset += len(raw)


def read_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """All whole records of a file, and how many lines were torn or damaged."""
    records = [record for _, record in scan(path)]
    whole = [record for record in records if record is not None]
    return whole, len(records) - len(whole)


class LineFile:
    """A file open for appending records. A torn last line is closed off, never overwritten."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("a+b", buffering=0)
        self._file.seek(0, os.SEEK_END)
        if self._file.tell():
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")
        self._end = self._durable = self._file.seek(0, os.SEEK_END)
        self._syncing = asyncio.Lock()

    def claim(self) -> None:
        """Be the only one that writes it, until it is closed.

        Raises:
            UsageError: another search does, here or in another process.
        """
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise UsageError(f"{self.path} is being written by another search") from None

    def append(self, record: Mapping[str, Any]) -> int:
        """Write one record through to the system, which survives a kill; its offset.

        Raises:
            OSError: it could not be written, or not all of it (the disk is full).
        """
        offset, line = self._end, seal(record).encode() + b"\n"
        written = self._file.write(line)
        self._end += written
        if written < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        return offset

    def sync(self) -> None:
        """Wait until the disk has it."""
        os.fsync(self._file.fileno())
        self._durable = self._end

    async def synced(self) -> None:
        """The same without holding up the loop; records appended meanwhile share the next wait."""
        wanted = self._end
        async with self._syncing:
            if self._durable < wanted:
                upto = self._end
                await asyncio.to_thread(os.fsync, self._file.fileno())
                self._durable = upto

    def close(self) -> None:
        """Sync and close; closing twice does nothing."""
        if not self._file.closed:
            if self._durable < self._end:
                self.sync()
            self._file.close()
