"""Ask and tell: a search that is driven from outside, by a batch API or by people.

It is the search that :func:`.run` makes, with the model replaced by whoever calls: ``ask`` gives
the requests that it waits for, ``tell`` answers them, in any order and whenever. See
docs/ask-tell.md.
"""

from __future__ import annotations

import asyncio
import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from types import TracebackType

from .budget import Budget
from .contracts import Evaluator, Planner, Policy, ToolEnv
from .desk import Asked, Desk, Pending
from .errors import EnvironmentFailed, ModelError, PlannerError, UsageError
from .finish import finish
from .idle import idle_loop
from .journal import Journal
from .pool import EnvPool
from .registry import make
from .run import Result, _search
from .sampling import Sampled, from_record, to_record, unsound
from .tree import Node, Tree
from .values import Action, Completion, Step, Task
from .world import World

Answer = Completion | ModelError | str
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_HEAD = "asking"  # the journal's record of whose it is
GRACE = 30.0  # seconds over the longest timeout, until a search that does not move is given up


class AskTell:
    """One search, driven from outside.

    >>> with AskTell(planner, task, env) as search:          # doctest: +SKIP
    ...     while pending := search.ask():
    ...         search.tell_all({each.id: my_model(each.messages) for each in pending})
    ...     print(search.result.answer)

    It runs in a thread of its own (one for all searches of the process), so it can be used where
    an event loop is running, too. Calls of the environment are made there meanwhile. Whatever
    looks at the search (``ask``, ``done``, ``result``, ``tree``) first lets it go on as far as it
    can; in a coroutine, use ``await asyncio.to_thread(search.ask)`` so as not to hold up others.

    Args:
        planner, task: as of :func:`.run`, as are those below that are not told of.
        env: makes an environment (a class will do); or a world, which is closed with the search.
        journal: a file, or a journal of one's own. Each answer is in it when ``tell`` returns. A
            search of the same planner, task, seed and evaluator that is given it goes on there,
            in this process or another, and asks only what is still open, under the same ids.

    An evaluator with a model of its own asks that model; nobody is asked to tell its answers.
    ``seconds`` of a budget count the waiting for answers, as long as the process is there.

    Raises:
        UsageError: the parts do not fit together, or the journal is another search's.
    """

    def __init__(
        self,
        planner: Planner,
        task: Task,
        env: Callable[[], ToolEnv] | World,
        *,
        policy: Policy | None = None,
        evaluator: Evaluator | None = None,
        budget: Budget | None = None,
        journal: Journal | Path | str | None = None,
        seed: int = 0,
        envs: int = 8,
        finish: Callable[[Action], Step] = finish,
        listen: Callable[[Node], None] | None = None,
        timeout: float = 600.0,
        step_timeout: float = 60.0,
    ) -> None:
        self.planner, self.task, self.budget = planner, task, budget or Budget()
        if planner.needs_evaluator and evaluator is None:
            raise UsageError(f"{planner!r} scores nodes: give an evaluator")
        self._world = env if isinstance(env, World) else None
        self._root, self._closed = Node("0"), False
        self._effects: Asked | None = None
        self._task: asyncio.Task[None] | None = None
        self._result: Result | None = None
        self._broken: BaseException | None = None
        self._shown: list[Pending] = []
        self._seen = -1
        self._patience = max(timeout, step_timeout) + GRACE
        self._loop = idle_loop()
        self._own = None if isinstance(journal, Journal) else Journal()
        if isinstance(journal, Path | str):
            self._own = Journal.open(Path(journal), alone=True)
            self._own.forget_limits()
        kept = journal if isinstance(journal, Journal) else self._own
        assert kept is not None
        self._desk = Desk(kept, self.budget)
        policy = policy or make("policies", "functions")
        makes = env.env if isinstance(env, World) else env

        async def begin() -> None:
            self._claim(kept, seed, evaluator)
            try:
                pool = EnvPool(
                    makes, task, seed=seed, branches=planner.branches, size=envs,
                    timeout=step_timeout,
                )  # fmt: skip
            except EnvironmentFailed as error:
                told, spent = f"{type(error).__name__}: {error}", dict(self.budget.spent)
                self._result = Result(
                    "infra", None, None, Tree([self._root]), spent, error=told, exception=error
                )
                return
            if pool.fork == "never" and kept.past:
                kept.restart()
                self._claim(kept, seed, evaluator)
            self.budget.carry(kept.carried)
            self._effects = Asked(
                task=task, model=self._desk, pool=pool, policy=policy, budget=self.budget,
                journal=kept, seed=seed, evaluator=evaluator, finish=finish, listen=listen,
                timeout=timeout, desk=self._desk,
            )  # fmt: skip
            self._task = asyncio.get_running_loop().create_task(self._run(pool))

        try:
            self._loop.call(begin())
        except BaseException:
            self.close()
            raise

    # ------------------------------------------------------------------ asking and telling

    def ask(self) -> list[Pending]:
        """All requests that are open, in the order they came up; none if the search has ended.

        It waits until the search can do nothing more without an answer: calls of the environment
        that answers led to are made, and what followed from them is asked, too.

        Raises:
            PlannerError: the search waits for something else, and for too long.
        """
        self._settle()
        return [] if self._result is not None else list(self._shown)

    def tell(self, id: str, answer: Answer) -> None:
        """Answer one request.

        Args:
            id: of a pending request.
            answer: a text; a Completion, for one with calls, tokens or a price; or a ModelError,
                for a request that failed for good.

        Raises:
            UsageError: nobody asked that, it was told before, or it is no such answer.
        """
        if not isinstance(id, str):
            raise UsageError(f"a {type(id).__name__} is no id: tell(pending.id, answer)")
        self.tell_all({id: answer})

    def tell_all(self, answers: Mapping[str, Answer]) -> None:
        """Answer several requests, by their ids: all of them, or none if anything is wrong.

        Raises:
            UsageError: as of :meth:`tell`.
        """
        self._check_usable()
        given = {id: _checked(id, answer) for id, answer in answers.items()}

        def tell() -> None:
            for id in given:
                if id not in self._desk.open:
                    raise UsageError(self._not_open(id))
            for id, answer in given.items():
                self._desk.answer(id, answer)

        self._loop.do(tell)

    @property
    def done(self) -> bool:
        """Whether the search has ended."""
        if self._closed:
            return self._result is not None
        self._settle()
        return self._result is not None

    @property
    def result(self) -> Result:
        """How it ended, as :func:`.run` says it.

        Raises:
            UsageError: it has not: requests are open.
        """
        self._settle()
        if self._result is None:
            raise UsageError(
                f"the search has not ended, it waits for {_listed(list(self._desk.open))}"
            )
        return self._result

    @property
    def tree(self) -> Tree:
        """All nodes that there are now."""
        if self._result is None and not self._closed:
            self._settle()
        if self._result is not None:
            return self._result.tree
        roots = [] if self._effects is None else list(self._effects.roots)
        return Tree(roots or [self._root])

    def close(self) -> None:
        """End it; its environments and its journal's file are closed. What was told stays there."""
        if self._closed:
            return
        if self._loop.here:
            raise UsageError("a search cannot be closed from within itself (listen)")
        self._closed = True

        async def end() -> None:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])
            if self._world is not None:
                await self._world.close()

        try:
            self._loop.call(end())
        finally:
            if self._own is not None:
                self._own.close()

    def __enter__(self) -> AskTell:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = f"{len(self._desk.open)} open"
        if self._result is not None:
            state = self._result.end
        elif self._closed:
            state = "closed"
        return f"<AskTell {self.planner!r} on {self.task.id!r}: {state}>"

    # ------------------------------------------------------------------ behind them

    async def _run(self, pool: EnvPool) -> None:
        assert self._effects is not None
        try:
            self._result = await _search(self.planner, self._effects, self._root)
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # or the loop would end
            self._broken = error
        finally:
            self._desk.moves += 1
            await pool.close()

    def _claim(self, journal: Journal, seed: int, evaluator: Evaluator | None) -> None:
        """Say in the journal whose it is; a run's journal, which says nothing, may be taken on.

        Raises:
            UsageError: it is another search's.
        """
        mine = {
            "planner": _ADDRESS.sub("", repr(self.planner)),
            "task": f"{self.task.id} ({self.task.digest})",
            "seed": seed,
            "evaluator": _ADDRESS.sub("", repr(evaluator)),
        }
        mark = blake2b(repr(sorted(mine.items())).encode(), digest_size=8).hexdigest()
        known = journal.past.pop(_HEAD, None)
        if known is None:
            journal.append({"key": _HEAD, "asked": mark, "got": mine, "at": 0.0})
        elif known["asked"] != mark:
            its = known["got"]
            other = [f"{k} {its.get(k)}, not {v}" for k, v in mine.items() if its.get(k) != v]
            raise UsageError(
                f"the journal is of another search ({'; '.join(other)}): give the parts that it "
                f"was begun with, or another file"
            )

    def _check_usable(self) -> None:
        if self._closed:
            raise UsageError(f"the search on {self.task.id!r} is closed")
        if self._loop.here:
            raise UsageError("a search cannot be asked or told from within itself (listen)")

    def _settle(self) -> None:
        settle([self])

    def _settled(self) -> bool:
        """Whether it has ended or needs an answer; to be asked while its loop is idle.

        What is open then is kept as it is, in the loop's thread: a moment later a deadline may
        pass, and the search is neither asking nor ended until it has gone on.
        """
        if not self._rests():
            return False
        self._seen = self._desk.moves
        self._shown = [pending for pending, _, _ in self._desk.open.values()]
        return True

    def _rests(self) -> bool:
        ended = self._task is None or self._task.done()
        return ended or bool(self._desk.open and not self._desk.busy)

    def _moved(self) -> bool:
        """Whether it may have gone on since it was last seen to be settled."""
        return self._result is None and self._desk.moves != self._seen

    def _not_open(self, id: object) -> str:
        open = list(self._desk.open)
        if id in self._desk.told:
            return f"{id!r} was told already; open: {_listed(open)}"
        if self._result is not None:
            return f"nobody waits for {id!r}: the search has ended ({self._result.end})"
        near = difflib.get_close_matches(id, open, 1) if isinstance(id, str) else []
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return f"no request {id!r} is open{hint}; open: {_listed(open)}"


