"""A SQLite file of ours: opened with care, told from other programs' files, shared by processes.

Standard library driver. The file is in WAL mode; a writer waits for another one, and a process
that is killed leaves the file whole.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from .errors import UsageError

BUSY: Final = 30.0  # seconds to wait while other processes write

MAPPED: Final = 2**28  # bytes of a file that is only read that are mapped, not copied

T = TypeVar("T")


class Database:
    """One file, for all threads of this process: a connection to read with, and one to write.

    So a query never waits for a transaction, of this process or of another.

    Args:
        path: the file; made at the first write, its folder must be there.
        what: what it is called, in errors ("response cache").
        application: SQLite's application id of such files.
        version: of the tables; another one is refused.
        schema: the statements that make the tables.
        readonly: never write to it; it must be there.
        advice: what to do about a damaged file, for the error.

    Raises:
        UsageError: it is another program's file, damaged, or of another version; it is left so.
    """

    def __init__(
        self,
        path: Path,
        *,
        what: str,
        application: int,
        version: int,
        schema: Sequence[str],
        readonly: bool = False,
        advice: str = "name another file, or move it away",
    ) -> None:
        self.path, self.what = path, what
        self._application, self._version, self._schema = application, version, schema
        self._readonly, self._advice = readonly, advice
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._reading, self._writing = threading.Lock(), threading.RLock()
        if not path.parent.is_dir():
            raise UsageError(f"no folder {path.parent} for the {what} {path.name}")
        if readonly and not path.is_file():
            raise UsageError(f"no {what} {path}")
        if path.exists():
            self.rows("SELECT 1")  # a wrong file is told at once

    @property
    def there(self) -> bool:
        """Whether there is a file."""
        return self._reader is not None or self.path.exists()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows of a query; none where there is no file yet."""
        if not self.there:
            return []
        with self._reading, self._in_words():
            if self._reader is None:
                self._reader = self._read_only() if self._readonly else self._connected()
            return self._reader.execute(sql, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes: all of it is kept, or nothing. One within it is part of it."""
        assert not self._readonly, f"{self.path} is open to be read only"
        with self._writing, self._in_words():
            if self._writer is None:
                self._writer = self._connected()
            db = self._writer
            if db.in_transaction:
                yield db
                return
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Give the file back; the next query opens it again."""
        with self._reading, self._writing:
            for db in (self._reader, self._writer):
                if db is not None:
                    db.close()
            self._reader = self._writer = None

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """SQLite's errors in words."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise UsageError(f"the {self.what} {self.path} cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            raise UsageError(
                f"{self.path} is no {self.what}, or is damaged ({error}); it is left as it "
                f"is: {self._advice}"
            ) from error

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        try:
            self._check(db)
            patiently(lambda: db.execute("PRAGMA journal_mode = WAL").fetchone())
            db.execute("PRAGMA synchronous = NORMAL")  # a crash of the machine may lose the last
            if not self._check(db):
                patiently(lambda: self._create(db))
                self._check(db)
        except BaseException:
            db.close()
            raise
        return db

    def _read_only(self) -> sqlite3.Connection:
        """A connection that cannot write; on a medium that is read-only, one without a lock."""
        uri = self.path.resolve().as_uri()
        for mode in ("mode=ro", "mode=ro&immutable=1"):
            wal = self.path.with_name(f"{self.path.name}-wal")
            if "immutable" in mode and wal.is_file() and wal.stat().st_size:
                raise UsageError(
                    f"{self.path} has a log ({wal.name}) that cannot be read here: copy both to a "
                    f"folder that can be written"
                )
            db = sqlite3.connect(f"{uri}?{mode}", uri=True, timeout=BUSY, check_same_thread=False)
            try:
                if not self._check(db):
                    raise UsageError(f"{self.path} is an empty database, no {self.what}")
                db.execute(f"PRAGMA mmap_size = {MAPPED}")
                return db
            except sqlite3.OperationalError as error:
                db.close()
                if "immutable" in mode or "locked" in str(error):
                    raise
            except BaseException:
                db.close()
                raise
        raise AssertionError("unreachable")

    def _check(self, db: sqlite3.Connection) -> bool:
        """Whether it has our tables, or is still empty; writes nothing."""
        # Tables first: where there are any, the process that made them has written the others.
        [tables] = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        [application] = db.execute("PRAGMA application_id").fetchone()
        [version] = db.execute("PRAGMA user_version").fetchone()
        if tables and application != self._application:
            raise UsageError(f"{self.path} is another program's database: name another file")
        if tables and version != self._version:
            raise UsageError(
                f"{self.path} is a {self.what} of version {version}, not {self._version}: name "
                f"another file"
            )
        return bool(tables)

    def _create(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        try:
            if not self._check(db):
                for statement in self._schema:
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {self._application}")
                db.execute(f"PRAGMA user_version = {self._version}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise


def patiently(do: Callable[[], T]) -> T:
    """Try again while another process holds the file: SQLite waits for most locks, not for all."""
    end = time.monotonic() + BUSY
    while True:
        try:
            return do()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)
