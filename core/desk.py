"""The desk: where the requests of a search lie until somebody outside answers them.

:class:`.asking.AskTell` is what users see of it. The requests are those that a run would send, with
the names, the budget and the journal's records of a run; only who answers is another.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from .budget import Budget
from .deadline import Overdue, within
from .effects import Effects
from .journal import Journal
from .sampling import Sampled, Slot, from_record, to_record
from .tree import Node
from .values import Action, Completion, Request, Step


@dataclass(frozen=True)
class Pending:
    """A request that waits for an answer: one sample. N samples of a prompt are n of these.

    Attributes:
        id: its place in the search, ``NODE:PURPOSE:K``: the K-th sample that was asked with this
            purpose at this node. It depends on nothing else, so a resumed search has the same.
        request: all that a model is given.
    """

    id: str
    request: Request

    @property
    def node(self) -> str:
        """Id of the node that it is about (of several, joined by ``+``)."""
        return self.request.node

    @property
    def purpose(self) -> str:
        """``propose``, or ``ask.`` and a topic: ``ask.value``, ``ask.reflection`` .."""
        return self.request.purpose

    @property
    def seed(self) -> int:
        """The same for equal requests of equal trials; another for each sample of a prompt."""
        return self.request.seed

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The prompt as plain data: ``role``, ``content``, and where they are ``calls``, ``name``.

        A call is ``{"name", "arguments"}``, the arguments as text. In OpenAI's shape it is
        :func:`toolgrove.models.chat.messages`.
        """
        told: list[dict[str, Any]] = []
        for role, content, calls, name in self.request.prompt:
            message: dict[str, Any] = {"role": role, "content": content}
            if calls:
                message["calls"] = [{"name": n, "arguments": a} for n, a in calls]
            if name:
                message["name"] = name
            told.append(message)
        return told

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The functions that are offered: ``name``, ``description``, ``parameters`` (a schema)."""
        return [
            {"name": a.name, "description": a.description, "parameters": dict(a.parameters)}
            for a in self.request.tools
        ]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "id": self.id, "node": self.node, "purpose": self.purpose, "seed": self.seed,
            "messages": self.messages, "tools": self.tools,
        }  # fmt: skip


@dataclass
class _Group:
    """Samples that one effect waits for together."""

    slots: list[Slot]
    future: asyncio.Future[list[Sampled]]
    got: dict[str, Sampled] = field(default_factory=dict)


class Desk:
    """Where requests lie until they are answered; only the loop's thread touches it.

    It stands in the place of the model: what an evaluator asks of a model of its own goes there.
    """

    def __init__(self, journal: Journal, budget: Budget) -> None:
        self.journal, self.budget = journal, budget
        self.open: dict[str, tuple[Pending, Slot, _Group]] = {}
        self.told: set[str] = set()
        self.busy = self.moves = 0

    async def complete(self, requests: Sequence[Request]) -> NoReturn:
        """Never called."""
        raise AssertionError("requests to the desk are put as slots")

    async def put(self, slots: Sequence[Slot], seconds: float) -> list[Sampled]:
        """Wait for the answers to a group of requests.

        Raises:
            Overdue: they did not all come within so many seconds.
        """
        group = _Group(list(slots), asyncio.get_running_loop().create_future())
        self.moves += 1
        past = [self.journal.take(_told(slot.key), slot.asked) for slot in group.slots]
        for slot, known in zip(group.slots, past, strict=True):  # none is open if one is another's
            if known is not None:
                group.got[slot.key] = from_record({**known, "key": slot.key})
                self.told.add(slot.key)
            else:
                self.open[slot.key] = (Pending(slot.key, slot.request), slot, group)

        if len(group.got) == len(group.slots):  # a kill tore the group's records
            self._end(group)

        async def answers() -> list[Sampled]:
            return await group.future

        try:
            return await (group.future if seconds == math.inf else within(seconds, answers()))
        finally:
            for slot in group.slots:
                self.open.pop(slot.key, None)
            self.moves += 1

    def answer(self, key: str, result: Sampled) -> None:
        """Keep an answer; the search goes on when its group has all of them.

        A group's last answer writes the records that a run would have written, in one go: so a
        search that is killed between two answers of a group knows the first, and is still the
        same search as one that was not.
        """
        _, slot, group = self.open[key]
        group.got[key] = result
        try:
            if len(group.got) == len(group.slots):
                self._end(group)
            elif isinstance(result, Completion):  # a failure is owed again after a kill
                self._keep(_told(key), slot, result, self.budget.tick())
        except BaseException:  # it could not be written: it is still to be told
            del group.got[key]
            raise
        del self.open[key]
        self.told.add(key)
        self.moves += 1

    def _end(self, group: _Group) -> None:
        at = self.budget.tick()
        for slot in group.slots:
            self._keep(slot.key, slot, group.got[slot.key], at)
        if not group.future.done():
            group.future.set_result([group.got[slot.key] for slot in group.slots])

    def _keep(self, name: str, slot: Slot, result: Sampled, at: float) -> None:
        if self.journal.active:
            self.journal.append({"key": name, "asked": slot.asked, **to_record(result), "at": at})


@dataclass(kw_only=True)
class Asked(Effects):
    """The effects of a search whose samples come from a desk; it counts what else goes on."""

    desk: Desk

    async def act(self, node: Node, action: Action, child: str) -> Step:
        """Make a call, counted."""
        with Busy(self.desk):
            return await super().act(node, action, child)

    async def record(self, key: str, asked: str, do: Callable[[], Any]) -> Any:
        """Any other effect, counted."""
        with Busy(self.desk):
            return await super().record(key, asked, do)

    async def _complete(self, slots: Sequence[Slot]) -> list[Sampled]:
        if self.model is not self.desk:
            with Busy(self.desk):
                return await super()._complete(slots)
        try:
            results = await self.desk.put(slots, self.budget.seconds - self.budget.elapsed())
        except Overdue:
            self._exhaust(slots)
            raise
        for slot, result in zip(slots, results, strict=True):
            self._settle(result, slot.held)
        await self.journal.acknowledged()
        return results


class Busy:
    """Counts something that is neither done nor waits for an answer."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def __enter__(self) -> None:
        self.desk.busy += 1

    def __exit__(self, *_: object) -> None:
        self.desk.busy -= 1
        self.desk.moves += 1


def _told(key: str) -> str:
    """The journal's name for an answer whose group is not complete: it is no effect yet."""
    return f"told {key.replace(':', ' ')}"
