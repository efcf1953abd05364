"""APIs tried out: every call is kept, and the same command goes on where it was stopped.

A probe's folder has

* ``probe.json``: what is probed (environment, SHA-256 of the table) and with what settings;
* ``calls.jsonl``: one line a call, sealed (core/lines.py), appended as it ends;
* ``report.jsonl``: one line an API: its statuses, latency, quality, and where it was dropped;
* ``report.json``: counts at each stage of the filter;
* ``apis.jsonl``: the APIs that pass, with good answers as examples; written once none is owed.

Source: Qin et al., "ToolLLM", 2023, appendix A.1, which keeps 3,451 of 10,853 tools: those that
work when they are tried, do not take long, and do not answer with HTML or error messages.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

from ..benchmarks.rundir import locked
from ..core import (
    API,
    Action,
    EnvironmentFailed,
    Status,
    Step,
    StepInfo,
    Task,
    ToolEnv,
    ToolError,
    UsageError,
    World,
)
from ..core.deadline import Overdue, within
from ..core.limits import Breaker, Failure, Gate, Limits, Window, asked_to_wait
from ..core.lines import LineFile, scan
from .probe_arguments import Trial
from .probe_config import ProbeConfig
from .probe_quality import kind_of
from .probe_subjects import Call, Subject, key_of
from .probe_turns import Turns
from .writing import write_json

THROTTLED: Final = frozenset({"too_many_requests", "rate_limited"})
CALLS: Final = "calls.jsonl"
CLOSING: Final = 10.0  # seconds that an environment is given to close


def begin(folder: Path, table: Path, env: str) -> TextIO:
    """Begin or go on with a probe; nobody else may write in its folder until this is closed.

    Raises:
        UsageError: the folder is that of another probe, or somebody writes in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = locked(folder)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror or error}") from error
    try:
        now = {"env": env, "table": hashlib.sha256(table.read_bytes()).hexdigest()}
        place = folder / "probe.json"
        if place.exists():
            _same(place, now, table)
        elif (folder / CALLS).exists():
            raise UsageError(f"{folder} has calls, but no probe.json that says of what")
        else:
            write_json(place, {**now, "file": str(table)})
    except BaseException:
        lock.close()
        raise
    return lock


