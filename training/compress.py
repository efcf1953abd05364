"""Which keys of an API's responses are worth keeping: what ``toolgrove data compress`` finds out.

A teacher is shown an API's document, one example response and three worked examples, and names
the keys to keep. What it names is checked against the responses' shape. The result is a keep-file
that the environment ``trimmed:(ENV),keep=FILE`` reads and applies.

Beside a keep-file ``keep.json`` stand

* ``keep.json.replies.jsonl``: one line a reply, sealed (core/lines.py), appended as it was paid;
* ``keep.json.report.json``: what came of it.

Source: Qin et al., "ToolLLM", 2023 (arXiv:2307.16789), appendix on compressing API responses.
Deviations: the teacher also sees the list of all keys; a reply that cannot be used is asked
again, then rules take its place (:mod:`.compress_rules`), so that each API gets its keys.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TextIO

from ..core import Completion, Model, ModelError, Request, UsageError
from ..core.deadline import Overdue, within
from ..core.lines import LineFile, scan
from ..core.sampling import unsound
from ..envs.observations import Count
from ..models.identity import identity_of, name_of
from .compress_keys import keep_entry
from .compress_prompt import Prompts, Subject
from .compress_rules import Takers, rules
from .documents import Document

BROKEN: Final = 5  # APIs in a row whose request failed: the teacher is down


class Compressor:
    """Gets the keys of APIs, and keeps what was paid for it.

    Args:
        found: the APIs.
        takers: what the table's APIs take.
        out: the keep-file.
        model: the teacher; without one the rules choose.
        count: tokens of a text.
        prompts: the texts.
        attempts: replies that are asked for, until one can be used.
        concurrency: requests at once.
        timeout: seconds for one.
        told: called after each reply.

    Attributes:
        paused: set it, and nothing is asked any more; what is in flight is kept.
        failed: APIs whose request failed, and how.
        torn: lines of the replies that are torn, and owed again.
        asked: replies paid for now.
        tokens, usd: of all replies.
    """

    def __init__(
        self,
        found: Sequence[Subject],
        takers: Takers,
        out: Path,
        model: Model | None,
        count: Count,
        *,
        prompts: Prompts | None = None,
        attempts: int = 3,
        concurrency: int = 4,
        timeout: float = 120.0,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        if attempts < 1 or concurrency < 1 or not 0 < timeout < float("inf"):
            raise UsageError("attempts, concurrency and timeout must be more than 0")
        self.subjects, self.out, self.model, self.paused = found, out, model, False
        self._takers, self._attempts, self._timeout, self._told = takers, attempts, timeout, told
        self._slots = asyncio.Semaphore(concurrency)
        self.failed: dict[str, str] = {}
        self.torn = self.asked = self.tokens = 0
        self.usd = 0.0
        self._in_row = 0
        self._by = ""
        if model is not None:
            self._by = _mark(model)
            texts = prompts or Prompts()
            for subject in found:
                subject.prompt = texts.ask(subject, takers, count)
            self._load()
        self._settle()

    @property
    def replies(self) -> Path:
        """The file of replies."""
        return self.out.with_name(self.out.name + ".replies.jsonl")

    @property
    def owed(self) -> list[Subject]:
        """The APIs for which the teacher is still to be asked."""
        if self.model is None:
            return []
        return [s for s in self.subjects if s.by == "owed" and s.replies < self._attempts]

    def _load(self) -> None:
        """Take the replies that are there: those of this teacher to these very prompts."""
        asked = {_digest(subject): subject for subject in self.subjects}
        for _, record in scan(self.replies):
            if record is None:
                self.torn += 1
            elif record.get("by") == self._by:
                subject = asked.get(str(record.get("prompt")))
                if subject is not None and subject.replies < self._attempts:
                    self._count(subject, record)

    def _count(self, subject: Subject, record: dict[str, Any]) -> None:
        subject.take(str(record.get("text") or ""))
        self.tokens += int(record.get("tokens") or 0)
        self.usd += float(record.get("usd") or 0.0)

    def _settle(self) -> None:
        """Let the rules choose where the teacher did not."""
        for subject in self.subjects:
            if subject.by == "teacher":
                continue
            subject.keys = rules(subject.shape, subject.document, self._takers)
            if self.model is None:
                subject.by = "rules"
            elif subject.replies >= self._attempts:
                subject.by = "fallback"

    async def run(self) -> None:
        """Ask all that is owed.

        Raises:
            UsageError: the replies cannot be written.
        """
        owed = self.owed
        if not owed:
            return
        try:
            lines = LineFile(self.replies)
        except OSError as error:
            text = f"cannot write {self.replies}: {error.strerror or error}"
            raise UsageError(text) from error
        with closing(lines):
            work = [asyncio.ensure_future(self._ask(subject, lines)) for subject in owed]
            try:
                await asyncio.gather(*work)
            finally:
                for each in work:
                    each.cancel()
                await asyncio.gather(*work, return_exceptions=True)
                self._settle()

    async def _ask(self, subject: Subject, lines: LineFile) -> None:
        async with self._slots:
            while subject.by == "owed" and subject.replies < self._attempts:
                if self.paused or self._in_row >= BROKEN:
                    return
                got = await self._reply(subject)
                if isinstance(got, str):
                    self.failed[subject.document.api.name] = got
                    self._in_row += 1
                    return
                self._in_row = 0
                self.asked += 1
                record = {
                    "api": subject.document.api.name,
                    "prompt": _digest(subject),
                    "by": self._by,
                    "text": got.content or "",
                    "tokens": got.tokens,
                    "usd": got.usd,
                }
                lines.append(record)
                self._count(subject, record)
                self._told()

    async def _reply(self, subject: Subject) -> Completion | str:
        """A reply, or why there is none."""
        assert self.model is not None and subject.prompt is not None
        seed = int(_digest(subject)[:7], 16) + subject.replies
        request = Request(
            subject.prompt, (), subject.replies, seed, "0", subject.replies, "ask.compress"
        )
        try:
            results = await within(self._timeout, _complete(self.model, request))
            [result] = results
        except Overdue:
            return f"no reply within {self._timeout:g} s"
        except UsageError:
            raise
        except Exception as error:  # whatever a model's library raises
            return f"{type(error).__name__}: {error}"
        if isinstance(result, ModelError):
            return str(result)
        if (wrong := unsound(result)) is not None:
            return f"the model {wrong}"
        return result

    def keep(self) -> dict[str, Any]:
        """What the keep-file says, by function name."""
        return {s.document.api.name: keep_entry(s.keys, s.shape) for s in self.subjects}

    def by_rules(self) -> dict[str, Any]:
        """What it would say without a teacher."""
        return {
            s.document.api.name: keep_entry(rules(s.shape, s.document, self._takers), s.shape)
            for s in self.subjects
        }

    def report(self) -> dict[str, Any]:
        """Counts, as plain data."""
        by = Counter(subject.by for subject in self.subjects)
        names = [s.document.api.name for s in self.subjects if s.by == "fallback"]
        return {
            "teacher": None if self.model is None else self._by,
            "apis": len(self.subjects),
            "by": dict(by),
            "replies": sum(s.replies for s in self.subjects),
            "asked_now": self.asked,
            "nonsense": sum(s.nonsense for s in self.subjects),
            "invented": sum(s.invented for s in self.subjects),
            "fallbacks": names,
            "owed": len(self.owed),
            "failed": self.failed,
            "torn": self.torn,
            "tokens": self.tokens,
            "usd": round(self.usd, 6),
        }


async def _complete(model: Model, request: Request) -> Sequence[Completion | ModelError]:
    return await model.complete([request])


def _digest(subject: Subject) -> str:
    return subject.prompt.digest.hex() if subject.prompt is not None else ""


def _mark(model: Model) -> str:
    try:
        identity: Any = identity_of(model)
    except UsageError:
        identity = repr(type(model))
    mark = blake2b(repr(identity).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{name_of(model) or type(model).__name__} {mark}"


def claim(out: Path, documents: Iterable[Document]) -> TextIO:
    """The right to write a keep-file of this table, until it is closed.

    Raises:
        UsageError: another process has it, or the file is no keep-file, or that of another table.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        lock = out.with_name(out.name + ".lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror or error}") from error
    try:
        _unclaimed(lock, out)
        _ours(out, documents)
    except BaseException:
        lock.close()
        raise
    return lock


def _unclaimed(lock: TextIO, out: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"{out} is being written by another process") from None


def _ours(out: Path, documents: Iterable[Document]) -> None:
    if not out.exists():
        return
    try:
        there = json.loads(out.read_text("utf-8"))
        if not isinstance(there, dict):
            raise TypeError("it is no object")
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{out} is there, and no keep-file ({error}): name another") from None
    strange = sorted(set(there) - {document.api.name for document in documents})
    if strange:
        raise UsageError(
            f"{out} is the keep-file of another table: it has {len(strange)} functions that this "
            f"one lacks, as {strange[0]}; name another file with --out"
        )
