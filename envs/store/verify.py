"""A store looked through: every key and body hashed again, every reference followed."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ...core import UsageError
from .file import APPLICATION, VERSION
from .keys import Call
from .secrets import Secrets
from .transfer import PROVENANCES, STATUSES

NAMED: Final = 200  # findings that are named one by one; the others are counted


@dataclass
class Report:
    """What was found in a store.

    Attributes:
        findings: each thing that is wrong, in words; at most :data:`NAMED` of them.
        more: how many further ones there are.
        calls: how many calls there are.
        answers: how many answers, by provenance; ``retired`` beside them.
    """

    findings: list[str] = field(default_factory=list)
    more: int = 0
    calls: int = 0
    answers: dict[str, int] = field(default_factory=dict)

    def add(self, finding: str) -> None:
        """Note one."""
        if len(self.findings) < NAMED:
            self.findings.append(finding)
        else:
            self.more += 1

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify(path: Path, secrets: Secrets | None = None) -> Report:
    """Look through a store; the file is not changed.

    Raises:
        UsageError: there is no such file, or it is another program's database.
    """
    if not path.is_file():
        raise UsageError(f"no store of calls {path}")
    secrets = Secrets.of_environment() if secrets is None else secrets
    report = Report()
    try:
        uri = f"{path.resolve().as_uri()}?mode=ro"
        db = sqlite3.connect(uri, uri=True, timeout=30.0, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise UsageError(f"{path} cannot be opened: {error}") from error
    try:
        try:
            db.execute("BEGIN")  # one view of it, whatever others write meanwhile
            _header(db, path)
        except sqlite3.OperationalError as error:
            if "unable to open" in str(error) or "readonly" in str(error):
                raise UsageError(
                    f"{path} cannot be read where it is ({error}): copy it, and the files beside "
                    f"it, to a folder that can be written"
                ) from error
            raise
        for check in (_integrity, _calls, _bodies, _answers, _functions):
            try:
                check(db, report, secrets)
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                report.add(f"damaged: {check.__name__.strip('_')} cannot be read: {error}")
    except sqlite3.DatabaseError as error:
        report.add(f"damaged: {error}")
    finally:
        db.close()
    return report


def _header(db: sqlite3.Connection, path: Path) -> None:
    [tables] = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    [application] = db.execute("PRAGMA application_id").fetchone()
    [version] = db.execute("PRAGMA user_version").fetchone()
    if not tables:
        raise UsageError(f"{path} is an empty database, no store of calls")
    if application != APPLICATION:
        raise UsageError(f"{path} is another program's database")
    if version != VERSION:
        raise UsageError(f"{path} is a store of version {version}, not {VERSION}")


def _integrity(db: sqlite3.Connection, report: Report, _: Secrets) -> None:
    for (text,) in db.execute("PRAGMA integrity_check(20)"):
        if text != "ok":
            report.add(f"damaged: {text}")


def _calls(db: sqlite3.Connection, report: Report, secrets: Secrets) -> None:
    for key, *parts in db.execute("SELECT key, tool, api, arguments, scope FROM calls"):
        report.calls += 1
        name = _short(key)
        if not fits(key, parts):
            report.add(f"call {name}: its key is not the hash of what it says")
        _scan(report, secrets, f"call {name}", " ".join(map(str, parts)))
    sql = "SELECT key FROM calls WHERE key NOT IN (SELECT key FROM responses)"
    for (key,) in db.execute(sql):
        report.add(f"call {_short(key)}: it has no answer")


def _bodies(db: sqlite3.Connection, report: Report, secrets: Secrets) -> None:
    for number, mark, body in db.execute("SELECT id, hash, body FROM bodies"):
        if not isinstance(body, bytes) or sha256(body).digest() != mark:
            report.add(f"body {number}: its hash is not that of its bytes")
            continue
        try:
            text = body.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            report.add(f"body {number}: it is no text")
            continue
        _scan(report, secrets, f"body {number}", text)


def _answers(db: sqlite3.Connection, report: Report, secrets: Secrets) -> None:
    calls = {row[0] for row in db.execute("SELECT key FROM calls")}
    bodies = {row[0] for row in db.execute("SELECT hash FROM bodies")}
    counts: Counter[str] = Counter()
    expected, last = 0, None
    sql = (
        "SELECT id, key, position, body, status, provenance, detail, source, retired FROM "
        "responses ORDER BY retired IS NOT NULL, key, position, id"
    )
    for number, key, position, body, status, provenance, detail, source, retired in db.execute(sql):
        name = f"answer {number} of call {_short(key)}"
        counts["retired" if retired is not None else str(provenance)] += 1
        if key not in calls:
            report.add(f"{name}: there is no such call")
        if body not in bodies:
            report.add(f"{name}: its body is not there")
        if status not in STATUSES:
            report.add(f"{name}: {status!r} is no status")
        if provenance not in PROVENANCES:
            report.add(f"{name}: {provenance!r} is no provenance")
        if not is_object(detail):
            report.add(f"{name}: its detail is no JSON object")
        _scan(report, secrets, name, f"{detail} {source}")
        if retired is None:
            expected = expected + 1 if key == last else 0
            last = key
            if position != expected:
                report.add(f"{name}: it stands at position {position}, not {expected}")
                expected = position if isinstance(position, int) else expected
    report.answers = dict(sorted(counts.items()))


def _functions(db: sqlite3.Connection, report: Report, secrets: Secrets) -> None:
    for name, doc in db.execute("SELECT name, doc FROM apis"):
        if not is_object(doc):
            report.add(f"function {name}: its document is no JSON object")
        _scan(report, secrets, f"function {name}", str(doc))


def fits(key: Any, parts: list[Any]) -> bool:
    """Whether a key is that of a call with these parts, and its arguments are an object."""
    if not all(isinstance(part, str) for part in parts):
        return False
    try:
        return bool(Call(*parts).key == key) and is_object(parts[2])
    except ValueError:
        return False


def is_object(text: Any) -> bool:
    """Whether a text is a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, TypeError, RecursionError):
        return False


def _scan(report: Report, secrets: Secrets, where: str, text: str) -> None:
    for what, hint in _once(secrets, text):
        report.add(f"{where}: it holds what looks like a secret: {what}{hint}")


def _once(secrets: Secrets, text: str) -> Iterator[tuple[str, str]]:
    seen = set()
    for what, hint in secrets.scan(text):
        if what not in seen:
            seen.add(what)
            yield what, f" ({hint})" if hint else ""


def _short(key: Any) -> str:
    return key.hex()[:12] if isinstance(key, bytes) else repr(key)[:20]
