"""The store's file: calls, their answers in order, bodies kept once, leases, misses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

import rfc8785

from ...core import API, Provenance, Status, Step, StepInfo
from ...core.database import Database
from .keys import Call

VERSION: Final = 1  # of the tables
APPLICATION: Final = 0x74677273  # "tgrs", in the file's header
ADVICE: Final = "`toolgrove store verify FILE --salvage NEW` saves what can be read into a new file"

STEP: Final = (
    "toolgrove.step"  # in detail: reward, terminated, truncated, where they are not the usual
)

TABLES: Final = (
    "CREATE TABLE calls (key BLOB NOT NULL UNIQUE, tool TEXT NOT NULL, api TEXT NOT NULL, "
    "arguments TEXT NOT NULL, scope TEXT NOT NULL)",
    "CREATE INDEX of_api ON calls (tool, api)",
    "CREATE TABLE bodies (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, body BLOB NOT NULL)",
    "CREATE TABLE responses (id INTEGER PRIMARY KEY, key BLOB NOT NULL, position INTEGER NOT NULL, "
    "body BLOB NOT NULL, status TEXT NOT NULL, provenance TEXT NOT NULL, detail TEXT NOT NULL, "
    "latency REAL NOT NULL, source TEXT NOT NULL, made TEXT NOT NULL, retired TEXT)",
    "CREATE INDEX of_key ON responses (key, position) WHERE retired IS NULL",
    "CREATE INDEX of_retired ON responses (key) WHERE retired IS NOT NULL",
    "CREATE TABLE apis (name TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, doc TEXT NOT NULL)",
    "CREATE TABLE leases (key BLOB NOT NULL UNIQUE, owner TEXT NOT NULL, expires REAL NOT NULL)",
    "CREATE TABLE misses (key BLOB NOT NULL UNIQUE, tool TEXT NOT NULL, api TEXT NOT NULL, "
    "arguments TEXT NOT NULL, scope TEXT NOT NULL, times INTEGER NOT NULL, last TEXT NOT NULL)",
)

_CURRENT = (
    "SELECT r.key, r.status, r.provenance, r.detail, r.latency, r.source, r.made, b.body "
    "FROM responses r JOIN bodies b ON b.hash = r.body "
    "WHERE r.key = ? AND r.retired IS NULL ORDER BY r.position"
)

_RETIRED_OF = _CURRENT.replace("IS NULL ORDER BY r.position", "IS NOT NULL ORDER BY r.id")
_RETIRED = _RETIRED_OF.replace("r.key = ? AND ", "")
_CURRENT_BETWEEN = _CURRENT.replace("r.key = ?", "r.key BETWEEN ? AND ?").replace(
    "ORDER BY r.position", "ORDER BY r.key, r.position"
)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as the store keeps it.

    Attributes:
        observation: the whole text.
        status: how the call ended.
        provenance: who made it.
        detail: what else was told of it (HTTP status, headers), without volatile parts.
        latency: seconds it took when it was made.
        source: where it came from, for people: a file, a run, an environment's spec.
        made: when, ISO 8601 in UTC; "" where nobody knows.
    """

    observation: str
    status: Status = "ok"
    provenance: Provenance = "live"
    detail: dict[str, Any] = field(default_factory=dict)
    latency: float = 0.0
    source: str = ""
    made: str = ""

    @classmethod
    def of(cls, step: Step, source: str = "") -> Response:
        """The answer that a step is."""
        info = step.info
        detail = dict(info.detail or {})
        if step[1:4] != (0.0, False, False):
            detail[STEP] = list(step[1:4])
        return cls(
            step.observation, info.status, info.provenance, detail, info.latency, source, now()
        )

    def step(self) -> Step:
        """The step that serves it: what was live once is a recording now."""
        rest = self.detail.get(STEP) or (0.0, False, False)
        detail = {k: v for k, v in self.detail.items() if k != STEP}
        served: Provenance = "recorded" if self.provenance == "live" else self.provenance
        info = StepInfo(self.status, served, 0.0, detail or None)
        return Step(self.observation, float(rest[0]), bool(rest[1]), bool(rest[2]), info)

    @property
    def body(self) -> bytes:
        """The observation as it is kept; half surrogate pairs, too."""
        return self.observation.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call with its answers, in the order in which they are served.

    Attributes:
        retired: answers that were replaced, oldest first.
    """

    call: Call
    current: tuple[Response, ...]
    retired: tuple[Response, ...] = ()


class Store:
    """A file of recorded calls.

    Args:
        path: the SQLite file; made when something is first kept.
        readonly: never write to it; it must be there.

    Raises:
        UsageError: it is no store, damaged, or of another version; it is left as it is.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path
        self._file = Database(
            path,
            what="store of calls",
            application=APPLICATION,
            version=VERSION,
            schema=TABLES,
            readonly=readonly,
            advice=ADVICE,
        )

    # -------------------------------------------------------------------- answers

    def get(self, key: bytes) -> tuple[Response, ...]:
        """The answers of a call, in order; none if it was not recorded."""
        return tuple([_response(row) for row in self._file.rows(_CURRENT, (key,))])

    def put(
        self, call: Call, responses: Sequence[Response], *, owner: str | None = None
    ) -> tuple[Response, ...]:
        """Make these the answers of a call; others that it had are retired, not lost.

        Args:
            call: the call.
            responses: its answers, in order. Equal ones that are there stay as they are.
            owner: of the lease that is given back with it. A lease that someone else holds by
                now means that this answer came too late: theirs stands, this one is retired.

        Returns:
            The answers that now stand.
        """
        key = call.key
        with self._file.writing() as db:
            current = [_response(row) for row in db.execute(_CURRENT, (key,))]
            held = db.execute("SELECT owner FROM leases WHERE key = ?", (key,)).fetchone()
            late = owner is not None and current and (held is None or held[0] != owner)
            if not _equal(current, responses):
                values = (key, call.tool, call.api, call.arguments, call.scope)
                db.execute("INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?)", values)
                if not late:
                    sql = "UPDATE responses SET retired = ? WHERE key = ? AND retired IS NULL"
                    db.execute(sql, (now(), key))
                    current = list(responses)
                for position, response in enumerate(responses):
                    _insert(db, key, position, response, now() if late else None)
            if owner is not None:
                db.execute("DELETE FROM leases WHERE key = ? AND owner = ?", (key, owner))
            db.execute("DELETE FROM misses WHERE key = ?", (key,))
        return tuple(current)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Everything that is written while this is open is kept at its end, or nothing."""
        with self._file.writing():
            yield

    def keep_retired(self, call: Call, responses: Sequence[Response]) -> None:
        """Keep answers that are not to be served, beside those that are."""
        key = call.key
        with self._file.writing() as db:
            values = (key, call.tool, call.api, call.arguments, call.scope)
            db.execute("INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?)", values)
            for position, response in enumerate(responses):
                _insert(db, key, position, response, now())

    # -------------------------------------------------------------------- leases

    def claim(
        self, key: bytes, owner: str, seconds: float, *, fresh: bool = False
    ) -> tuple[Literal["there", "mine", "taken"], tuple[Response, ...]]:
        """Take the right to make a call, unless its answer is there or someone else makes it.

        Args:
            key: of the call.
            owner: who asks.
            seconds: how long the lease holds unless it is renewed.
            fresh: take it even where there is an answer.
        """
        with self._file.writing() as db:
            if not fresh:
                current = tuple([_response(row) for row in db.execute(_CURRENT, (key,))])
                if current:
                    return "there", current
            moment = time.time()
            held = db.execute("SELECT owner, expires FROM leases WHERE key = ?", (key,)).fetchone()
            if held is not None and held[1] > moment and held[0] != owner:
                return "taken", ()
            values = (key, owner, moment + seconds)
            db.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", values)
            return "mine", ()

    def leased(self, key: bytes) -> bool:
        """Whether someone makes the call now, for all that is known."""
        sql = "SELECT 1 FROM leases WHERE key = ? AND expires > ?"
        return bool(self._file.rows(sql, (key, time.time())))

    def renew(self, key: bytes, owner: str, seconds: float) -> None:
        """Hold a lease for longer."""
        with self._file.writing() as db:
            values = (time.time() + seconds, key, owner)
            db.execute("UPDATE leases SET expires = ? WHERE key = ? AND owner = ?", values)

    def release(self, key: bytes, owner: str) -> None:
        """Give a lease back without an answer."""
        with self._file.writing() as db:
            db.execute("DELETE FROM leases WHERE key = ? AND owner = ?", (key, owner))

    # -------------------------------------------------------------------- misses

    def missed(self, call: Call) -> None:
        """Note that a call was asked for and is not there."""
        with self._file.writing() as db:
            values = (call.key, call.tool, call.api, call.arguments, call.scope, 1, now())
            db.execute(
                "INSERT INTO misses VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET times = times + 1, last = excluded.last",
                values,
            )

    def misses(self) -> list[tuple[Call, int, str]]:
        """Calls that were asked for and not there: the call, how often, when last."""
        sql = "SELECT tool, api, arguments, scope, times, last FROM misses ORDER BY times DESC, key"
        return [(Call(*row[:4]), row[4], row[5]) for row in self._file.rows(sql)]

    def forget_misses(self) -> None:
        """Begin the list of misses anew."""
        with self._file.writing() as db:
            db.execute("DELETE FROM misses")

    # -------------------------------------------------------------------- functions

    def put_apis(self, apis: Sequence[API]) -> None:
        """Keep what the recorded functions look like, so that a replay can offer them."""
        if not apis:
            return
        docs = [(api.name, api.digest, rfc8785.dumps(api.to_json()).decode()) for api in apis]
        known = {row[0] for row in self._file.rows("SELECT digest FROM apis")}
        if owed := [doc for doc in docs if doc[1] not in known]:
            with self._file.writing() as db:
                for doc in owed:  # a function that changed replaces what it was
                    db.execute("DELETE FROM apis WHERE name = ?", doc[:1])
                    db.execute("INSERT OR IGNORE INTO apis VALUES (?, ?, ?)", doc)

    def apis(self) -> tuple[API, ...]:
        """The recorded functions, by name."""
        rows = self._file.rows("SELECT doc FROM apis ORDER BY name")
        return tuple([API.from_json(json.loads(row[0])) for row in rows])

    # -------------------------------------------------------------------- the whole

    def calls(self, tool: str | None = None, api: str | None = None) -> list[Call]:
        """The calls that have an answer, those of one function or all; in order of their keys."""
        sql = "SELECT tool, api, arguments, scope FROM calls c WHERE EXISTS (SELECT 1 FROM "
        sql += "responses r WHERE r.key = c.key AND r.retired IS NULL)"
        if api is None:
            return [Call(*row) for row in self._file.rows(f"{sql} ORDER BY key")]
        rows = self._file.rows(f"{sql} AND tool = ? AND api = ? ORDER BY key", (tool, api))
        return [Call(*row) for row in rows]

    def functions(self) -> list[tuple[str, str]]:
        """The (tool, API) pairs that were recorded."""
        sql = "SELECT DISTINCT tool, api FROM calls ORDER BY tool, api"
        return [(row[0], row[1]) for row in self._file.rows(sql)]

    def scopes(self) -> frozenset[str]:
        """The kinds of scopes there are: "" (anywhere), and what stands before the first colon."""
        rows = self._file.rows("SELECT DISTINCT substr(scope, 1, instr(scope, ':')) FROM calls")
        return frozenset(row[0].rstrip(":") for row in rows)

    def refuses_names(self) -> bool:
        """Whether a world was recorded that itself said which functions there are not."""
        sql = "SELECT 1 FROM responses WHERE status = 'no_such_api' AND retired IS NULL LIMIT 1"
        return bool(self._file.rows(sql))

    def everything(self) -> Iterator[Recorded]:
        """All calls with all their answers, in order of their keys."""
        retired: dict[bytes, list[Response]] = {}
        for row in self._file.rows(_RETIRED):
            retired.setdefault(row[0], []).append(_response(row))
        sql = "SELECT key, tool, api, arguments, scope FROM calls WHERE key > ? ORDER BY key "
        last = b""
        while rows := self._file.rows(f"{sql} LIMIT 1000", (last,)):
            first, last = rows[0][0], rows[-1][0]
            current: dict[bytes, list[Response]] = {}
            for row in self._file.rows(_CURRENT_BETWEEN, (first, last)):
                current.setdefault(row[0], []).append(_response(row))
            for key, *call in rows:
                now_, old = current.get(key, ()), retired.get(key, ())
                yield Recorded(Call(*call), tuple(now_), tuple(old))

    def recorded(self, call: Call) -> Recorded | None:
        """A call with all its answers as the open transaction sees it; None if not there."""
        key = call.key
        with self._file.writing() as db:
            if db.execute("SELECT 1 FROM calls WHERE key = ?", (key,)).fetchone() is None:
                return None
            current = tuple([_response(row) for row in db.execute(_CURRENT, (key,))])
            retired = tuple([_response(row) for row in db.execute(_RETIRED_OF, (key,))])
            return Recorded(call, current, retired)

    def settle(self, recorded: Recorded) -> None:
        """Make these all the answers of a call, those that stand and those that are retired."""
        call, key = recorded.call, recorded.call.key
        with self._file.writing() as db:
            values = (key, call.tool, call.api, call.arguments, call.scope)
            db.execute("INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?)", values)
            db.execute("DELETE FROM responses WHERE key = ? AND retired IS NULL", (key,))
            db.execute("DELETE FROM responses WHERE key = ? AND retired IS NOT NULL", (key,))
            for position, response in enumerate(recorded.current):
                _insert(db, key, position, response, None)
            for position, response in enumerate(recorded.retired):
                _insert(db, key, position, response, response.made or now())
            if recorded.current:
                db.execute("DELETE FROM misses WHERE key = ?", (key,))

    def fingerprint(self) -> str:
        """Hash of what it answers: two stores with one fingerprint serve the same."""
        mark = sha256()
        sql = (
            "SELECT key, position, body, status, provenance FROM responses "
            "WHERE retired IS NULL ORDER BY key, position"
        )
        for row in self._file.rows(sql):
            mark.update(
                b"%b%d%b%b %b\n" % (row[0], row[1], row[2], row[3].encode(), row[4].encode())
            )
        return mark.hexdigest()[:24]

    def counts(self) -> dict[str, int]:
        """How many answers there are, by provenance; ``retired`` beside them."""
        sql = (
            "SELECT CASE WHEN retired IS NULL THEN provenance ELSE 'retired' END AS kind, "
            "count(*) FROM responses GROUP BY kind ORDER BY kind"
        )
        return {row[0]: row[1] for row in self._file.rows(sql)}

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def now() -> str:
    """This moment, in whole seconds of UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _insert(db: Any, key: bytes, position: int, response: Response, retired: str | None) -> None:
    body = response.body
    mark = sha256(body).digest()
    db.execute("INSERT OR IGNORE INTO bodies (hash, body) VALUES (?, ?)", (mark, body))
    db.execute(
        "INSERT INTO responses (key, position, body, status, provenance, detail, latency, source, "
        "made, retired) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key, position, mark, response.status, response.provenance,
            json.dumps(response.detail, sort_keys=True), response.latency, response.source,
            response.made, retired,
        ),
    )  # fmt: skip


def _response(row: Sequence[Any]) -> Response:
    _, status, provenance, detail, latency, source, made, body = row
    text = body.decode("utf-8", "surrogatepass")
    told = {} if detail == "{}" else json.loads(detail)
    return Response(text, status, provenance, told, latency, source, made)


def _equal(some: Sequence[Response], others: Sequence[Response]) -> bool:
    """Whether they say the same; when and how fast they were made makes no difference."""

    def said(response: Response) -> Response:
        rest = {k: v for k, v in response.detail.items() if k == STEP}
        return replace(response, latency=0.0, made="", source="", detail=rest)

    return [said(r) for r in some] == [said(r) for r in others]
