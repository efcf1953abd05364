"""Faulty: any world, with faults that follow from (seed, task, call, occurrence) alone.

An occurrence is how often the same call was made before on the same path, and by earlier
siblings: so every planner meets the same world, in whatever order it calls. Nothing sleeps: a
timeout only says how long it would have taken.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from ..core import Action, Status, Step, StepInfo, Task, ToolEnv, UsageError, World
from .hub.faults import AGAIN_FAILS, FIRST_FAILS, TIMEOUT, chance
from .recorded import call_key

Kind = Literal[
    "not_found", "rate_limit", "server_error", "timeout", "empty", "html", "malformed"
]  # fmt: skip


class _Answer(NamedTuple):
    """What stands in place of the world's answer."""

    error: str
    response: Any
    http: int
    status: Status


ANSWERS: Final[Mapping[Kind, _Answer]] = {
    "not_found": _Answer("API doesn't exist", "", 404, "http_error"),
    "rate_limit": _Answer("Too many requests error...", "", 429, "too_many_requests"),
    "server_error": _Answer("API not working error...", "", 503, "unavailable"),
    "timeout": _Answer(f"Timeout error: no response in {TIMEOUT:g} s", "", 504, "timeout"),
    "empty": _Answer("", {}, 200, "ok"),
    "html": _Answer("", "<html><body>502 Bad Gateway</body></html>", 200, "ok"),
}
KINDS: Final[tuple[Kind, ...]] = (*ANSWERS, "malformed")
GROUPS: Final[Mapping[str, tuple[Kind, ...]]] = {
    "http": ("not_found", "rate_limit", "server_error"),
    "body": ("empty", "html", "malformed"),
}


@dataclass(frozen=True)
class Profile:
    """Shares of calls that fail, by kind.

    Attributes:
        shares: of all calls, each between 0 and 1, together at most 1.
        passing: a call fails the first time with these shares, some of those once more, and never
            a third time; otherwise each occurrence is drawn anew.
    """

    shares: Mapping[Kind, float]
    passing: bool = False

    def drawn(self, key: str, occurrence: int) -> Kind | None:
        """What goes wrong with an occurrence of a call, if anything.

        Args:
            key: the seed, the task and the call.
            occurrence: equal calls made before.
        """
        if self.passing:
            first = self._at(chance(key, "fault", 0))
            again = occurrence == 1 and chance(key, "again") < AGAIN_FAILS
            return first if occurrence == 0 or again else None
        return self._at(chance(key, "fault", occurrence))

    def _at(self, x: float) -> Kind | None:
        for kind, share in self.shares.items():
            if x < share:
                return kind
            x -= share
        return None


def _evenly(total: float, *kinds: Kind) -> dict[Kind, float]:
    return {kind: total / len(kinds) for kind in kinds}


PROFILES: Final[Mapping[str, Profile]] = {
    "clean": Profile({}),
    "transient": Profile(
        _evenly(FIRST_FAILS, "rate_limit", "server_error", "timeout", "empty", "html"),
        passing=True,
    ),
    "mixed": Profile(_evenly(0.12, *GROUPS["http"]) | {"timeout": 0.05} | _evenly(
        0.09, *GROUPS["body"])),
}  # fmt: skip


