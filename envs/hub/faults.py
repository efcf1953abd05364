"""Faults like RapidAPI's, seeded: what fails, and how, follows from (seed, task, call, occurrence).

An occurrence is how often the same call was made before on the same path, so branches of a search
never leak into each other: a retry on a path may succeed, and the same first try on another path
fails as it did there. Nothing sleeps: a timeout charges the virtual clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, Literal

from ...core import Task, UsageError
from .registry import Answer

Profile = Literal["clean", "transient", "dead", "misleading", "unsolvable"]
Kind = Literal[
    "gone", "deprecated", "unauthorized", "unsubscribed", "rate_limit", "server_error", "timeout",
    "empty", "html", "param_renamed",
]  # fmt: skip

# Shares of the tasks of a mixed run (after HUB.md 7.1). Only a task with a certificate can lose an
# API for good and still be done: of those, so many do; the others share what is left.
DEAD: Final = 0.5
MIX: Final[dict[Profile, float]] = {
    "clean": 0.625,
    "transient": 0.1875,
    "misleading": 0.125,
    "unsolvable": 0.0625,
}
PROFILES: Final = ("clean", "transient", "dead", "misleading", "unsolvable", "mixed")
TIMEOUT: Final = 15.0  # virtual seconds
LASTING: Final[tuple[Kind, ...]] = (
    "gone", "deprecated", "unauthorized", "unsubscribed", "server_error", "timeout",
)  # fmt: skip
PASSING: Final[tuple[Kind, ...]] = ("rate_limit", "server_error", "timeout", "empty", "html")
FIRST_FAILS: Final = 0.25  # of the calls of a transient task, the first time
AGAIN_FAILS: Final = 0.30  # of those that failed, once more

ANSWERS: Final[dict[Kind, Answer]] = {
    "gone": Answer("API doesn't exist: endpoint removed by provider", "", 410),
    "deprecated": Answer("This endpoint is deprecated and no longer returns data", "", 410),
    "unauthorized": Answer("Unauthorized error...", "", 401),
    "unsubscribed": Answer("You are not subscribed to this API.", "", 403),
    "rate_limit": Answer("Too many requests error...", "", 429),
    "server_error": Answer("API not working error...", "", 503),
    "timeout": Answer("Timeout error: no response in 15 s", "", 504),
    "empty": Answer("", {}, 200),
    "html": Answer("", "<html><body>502 Bad Gateway</body></html>", 200),
}


def chance(*parts: object) -> float:
    """A number from 0 to 1 that depends on the parts alone."""
    mark = blake2b(
        "/".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8
    ).digest()
    return int.from_bytes(mark, "big") / 2**64


def pick(choices: Collection[Any], *parts: object) -> Any:
    """One of the choices, by the parts alone."""
    return list(choices)[int(chance(*parts) * len(choices))]


@dataclass(frozen=True)
class Faults:
    """The faults of one task.

    Attributes:
        profile: what kind of trouble the task has.
        seed: of everything that is drawn.
        lasting: endpoints that fail whenever they are called, and how.
        renamed: endpoints whose documentation names a parameter wrongly: (as it says, as it is).
    """

    profile: Profile = "clean"
    seed: str = ""
    lasting: Mapping[str, Kind] = field(default_factory=dict)
    renamed: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def before(
        self, endpoint: str, call: str, arguments: Mapping[str, Any], occurrence: int
    ) -> tuple[Answer | None, Mapping[str, Any]]:
        """What the call gets in place of its answer, if anything, and the arguments that count.

        Args:
            endpoint: ``Tool.api``.
            call: the endpoint with its arguments, one text a call.
            arguments: as the model gave them.
            occurrence: equal calls made before on this path.
        """
        if (kind := self.lasting.get(endpoint)) is not None:
            return ANSWERS[kind], arguments
        if (names := self.renamed.get(endpoint)) is not None:
            told, real = names
            if real not in arguments:
                return Answer(f"missing required parameter: {real}", "", 400), arguments
            return None, {told if k == real else k: v for k, v in arguments.items()}
        if self.profile == "transient" and self._passes(call, occurrence):
            return ANSWERS[pick(PASSING, self.seed, "kind", call)], arguments
        return None, arguments

    def _passes(self, call: str, occurrence: int) -> bool:
        """Whether this occurrence fails and a later one will not."""
        if occurrence > 1 or chance(self.seed, "first", call) >= FIRST_FAILS:
            return False
        return occurrence == 0 or chance(self.seed, "again", call) < AGAIN_FAILS


CLEAN: Final = Faults()


def faults_of(profile: str, task: Task, seed: int) -> Faults:
    """The faults of a task under a profile.

    ``task.extra["hub"]`` tells the path (endpoint ids), the certificates (``alternatives``: for an
    endpoint of the path, other paths that reach the same answer without it) and the parameters
    that may be misnamed (``renames``). Without what a profile needs the task stays clean.

    Raises:
        UsageError: there is no such profile.
    """
    if profile not in PROFILES:
        raise UsageError(f"no fault profile {profile!r}; there are: {', '.join(PROFILES)}")
    about: Mapping[str, Any] = task.extra.get("hub") or {}
    key = f"{seed}/{task.id}"
    alternatives: Mapping[str, Any] = about.get("alternatives") or {}
    drawn: Profile = drawn_profile(key, bool(alternatives)) if profile == "mixed" else profile  # type: ignore[assignment]
    path: list[str] = list(about.get("path") or ())
    if drawn == "transient":
        return Faults(drawn, key)
    if drawn == "dead" and alternatives:
        dead = pick(sorted(alternatives), key, "dead")
        return Faults(drawn, key, {dead: pick(LASTING, key, "lasting")})
    if drawn == "misleading" and (renames := about.get("renames")):
        endpoint = pick(sorted(renames), key, "renamed")
        told, real = renames[endpoint]
        return Faults(drawn, key, renamed={endpoint: (told, real)})
    if drawn == "unsolvable" and path:
        dead = path[-1]
        kind: Kind = pick(LASTING, key, "lasting")
        also = {e for way in alternatives.get(dead, ()) for e in way["path"]} - set(path)
        return Faults(drawn, key, dict.fromkeys([dead, *sorted(also)], kind))
    return CLEAN


def drawn_profile(key: str, certified: bool) -> Profile:
    """The profile of a task in a mixed run."""
    if certified and chance(key, "dead?") < DEAD:
        return "dead"
    x = chance(key, "profile")
    for profile, share in MIX.items():
        if x < share:
            return profile
        x -= share
    return "clean"
