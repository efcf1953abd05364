"""``llamacpp:`` with a real small model: what it says, what it reuses, how its server ends."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolgrove.core import (
    API,
    Budget,
    Completion,
    Message,
    ModelError,
    Prompt,
    Request,
    Task,
    UsageError,
    make,
    run_sync,
)
from toolgrove.core.finish import API_DOC
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.context import Guarded
from toolgrove.models.llamacpp import LlamaCppModel
from toolgrove.models.policies import FunctionPolicy
from toolgrove.planners import ReACT
from toolgrove.testing import check_model

WEATHER = API(
    "get weather!",  # a name that may not be sent as it is
    "The weather of a city.",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "unit": {"type": "string", "enum": ["C", "F"]},
        },
        "required": ["city", "days", "unit"],
    },
)
OFFERED = (WEATHER, API_DOC)
RULES = Message("system", "Call one function. " + "Be brief, and be careful. " * 15)
TALK = [RULES, Message("user", "Weather in Rome for 2 days, in C?")]
CALL = Message("assistant", "First", ((WEATHER.name, '{"city": "Rome", "days": 2, "unit": "C"}'),))
GOT = Message("tool", '{"error": "", "response": "sunny"}', (), WEATHER.name)
TASK = Task("t", "Weather?", OFFERED)


@pytest.fixture(scope="session")
def gguf() -> Path:
    """The file of SmolLM2-135M-Instruct; tests that need it skip without it."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("the extra llamacpp is not installed")
    if (found := os.environ.get("TOOLGROVE_SMOLLM2")) is None:
        pytest.skip(
            "TOOLGROVE_SMOLLM2 names no file: run python -m toolgrove.models.smollm2 FOLDER"
        )
    path = Path(found)
    assert path.is_file(), f"TOOLGROVE_SMOLLM2 is {found}, which is no file"
    return path


@pytest.fixture(scope="module")
def model(gguf: Path) -> Iterator[LlamaCppModel]:
    """At temperature 0, in calls held to a schema."""
    made = LlamaCppModel(gguf, temperature=0, max_tokens=40)
    yield made
    made.close()


@pytest.fixture(scope="module")
def exact(gguf: Path) -> Iterator[LlamaCppModel]:
    """One that gives equal requests equal replies, whatever went before."""
    made = LlamaCppModel(gguf, temperature=1.5, max_tokens=16, reuse=False, parallel=1)
    yield made
    made.close()


def ask(model: LlamaCppModel, *requests: Request) -> list[Completion]:
    made = asyncio.run(model.complete(requests))
    assert all(isinstance(each, Completion) for each in made), made
    return [each for each in made if isinstance(each, Completion)]


def failed(model: LlamaCppModel, request: Request) -> ModelError:
    [made] = asyncio.run(model.complete([request]))
    assert isinstance(made, ModelError)
    return made


def talk(*more: Message, tools: tuple[API, ...] = OFFERED, seed: int = 1) -> Request:
    return Request(Prompt([*TALK, *more]), tools, seed=seed, task=TASK)


# What it says


def test_it_keeps_the_contract(gguf: Path) -> None:
    check_model(lambda: LlamaCppModel(gguf, temperature=0, max_tokens=8, reuse=False, parallel=1))


def test_a_call_is_held_to_what_is_offered_and_to_its_schema(gguf: Path) -> None:
    drawn = LlamaCppModel(gguf, temperature=0.9, max_tokens=250, parallel=2)
    said = ask(drawn, *[talk(CALL, GOT, seed=i) for i in range(4)])
    whole = [each for each in said if each.completion_tokens < 250]  # else a limit cut the JSON
    assert whole and len({each.content for each in said}) > 1
    for each in whole:
        [(name, text)] = each.calls
        given = json.loads(text)
        if name == "Finish":
            assert given["return_type"] in ("give_answer", "give_up_and_restart")
            continue
        assert name == WEATHER.name and given.keys() == {"city", "days", "unit"}
        assert isinstance(given["city"], str) and type(given["days"]) is int
        assert given["unit"] in ("C", "F")
    drawn.close()


def test_without_reuse_equal_requests_get_equal_replies(exact: LlamaCppModel) -> None:
    asked = [talk(), talk(seed=2)]
    first = ask(exact, *asked)
    assert ask(exact, *asked[::-1])[::-1] == first
    assert first[0].content != first[1].content  # the seed draws
    assert sum(each.reused for each in first) == 0