def _same(place: Path, now: Mapping[str, str], table: Path) -> None:
    try:
        before = json.loads(place.read_bytes())
        env, digest = before["env"], before["table"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{place} cannot be read: {error!r}") from None
    if env != now["env"]:
        raise UsageError(f"{place.parent} is a probe of {env}, not of {now['env']}: name another")
    if digest != now["table"]:
        raise UsageError(
            f"{table} is not what it was when {place.parent} was begun (its SHA-256 was "
            f"{digest:.12}.., now {now['table']:.12}..): put it back, or name another folder"
        )


@dataclass
class Episode:
    """An environment, and whether it was reset."""

    env: ToolEnv
    begun: bool = False


class Made(NamedTuple):
    """What a call brought, its latency in seconds, and whether the environment broke at it."""

    step: Step
    latency: float
    broke: bool


class Prober:
    """Makes the calls that are owed.

    Attributes:
        paused: set it, and no call is begun any more; those in flight are finished and kept.
        delayed: APIs whose calls are left for later, for their host asks to wait; and how long.
    """

    def __init__(
        self,
        found: Sequence[Subject],
        world: World,
        folder: Path,
        config: ProbeConfig,
        told: Callable[[Call], None] = lambda call: None,
    ) -> None:
        self.subjects, self.world, self.folder, self.config = found, world, folder, config
        self.paused, self.delayed, self.torn = False, dict[str, str](), 0
        self._told = told
        calls = config.calls  # a slow rate is no long wait
        self._patience = max(calls.patience, 2 / calls.rate if calls.rate else 0.0)
        self._limits: dict[str, Limits] = {}
        self._broken: list[tuple[Subject, dict[str, Any]]] = []
        self._works = False  # whether any call came back since the probe began
        self._load()

    def _load(self) -> None:
        """Take the calls that are there; those with other arguments than now are none of them."""
        by_name = {subject.name: subject for subject in self.subjects}
        wanted: dict[str, list[str]] = {}
        for _, record in scan(self.folder / CALLS):
            if record is None:
                self.torn += 1
                continue
            subject = by_name.get(str(record.get("api")))
            if subject is None or record.get("status") in self.config.calls.again:
                continue
            call = Call.from_record(record)
            if call.status == "ok" and len(record["answer"]) == call.characters:
                call = replace(call, quality=kind_of(record["answer"], self.config.quality))
            if subject.name not in wanted:
                listed = subject.trials(self.config.calls.per_api)
                wanted[subject.name] = [key_of(trial.arguments) for trial in listed]
            sent = wanted[subject.name]
            if call.number < len(sent) and sent[call.number] == call.arguments:
                subject.calls[call.number] = call  # one that was asked again: the last

    @property
    def owed(self) -> int:
        """Calls still to be made, as far as can be foreseen."""
        return sum(len(subject.owed(self.config)) for subject in self.subjects)

    async def run(self) -> None:
        """Make all calls that are owed.

        Raises:
            UsageError: the environment broke again and again, or always lacks something (a key).
        """
        with closing(LineFile(self.folder / CALLS)) as lines:
            calls = self.config.calls
            wanted = [subject for subject in self.subjects if subject.owed(self.config)]
            turns = Turns(wanted, calls.per_host)
            count = min(calls.concurrency, len(wanted))
            workers = [asyncio.ensure_future(self._work(turns, lines)) for _ in range(count)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
            if self._broken and not (self._works or await self._alive()):
                raise self._mend()
            self._settle(lines)

    async def _work(self, turns: Turns, lines: LineFile) -> None:
        while not self.paused and (subject := await turns.take()) is not None:
            try:
                await self._probe(subject, lines)
            finally:
                turns.done(subject)

    async def _probe(self, subject: Subject, lines: LineFile) -> None:
        """The owed calls of one API, one after the other, in an environment of its own."""
        episode: Episode | None = None
        try:
            for number, trial in subject.owed(self.config):
                if self.paused or subject.stopped(self.config) or subject.name in self.delayed:
                    return
                if episode is None:
                    episode = Episode(self.world.env())
                made = await self._called(episode, subject, number, trial)
                if made is None:
                    return
                if made.broke or made.step.info.status == "timeout":  # who knows what is left of it
                    await _closed(episode.env)
                    episode = None
                record = self._record(subject, number, trial, made)
                if made.broke:
                    self._broken.append((subject, record))
                    if len({broken.name for broken, _ in self._broken}) >= self.config.stop.broken:
                        if not await self._alive():
                            raise self._mend()
                        self._settle(lines)
                    continue
                self._settle(lines)
                self._keep(subject, record, lines)
        finally:
            if episode is not None:
                await _closed(episode.env)

    async def _alive(self) -> bool:
        """Whether the environment still says anything to a call that it answered: then APIs broke.

        Without it a probe that owes nothing but APIs which break the environment would never end.
        """
        answered = ((s, n) for s in self.subjects for n, c in s.calls.items() if c.status == "ok")
        for subject, number in answered:
            trial = subject.trials(self.config.calls.per_api)[number]
            episode = Episode(self.world.env())
            try:
                made = await self._called(episode, subject, number, trial)
            finally:
                await _closed(episode.env)
            return made is None or not made.broke  # None: it asks to wait, so it is there
        return False

    def _mend(self) -> UsageError:
        subject, record = self._broken[-1]
        return UsageError(
            f"the environment failed {len(self._broken)} times in a row, the last time at "
            f"{subject.name}: {record['answer']:.500}. The same command goes on once it is mended"
        )

    def _settle(self, lines: LineFile) -> None:
        """Keep the calls at which the environment broke: it works again, so they were to blame."""
        self._works = True
        broken, self._broken = self._broken, []
        for subject, record in broken:
            self._keep(subject, record, lines)

    def _keep(self, subject: Subject, record: dict[str, Any], lines: LineFile) -> None:
        lines.append(record)
        call = Call.from_record(record)
        subject.calls[call.number] = call
        self._told(call)

    async def _called(
        self, episode: Episode, subject: Subject, number: int, trial: Trial
    ) -> Made | None:
        """One call as its host's limits let it; None where it asks to wait for too long."""
        assert subject.offered is not None
        offered = subject.offered
        limits = self._limits_of(subject.host)
        last: list[Made] = []
        waits: list[float | None] = []

        async def attempt(seconds: float) -> Made | Failure:
            if self.config.calls.rate:
                limits.gate.window.rest(limits.clock() + 1 / self.config.calls.rate)
            made = await self._step(episode, offered, trial)
            last[:] = [made]
            info = made.step.info
            if info.status not in THROTTLED:
                return made
            said = (info.detail or {}).get("headers")
            headers = {str(k): str(v) for k, v in said.items()} if isinstance(said, dict) else {}
            wait = asked_to_wait(headers, datetime.now(UTC).timestamp())
            waits[:] = [wait]
            return Failure("refused", info.status, again=True, throttled=True, wait=wait)

        digest = hashlib.sha256(subject.name.encode("utf-8", "replace")).digest()
        tried = await limits.run(attempt, int.from_bytes(digest[:4], "big") + number)
        if not isinstance(tried.result, Failure):
            return tried.result
        if last and (waits[0] or 0.0) <= self._patience:
            return last[0]  # "too many requests" each time: that is its answer
        self.delayed[subject.name] = tried.result.text
        return None

    async def _step(self, episode: Episode, api: API, trial: Trial) -> Made:
        """One attempt: an answer whatever happens."""
        timeout, broke = self.config.calls.timeout, False
        started = time.perf_counter()
        try:
            if not episode.begun:
                task = Task("probe", "", (api,))
                await within(timeout, episode.env.reset(task, seed=self.config.calls.seed))
                episode.begun = True
            started = time.perf_counter()
            action = Action(api.name, json.dumps(trial.arguments, default=str))
            step = await within(timeout, episode.env.step(action))
        except Overdue:
            step = _said(f"no answer within {timeout:g} s", "timeout")
        except ToolError as error:
            step = _said(str(error), error.status)
        except UsageError as error:  # a key is not set: of this API, or of all
            step, broke = _said(str(error), "unauthorised"), True
        except Exception as error:  # the environment broke: nothing that it does stops the probe
            name = "" if isinstance(error, EnvironmentFailed) else f"{type(error).__name__}: "
            step, broke = _said(f"{name}{error}", "unavailable"), True
        return Made(step, step.info.latency or time.perf_counter() - started, broke)

    def _limits_of(self, host: str) -> Limits:
        calls = self.config.calls
        if host not in self._limits:
            window = Window(most=calls.per_host, size=calls.per_host)
            self._limits[host] = Limits(
                Gate(window), Breaker(), calls.attempts, self._patience, name=host,
                option="calls.patience",
            )  # fmt: skip
        return self._limits[host]

    def _record(self, subject: Subject, number: int, trial: Trial, made: Made) -> dict[str, Any]:
        """The line that is kept of a call."""
        step = made.step
        status, text = step.info.status, step.observation
        quality = kind_of(text, self.config.quality) if status == "ok" else ""
        whole = quality == "good"
        record: dict[str, Any] = {
            "api": subject.name,
            "n": number,
            "arguments": dict(trial.arguments),
            "status": status,
            "quality": quality,
            "latency": round(made.latency, 6),
            "characters": len(text),
            "digest": hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest(),
            "answer": text if whole else text[: self.config.quality.kept],
            "provenance": step.info.provenance,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        if trial.guessed:
            record["guessed"] = list(trial.guessed)
        if isinstance(code := (step.info.detail or {}).get("http"), int):
            record["http"] = code
        return record


async def _closed(env: ToolEnv) -> None:
    """Close an environment; one that cannot be closed is left."""
    try:
        await within(CLOSING, env.close())
    except UsageError:
        raise
    except Exception:
        return


def _said(text: str, status: Status) -> Step:
    return Step(text, info=StepInfo(status, "live"))
