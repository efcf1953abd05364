"""Stores moved: written as canonical JSON lines, read back, merged.

An export is a pure function of what a store holds, not of when it was written or in which order
it was recorded. A merge does not depend on the order of its sides, and merging twice changes
nothing.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, get_args

import rfc8785

from ...core import API, Provenance, Status, UsageError
from .file import Recorded, Response, Store
from .keys import VERSION as KEYS
from .keys import Call
from .secrets import Secrets

FORMAT: Final = "toolgrove.calls"
VERSION: Final = 1
STATUSES: Final = frozenset(get_args(Status))
PROVENANCES: Final = frozenset(get_args(Provenance))
_FIELDS: Final = tuple(f.name for f in fields(Response))


@dataclass(frozen=True)
class Merged:
    """What an import did, in numbers of calls; ``retired``: answers that no longer stand."""

    new: int = 0
    changed: int = 0
    same: int = 0
    retired: int = 0


# ------------------------------------------------------------------------ export


def export(store: Store, out: Path, *, redact: bool = False, secrets: Secrets | None = None) -> int:
    """Write a store as canonical JSON lines, compressed where the name ends in ``.gz``.

    Args:
        store: what is written.
        out: the file; it appears whole or not at all.
        redact: replace what looks like a secret; otherwise a finding refuses the export.
        secrets: what counts as one; by default, this environment's and known formats.

    Returns:
        How many texts were redacted.

    Raises:
        UsageError: something looks like a secret, or the file cannot be written.
    """
    secrets = Secrets.of_environment() if secrets is None else secrets
    apis = sorted(store.apis(), key=lambda api: (api.name, canonical(api.to_json())))
    calls: Iterable[Recorded] = store.everything()
    count = 0
    if redact:
        apis, calls, count = _redacted(apis, calls, secrets)
    temporary = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as raw:
            packed = gzip.GzipFile("", "wb", 9, raw, mtime=0) if out.suffix == ".gz" else None
            file = raw if packed is None else packed
            for row in _lines(apis, calls, secrets):
                file.write(canonical(row) + b"\n")
            if packed is not None:
                packed.close()
        temporary.replace(out)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return count


def canonical(value: Any) -> bytes:
    """RFC 8785; where it cannot write a value (half surrogate pairs, huge integers), ASCII JSON."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, ValueError):
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _lines(apis: Iterable[API], calls: Iterable[Recorded], secrets: Secrets) -> Iterator[Any]:
    yield {"format": FORMAT, "version": VERSION, "keys": KEYS}
    for api in apis:
        row = api.to_json()
        refuse_secrets(secrets, f"function {api.name}", texts_of_api(row))
        yield {"function": row}
    for recorded in calls:
        call = recorded.call
        refuse_secrets(secrets, f"call {call.key.hex()[:12]}", texts_of(recorded))
        yield {
            "call": {f: getattr(call, f) for f in ("tool", "api", "arguments", "scope")},
            "key": call.key.hex(),
            "answers": [_row(response) for response in recorded.current],
            "retired": [_row(response) for response in _distinct(recorded.retired)],
        }


def texts_of(recorded: Recorded) -> list[str]:
    """Every text of a call that may hold a secret."""
    call = recorded.call
    texts = [call.tool, call.api, call.arguments, call.scope]
    for r in (*recorded.current, *recorded.retired):
        texts += [r.observation, r.source]
        if r.detail:
            texts.append(json.dumps(r.detail, ensure_ascii=False))
    return texts


def texts_of_api(row: Any) -> list[str]:
    """Every text of a function's document."""
    return [json.dumps(row, ensure_ascii=False)]


def refuse_secrets(secrets: Secrets, where: str, texts: Iterable[str]) -> None:
    """Raise a UsageError if one of these texts looks as if it held a secret."""
    for text in texts:
        for finding in secrets.scan(text):
            hint = f" ({finding.hint})" if finding.hint else ""
            raise UsageError(
                f"{where} holds what looks like a secret: {finding.what}{hint}; --redact replaces "
                f"such texts in the export"
            )


def _row(response: Response) -> dict[str, Any]:
    return {name: getattr(response, name) for name in _FIELDS}


def _redacted(
    apis: Iterable[API], calls: Iterable[Recorded], secrets: Secrets
) -> tuple[list[API], list[Recorded], int]:
    count = 0

    def text(given: str) -> str:
        nonlocal count
        clean = secrets.redacted(given)
        count += clean != given
        return clean

    def tree(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, dict):
            return {text(key): tree(each) for key, each in value.items()}
        return [tree(each) for each in value] if isinstance(value, list) else value

    def answer(r: Response) -> Response:
        return Response(
            text(r.observation), r.status, r.provenance, tree(r.detail), r.latency,
            text(r.source), r.made,
        )  # fmt: skip

    docs = [API.from_json(tree(json.loads(canonical(api.to_json())))) for api in apis]
    found: dict[bytes, Recorded] = {}
    for each in calls:
        c = each.call
        clean = canonical(tree(json.loads(c.arguments))).decode()
        call = Call(text(c.tool), text(c.api), clean, text(c.scope))
        new = Recorded(
            call, tuple(map(answer, each.current)), tuple(_distinct(map(answer, each.retired)))
        )
        old = found.get(call.key)
        found[call.key] = new if old is None else merged(old, new)
    return docs, [found[key] for key in sorted(found)], count


# ------------------------------------------------------------------------ merge