def test_a_reply_at_temperature_0_does_not_depend_on_the_seed(gguf: Path) -> None:
    greedy = LlamaCppModel(gguf, temperature=0, max_tokens=24, reuse=False, parallel=1)
    prompt = Prompt([Message("user", "What is the capital of France?")])
    one, two, three = ask(greedy, *[Request(prompt, seed=seed) for seed in (5, 5, 6)])
    assert one == two == three and one.content
    greedy.close()


def test_a_sibling_reuses_the_prefix(model: LlamaCppModel) -> None:
    [parent] = ask(model, talk())
    [sibling] = ask(model, talk(Message("user", "Do something else.")))
    [child] = ask(model, talk(CALL, GOT))
    for each in (sibling, child):
        assert parent.prompt_tokens - 10 <= each.reused < each.prompt_tokens
    assert "reused" in model.report


# Tokens


def test_prompts_are_counted_as_the_server_counts_them(gguf: Path, model: LlamaCppModel) -> None:
    plain = Request(Prompt([Message("user", "A or B?")]), task=TASK)
    tools = LlamaCppModel(gguf, temperature=0, max_tokens=1, calls="tools")
    for each, request in [(model, talk(CALL, GOT)), (model, plain), (tools, talk(CALL, GOT))]:
        [said] = ask(each, request)
        assert each.bound(request) == (said.prompt_tokens + each.max_tokens, 0.0)
    tools.close()


def test_the_counter_is_the_models_own(model: LlamaCppModel) -> None:
    assert model.counter.exact and model.counter.name.endswith(".gguf")
    assert [model.counter.count(text) for text in ("", "hello world", "hello world")] == [0, 2, 2]
    assert model.counter.count("<|im_end|>") > 1  # a text never ends a turn
    assert model.counter.count("lone \ud800") > 1


def test_a_prompt_beyond_the_context_is_an_error_before_it_is_sent(gguf: Path) -> None:
    small = LlamaCppModel(gguf, context=300, parallel=1, max_tokens=400, temperature=0)
    error = failed(small, talk())
    assert error.kind == "context" and "the context 300" in str(error), str(error)
    tokens = small._prompt_tokens(fits := Request(Prompt([Message("user", "Count. " * 60)])))
    assert 100 < tokens < 300
    [said] = ask(small, fits)
    assert said.prompt_tokens == tokens and said.tokens <= 300
    small.close()


def test_the_window_is_never_more_than_the_models_own(gguf: Path) -> None:
    large = LlamaCppModel(gguf, context=10_000, parallel=1, max_tokens=1)
    ask(large, Request(Prompt([Message("user", "Hi")])))
    assert large.context == 8192
    large.close()


def test_old_observations_are_cut_by_the_models_own_count(gguf: Path) -> None:
    small = LlamaCppModel(gguf, context=1200, parallel=1, max_tokens=8, temperature=0)
    guarded = Guarded(small, context="trim")
    long = Message("tool", "word " * 1500, (), WEATHER.name)
    [said] = asyncio.run(guarded.complete([talk(CALL, long, CALL, GOT)]))
    assert isinstance(said, Completion) and guarded.trimmed == 1
    assert said.prompt_tokens <= 1200 - 8
    small.close()


# Who it is, and what is wrong with it