def profile_of(text: str) -> Profile:
    """The profile that a text names or lists: ``mixed``, or ``http=0.1;timeout=0.05``.

    ``http`` is shared evenly by 404, 429 and 503, ``body`` by empty, HTML and malformed bodies.

    Raises:
        UsageError: there is no such profile or kind, or a share is no share.
    """
    if text in PROFILES:
        return PROFILES[text]
    there = [*GROUPS, *KINDS]
    shares: dict[Kind, float] = {}
    for part in text.split(";"):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals:
            near = difflib.get_close_matches(name, PROFILES, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise UsageError(
                f"no fault profile {name!r}{hint}; there are: {', '.join(PROFILES)}; or write "
                f"shares, as in http=0.1;timeout=0.05"
            )
        if name not in there:
            near = difflib.get_close_matches(name, there, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise UsageError(f"no kind of fault {name!r}{hint}; there are: {', '.join(there)}")
        try:
            share = float(value)
        except ValueError:
            share = math.nan
        if not 0 <= share <= 1:
            raise UsageError(f"{part.strip()!r}: a share is a number from 0 to 1")
        kinds: tuple[Kind, ...] = GROUPS.get(name) or (name,)  # type: ignore[assignment]
        if twice := [kind for kind in kinds if kind in shares]:
            raise UsageError(f"{twice[0]!r} is given twice in {text!r}")
        shares |= _evenly(share, *kinds)
    if sum(shares.values()) > 1 + 1e-9:
        raise UsageError(f"the shares of {text!r} add up to more than 1")
    return Profile(shares)


class FaultyWorld(World):
    """A world in which some calls fail, the same ones for every planner.

    A call that fails with 404, 429, 503, a timeout, an empty body or a page of HTML never reaches
    the world behind; one with a malformed body does, and its answer comes back cut in the middle.
    The step's ``detail`` says ``injected``. A call that the world refuses (no such function,
    arguments that are no object) is refused as ever.

    Args:
        env: the world behind. Where its environments are ``free``, these are ``snapshot``.
        faults: ``clean``, ``transient``, ``mixed``, or shares by kind: ``http=0.1;timeout=0.05``.
            Kinds: not_found, rate_limit, server_error (``http``: the three), timeout, empty,
            html, malformed (``body``: the three).
    """

    main = "env"

    def __init__(self, env: World, faults: str = "transient") -> None:
        self.inner, self.profile = env, profile_of(faults)
        self.apis, self.fork = env.apis, env.fork
        self.resolves_names = env.resolves_names
        if self.fork == "free" and self.profile.shares:
            self.fork = "snapshot"

    def env(self) -> ToolEnv:
        """An environment of the world behind, with faults."""
        return FaultyEnv(self, self.inner.env())

    def fingerprints(self) -> Mapping[str, str]:
        """Those of the world behind."""
        return self.inner.fingerprints()

    async def close(self) -> None:
        """Close the world behind."""
        await self.inner.close()


class FaultyEnv(ToolEnv):
    """One episode: the inner environment's, and what went wrong on its path."""

    def __init__(self, world: FaultyWorld, inner: ToolEnv) -> None:
        self._profile, self._inner = world.profile, inner
        self.fork, self.apis = world.fork, inner.apis
        self.resolves_names = inner.resolves_names
        self._always = frozenset(api.name for api in (*world.apis, *inner.apis))
        self._names = self._always
        self._key = ""
        self._made: dict[str, int] = {}

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """No calls made; the faults depend on the seed and the task."""
        self._key, self._made = f"{seed}/{task.id}", {}
        self._names = self._always | {api.name for api in task.apis}
        return await self._inner.reset(task, seed=seed)

    async def step(self, action: Action) -> Step:
        """The inner environment's answer, or a fault in its place."""
        if action.api not in self._names or not _is_object(action.arguments):
            return await self._inner.step(action)
        call = call_key(action.api, action.arguments)
        made = self._made.get(call, 0)
        kind = self._profile.drawn(f"{self._key}/{call}", made + action.occurrence)
        if kind is None or kind == "malformed":
            step = await self._inner.step(action)
        else:
            step = _fault(kind)
        self._made[call] = made + 1
        return _malformed(step, f"{self._key}/{call}") if kind == "malformed" else step

    def snapshot(self) -> object:
        """The calls made on this path, and the inner environment's state."""
        inner = self._inner.snapshot() if self._inner.fork == "snapshot" else None
        return tuple(self._made.items()), inner

    def restore(self, snapshot: object) -> None:
        """Back to them."""
        assert isinstance(snapshot, tuple)
        made, inner = snapshot
        self._made = dict(made)
        if self._inner.fork == "snapshot":
            self._inner.restore(inner)

    async def close(self) -> None:
        """The inner environment's."""
        await self._inner.close()


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments or "{}", strict=False), dict)
    except (ValueError, RecursionError):
        return False


def _fault(kind: Kind) -> Step:
    answer = ANSWERS[kind]
    detail: dict[str, Any] = {"injected": kind, "http": answer.http}
    if kind == "timeout":
        detail["virtual_seconds"] = TIMEOUT
    body = json.dumps({"error": answer.error, "response": answer.response}, ensure_ascii=False)
    return Step(body, 0.0, False, False, StepInfo(answer.status, "computed", 0.0, detail))


def _malformed(step: Step, key: str) -> Step:
    """The answer with its body cut in the middle, where there is a body to cut."""
    if step.info.status != "ok" or step.terminated:
        return step
    try:
        value = json.loads(step.observation)
    except (ValueError, RecursionError):
        value = step.observation
    whole = isinstance(value, dict) and set(value) == {"error", "response"}
    body = value["response"] if whole else value
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    text = text[: int(len(text) * (0.2 + 0.6 * chance(key, "malformed")))]
    broken = json.dumps({"error": "", "response": text}, ensure_ascii=False)
    detail = {**(step.info.detail or {}), "injected": "malformed"}
    info = step.info._replace(provenance="computed", detail=detail)
    return step._replace(observation=broken, info=info)
