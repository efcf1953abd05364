"""Workers as Ray actors, on this machine or on a cluster."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core import UsageError
from ...core.journal import Record
from ..plan import Plan
from . import Search
from .remote import Lost, Remote
from .worker import News, Worker

# Seconds until a worker has a place, its process runs and its parts are made (models are loaded).
START = 900.0
# Seconds in which a worker answers; a model in its process may hold up its loop so long.
ANSWER = 600.0
# Seconds in which a worker gives back what it holds.
CLOSE = 5.0
# Seconds in which a cluster's address takes a connection.
REACH = 5.0


class _Actor:
    """A worker in a process of Ray."""

    def __init__(self, ray: Any, kind: Any, plan: Plan, part: int, of: int) -> None:
        self._ray, self._plan, self._share = ray, plan, (part, of)
        self._actor = kind.remote()

    async def prepare(self) -> tuple[str, str] | None:
        asked = self._actor.prepare.remote(self._plan, *self._share, str(Path.cwd()))
        problem: tuple[str, str] | None = await self._answer(asked, START)
        return problem

    def begin(self, number: int, search: Search, records: Sequence[Record]) -> None:
        self._actor.begin.remote(number, search, records)

    async def exchange(self, acknowledged: int, paused: bool) -> list[News]:
        news: list[News] = await self._answer(
            self._actor.exchange.remote(acknowledged, paused), ANSWER
        )
        return news

    async def pid(self) -> int:
        pid: int = await self._answer(self._actor.pid.remote(), ANSWER)
        return pid

    async def close(self) -> None:
        await self._answer(self._actor.close.remote(), CLOSE)

    def kill(self) -> None:
        self._ray.kill(self._actor)

    async def _answer(self, asked: Any, seconds: float) -> Any:
        answer = asyncio.wrap_future(asked.future())
        done, _ = await asyncio.wait({answer}, timeout=seconds)
        if not done:
            raise Lost(f"it did not answer within {seconds:g} s")
        errors = self._ray.exceptions
        try:
            return answer.result()
        except errors.RayTaskError as error:  # it lives, and something in it is wrong
            raise RuntimeError(f"in a worker:\n{error}") from None
        except errors.RayError as error:
            raise Lost(str(error).strip().partition("\n")[0] or type(error).__name__) from error


class Ray(Remote):
    """Searches in ``workers`` processes on Ray.

    Args:
        plan: what runs; each worker makes its parts once.
        workers: processes.
        address: of a cluster (``auto`` finds it); None starts one here for the run.

    Raises:
        UsageError: ray is not installed, or there is no cluster at the address.
    """

    def __init__(self, plan: Plan, workers: int = 2, address: str | None = None) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            import ray as imported
        except ImportError:
            raise UsageError("--executor ray needs ray: pip install 'toolgrove[ray]'") from None
        ray: Any = imported  # it may be missing where types are checked
        self._ray = ray
        if address is not None:
            _reached(address)
        self._started = not ray.is_initialized()
        if self._started:
            options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
            if address is None:
                options.update(num_cpus=workers, include_dashboard=False)
            try:
                ray.init(address=address or "local", **options)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise UsageError(f"--executor ray: {error}") from error
        kind = ray.remote(num_cpus=1, max_restarts=0, max_concurrency=1000)(Worker)
        super().__init__(lambda seat: _Actor(ray, kind, plan, seat, workers), workers)

    async def close(self) -> None:
        """Stop the workers, and Ray where it was started for this run."""
        try:
            await super().close()
        finally:
            if self._started:
                self._ray.shutdown()


def _reached(address: str) -> None:
    """See that somebody is there; Ray itself would try for minutes.

    Raises:
        UsageError: nobody is, or it is no address.
    """
    host, _, port = address.rpartition(":")
    if address in ("auto", "local"):
        return
    if not host or not port.isdigit() or "/" in host:
        raise UsageError(f"--executor ray:address={address}: expected auto, or HOST:PORT")
    try:
        socket.create_connection((host, int(port)), REACH).close()
    except (OSError, OverflowError) as error:
        told = f"--executor ray:address={address}: no cluster there ({error})"
        raise UsageError(f"{told}; `ray start --head` starts one") from error