def merged(one: Recorded, other: Recorded) -> Recorded:
    """One call as two stores know it; which comes first makes no difference.

    Answers that are real stand before simulated ones, then those made last, then the greater hash.
    The others are retired; so is one that says what stands, but was made at another time, for
    what stands may be retired by the next merge.
    """
    best, worse = one.current, other.current
    if _rank(worse) > _rank(best):
        best, worse = worse, best
    stands = {canonical(_row(r)) for r in best}
    others = (*worse, *one.retired, *other.retired)
    rest = [r for r in others if canonical(_row(r)) not in stands]
    return Recorded(one.call, best, tuple(_distinct(rest)))


def merge(calls: Iterable[Recorded], apis: Iterable[API], into: Store) -> Merged:
    """Add calls and functions to a store: all of it, or nothing if reading them fails."""
    new = changed = same = gone = 0
    with into.batch():
        for theirs in calls:
            ours = into.recorded(theirs.call)
            if ours is None:
                stands = merged(theirs, Recorded(theirs.call, ()))
                new += 1
            else:
                stands = merged(ours, theirs)
                if _same(ours, stands):
                    same += 1
                    continue
                changed += 1
            gone += len(stands.retired) - (len(ours.retired) if ours is not None else 0)
            into.settle(stands)
        there = {api.name: api for api in into.apis()}
        better = [api for api in apis if _fuller(api, there.get(api.name))]
        into.put_apis(better)
    return Merged(new, changed, same, max(0, gone))


def _same(one: Recorded, other: Recorded) -> bool:
    return one.current == other.current and _distinct(one.retired) == _distinct(other.retired)


def _fuller(api: API, there: API | None) -> bool:
    """Whether a function's document says more than the one that is there."""
    if there is None:
        return True
    one, other = canonical(api.to_json()), canonical(there.to_json())
    return (len(one), one) > (len(other), other)


def _rank(answers: tuple[Response, ...]) -> tuple[Any, ...]:
    if not answers:
        return (False,)
    real = all(r.provenance != "simulated" for r in answers)
    mark = sha256(canonical([_row(r) for r in answers])).digest()
    return True, real, max(r.made for r in answers), mark


def _said(response: Response) -> tuple[str, str, str]:
    return response.observation, response.status, response.provenance


def _distinct(retired: Iterable[Response]) -> list[Response]:
    """Retired answers, each text once, in an order that does not depend on how they came."""
    best: dict[tuple[str, str, str], tuple[str, bytes, Response]] = {}
    for r in retired:
        entry = (r.made, canonical(_row(r)), r)
        old = best.get(_said(r))
        if old is None or entry[:2] > old[:2]:
            best[_said(r)] = entry
    return [entry[2] for entry in sorted(best.values(), key=lambda e: e[:2])]


# ------------------------------------------------------------------------ import


def read_export(path: Path) -> tuple[list[API], Iterator[Recorded]]:
    """The functions and the calls of an export; the calls are read as they are asked for.

    Raises:
        UsageError: a line is not what :func:`export` writes, or a key does not fit its call.
    """
    lines = lines_of(path)
    _, first = next(lines, (1, ""))
    head = _parsed(path, 1, first)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise UsageError(f"{path} is no export of a store")
    if (head.get("version"), head.get("keys")) != (VERSION, KEYS):
        raise UsageError(
            f"{path} is an export of version {head.get('version')} with keys of version "
            f"{head.get('keys')}; this toolgrove reads {VERSION} and {KEYS}"
        )
    apis: list[API] = []
    ahead: tuple[int, Any] | None = None
    for number, text in lines:
        row = _parsed(path, number, text)
        if not (isinstance(row, dict) and "function" in row):
            ahead = number, row
            break
        try:
            apis.append(API.from_json(row["function"]))
        except (TypeError, KeyError, ValueError) as error:
            raise UsageError(f"{path}:{number} is no function: {error!r}") from error

    def calls() -> Iterator[Recorded]:
        if ahead is not None:
            yield _recorded(path, *ahead)
        for number, text in lines:
            yield _recorded(path, number, _parsed(path, number, text))

    return apis, calls()


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers, empty ones left out; gzip is seen through."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as source:
            for number, raw in enumerate(source, 1):
                if raw.strip():
                    yield number, raw.decode()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def _parsed(path: Path, number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}:{number} is no JSON: {error}") from error


def _recorded(path: Path, number: int, row: Any) -> Recorded:
    try:
        call = Call(**row["call"])
        if call.key.hex() != row["key"]:
            raise ValueError("the key does not fit the call")
        if not isinstance(json.loads(call.arguments), dict):
            raise ValueError("the arguments are no object")
        return Recorded(
            call, tuple(map(_answer, row["answers"])), tuple(map(_answer, row["retired"]))
        )
    except (TypeError, KeyError, ValueError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path}:{number} is no recorded call: {error!r}") from error


def _answer(row: Any) -> Response:
    kinds = {"observation": str, "detail": dict, "source": str, "made": str}
    for name, kind in kinds.items():
        if not isinstance(row[name], kind):
            raise TypeError(f"{name} must be of type {kind.__name__}")
    if row["status"] not in STATUSES or row["provenance"] not in PROVENANCES:
        raise ValueError(f"no status {row['status']!r} or provenance {row['provenance']!r}")
    return Response(**{**row, "latency": float(row["latency"])})


def kind_of(path: Path) -> Literal["store", "export", "calls"]:
    """What a file to import is, by its content.

    Raises:
        UsageError: it is none of these, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            if file.read(16) == b"SQLite format 3\0":
                return "store"
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    for number, text in lines_of(path):
        row = _parsed(path, number, text)
        if isinstance(row, dict) and row.get("format") == FORMAT:
            return "export"
        if isinstance(row, dict) and "function" in row and "arguments" in row:
            return "calls"
        break
    raise UsageError(f"{path} is no export, no store and no file of recorded calls")
