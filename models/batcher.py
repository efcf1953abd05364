"""Batching: concurrent requests of any number of trials become one call of the model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ..core import Completion, Model, ModelError, Request


class Batcher:
    """Collects requests until nothing else can run, then sends them as one batch.

    Args:
        model: the model behind it.
        max_batch: requests in one call, at most; more are sent as several calls at once.
        window: seconds to wait for more after the first; 0 waits for one turn of the loop.

    Attributes:
        sizes: the size of every batch sent.
        in_flight, most_in_flight: requests the model holds now, and at most so far.
    """

    def __init__(self, model: Model, *, max_batch: int = 256, window: float = 0.0) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch must be 1 or more, not {max_batch}")
        if not window >= 0:
            raise ValueError(f"window must be 0 or more seconds, not {window}")
        if (bound := getattr(model, "bound", None)) is not None:
            self.bound = bound  # the model's upper bound of a request, for capped budgets
        self.model, self.max_batch, self.window = model, max_batch, window
        self.sizes: list[int] = []
        self.in_flight = self.most_in_flight = 0
        self._queue: list[tuple[Request, asyncio.Future[Completion | ModelError]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = False

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """Queue the requests; returns when all of them are answered."""
        loop = asyncio.get_running_loop()
        futures = []
        for request in requests:
            future: asyncio.Future[Completion | ModelError] = loop.create_future()
            self._queue.append((request, future))
            futures.append(future)
        if not self._waiting:
            self._waiting = True
            loop.call_later(self.window, self._flush)
        return list(await asyncio.gather(*futures))

    def _flush(self) -> None:
        self._waiting = False
        queue, self._queue = self._queue, []
        for start in range(0, len(queue), self.max_batch):
            task = asyncio.ensure_future(self._send(queue[start : start + self.max_batch]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(
        self, batch: list[tuple[Request, asyncio.Future[Completion | ModelError]]]
    ) -> None:
        self.sizes.append(len(batch))
        self.in_flight += len(batch)
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            got = list(await self.model.complete([request for request, _ in batch]))
        except Exception as error:
            failed = f"{type(self.model).__name__} raised {type(error).__name__}: {error}"
            got = [ModelError(failed, kind="contract") for _ in batch]
        finally:
            self.in_flight -= len(batch)
        if len(got) != len(batch):
            text = f"{type(self.model).__name__} gave {len(got)} results for {len(batch)} requests"
            got = [ModelError(text, kind="contract") for _ in batch]
        for (_, future), result in zip(batch, got, strict=True):
            if not future.done():
                future.set_result(result)
