"""Episodes kept between requests: each with an environment of its own, for a time."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...core import Action, EnvMiss, Step, Task, ToolEnv, ToolError, ToolgroveError, World
from ...core.pool import checked, refusal

log = logging.getLogger("toolgrove.serving")


class Refused(ToolgroveError):
    """What was asked cannot be done; ``status`` is the HTTP one, ``code`` a word for programs."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code = status, code


async def taken(env: ToolEnv, action: Action) -> tuple[Step, str | None]:
    """One step, and the text of the ToolError where the tool said no by one.

    Raises:
        EnvMiss: the call is not recorded.
        Refused: the environment broke.
    """
    try:
        return checked(await env.step(action)), None
    except ToolError as error:
        return refusal(str(error), error.status), str(error)
    except EnvMiss:
        raise
    except Exception as error:
        raise broken("step", error) from error


def broken(verb: str, error: Exception) -> Refused:
    """What is told of an error of an environment: the text of one of ours, else its type alone."""
    log.error("%s: %s: %s", verb, type(error).__name__, error)
    said = f": {error}" if isinstance(error, ToolgroveError) else ""
    return Refused(502, "environment_failed", f"{verb} raised {type(error).__name__}{said}")


@dataclass(eq=False)
class Session:
    """One episode: its environment, and which episode it is (snapshots pass between equal ones)."""

    id: str
    env: ToolEnv
    episode: tuple[str, int]
    used: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    last: str | None = None  # the snapshot of where it stands, where that is known
    broken: bool = False


class Sessions:
    """All of a server's.

    Args:
        world: makes the environments.
        idle: seconds without a request after which a session, or a snapshot, is given up.
        most: sessions at once.
        kept: snapshots at once, over all sessions; of more the longest unused one goes.
        now: a clock in seconds.
    """

    def __init__(
        self,
        world: World,
        *,
        idle: float = 3600.0,
        most: int = 1000,
        kept: int = 10_000,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.idle = idle
        self._world, self._most, self._kept, self._now = world, most, kept, now
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._saved: OrderedDict[str, tuple[tuple[str, int], object, float]] = OrderedDict()
        self._opening = 0

    def __len__(self) -> int:
        return len(self._open)

    async def open(self, task: Task, seed: int) -> tuple[Session, str, dict[str, Any]]:
        """Begin an episode; the session, and what ``reset`` gave.

        Raises:
            Refused: there are too many, or the environment broke.
            EnvMiss: nothing is recorded for the task.
        """
        await self.sweep()
        if len(self._open) + self._opening >= self._most:
            text = f"{self._most} sessions are open already: close one (DELETE /sessions/ID)"
            raise Refused(503, "too_many_sessions", text)
        self._opening += 1
        try:
            env = self._world.env()
            try:
                shown, info = await env.reset(task, seed=seed)
            except BaseException as error:
                await env.close()
                if isinstance(error, EnvMiss) or not isinstance(error, Exception):
                    raise
                raise broken("reset", error) from error
        finally:
            self._opening -= 1
        session = Session(secrets.token_urlsafe(12), env, (task.digest, seed), self._now())
        self._open[session.id] = session
        return session, shown, dict(info)

    def find(self, id: str) -> Session:
        """An open session; it is in use from now.

        Raises:
            Refused: there is none of that id.
        """
        session = self._open.get(id)
        if session is None:
            raise Refused(404, "no_such_session", "no such session: it was closed, or idle")
        session.used = self._now()
        self._open.move_to_end(id)
        return session

    async def step(
        self, session: Session, action: Action, *, at: str | None = None, save: bool = False
    ) -> tuple[Step, str | None]:
        """One step of a session, from where it stands or from a snapshot.

        A session that was cut off within a step is given up: nobody knows where it stands.
        """
        async with session.lock:
            if at is not None:
                self._restore(session, at)
            if session.broken:
                raise Refused(409, "broken_session", "an earlier step of it was cut off")
            session.broken = True
            session.last = None
            try:
                got = await taken(session.env, action)
            except Exception:
                session.broken = False  # it says so itself, and may go on
                raise
            session.broken = False
            if save:
                self._save(session)
            return got

    async def snapshot(self, session: Session) -> str:
        """Keep the state of a session.

        Raises:
            Refused: its environment cannot.
        """
        async with session.lock:
            return self._save(session)

    async def restore(self, session: Session, snapshot: str) -> None:
        """Bring a session to a snapshot of its episode, its own or another session's.

        Raises:
            Refused: there is no such snapshot (any more), or it is of another episode.
        """
        async with session.lock:
            self._restore(session, snapshot)

    async def close(self, id: str) -> None:
        """End a session.

        Raises:
            Refused: there is none of that id.
        """
        session = self.find(id)
        del self._open[id]
        async with session.lock:
            await session.env.close()

    async def sweep(self) -> None:
        """Give up what was not used for long."""
        before = self._now() - self.idle
        old = [s for s in self._open.values() if s.used < before and not s.lock.locked()]
        for session in old:
            self._open.pop(session.id, None)
            await session.env.close()
        while self._saved and next(iter(self._saved.values()))[2] < before:
            self._saved.popitem(last=False)

    async def close_all(self) -> None:
        """End every session."""
        while self._open:
            _, session = self._open.popitem()
            await session.env.close()
        self._saved.clear()

    def _save(self, session: Session) -> str:
        if session.env.fork != "snapshot":
            raise Refused(409, "no_snapshots", f"this world has fork={session.env.fork}")
        if session.last is not None and session.last in self._saved:
            return session.last
        id = secrets.token_urlsafe(12)
        self._saved[id] = session.episode, session.env.snapshot(), self._now()
        if len(self._saved) > self._kept:
            self._saved.popitem(last=False)
        session.last = id
        return id

    def _restore(self, session: Session, snapshot: str) -> None:
        if session.env.fork != "snapshot":
            raise Refused(409, "no_snapshots", f"this world has fork={session.env.fork}")
        found = self._saved.get(snapshot)
        if found is None:
            text = f"no such snapshot: the last {self._kept} are kept, for {self.idle:g} s"
            raise Refused(409, "no_such_snapshot", text)  # 404 is for the session
        episode, state, _ = found
        if episode != session.episode:
            raise Refused(409, "another_episode", "the snapshot is of another task or seed")
        session.env.restore(state)
        self._saved[snapshot] = episode, state, self._now()
        self._saved.move_to_end(snapshot)
        session.last, session.broken = snapshot, False


class Stateless:
    """Environments of a world whose state does not matter, taken by turns."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._task = Task("served", "", world.apis)
        self._idle: list[ToolEnv] = []

    async def call(self, action: Action) -> tuple[Step, str | None]:
        """One call."""
        if self._idle:
            env = self._idle.pop()
        else:
            env = self._world.env()
            await env.reset(self._task, seed=0)
        try:
            got = await taken(env, action)
        except BaseException:
            await env.close()
            raise
        self._idle.append(env)
        return got

    async def close(self) -> None:
        """Close them."""
        while self._idle:
            await self._idle.pop().close()
