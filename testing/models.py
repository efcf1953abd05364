"""``check_model``: the conformance test of a model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..core import API, Completion, Message, Model, ModelError, Prompt, Request, Task

_API = API("search", "Search.", {"type": "object", "properties": {"q": {"type": "string"}}})


def check_model(
    make: Callable[[], Model],
    *,
    requests: Sequence[Request] | None = None,
    task: Task | None = None,
    deterministic: bool = True,
) -> None:
    """Check that a model keeps the contract of ``complete``.

    One result a request, in order; an empty batch gives nothing; failures are returned as
    ModelError and never raised, and do not touch the others of the batch; contents, names and
    arguments are texts; counts of tokens and dollars are not negative. A deterministic model gives
    equal requests equal results, alone and in a batch.

    Args:
        make: makes the model.
        requests: what to ask; a few plain and odd prompts if not given.
        task: the task of the made-up requests, for recorded and simulated models.
        deterministic: whether equal requests get equal results.

    Raises:
        AssertionError: it does not; the text says how.
    """
    asked = list(requests) if requests is not None else examples(task)
    asyncio.run(_check(make, asked, deterministic))


def examples(task: Task | None = None) -> list[Request]:
    """Requests with and without tools, with odd characters, with a history."""
    apis = (_API,) if task is None else task.apis
    user = Message("user", "Find the capital of France.")
    odd = Message("user", "\x00 \x1b[31m \u202e \U0001f600 " + "x" * 1000)
    call = Message("assistant", None, ((apis[0].name, "{}"),))
    got = Message("tool", '{"error": "", "response": "Paris"}', (), apis[0].name)
    prompts = [[user], [odd], [user, call, got], [Message("system", "Be brief."), user]]
    made = [Request(Prompt(p), apis, seed=i, task=task) for i, p in enumerate(prompts)]
    question = Prompt([Message("user", "A or B?")])
    return [*made, Request(question, (), seed=9, purpose="ask.rank", node="0.0+0.1", task=task)]


async def _check(make: Callable[[], Model], requests: list[Request], deterministic: bool) -> None:
    name = type(make()).__name__
    assert await _ask(make(), [], name) == [], f"{name}: an empty batch must give nothing"
    batch = await _ask(make(), requests, name)
    if not deterministic:
        return
    assert _plain(await _ask(make(), requests, name)) == _plain(batch), (
        f"{name}: equal requests got other results the second time"
    )
    model = make()
    alone = [(await _ask(model, [request], name))[0] for request in requests]
    assert _plain(alone) == _plain(batch), f"{name}: asked one by one it answers otherwise"


async def _ask(
    model: Model, requests: Sequence[Request], name: str
) -> list[Completion | ModelError]:
    try:
        results = list(await model.complete(requests))
    except Exception as error:
        raise AssertionError(
            f"{name}.complete raised {type(error).__name__}: {error}; a failure is returned as a "
            f"ModelError, so that it sinks no batch"
        ) from error
    count = f"{name} gave {len(results)} results for {len(requests)} requests"
    assert len(results) == len(requests), count
    for result in results:
        good = isinstance(result, Completion | ModelError)
        assert good, f"{name} returned {type(result).__name__}, not a Completion or ModelError"
        if isinstance(result, Completion):
            texts = [text for call in result.calls for text in call]
            texts += [t for t in (result.content, result.thinking) if t is not None]
            odd = next((t for t in texts if not isinstance(t, str)), None)
            assert odd is None, f"{name} gave {odd!r} where a text belongs (arguments are raw JSON)"
            counts = (result.prompt_tokens, result.completion_tokens, result.usd)
            assert min(counts) >= 0, f"{name} counts {counts} for tokens and dollars"
    return results


def _plain(results: Sequence[Completion | ModelError]) -> list[object]:
    """What results say; what a prefix cache had, and rounding, may differ."""
    return [
        replace(r, reused=0, logprob=None if r.logprob is None else round(r.logprob, 2))
        if isinstance(r, Completion)
        else (r.kind, str(r))
        for r in results
    ]
