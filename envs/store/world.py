"""An environment over a store: recorded answers, and another world for what is not recorded."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal, get_args

from ...core import (
    API,
    Action,
    BadArguments,
    EnvMiss,
    Status,
    Step,
    Task,
    ToolEnv,
    ToolError,
    UsageError,
    World,
)
from ...core.contracts import Fork
from ...core.pool import checked, refusal
from .file import STEP, Response, Store
from .keys import Call, call_of, gives_default, raw_call
from .nearest import nearest, shown
from .secrets import Secrets

Mode = Literal["replay", "record-missing", "refresh", "live", "simulate-missing"]

# How a call ended where it may end otherwise the next time, or with another key: not kept.
PASSING: Final[frozenset[Status]] = frozenset(
    {"timeout", "unavailable", "unauthorised", "unsubscribed", "too_many_requests", "rate_limited"}
)


class StoreWorld(World):
    """Serves recorded calls, and records those of another world.

    Modes: ``replay`` serves what is there and nothing else; it opens no socket. ``record-missing``
    makes a call that is not there in ``env`` and keeps the answer; a simulated answer counts as
    not there. ``refresh`` makes each call anew once, ``live`` every time; an answer that differs
    retires the one before. ``simulate-missing`` is ``record-missing`` for an ``env`` that makes
    answers up, which stay marked as simulated. A failure that may pass (a timeout, 429, 5xx, a
    key that was refused) reaches the model and is not kept, unless ``keep=all``.

    Of several processes or threads that ask for one call, one makes it and all get its answer.

    Answers of a world whose state matters (its environments are not ``free``) are kept for the
    path of calls that led there, and a call that is not recorded is made after bringing the
    world there. Where one call has several answers in order, they are served by how often it was
    made before on the path, and by earlier siblings; the last one repeats.

    Args:
        file: the store.
        env: the world behind it; not needed for ``replay``.
        mode: as above.
        scope: recordings of this trace come first (``store import`` says which there are).
        keep: which answers: ``lasting`` ones or ``all``.
        patience: seconds to wait for another process that makes the same call.
        lease: seconds that the call of a process which was killed still counts as being made.

    Raises:
        UsageError: there is no such store, or a mode lacks its world.
    """

    main = "file"

    def __init__(
        self,
        file: Path,
        env: World | None = None,
        mode: Mode = "replay",
        scope: str = "",
        keep: Literal["lasting", "all"] = "lasting",
        patience: float = 120.0,
        lease: float = 15.0,
    ) -> None:
        if mode not in get_args(Mode):
            raise UsageError(f"no mode {mode!r} of a store; there are: {', '.join(get_args(Mode))}")
        if mode != "replay" and env is None:
            raise UsageError(
                f"mode={mode} needs the world that answers: store:{file},mode={mode},env=(SPEC)"
            )
        if not (patience > 0 and lease > 0):
            raise UsageError(f"patience={patience:g}, lease={lease:g}: seconds must be more than 0")
        self.store = Store(Path(file), readonly=mode == "replay")
        self.inner, self.mode, self.scope = env, mode, scope
        self.keep, self.patience, self.lease = keep, patience, lease
        self.secrets = Secrets.of_environment()
        self.apis = env.apis if env is not None else self.store.apis()
        self.fork: Fork = "snapshot"
        if mode != "replay" and env is not None and env.fork == "never":
            self.fork = "never"
        self.stateless = env is None or env.fork == "free"
        self.resolves_names = self.store.refuses_names() if env is None else env.resolves_names
        self.owner = uuid.uuid4().hex
        self.refreshed: set[bytes] = set()
        self.making: set[bytes] = set()
        self._written: set[str] = set()
        self.source = type(env).__name__ if env is not None else ""
        self._kinds: frozenset[str] | None = None
        self._noting = mode == "replay"
        self._notes: Store | None = None

    def env(self) -> ToolEnv:
        """An episode over the store."""
        return StoreEnv(self)

    def fingerprints(self) -> Mapping[str, str]:
        """The store's content; beside it what the world behind it says."""
        behind = {} if self.inner is None else dict(self.inner.fingerprints())
        return {**behind, "store": self.store.fingerprint()}

    async def close(self) -> None:
        """Close the file and the world behind it."""
        self.store.close()
        if self._notes is not None:
            self._notes.close()
        if self.inner is not None:
            await self.inner.close()

    async def keep_apis(self, apis: Iterable[API]) -> None:
        """Keep what the functions look like; each is written once."""
        if owed := [api for api in apis if api.digest not in self._written]:
            await asyncio.to_thread(self.store.put_apis, owed)
            self._written.update(api.digest for api in owed)

    def known(self, calls: list[Call]) -> tuple[Response, ...]:
        """The answers of the first of these that is there, as far as the mode takes them."""
        for call in calls:
            if found := self.store.get(call.key):
                if self.mode == "record-missing" and found[0].provenance == "simulated":
                    continue
                return found
        return ()

    def anew(self, calls: list[Call]) -> bool:
        """Whether a call is made although its answer is there."""
        if self.mode == "refresh":
            return not any(call.key in self.refreshed for call in calls)
        return self.mode == "live"

    def kinds(self) -> frozenset[str]:
        """The kinds of scopes that there were when the store was opened."""
        if self._kinds is None:
            self._kinds = self.store.scopes()
        return self._kinds

    def kept(self, response: Response) -> bool:
        """Whether an answer is worth keeping."""
        if response.detail.get("unread"):  # a simulator's reply that nobody could read
            return False
        return self.keep == "all" or response.status not in PASSING

    def clean(self, response: Response, given: Mapping[str, Any]) -> Response:
        """The answer without secrets: what a server echoes, too.

        Args:
            response: as it came.
            given: the arguments of the call.
        """
        secrets = self.secrets.given(given)
        return Response(
            secrets.blotted(response.observation),
            response.status,
            response.provenance,
            secrets.blotted_in(response.detail),
            round(response.latency, 6),
            response.source,
            response.made,
        )

    async def missed(self, call: Call) -> EnvMiss:
        """Note a miss, where the file can be written, and say what comes nearest."""
        if self._noting:
            try:
                await asyncio.to_thread(self._note, call)
            except UsageError:  # a file that cannot be written serves all the same
                self._noting = False
        return EnvMiss(f"not recorded: {shown(call)}; {nearest(self.store, call)}")

    def _note(self, call: Call) -> None:
        if self._notes is None:
            self._notes = Store(self.store.path)
        self._notes.missed(call)