def settle(searches: Iterable[AskTell]) -> None:
    """Let searches go on, at the same time, until each has ended or needs an answer.

    Raises:
        PlannerError: one does neither, though nothing that it may wait for takes so long.
        UsageError: one is closed.
    """
    searches = list(searches)
    moving = [search for search in searches if search._closed or search._moved()]
    for search in moving:
        if search._result is None:
            search._check_usable()
    left = [search._settled for search in moving]
    patience = max((search._patience for search in moving), default=0.0)
    moves = sum(search._desk.moves for search in moving)
    while left and not idle_loop().settle(left, None if patience == math.inf else patience):
        if moves == (moves := sum(search._desk.moves for search in moving)):
            stuck = next(search for search in moving if not search._rests())
            raise PlannerError(
                f"{stuck.planner!r} on task {stuck.task.id!r} neither asks nor ends, and nothing "
                f"came back for {patience:g} s: a planner may wait for its session only, and a "
                f"tool must not block the loop"
            )
    for search in searches:
        if search._broken is not None:
            raise search._broken


def _checked(id: str, answer: object) -> Sampled:
    """The answer as the search takes it, with a failure of its own for each request.

    Raises:
        UsageError: it is none.
    """
    if isinstance(answer, str):
        return Completion(answer)
    if isinstance(answer, ModelError):
        return from_record({"key": id, **to_record(answer)})
    if (wrong := unsound(answer)) is not None:
        wanted = "tell a text, a Completion or a ModelError"
        raise UsageError(f"the answer to {id!r} {wrong.replace('returned', 'is')}: {wanted}")
    assert isinstance(answer, Completion)
    return answer


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "") or "none"
