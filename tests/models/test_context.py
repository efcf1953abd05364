"""The context window: nothing too long is sent, and no cut is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from toolgrove.core import (
    API,
    Completion,
    Message,
    ModelError,
    Prompt,
    Request,
    UsageError,
    make,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import Batcher
from toolgrove.models.context import Guarded, trim
from toolgrove.models.stumble import StumblingModel
from toolgrove.models.tokens import ESTIMATE, prompt_tokens, tally_of
from toolgrove.planners import ReACT

START = [Message("system", "You call functions."), Message("user", "Do it.")]


class Keeps:
    """Answers everything, and keeps what it was sent."""

    def __init__(self) -> None:
        self.sent: list[Request] = []

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.sent += requests
        return [Completion(f"{len(r.messages)}") for r in requests]

    def bound(self, request: Request) -> tuple[int, float]:
        return prompt_tokens(request, ESTIMATE), 0.5


def turn(text: str, name: str = "f") -> list[Message]:
    return [Message("assistant", None, ((name, "{}"),)), Message("tool", text, (), name)]


def asked(*turns: list[Message], hint: str = "") -> Request:
    prompt = Prompt(START)
    for each in turns:
        prompt = prompt.then(each)
    return Request(prompt.then([Message("user", hint)] if hint else []), (API("f"),), sample=2)


def ask(model: Guarded, *requests: Request) -> list[Completion | ModelError]:
    return asyncio.run(model.complete(requests))


def size(request: Request) -> int:
    return prompt_tokens(request, ESTIMATE)


def test_what_fits_is_sent_as_it_is() -> None:
    inner, request = Keeps(), asked(turn("words " * 50))
    for context in ("error", "trim"):
        guard = Guarded(inner, context, window=size(request) + 100, reply=100)
        [done] = ask(guard, request)
        assert done == Completion("4") and inner.sent.pop() is request and guard.trimmed == 0


def test_one_token_too_many_is_an_error_that_says_what_to_do() -> None:
    inner, request = Keeps(), asked(turn("words " * 50))
    guard = Guarded(inner, window=size(request) + 99, reply=100)
    short = asked()
    failed, done = ask(guard, request, short)
    assert isinstance(failed, ModelError) and failed.kind == "context" and not failed.miss
    assert str(failed) == (
        f"the prompt has about (estimate) {size(request)} tokens and the reply may have 100, but "
        f"Keeps has a context window of {size(request) + 99}: context=trim cuts old observations, "
        f"or take a model with a larger window"
    )
    assert done == Completion("2") and inner.sent == [short]


def test_the_longest_old_observation_is_cut_and_says_so() -> None:
    inner = Keeps()
    long, last = "lorem ipsum " * 800, "dolor sit " * 100
    request = asked(turn("short"), turn(long), turn(last), hint="Try something else.")
    guard = Guarded(inner, "trim", window=2500, reply=500)
    assert ask(guard, request) == [Completion("9")] and guard.trimmed == 1
    [sent] = inner.sent
    assert size(sent) <= 2000 < size(request)
    assert (sent.sample, sent.tools) == (request.sample, request.tools)
    cut, whole = sent.messages, request.messages
    assert [i for i in range(9) if cut[i] != whole[i]] == [5]
    assert cut[5].content == long[:2400] + "\n[cut: 7,200 characters]"
    assert cut[-1].content == "Try something else."
    assert request.messages[5].content == long


def test_of_equal_observations_the_older_one_is_cut_first() -> None:
    text = "lorem ipsum " * 100
    messages = asked(turn(text), turn(text), turn("end")).messages
    cut = trim(messages, tally_of(ESTIMATE), 50)
    assert cut is not None
    assert cut[3].content == text[:600] + "\n[cut: 600 characters]"
    assert cut[5].content == text


def test_the_last_observation_is_cut_only_if_nothing_else_is_enough() -> None:
    old, last = "lorem ipsum " * 100, "dolor sit " * 2000
    inner = Keeps()
    ask(Guarded(inner, "trim", window=1500, reply=300), asked(turn(old), turn(last)))
    [sent] = inner.sent
    assert sent.messages[3].content == old[:200] + "\n[cut: 1,000 characters]"
    assert sent.messages[5].content == last[:2500] + "\n[cut: 17,500 characters]"


def test_what_cannot_be_made_to_fit_is_an_error() -> None:
    inner = Keeps()
    request = asked(turn("words " * 500), hint="a long hint " * 500)
    guard = Guarded(inner, "trim", window=1000, reply=100)
    [failed] = ask(guard, request)
    assert isinstance(failed, ModelError) and failed.kind == "context"
    assert "cutting old observations is not enough; offer fewer APIs" in str(failed)
    assert inner.sent == [] and guard.trimmed == 0
    [other] = ask(guard, Request(Prompt([Message("user", "word " * 5000)])))
    assert isinstance(other, ModelError)


def test_a_bound_is_that_of_what_is_sent() -> None:
    request = asked(turn("lorem ipsum " * 800), turn("end"))
    trimming = Guarded(Keeps(), "trim", window=1500, reply=500)
    tokens, usd = trimming.bound(request)
    assert tokens <= 1000 and usd == 0.5
    assert Guarded(Keeps(), window=1500, reply=500).bound(request) == (0, 0.0)
    assert Guarded(Keeps(), window=9000, reply=500).bound(request) == (size(request), 0.5)
    assert not hasattr(Guarded(StumblingModel(), window=9000), "bound")


def test_a_window_from_the_price_table_or_none(tmp_path: Path) -> None:
    class Named(Keeps):
        identity = {"model": "mine", "parameters": {"max_tokens": 77}}

    prices = tmp_path / "p.toml"
    prices.write_text("[mine]\ninput = 1\noutput = 1\nwindow = 4321")
    guard = Guarded(Named(), prices=prices)
    assert (guard.window, guard.reply) == (4321, 77)
    with pytest.raises(UsageError, match="no context window is known for mine: give window=TOKENS"):
        Guarded(Named())
    with pytest.raises(UsageError, match="no context window is known for Keeps"):
        Guarded(Keeps())


def test_a_spec_puts_it_before_any_model() -> None:
    guard = make("models", "guarded:(stumble:rate=0),context=trim,window=9000,reply=10")
    assert isinstance(guard, Guarded) and isinstance(guard.model, StumblingModel)
    assert (guard.context, guard.window, guard.reply) == ("trim", 9000, 10)
    assert run_sync(ReACT(), shop_tasks(1)[0], guard, ShopEnv).end == "answered"
    for wrong in ("guarded:stumble", "guarded:(stumble),window=5,reply=5",
                  "guarded:(stumble),window=9,context=cut"):  # fmt: skip
        with pytest.raises(UsageError):
            make("models", wrong)


def test_a_trial_whose_prompt_grows_too_long_ends_with_the_error() -> None:
    task = shop_tasks(1)[0]
    wide = Guarded(StumblingModel(0.0), window=99_999)
    assert run_sync(ReACT(), task, wide, ShopEnv).end == "answered"
    tight = Guarded(StumblingModel(0.0), window=300, reply=100)
    result = run_sync(ReACT(), task, tight, ShopEnv)
    assert result.end == "infra" and result.error is not None
    assert "context window of 300" in result.error


def test_a_model_that_gives_too_few_results() -> None:
    class Nothing(Keeps):
        async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
            return []

    [failed] = ask(Guarded(Nothing(), window=9000), asked())
    assert isinstance(failed, ModelError) and failed.kind == "contract"


def test_batches_pass_through() -> None:
    class Batching(Keeps):
        max_batch = 7

    guard = Guarded(Batching(), window=9000)
    assert guard.max_batch == 7
    assert Batcher(guard).bound(asked()) == (size(asked()), 0.5)
