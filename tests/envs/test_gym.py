"""The Gymnasium adapter: Gymnasium's own checker accepts it, and nothing of the world is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from toolgrove.core import API, Action, EnvironmentFailed, EnvMiss, Step, Task, ToolEnv
from toolgrove.envs import ReplayEnv, ShopEnv
from toolgrove.envs.shop import shop_tasks

gymnasium = pytest.importorskip("gymnasium")
from gymnasium.utils.env_checker import check_env  # noqa: E402

from toolgrove.envs.gym import GymAdapter  # noqa: E402

TASK = shop_tasks(1)[0]
NAMES = [api.name for api in TASK.apis]


@pytest.fixture
def shop() -> Iterator[GymAdapter]:
    env = GymAdapter(ShopEnv, TASK, render_mode="ansi")
    yield env
    env.close()


def act(name: str, **arguments: Any) -> dict[str, Any]:
    return {"api": [*NAMES, "Finish"].index(name), "arguments": json.dumps(arguments)}


# Gymnasium's own remarks on rendering: text has no frame rate, and this one was not registered.
@pytest.mark.filterwarnings("ignore:.*No render fps was declared:UserWarning")
@pytest.mark.filterwarnings("ignore:.*Not able to test alternative render modes:UserWarning")
def test_gymnasiums_checker_accepts_it(shop: GymAdapter) -> None:
    check_env(shop)


def test_the_last_action_is_finish(shop: GymAdapter) -> None:
    assert shop.names == [*NAMES, "Finish"]
    assert shop.action_space["api"].n == len(NAMES) + 1  # type: ignore[index]


def test_an_episode(shop: GymAdapter) -> None:
    shown, info = shop.reset(seed=1)
    assert shown == info["observation"] == "Shelves: fruit, bakery, dairy, drinks"
    observation, reward, terminated, truncated, info = shop.step(
        act("add_to_cart", item="tea", quantity=2)
    )
    assert json.loads(observation)["response"] == {"cart": {"tea": 2}, "total": 7.0}
    assert (reward, terminated, truncated, info["status"]) == (0.0, False, False, "ok")
    assert shop.render() == observation
    observation, *_, info = shop.step(act("add_to_cart", item="gold", quantity=1))
    assert info["status"] == "bad_arguments" and "No good is called 'gold'." in observation
    *_, info = shop.step({"api": 0, "arguments": "not json"})
    assert info["status"] == "bad_arguments"
    *_, terminated, truncated, info = shop.step(
        act("Finish", return_type="give_answer", final_answer="7")
    )
    assert (terminated, truncated, info["status"]) == (True, False, "answered")
    shop.reset(seed=1)
    observation, *_ = shop.step(act("view_cart"))
    assert json.loads(observation)["response"] == {"cart": {}, "total": 0}


def test_a_seed_decides_what_chance_does(shop: GymAdapter) -> None:
    def coupons(seed: int) -> list[str]:
        shop.reset(seed=seed)
        drawn = [shop.step(act("draw_coupon"))[0]]
        for _ in range(4):
            shop.reset()
            drawn.append(shop.step(act("draw_coupon"))[0])
        return drawn

    runs = [coupons(seed) for seed in range(4)]
    assert runs == [coupons(seed) for seed in range(4)]
    assert len({str(run) for run in runs}) > 1 and len(set(runs[0] + runs[1])) > 1


class Babel(ToolEnv):
    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        return "", {"extra": 1}

    async def step(self, action: Action) -> Step:
        text: Any = {"bytes": b"\xff!", "odd": "ü\x00\u2028\x7f~\t"}.get(action.api, "long" * 9)
        return Step(text, 0.25, False, True)


def test_observations_are_printable_and_the_whole_text_is_in_info() -> None:
    task = Task("t", "Do it – now.", (API("odd"), API("bytes"), API("long")))
    env = GymAdapter(Babel, task, length=10)
    shown, info = env.reset(seed=0)
    assert (shown, info) == ("Do it ? no", {"extra": 1, "observation": "Do it – now."})
    got, reward, _, truncated, info = env.step({"api": 0, "arguments": "{}"})
    assert (got, info["observation"]) == ("????~\t", "ü\x00\u2028\x7f~\t")
    assert (reward, truncated) == (0.25, True)
    assert env.observation_space.contains(got)
    assert env.step({"api": 1, "arguments": ""})[0] == "?!"
    got, *_, info = env.step({"api": 2, "arguments": ""})
    assert (len(got), len(info["observation"])) == (10, 36)
    assert env.render() is None
    env.close()
    env.close()


def test_a_recording_without_the_call_is_an_exception_and_no_observation() -> None:
    env = GymAdapter(ReplayEnv, TASK)
    env.reset(seed=0)
    with pytest.raises(EnvMiss):
        env.step(act("view_cart"))
    env.close()


@pytest.mark.parametrize("where", ["reset", "step", "close"])
def test_an_environment_that_hangs_is_no_observation(where: str) -> None:
    class Stuck(ShopEnv):
        async def hang(self, here: str) -> None:
            if here == where:
                await asyncio.sleep(3600)

        async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
            await self.hang("reset")
            return await super().reset(task, seed=seed)

        async def step(self, action: Action) -> Step:
            await self.hang("step")
            return await super().step(action)

        async def close(self) -> None:
            await self.hang("close")

    env = GymAdapter(Stuck, TASK, timeout=0.02)
    with pytest.raises(EnvironmentFailed, match="did not answer within 0.02 s"):
        env.reset(seed=1)
        env.step(act("view_cart"))
        env.close()
    if where != "close":
        env.close()
    env.close()
