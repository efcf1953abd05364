"""Samples of a model with a name, a place in the budget and a journal line.

The name (place, verb, k-th use), the sample index and the budget are taken synchronously, in
path order, before anything is awaited; so timing never shows, and a sample that the journal
knows is not made again. See docs/design/journal.md.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from . import turns
from .budget import Budget
from .contracts import Model
from .deadline import Overdue, within
from .errors import BudgetExhausted, ModelError, Paused
from .journal import Journal, Record
from .prompt import Prompt
from .values import API, Completion, Request, Task

Sampled = Completion | ModelError


@dataclass(frozen=True, slots=True)
class Slot:
    """A sample that has its name and its share of the budget, and is still to be made."""

    key: str
    asked: str
    request: Request
    held: tuple[int, float]


@dataclass(kw_only=True)
class Sampling:
    """Whom to ask, what it may cost, what is known: of a search, or of a judge.

    Attributes:
        task: what the prompts are about; only recorded and simulated models look at it.
        seed: of the requests.
        paused: asked before every effect; true ends the trial, to be resumed later.
        timeout: seconds for one request to the model.
    """

    task: Task
    model: Model
    budget: Budget
    journal: Journal
    seed: int = 0
    paused: Callable[[], bool] = bool
    timeout: float = 600.0
    _uses: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _samples: defaultdict[bytes, int] = field(default_factory=lambda: defaultdict(int))

    async def turn(self) -> None:
        """Wait until it is this branch's turn to reserve; see :mod:`.turns`.

        Raises:
            Paused: the run was asked to stop.
        """
        if (branch := turns.current()) is not None:
            await branch[0].take(branch[1])
        if self.paused():
            raise Paused("the run was asked to stop")

    def use(self, name: str, verb: str) -> int:
        """How many effects of that kind the node had before this one."""
        k = self._uses[name, verb]
        self._uses[name, verb] = k + 1
        return k

    async def sample(
        self, name: str, verb: str, prompt: Prompt, tools: tuple[API, ...], tag: bytes, n: int
    ) -> list[Completion]:
        """N samples of a prompt, fewer where the budget ends.

        Args:
            name: the node's id, or several joined.
            verb: ``propose``, or ``ask.`` and the topic.
            prompt: the messages.
            tools: the functions sent along.
            tag: digest of the tools.
            n: how many.
        """
        await self.turn()
        n = self.budget.reserve("calls", n)
        results: list[Sampled | None] = []
        slots: list[Slot] = []
        ended: BudgetExhausted | None = None
        content = prompt.digest + tag
        for i in range(n):
            try:
                slot = self._slot(name, verb, prompt, tools, content)
            except BudgetExhausted as error:
                self.budget.spent["calls"] -= n - i
                self._uses[name, verb] += n - i - 1  # names are taken, made or not
                self._samples[content] += n - i - 1
                ended = error
                break
            if isinstance(slot, Slot):
                slots.append(slot)
                results.append(None)
            else:
                results.append(slot)
        if slots:
            try:
                made = iter(await self._complete(slots))
                results = [next(made) if result is None else result for result in results]
            except BudgetExhausted as error:  # as the journal will tell it
                first = results.index(None)
                self.budget.spent["calls"] -= len(results) - first
                results, ended = results[:first], error
        done: list[Completion] = []
        for result in results:
            if isinstance(result, ModelError):
                raise result
            if result is not None:
                done.append(result)
        if ended is not None and not done:
            raise ended
        return done

    def _slot(
        self, name: str, verb: str, prompt: Prompt, tools: tuple[API, ...], content: bytes
    ) -> Slot | Sampled:
        """The next sample's name and budget, or its result if the journal has it."""
        attempt = self.use(name, verb)
        sample = self._samples[content]
        self._samples[content] = sample + 1
        key = f"{name}:{verb}:{attempt}"
        mark = blake2b(content + b"%d/%d" % (sample, self.seed), digest_size=8)
        asked = mark.hexdigest()
        if self.journal.active and (known := self.journal.take(key, asked)) is not None:
            self._replay(known)
            result = from_record(known)
            self._settle(result)
            return result
        self._check_seconds(key, asked)
        seed = int.from_bytes(mark.digest()[:4], "big") & 0x7FFFFFFF
        request = Request(prompt, tools, sample, seed, name, attempt, verb, self.task)
        held = (0, 0.0)
        if self.budget.bounded:
            bound = getattr(self.model, "bound", None)
            held = (0, 0.0) if bound is None else bound(request)
            try:
                self.budget.hold(*held)
            except BudgetExhausted as error:  # what was in flight is settled when it is replayed
                self._note(key, asked, error.what, self.budget.tick())
                raise
        return Slot(key, asked, request, held)

    async def _complete(self, slots: Sequence[Slot]) -> list[Sampled]:
        requests = [slot.request for slot in slots]
        left = self.budget.seconds - self.budget.elapsed()
        got: Sequence[Sampled]
        try:
            got = list(await within(min(self.timeout, left), self.model.complete(requests)))
        except Overdue:
            if left < self.timeout:
                self._exhaust(slots)
            text = f"the model did not answer within {self.timeout:g} s"
            got = [ModelError(text, kind="timeout") for _ in slots]
        except (Exception, SystemExit) as error:
            text = f"{type(self.model).__name__}.complete raised {type(error).__name__}: {error}"
            got = [ModelError(text, kind="contract") for _ in slots]
        if len(got) != len(slots):
            text = f"{type(self.model).__name__} gave {len(got)} results for {len(slots)} requests"
            got = [ModelError(text, kind="contract") for _ in slots]
        at = self.budget.tick()
        results: list[Sampled] = []
        for slot, result in zip(slots, got, strict=True):
            if (wrong := unsound(result)) is not None:
                result = ModelError(f"{type(self.model).__name__} {wrong}", kind="contract")
            if isinstance(result, ModelError):
                if result.key:  # one object for several requests
                    result = from_record({"key": slot.key, **to_record(result)})
                else:
                    result.key = slot.key
            self._settle(result, slot.held)
            if self.journal.active:
                record = {"key": slot.key, "asked": slot.asked, **to_record(result), "at": at}
                self.journal.append(record)
            results.append(result)
        await self.journal.acknowledged()
        return results

    def _settle(self, result: Sampled, held: tuple[int, float] = (0, 0.0)) -> None:
        usd = 0.0 if isinstance(result, ModelError) else result.usd
        self.budget.settle(result.tokens, usd, held=held)

    def _replay(self, known: Record) -> None:
        if "exhausted" in known:
            self.budget.tick(known["at"])
            raise BudgetExhausted(known["exhausted"])
        self.budget.tick(known["at"])

    def _check_seconds(self, key: str, asked: str) -> None:
        budget = self.budget
        if budget.seconds == math.inf or budget.elapsed() < budget.seconds:
            return
        at = budget.tick()
        if key:
            self._note(key, asked, "seconds", at)
        raise BudgetExhausted("seconds")

    def _exhaust(self, slots: Sequence[Slot]) -> None:
        """The seconds ended while the model was thinking: these calls are owed to nobody."""
        at = self.budget.tick()
        for slot in slots:
            self.budget.settle(0, 0.0, held=slot.held)
            self._note(slot.key, slot.asked, "seconds", at)
        raise BudgetExhausted("seconds")

    def _note(self, key: str, asked: str, what: str, at: float) -> None:
        """Keep that an effect had no budget, so that a resumed search does not make it."""
        self.journal.append({"key": key, "asked": asked, "exhausted": what, "at": at})