class StoreEnv(ToolEnv):
    """One episode over a store."""

    def __init__(self, world: StoreWorld) -> None:
        self._world = world
        self.fork = world.fork
        self._inner = world.inner.env() if world.inner is not None else None
        self.resolves_names = world.resolves_names
        self._apis = {api.name: api for api in world.apis}
        self._path: tuple[Action, ...] = ()
        self._made: tuple[tuple[bytes, int], ...] = ()
        self._at: tuple[Action, ...] | None = None  # the path that the inner environment stands at

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """Begin anew; the world behind is started when it is first needed."""
        self._task, self._seed = task, seed
        self._apis = {api.name: api for api in (*task.apis, *self._world.apis)}
        self._tasks = {api.name: api for api in task.apis}
        self._path, self._made, self._at = (), (), None
        query = str(task.extra.get("query_id", task.id))
        self._trace = f"trace:{self._world.scope}/{query}" if self._world.scope else ""
        self._own = f"task:{query}"
        self._start = f"{task.digest}/{seed}"
        if self._world.mode != "replay":
            await self._world.keep_apis(self._apis.values())
        return await self._shown(), {}

    async def step(self, action: Action) -> Step:
        """The recorded answer, or the one that is made and recorded now.

        Raises:
            EnvMiss: it is not recorded, and this mode makes no calls.
            BadArguments: the arguments are no JSON object, and no answer to that is recorded.
        """
        world = self._world
        api = self._apis.get(action.api)
        if api is None:
            if not self.resolves_names:
                raise ToolError(f"No such function name: {action.api}", "no_such_api")
            api = API(action.api)
        calls = self._calls(api, action)
        if world.inner is None and (own := self._tasks.get(action.api)) and own.tool:
            # Two tools may have a function of one name: the task knows which is meant.
            meant = self._calls(own, action)
            calls = meant if world.known(meant) else calls
        found = world.known(calls)
        if not found or world.anew(calls):
            action.kwargs()  # a call whose arguments are broken is served, and never made
        plain = next(call for call in calls if not call.scope).key
        if found and not world.anew(calls):
            made = sum(key == plain for key, _ in self._made)
            step = found[min(made + action.occurrence, len(found) - 1)].step()
        elif world.mode == "replay" and api.name not in self._apis:
            raise ToolError(f"No such function name: {action.api}", "no_such_api")
        elif world.mode == "replay":
            raise await world.missed(self._wanted(calls))
        else:
            step = await self._once(self._wanted(calls), action)
        self._made = (*self._made, (plain, action.occurrence))
        self._path = (*self._path, action)
        return step

    def snapshot(self) -> object:
        """The calls made on this path."""
        return self._path, self._made

    def restore(self, snapshot: object) -> None:
        """Back to them; the world behind follows when it is next needed."""
        assert isinstance(snapshot, tuple)
        self._path, self._made = snapshot

    async def close(self) -> None:
        """Close the world's environment behind it."""
        if self._inner is not None:
            await self._inner.close()

    # ------------------------------------------------------------------ which call it is

    def _calls(self, api: API, action: Action) -> list[Call]:
        """The call under each scope that may hold its answer, the narrowest first."""
        world = self._world
        given: dict[str, Any] = {}
        try:
            given = action.kwargs()
            call = call_of(api, given, secrets=world.secrets)
        except BadArguments:  # somebody may have recorded what such a call got
            call = raw_call(api, action.arguments, secrets=world.secrets)
        kinds = world.kinds()
        scopes = [self._place()] if not world.stateless or "path" in kinds else []
        scopes += [self._trace] if self._trace and "trace" in kinds else []
        scopes += [self._own] if "task" in kinds else []
        scopes += [""]
        calls = [Call(call.tool, call.api, call.arguments, scope) for scope in scopes]
        if gives_default(api, given):  # whoever recorded it may have had no schema
            exact = call_of(api, given, secrets=world.secrets, defaults=False)
            named = [Call(call.tool, call.api, exact.arguments, scope) for scope in scopes]
            calls = [c for pair in zip(calls, named, strict=True) for c in pair]
        return calls

    def _wanted(self, calls: list[Call]) -> Call:
        """The call that is recorded if none is: for the path where state matters, else anywhere."""
        if not self._world.stateless:
            return calls[0]
        if self._world.mode in ("refresh", "live"):  # what is served is what is made anew
            for call in calls:
                if self._world.store.get(call.key):
                    return call
        return next(call for call in calls if not call.scope)

    def _place(self) -> str:
        """The path as a scope: the task, the seed, and the calls that led here."""
        mark = blake2b(self._start.encode(), digest_size=16)
        for key, occurrence in self._made:
            mark.update(b"%b/%d" % (key, occurrence))
        return f"path:{mark.hexdigest()}"

    # ------------------------------------------------------------------ the world behind

    async def _shown(self) -> str:
        """What a reset shows of the task, recorded where the world behind shows anything."""
        world = self._world
        call = Call("", "reset", json.dumps({"seed": self._seed}), f"reset:{self._task.digest}")
        if world.mode == "replay" or self._inner is None:
            found = world.store.get(call.key) if "reset" in world.kinds() else ()
            return found[0].observation if found else ""
        observation = await self._bring(())
        if observation:
            response = world.clean(Response(observation, provenance="computed"), {})
            await asyncio.to_thread(world.store.put, call, [response])
        return observation

    async def _once(self, call: Call, action: Action) -> Step:
        """Make the call unless someone else makes it now; then wait for theirs."""
        world, store = self._world, self._world.store
        owner = f"{world.owner}/{id(self)}"
        again = world.mode in ("live", "refresh")
        there = store.get(call.key)  # perhaps put there by another process since it was looked for
        fresh = bool(there) and (again or there[0].provenance == "simulated")
        deadline, pause = time.monotonic() + world.patience, 0.01
        while True:
            if not store.leased(call.key):
                state, found = await self._claim(call, owner, fresh)
                if state == "there":
                    return found[0].step()
                if state == "mine":
                    kept = call.key in world.making or call.key in world.refreshed
                    if world.mode != "refresh" or not kept:
                        return await self._make(call, action, owner)
                    # Its answer was kept just now, and the lease went with it.
                    await asyncio.to_thread(store.release, call.key, owner)
            if time.monotonic() > deadline:
                raise ToolError(
                    f"another process makes the same call for over {world.patience:g} s", "timeout"
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.25)
            done = not again or (world.mode == "refresh" and call.key in world.refreshed)
            if done and (found := world.known([call])):
                return found[0].step()

    async def _claim(
        self, call: Call, owner: str, fresh: bool
    ) -> tuple[Literal["there", "mine", "taken"], tuple[Response, ...]]:
        """Claim it in a thread; a claim that nobody waits for any more is given back."""
        store, seconds = self._world.store, self._world.lease
        claiming = asyncio.ensure_future(
            asyncio.to_thread(store.claim, call.key, owner, seconds, fresh=fresh)
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            await claiming
            await asyncio.to_thread(store.release, call.key, owner)
            raise

    async def _make(self, call: Call, action: Action, owner: str) -> Step:
        """Make the call in the world behind, and keep its answer."""
        world, store = self._world, self._world.store
        renewing = asyncio.create_task(self._renew(call.key, owner))
        world.making.add(call.key)
        kept = False
        try:
            await self._bring(self._path)
            step = await self._ask(action)
            self._at = (*self._path, action)
            response = world.clean(Response.of(step, world.source), action.kwargs())
            if world.kept(response):
                kept = True  # the lease goes with it
                putting = asyncio.ensure_future(
                    asyncio.to_thread(store.put, call, [response], owner=owner)
                )
                try:
                    await asyncio.shield(putting)
                except asyncio.CancelledError:
                    await putting
                    raise
            world.refreshed.add(call.key)
            told = {k: v for k, v in response.detail.items() if k != STEP}
            info = step.info._replace(detail=told or None)
            return step._replace(observation=response.observation, info=info)
        finally:
            world.making.discard(call.key)
            renewing.cancel()
            if not kept:
                await asyncio.shield(asyncio.to_thread(store.release, call.key, owner))

    async def _renew(self, key: bytes, owner: str) -> None:
        world = self._world
        while True:
            await asyncio.sleep(world.lease / 3)
            with contextlib.suppress(UsageError):
                await asyncio.to_thread(world.store.renew, key, owner, world.lease)

    async def _ask(self, action: Action) -> Step:
        assert self._inner is not None
        try:
            return checked(await self._inner.step(action))
        except ToolError as error:
            return refusal(str(error), error.status)

    async def _bring(self, path: tuple[Action, ...]) -> str:
        """The world behind at the end of a path, by making the calls that it has not seen."""
        assert self._inner is not None
        observation = ""
        stands = self._at is not None and path[: len(self._at)] == self._at
        if self._world.stateless and self._at is not None:
            return ""
        if not stands:
            observation, _ = await self._inner.reset(self._task, seed=self._seed)
            self._at = ()
        if self._world.stateless:
            return observation
        assert self._at is not None
        for past in path[len(self._at) :]:
            await self._ask(past)
            self._at = (*self._at, past)
        return observation
