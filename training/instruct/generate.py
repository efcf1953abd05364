"""Asking the teacher: every reply is kept when it was paid, and none is paid twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from ...core import Budget, BudgetExhausted, Completion, Model, ModelError, Request
from ...core.deadline import Overdue, within
from ...core.lines import LineFile, scan
from ...core.sampling import unsound
from .prompts import Wording
from .reading import Reading, read_reply
from .sampling import Sample

REPLIES: Final = "replies.jsonl"
FINAL: Final = ("context", "refused")  # errors that the same prompt would only meet again
PATIENCE: Final = 5  # errors in a row after which the teacher is left alone


class Owed(Exception):
    """A call was not made, or brought an error that need not come again."""


@dataclass(frozen=True)
class Order:
    """What is asked of a teacher.

    Attributes:
        count: instructions a call.
        seed: of requests and of the examples drawn.
        attempts: replies that a sample may cost until one can be read.
        timeout: seconds for one reply.
    """

    count: int = 10
    seed: int = 0
    attempts: int = 3
    timeout: float = 600.0


@dataclass
class Outcome:
    """What a sample brought.

    Attributes:
        reading: the reply that could be read; None where there is none.
        failed: why the last reply could not.
        attempts: replies it cost.
        ended: false while it is owed.
    """

    sample: Sample
    reading: Reading | None = None
    failed: str = ""
    attempts: int = 0
    ended: bool = False


@dataclass
class _Kept:
    """One line of the replies: a reply, or an error that is final."""

    text: str = ""
    failed: str = ""


@dataclass
class Teacher:
    """A model that writes instructions, and the file of its replies.

    Attributes:
        budget: of the whole folder: what earlier commands spent is counted.
        paused: set it, and no call is begun any more; those in flight are finished and kept.
        stopped: why no call is begun any more; "" while calls are.
        made: calls made by this command.
        torn: lines of the file that were damaged: these replies are owed again.
        errors: what failed, and how often.
    """

    model: Model
    wording: Wording
    order: Order
    folder: Path
    budget: Budget
    told: Callable[[Outcome], None] = lambda outcome: None
    paused: bool = False
    stopped: str = ""
    made: int = 0
    torn: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._known: dict[tuple[str, int, str], _Kept] = {}
        self._failing = 0
        spent: dict[str, float] = {"calls": 0, "tokens": 0, "usd": 0.0}
        for _, record in scan(self.folder / REPLIES):
            if record is None:
                self.torn += 1
                continue
            spent["calls"] += 1
            spent["tokens"] += record.get("tokens", 0)
            place = record["key"], record["attempt"], record["prompt"]
            if "reply" in record:
                reply = Completion.from_json(record["reply"])
                spent["usd"] += reply.usd
                self._known.setdefault(place, _Kept(reply.content or ""))
            elif record["error"]["kind"] in FINAL:
                text = f"{record['error']['kind']}: {record['error']['text']}"
                self._known.setdefault(place, _Kept(failed=text))
        self.budget.carry(spent)
        self._file = LineFile(self.folder / REPLIES)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    async def ask(self, samples: Iterable[Sample], concurrency: int = 1) -> list[Outcome]:
        """What the samples bring, in their order; so many calls at a time.

        The calls that a cap allows are those of the first samples. A call in flight when
        something ends is finished and kept.
        """
        outcomes = [Outcome(sample) for sample in samples]
        waiting = iter(outcomes)

        async def work() -> None:
            for outcome in waiting:
                await self._bring(outcome)

        workers = [asyncio.ensure_future(work()) for _ in range(max(1, concurrency))]
        try:
            await asyncio.gather(*workers)
        finally:
            for each in workers:
                each.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return outcomes

    async def _bring(self, outcome: Outcome) -> None:
        sample, order = outcome.sample, self.order
        for attempt in range(order.attempts):
            try:
                kept = await self._reply(sample, attempt)
            except Owed:
                return
            outcome.attempts = attempt + 1
            if kept.failed:
                outcome.failed = kept.failed
                break
            reading = read_reply(kept.text, order.count)
            if reading.items:
                outcome.reading = reading
                break
            wrong = ", ".join(f"{n} {why}" for why, n in reading.malformed.items())
            outcome.failed = (
                f"{attempt + 1} replies without one instruction ({wrong or 'no JSON list'}); "
                f"the last begins {kept.text[:80]!r}"
            )
        if outcome.reading is not None:
            outcome.failed = ""
        outcome.ended = True
        self.told(outcome)

    async def _reply(self, sample: Sample, attempt: int) -> _Kept:
        """The reply to one attempt: the one that is kept, else a new one.

        Raises:
            Owed: there is none, and none can be had now.
        """
        order = self.order
        prompt = self.wording.prompt(sample, order.count, order.seed, again=attempt > 0)
        mark = prompt.digest.hex()
        place = sample.key, attempt, mark
        if (known := self._known.get(place)) is not None:
            return known
        if self.paused or self.stopped:
            raise Owed
        drawn = blake2b(prompt.digest + b"%d/%d" % (attempt, order.seed), digest_size=4).digest()
        seed = int.from_bytes(drawn, "big") & 0x7FFFFFFF
        request = Request(prompt, (), attempt, seed, sample.key, attempt, "ask.instruct")
        try:
            self.budget.reserve("calls")
        except BudgetExhausted as error:
            self.stopped = error.what
            raise Owed from None
        bound = getattr(self.model, "bound", None)
        held = bound(request) if bound is not None and self.budget.bounded else (0, 0.0)
        try:
            self.budget.hold(*held)
        except BudgetExhausted as error:
            self.budget.spent["calls"] -= 1
            self.stopped = error.what
            raise Owed from None
        got = await self._complete(request)
        usd = got.usd if isinstance(got, Completion) else 0.0
        self.budget.settle(got.tokens, usd, held=held)
        return await self._keep(place, got)

    async def _complete(self, request: Request) -> Completion | ModelError:
        try:
            [got] = await within(self.order.timeout, _asked(self.model, request))
        except Overdue:
            text = f"no reply within {self.order.timeout:g} s"
            return ModelError(text, kind="timeout")
        except Exception as error:  # a component of somebody else's
            text = f"{type(self.model).__name__} raised {type(error).__name__}: {error}"
            return ModelError(text, kind="contract")
        if (wrong := unsound(got)) is not None:
            return ModelError(f"{type(self.model).__name__} {wrong}", kind="contract")
        made: Completion | ModelError = got
        return made

    async def _keep(self, place: tuple[str, int, str], got: Completion | ModelError) -> _Kept:
        key, attempt, mark = place
        record: dict[str, Any] = {"key": key, "attempt": attempt, "prompt": mark}
        record["tokens"] = got.tokens
        self.made += 1
        if isinstance(got, Completion):
            self._failing = 0
            record["reply"] = got.to_json()
            kept = _Kept(got.content or "")
        else:
            record["error"] = {"kind": got.kind, "text": str(got)[:1000]}
            kept = _Kept(failed=f"{got.kind}: {got}")
            self.errors[f"{got.kind}: {str(got)[:200]}"] += 1
        self._file.append(record)
        await self._file.synced()
        if isinstance(got, ModelError) and got.kind not in FINAL:
            self._failing += 1
            if self._failing >= PATIENCE or got.kind == "contract":
                self.stopped = self.stopped or f"the teacher fails: {str(got)[:200]}"
            raise Owed
        self._known[place] = kept
        return kept


async def _asked(model: Model, request: Request) -> Sequence[Any]:
    return await model.complete([request])