def unsound(result: object) -> str | None:
    """What is wrong with a model's result; None for a sound one."""
    if isinstance(result, ModelError):
        return None
    if not isinstance(result, Completion):
        return f"returned {type(result).__name__}, not a Completion"
    if not (result.content is None or isinstance(result.content, str)):
        return f"gave {type(result.content).__name__} for the content, not text"
    if not isinstance(result.calls, tuple | list):
        return f"gave {type(result.calls).__name__} for the calls, not a tuple"
    for call in result.calls:
        pair = isinstance(call, tuple | list) and len(call) == 2
        if not (pair and isinstance(call[0], str) and isinstance(call[1], str)):
            return f"made a call that is not two texts (name, arguments): {call!r:.80}"
    for count in (result.prompt_tokens, result.completion_tokens, result.usd):
        if not (isinstance(count, int | float) and math.isfinite(count)):
            return "counts tokens or dollars that are no numbers"
        if count < 0:
            return "counts negative tokens or dollars"
    return None


def to_record(result: Sampled) -> dict[str, Any]:
    """A sample as the journal keeps it."""
    if isinstance(result, Completion):
        return {"got": result.to_json()}
    error = {"text": str(result), "kind": result.kind, "miss": result.miss}
    return {"error": {**error, "tokens": result.tokens}}


def from_record(record: Record) -> Sampled:
    """The inverse of :func:`to_record`."""
    if "got" in record:
        return Completion.from_json(record["got"])
    error = record["error"]
    failed = ModelError(
        error["text"], kind=error["kind"], miss=error["miss"], tokens=error["tokens"]
    )
    failed.key = record["key"]
    return failed