def test_its_identity_has_no_path_and_starts_nothing(
    gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    spec = f'llamacpp:"{gguf}",threads=1,context=4096,parallel=2,temperature=0.5,top_p=0.9'
    found = make("models", spec)
    identity = json.loads(json.dumps(found.identity))
    assert str(gguf.parent) not in json.dumps(identity) + repr(found)
    assert (identity["provider"], identity["base_url"]) == ("llamacpp", "")
    assert identity["model"] == gguf.name
    told = identity["parameters"]
    assert (told["temperature"], told["top_p"], told["calls"]) == (0.5, 0.9, "schema")
    other = tmp_path / gguf.name
    other.write_bytes(b"GGUF, and no more")
    more = LlamaCppModel(other).identity["parameters"]
    assert more["weights"] != told["weights"]
    assert found.context == 4096 and found.bound(Request(Prompt([Message("user", "x")])))[0] > 512


def test_what_is_no_model_is_told_at_once(gguf: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file: .*missing.gguf"):
        LlamaCppModel(tmp_path / "missing.gguf")
    text = tmp_path / "text.gguf"
    text.write_text("once upon a time")
    with pytest.raises(UsageError, match="is no GGUF file: it begins with b'once'"):
        LlamaCppModel(text)
    with pytest.raises(UsageError, match="directory"):
        LlamaCppModel(tmp_path)
    with pytest.raises(ValueError, match="threads must be 1 or more, not 0"):
        LlamaCppModel(gguf, threads=0)


def test_a_damaged_file_is_an_error_in_words_for_each_request(gguf: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(gguf.read_bytes()[:5_000_000])
    damaged = LlamaCppModel(cut)
    asked = [talk(), talk(seed=2)]
    results = asyncio.run(damaged.complete(asked))
    assert [str(each) for each in results] == [str(results[0])] * 2
    assert "cut.gguf: llama.cpp does not load it: error loading model" in str(results[0])
    assert damaged.counter.count("hello") > 0 and damaged.bound(talk())[0] > 0


def test_a_missing_package_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'toolgrove\[llamacpp\]'"):
        LlamaCppModel(Path("any.gguf"))


# The server's life


def test_it_serves_one_event_loop_after_another_and_starts_again(model: LlamaCppModel) -> None:
    asked = Request(Prompt([Message("user", "Say hi.")]), seed=1)
    [one] = ask(model, asked)
    [two] = ask(model, asked)
    assert one.content and two.content and two.reused == one.prompt_tokens - 1
    model.close()
    [said] = ask(model, asked)
    assert said.reused == 0


def test_a_server_that_died_is_started_again_twice(gguf: Path) -> None:
    short = LlamaCppModel(gguf, max_tokens=1, parallel=1)
    asked = Request(Prompt([Message("user", "Hi")]), seed=1)

    async def lives() -> list[Completion | ModelError]:
        said = []
        for _ in range(4):
            said += await short.complete([asked])
            assert (process := short._server._process) is not None
            process.kill()
            process.wait()
        return said

    *good, last = asyncio.run(lives())
    assert all(isinstance(each, Completion) for each in good), good
    assert isinstance(last, ModelError) and "llama.cpp ended 3 times by itself" in str(last)
    short.close()


def test_a_reply_that_takes_too_long_is_given_up_and_ends(gguf: Path) -> None:
    slow = LlamaCppModel(gguf, max_tokens=4000, timeout=5, parallel=1, temperature=1)
    error = failed(slow, Request(Prompt([Message("user", "Tell a long story. " * 200)]), seed=1))
    assert error.kind == "timeout" and "no reply within 5 s" in str(error)
    slow.close()


def test_it_needs_no_proxy(gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    direct = LlamaCppModel(gguf, max_tokens=1, parallel=1)
    [reply] = ask(direct, Request(Prompt([Message("user", "Hi")])))
    direct.close()
    assert isinstance(reply, Completion) and reply.completion_tokens == 1


KILLED = """
import asyncio, os, sys
from pathlib import Path
from toolgrove.core import Message, Prompt, Request
from toolgrove.models.llamacpp import LlamaCppModel

async def main():
    model = LlamaCppModel(Path(sys.argv[1]), max_tokens=4000, temperature=1.0)
    await model.complete([Request(Prompt([Message("user", "Hi")]), seed=1, sample=0)][:0])
    asked = asyncio.create_task(model.complete([Request(Prompt([Message("user", "Hi " * 800)]))]))
    while not model.endpoint.base_url.count(":") > 1:
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    print(model.endpoint.base_url, flush=True)
    if sys.argv[2] == "wait":
        await asked

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["return", "kill", "interrupt"])
def test_the_server_ends_with_the_process(gguf: Path, how: str) -> None:
    words = [sys.executable, "-c", KILLED, str(gguf), "return" if how == "return" else "wait"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        address = process.stdout.readline().decode().strip()
        if how != "return":
            process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGINT)
        process.wait(30)
    port = int(address.removesuffix("/v1").rpartition(":")[2])
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    pytest.fail("the server still listens")


# In a search


def test_a_search_with_a_cap_on_tokens_keeps_it(model: LlamaCppModel) -> None:
    [task] = shop_tasks(1)
    result = run_sync(
        ReACT(max_steps=2), task, model=model, env=ShopEnv, policy=FunctionPolicy(),
        budget=Budget(tokens=1500),
    )  # fmt: skip
    assert 0 < result.spent["tokens"] <= 1500


def test_bench_runs_from_end_to_end(gguf: Path, tmp_path: Path) -> None:
    spec = f"llamacpp:{gguf},temperature=0,max_tokens=60"
    options = {"suite": "shop", "limit": "1", "planner": "react", "budget": "calls=2", "out": "run"}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    done = subprocess.run(
        [sys.executable, "-m", "toolgrove", "bench", *words, "--model", spec],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 replies:" in done.stderr and "reused" in done.stderr, done.stderr
    [trial] = (tmp_path / "run" / "trials.jsonl").read_text().splitlines()
    assert json.loads(trial)["spent"]["calls"] == 2
