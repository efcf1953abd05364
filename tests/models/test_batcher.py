"""The batcher: concurrent requests become few calls, each request gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from toolgrove.core import Completion, ModelError, Prompt, Request, run
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import Batcher
from toolgrove.models.stumble import StumblingModel
from toolgrove.planners import ReACT


def request(seed: int) -> Request:
    return Request(Prompt([]), seed=seed)


class Echo:
    """Says each request's seed; may be slow, and remembers its batches."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.batches: list[list[int]] = []

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.batches.append([r.seed for r in requests])
        await asyncio.sleep(self.delay)
        return [self.say(r) for r in requests]

    def say(self, request: Request) -> Completion | ModelError:
        return Completion(str(request.seed))


async def at_once(batcher: Batcher, *groups: Sequence[int]) -> list[list[str]]:
    got = await asyncio.gather(*[batcher.complete([request(n) for n in g]) for g in groups])
    return [[str(r) if isinstance(r, ModelError) else str(r.content) for r in each] for each in got]


def test_concurrent_requests_are_one_batch_and_answers_find_their_way() -> None:
    echo = Echo()
    batcher = Batcher(echo)
    assert asyncio.run(at_once(batcher, [1, 2], [3], [], [4])) == [["1", "2"], ["3"], [], ["4"]]
    assert echo.batches == [[1, 2, 3, 4]]
    assert (batcher.sizes, batcher.in_flight, batcher.most_in_flight) == ([4], 0, 4)


def test_what_comes_later_is_another_batch() -> None:
    async def main(batcher: Batcher) -> None:
        for n in range(3):
            await at_once(batcher, [n], [n + 10])

    batcher = Batcher(Echo())
    asyncio.run(main(batcher))
    assert batcher.sizes == [2, 2, 2] and batcher.most_in_flight == 2


def test_more_than_max_batch_goes_out_as_several_calls_at_once() -> None:
    batcher = Batcher(Echo(0.001), max_batch=4)
    got = asyncio.run(at_once(batcher, range(10)))
    assert got == [[str(n) for n in range(10)]]
    assert (batcher.sizes, batcher.most_in_flight) == ([4, 4, 2], 10)


def test_a_window_waits_for_stragglers() -> None:
    async def late(batcher: Batcher) -> list[Completion | ModelError]:
        for _ in range(5):
            await asyncio.sleep(0)
        return await batcher.complete([request(2)])

    async def main(batcher: Batcher) -> None:
        await asyncio.gather(batcher.complete([request(1)]), late(batcher))

    for window, sizes in ((0.0, [1, 1]), (0.02, [2])):
        batcher = Batcher(Echo(), window=window)
        asyncio.run(main(batcher))
        assert batcher.sizes == sizes


def test_one_failure_sinks_no_batch() -> None:
    class Half(Echo):
        def say(self, request: Request) -> Completion | ModelError:
            return ModelError("odd") if request.seed % 2 else super().say(request)

    assert asyncio.run(at_once(Batcher(Half()), [0, 1], [2])) == [["0", "odd"], ["2"]]


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (OSError("down"), "Broken raised OSError: down"),
        ([], "Broken gave 0 results for 2 requests"),
        ([Completion()] * 3, "Broken gave 3 results for 2 requests"),
        (None, "Broken raised TypeError: 'NoneType' object is not iterable"),
    ],
)
def test_a_model_that_breaks_fails_every_request_of_that_batch_only(
    returned: Any, says: str
) -> None:
    class Broken(Echo):
        async def complete(self, requests: Sequence[Request]) -> Any:
            if len(requests) == 1:
                return await super().complete(requests)
            if isinstance(returned, Exception):
                raise returned
            return returned

    batcher = Batcher(Broken(), max_batch=2)
    got = asyncio.run(at_once(batcher, [1], [2], [3]))
    assert got == [[says], [says], ["3"]]
    assert batcher.in_flight == 0


def test_errors_made_by_the_batcher_are_the_models_contract() -> None:
    class Nothing(Echo):
        async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
            return []

    errors = asyncio.run(Batcher(Nothing()).complete([request(1), request(2)]))
    assert [isinstance(e, ModelError) and e.kind for e in errors] == ["contract", "contract"]
    assert errors[0] is not errors[1]


def test_who_gives_up_waiting_does_not_disturb_the_others() -> None:
    async def main() -> list[Completion | ModelError]:
        batcher = Batcher(Echo(0.02))
        hasty = asyncio.ensure_future(batcher.complete([request(1)]))
        patient = asyncio.ensure_future(batcher.complete([request(2)]))
        await asyncio.sleep(0.005)
        hasty.cancel()
        return await patient

    assert asyncio.run(main()) == [Completion("2")]


def test_bad_values() -> None:
    with pytest.raises(ValueError, match="max_batch must be 1 or more, not 0"):
        Batcher(Echo(), max_batch=0)
    for window in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="window must be 0 or more seconds"):
            Batcher(Echo(), window=window)


def test_64_trials_keep_a_slow_model_busy() -> None:
    class Slow(StumblingModel):
        async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
            await asyncio.sleep(0.02)
            return await super().complete(requests)

    async def main(batcher: Batcher) -> list[Any]:
        tasks = shop_tasks(64)
        return await asyncio.gather(*[run(ReACT(), task, batcher, ShopEnv) for task in tasks])

    batcher = Batcher(Slow(0.0))
    results = asyncio.run(main(batcher))
    assert [r.end for r in results] == ["answered"] * 64
    assert batcher.most_in_flight >= 32 and batcher.sizes[0] == 64
    assert sum(batcher.sizes) == sum(r.spent["calls"] for r in results)
    assert len(batcher.sizes) == max(r.spent["calls"] for r in results)
    plain = asyncio.run(run(ReACT(), shop_tasks(1)[0], StumblingModel(0.0), ShopEnv))
    assert plain.tree.shape() == results[0].tree.shape()
