"""The openai model against a server on loopback that misbehaves; the real client is used."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from chat_server import Body, ChatServer, calling, completion, shopkeeper

from toolgrove.core import (
    API,
    Budget,
    Completion,
    Message,
    ModelError,
    Planner,
    Prompt,
    Request,
    Result,
    ToolCall,
    UsageError,
    make,
    run,
)
from toolgrove.core.finish import API_DOC
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.openai import OpenAIModel
from toolgrove.models.stumble import StumblingModel
from toolgrove.planners import DFSDT, ReACT
from toolgrove.testing import check_model

KEY = "sk-loopback-0123456789abcdef"
TASKS = shop_tasks(4, seed=7)
SEARCH = API("search", "Search.", {"type": "object", "properties": {"q": {"type": "string"}}})
LONG = API("look up: " + "x" * 80)
OFFERED = (SEARCH, LONG, API_DOC)
ASKED = Request(Prompt([Message("user", "Find it.")]), OFFERED, seed=3)
PLAIN = Request(Prompt([Message("user", "A or B?")]), seed=4, purpose="ask.rank")
Result1 = Completion | ModelError


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


async def shortly(seconds: float) -> None:
    await asyncio.sleep(seconds / 1000)


def model(server: ChatServer, **options: Any) -> OpenAIModel:
    """A model that waits a thousand times shorter between its attempts."""
    made = OpenAIModel("m", base_url=server.url, **{"timeout": 20.0, **options})
    made.endpoint.sleep = shortly
    return made


async def soon(made: OpenAIModel, requests: Sequence[Request]) -> list[Result1]:
    async with asyncio.timeout(60):
        return await made.complete(requests)


def ask(
    answer: Callable[[Body], Any] | dict[str, Any],
    request: Request = ASKED,
    faults: Callable[[int], str | None] = lambda k: None,
    **options: Any,
) -> tuple[Result1, list[Body]]:
    """One request, and the bodies that the server got."""
    brain = answer if callable(answer) else lambda body: answer
    with ChatServer(brain, faults) as server:
        [result] = asyncio.run(soon(model(server, **options), [request]))
    return result, server.bodies


def always(fault: str) -> Callable[[int], str | None]:
    return lambda k: fault


# What is sent


def test_tools_and_parameters_are_sent_as_openai_has_them() -> None:
    _, [body] = ask({"content": "hm"}, calls="tools", temperature=0.5, top_p=0.9, max_tokens=99)
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert names == ["search", "look_up__" + "x" * 46 + "_" + names[1][-8:], "Finish"]
    assert len(names[1]) == 64
    assert body["tools"][0] == {
        "type": "function",
        "function": {
            "name": "search",
            "description": "Search.",
            "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
        },
    }
    rest = {k: v for k, v in body.items() if k != "tools"}
    assert rest == {
        "model": "m",
        "messages": [{"role": "user", "content": "Find it."}],
        "tool_choice": "auto",
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 99,
        "seed": 3,
    }


def test_a_history_has_ids_by_the_order_of_its_calls() -> None:
    call = Message("assistant", None, (("search", '{"q": 1}'),))
    broken = Message("assistant", "So \ud800", ((LONG.name, "{q"),))
    prompt = Prompt([call, Message("tool", "1", (), "search"), broken, Message("tool", "2")])
    _, [body] = ask({"content": "hm"}, Request(prompt, OFFERED), calls="tools")
    first, one, second, two = body["messages"]
    assert (first["content"], first["tool_calls"][0]["id"]) == (None, "call00001")
    assert one == {"role": "tool", "tool_call_id": "call00001", "content": "1"}
    assert second["content"] == "So ?"
    assert second["tool_calls"][0]["function"]["name"] == body["tools"][1]["function"]["name"]
    assert json.loads(second["tool_calls"][0]["function"]["arguments"]) == {"not_an_object": "{q"}
    assert two == {"role": "tool", "tool_call_id": "call00002", "content": "2"}


def test_a_text_policys_observations_are_sent_as_the_users() -> None:
    prompt = Prompt([Message("assistant", "Action: f"), Message("tool", "got", (), "f")])
    _, [body] = ask({"content": "hm"}, Request(prompt))
    assert body["messages"][1] == {"role": "user", "content": "got"}


def test_functions_are_the_shape_before_tools() -> None:
    call = Message("assistant", None, (("search", "{}"),))
    prompt = Prompt([call, Message("tool", "1", (), "search")])
    said = {"content": None, "function_call": {"name": "search", "arguments": '{"q": "a"}'}}
    result, [body] = ask(said, Request(prompt, OFFERED), functions=True, calls="tools")
    assert isinstance(result, Completion)
    assert result.calls == (ToolCall("search", '{"q": "a"}'),)
    assert body["function_call"] == "auto" and "tools" not in body
    assert body["messages"] == [
        {"role": "assistant", "content": None,
         "function_call": {"name": "search", "arguments": "{}"}},
        {"role": "function", "name": "search", "content": "1"},
    ]  # fmt: skip


# What is read


def test_parallel_calls_come_in_the_order_given_under_their_own_names() -> None:
    def answer(body: Body) -> Any:
        name = body["tools"][1]["function"]["name"]
        return calling(("search", '{"q": 1}'), (name, "{}"), ("made_up", "no JSON"), content="So.")

    result, _ = ask(answer)
    assert isinstance(result, Completion)
    assert result.content == "So."
    assert result.calls == (("search", '{"q": 1}'), (LONG.name, "{}"), ("made_up", "no JSON"))
    assert (result.prompt_tokens, result.completion_tokens) == (10, 5)


@pytest.mark.parametrize(
    ("message", "content", "thinking"),
    [
        ({"content": "Yes.", "reasoning_content": "Hm."}, "Yes.", "Hm."),
        ({"content": "Yes.", "reasoning": "Hm."}, "Yes.", "Hm."),
        ({"content": "<think>\nHm.\n</think>\n\nYes."}, "Yes.", "Hm."),
        ({"content": "Hm.</think>Yes."}, "Yes.", "Hm."),
        ({"content": "<think>Hm"}, None, "Hm"),
        ({"content": [{"type": "text", "text": "Yes."}]}, "Yes.", None),
        ({"content": None, "refusal": "No."}, "No.", None),
        ({"content": 7}, None, None),
    ],
)
def test_thinking_is_kept_apart(
    message: dict[str, Any], content: str | None, thinking: str | None
) -> None:
    result, _ = ask(message, PLAIN)
    assert isinstance(result, Completion)
    assert (result.content, result.thinking) == (content, thinking)


def test_log_probabilities_are_summed() -> None:
    tokens = [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -0.25}, {"token": "c"}]
    said = completion({"content": "ab"}, logprobs={"content": tokens})
    result, [body] = ask(said, PLAIN, logprobs=True)
    assert isinstance(result, Completion)
    assert (result.logprob, body["logprobs"]) == (-0.75, True)


def test_parts_of_a_wrong_type_are_read_as_absent() -> None:
    message = {"content": None, "tool_calls": [None, {"function": {"name": 3}}, {"function": 1}]}
    said = completion(message, logprobs=[1])
    said["usage"] = {"prompt_tokens": "many", "completion_tokens": -3, "prompt_tokens_details": 1}
    result, _ = ask(said, calls="tools")
    assert isinstance(result, Completion)
    assert (result.content, result.calls, result.logprob) == (None, (), None)


def test_a_reply_without_a_bill_is_estimated() -> None:
    said = completion({"content": "The answer is B."})
    del said["usage"]
    result, _ = ask(said, PLAIN)
    assert isinstance(result, Completion)
    assert 3 <= result.prompt_tokens <= 30 and 3 <= result.completion_tokens <= 30


def test_a_filtered_reply_is_an_error_that_was_paid_for() -> None:
    result, _ = ask(completion({"content": None}, finish_reason="content_filter"), calls="tools")
    assert isinstance(result, ModelError)
    assert (result.kind, result.tokens) == ("refused", 15)


def test_dollars_are_those_of_the_price_table_cached_tokens_at_their_own(tmp_path: Path) -> None:
    table = tmp_path / "prices.toml"
    table.write_text("[m]\ninput = 10.0\noutput = 20.0\ncached = 1.0\nwindow = 5000\n")
    said = completion({"content": "hm"}, 1000, 100)
    said["usage"]["prompt_tokens_details"] = {"cached_tokens": 400}
    result, _ = ask(said, PLAIN, prices=table)
    assert isinstance(result, Completion)
    assert result.usd == pytest.approx(0.006 + 0.0004 + 0.002)
    made = OpenAIModel("m", base_url="http://127.0.0.1:1/v1", prices=table, max_tokens=100)
    tokens, usd = made.bound(PLAIN)
    assert usd == pytest.approx(((tokens - 100) * 10 + 100 * 20) / 1e6)
    assert made.bound(ASKED)[0] > 2 * tokens  # with auto it may be asked twice
    assert made.context == 5000


def test_a_prompt_that_cannot_fit_is_not_sent() -> None:
    result, bodies = ask({"content": "hm"}, context=20)
    assert isinstance(result, ModelError)
    assert result.kind == "context" and "the context 20; not sent" in str(result)
    assert bodies == []
    _, [body] = ask({"content": "hm"}, PLAIN, context=40)
    assert 0 < body["max_tokens"] < 40


# Calls by schema


def test_schema_has_a_branch_for_each_function_and_thought_first() -> None:
    call = {"name": "search", "arguments": {"q": "a"}}
    text = json.dumps({"thought": "Look.", "call": call})
    result, [body] = ask({"content": text}, calls="schema")
    assert isinstance(result, Completion)
    assert (result.content, result.calls) == ("Look.", (("search", '{"q": "a"}'),))
    assert "tools" not in body
    assert body["response_format"]["type"] == "json_schema"
    schema = body["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == schema["required"] == ["thought", "call"]
    branches = schema["properties"]["call"]["anyOf"]
    assert [b["properties"]["name"]["enum"][0][:9] for b in branches] == [
        "search", "look_up__", "Finish",
    ]  # fmt: skip
    assert branches[0] == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": ["search"]},
            "arguments": {
                "type": "object",
                "properties": {"q": {"type": "string"}},
                "additionalProperties": False,
            },
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
    assert body["messages"][0]["role"] == "system"
    assert '{"name": "search", "description": "Search."' in body["messages"][0]["content"]


def test_schema_without_finish_takes_a_list_of_calls_that_may_be_empty() -> None:
    plan = {"thought": "Two.", "calls": [{"name": "search", "arguments": {"q": i}} for i in (1, 2)]}
    request = Request(ASKED.prompt, (SEARCH,))
    result, _ = ask({"content": json.dumps(plan)}, request, calls="schema")
    assert isinstance(result, Completion)
    assert result.calls == (("search", '{"q": 1}'), ("search", '{"q": 2}'))
    result, _ = ask({"content": '{"thought": "42", "calls": []}'}, request, calls="schema")
    assert isinstance(result, Completion)
    assert (result.content, result.calls) == ("42", ())


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ('<tool_call>{"name": "search", "arguments": {"q": 1}}</tool_call>', None),
        ('I look.\n```json\n{"name": "search", "parameters": {"q": 1}}\n```', "I look."),
        ('</tools>\n{"name": "search", "arguments": {"q": 1}}', None),
        ('{"function": {"name": "search", "arguments": "{\\"q\\": 1}"}}', None),
    ],
)
def test_auto_reads_a_call_that_stands_in_the_text(text: str, content: str | None) -> None:
    result, bodies = ask({"content": text})
    assert isinstance(result, Completion)
    assert (result.content, result.calls) == (content, (("search", '{"q": 1}'),))
    assert len(bodies) == 1
    as_it_is, _ = ask({"content": text}, calls="tools")
    assert isinstance(as_it_is, Completion) and as_it_is.content == text


def test_auto_asks_once_more_by_schema_and_counts_both() -> None:
    def answer(body: Body) -> Any:
        if "tools" in body:
            return {"content": "I would call search with q=1."}
        return {"content": '{"thought": "So.", "call": {"name": "search", "arguments": {}}}'}

    result, bodies = ask(answer)
    assert isinstance(result, Completion)
    assert (result.content, result.calls, result.tokens) == ("So.", (("search", "{}"),), 30)
    assert ["tools" in body for body in bodies] == [True, False]
    assert bodies[0]["seed"] == bodies[1]["seed"] == 3


def test_auto_takes_a_plain_answer_as_it_is() -> None:
    result, bodies = ask({"content": "The capital is Paris."})
    assert isinstance(result, Completion)
    assert (result.content, result.calls, len(bodies)) == ("The capital is Paris.", (), 1)


def test_auto_keeps_the_first_reply_where_the_server_knows_no_schema() -> None:
    says = {"content": "I would call search."}
    result, _ = ask(says, faults=lambda k: "no schema" if k else None)
    assert isinstance(result, Completion)
    assert (result.content, result.calls, result.tokens) == ("I would call search.", (), 15)


# Failures


@pytest.mark.parametrize(
    "fault",
    ["429", "500", "503", "529", "reset", "slow bytes", "truncated", "cut off", "html", "list",
     "error in 200", "no message", "no choices"],
)  # fmt: skip
def test_after_a_failure_it_is_tried_again(fault: str) -> None:
    timeout = 0.5 if fault == "slow bytes" else 20
    result, bodies = ask(
        {"content": "hm"}, PLAIN, lambda k: fault if k < 2 else None, timeout=timeout
    )
    assert isinstance(result, Completion), result
    assert result.content == "hm" and len(bodies) == 3
    assert result.tokens == 15 + (14 if fault == "no choices" else 0)  # what was billed counts
    assert bodies[0] == bodies[2]


@pytest.mark.parametrize(
    ("fault", "kind", "says", "sent"),
    [
        ("429", "refused", "HTTP 429: Slow down.; fewer at once (concurrency=)", 3),
        ("429 for an hour", "refused", "it asks to wait 3600 s, more than retry_seconds=", 1),
        ("no quota", "refused", "HTTP 429: You exceeded your quota.", 1),
        ("500", "server", "HTTP 500: Our fault. (after 3 attempts)", 3),
        ("reset", "server", "no connection", 3),
        ("cut off", "server", "no connection", 3),
        ("slow bytes", "timeout", "no reply within 0.3 s; a longer timeout= may help", 3),
        ("truncated", "contract", "the reply is not JSON", 3),
        ("html", "contract", "the reply is not JSON", 3),
        ("list", "contract", "the reply is list, not a chat completion", 3),
        ("error in 200", "contract", "the reply is an error: Our fault.", 3),
        ("no message", "contract", "a choice of the reply has no message", 3),
        ("no choices", "contract", "the reply has no choices", 3),
        ("no model", "refused", "HTTP 404: model 'm' not found; check the model's name", 1),
        ("bad key", "refused", "HTTP 401: Incorrect API key provided: [key].; check the key", 1),
        ("too long", "context", "maximum context length is 8 tokens", 1),
    ],
)
def test_a_failure_for_good_is_an_error_that_says_what_and_where(
    fault: str, kind: str, says: str, sent: int
) -> None:
    timeout = 0.3 if fault == "slow bytes" else 20
    result, bodies = ask({"content": "x"}, PLAIN, always(fault), timeout=timeout, attempts=3)
    assert isinstance(result, ModelError)
    assert result.kind == kind and says in str(result) and len(bodies) == sent
    assert str(result).startswith("m at http://127.0.0.1:")
    assert KEY not in str(result)
    assert result.tokens == (21 if fault == "no choices" else 0)


def test_a_server_that_is_not_there_is_an_error() -> None:
    made = OpenAIModel("m", base_url="http://127.0.0.1:9/v1", attempts=2)
    made.endpoint.sleep = shortly
    [result] = asyncio.run(soon(made, [PLAIN]))
    assert isinstance(result, ModelError) and "is the server running?" in str(result)


def test_one_failure_sinks_no_batch() -> None:
    def answer(body: Body) -> Any:
        return {"content": body["messages"][0]["content"]}

    requests = [Request(Prompt([Message("user", f"{i}")])) for i in range(6)]
    with ChatServer(answer, lambda k: "too long" if k == 2 else None) as server:
        results = asyncio.run(soon(model(server, concurrency=1), requests))
    said = [r.content if isinstance(r, Completion) else r.kind for r in results]
    assert said == ["0", "1", "context", "3", "4", "5"]
    assert server.most == 1


def test_the_same_hopeless_error_five_times_stops_the_rest() -> None:
    requests = [Request(Prompt([Message("user", f"{i}")])) for i in range(100)]
    with ChatServer(lambda body: {}, always("no model")) as server:
        results = asyncio.run(soon(model(server), requests))
    kinds = [r.kind for r in results if isinstance(r, ModelError)]
    assert len(kinds) == 100 and kinds.count("breaker") >= 90
    assert 5 <= len(server.bodies) <= 10
    assert "not sent after the same error 5 times in a row: m at http:" in str(results[-1])


def test_a_storm_of_429_ends_and_everybody_is_answered() -> None:
    requests = [Request(Prompt([Message("user", f"{i}")]), seed=i) for i in range(40)]
    with ChatServer(lambda body: {"content": "hm"}, lambda k: "429" if k < 30 else None) as server:
        results = asyncio.run(soon(model(server, attempts=40), requests))
    assert all(isinstance(r, Completion) for r in results)
    assert len(server.bodies) == 70


def test_a_cancelled_request_gives_its_place_back() -> None:
    async def go(made: OpenAIModel) -> list[Result1]:
        waiting = [asyncio.ensure_future(made.complete([PLAIN])) for _ in range(5)]
        await asyncio.sleep(0.2)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return await soon(made, [PLAIN])

    slow = lambda k: "slow bytes" if k < 4 else None  # noqa: E731
    with ChatServer(lambda body: {"content": "hm"}, slow) as server:
        made = model(server, concurrency=1, timeout=1.0)
        for requests in range(2):  # each in a loop of its own
            [result] = asyncio.run(go(made))
            assert isinstance(result, Completion) and result.content == "hm", requests


# Samples


@pytest.mark.parametrize("tools", [(), OFFERED], ids=["plain", "with tools"])
def test_n_sends_samples_of_one_prompt_together_and_splits_the_bill(tools: tuple[API, ...]) -> None:
    def answer(body: Body) -> Any:
        said = completion({"content": "a"}, 100, 10)
        more = completion({"content": "b"})["choices"]
        return {**said, "choices": [*said["choices"], *more]} if body.get("n") else said

    requests = [Request(PLAIN.prompt, tools, sample=i, seed=i) for i in range(2)]
    other = Request(Prompt([Message("user", "else")]))
    with ChatServer(answer) as server:
        results = asyncio.run(
            soon(model(server, n=True, calls="tools"), [requests[0], other, requests[1]])
        )
    shown = [(r.content, r.prompt_tokens, r.completion_tokens)
             for r in results if isinstance(r, Completion)]  # fmt: skip
    assert shown == [("a", 100, 5), ("a", 100, 10), ("b", 0, 5)]
    together = [body for body in server.bodies if body.get("n")]
    assert len(together) == 1 and len(server.bodies) == 2 and "seed" not in together[0]


# Whole trials

FAULTS = [None, "429", "500", None, "reset", "slow bytes", "truncated", "cut off", "html",
          "no choices", None, "list", "no message", "error in 200"]  # fmt: skip
NO_CHOICES = 7  # tokens that this fault bills


def trial(planner: Planner, made: Any, policy: str, task: int) -> Result:
    async def go() -> Result:
        async with asyncio.timeout(120):
            return await run(
                planner, TASKS[task], made, ShopEnv, budget=Budget(calls=40),
                policy=make("policies", policy),
            )  # fmt: skip

    return asyncio.run(go())


@pytest.mark.parametrize("planner", [ReACT(), DFSDT(ranked=True)], ids=["react", "dfsdt"])
@pytest.mark.parametrize("task", [0, 1])
def test_trials_through_faults_grow_the_tree_that_they_grow_without(
    planner: Planner, task: int
) -> None:
    plain = trial(planner, StumblingModel(0.35), "functions", task)
    with ChatServer(shopkeeper(TASKS, 0.35), lambda k: FAULTS[k % len(FAULTS)]) as server:
        faulty = trial(planner, model(server, timeout=0.5), "functions", task)
        hit = sum(server.faults(k) == "no choices" for k in range(len(server.bodies)))
    assert (faulty.end, faulty.answer, faulty.error) == (plain.end, plain.answer, None)
    assert faulty.tree.shape() == plain.tree.shape()
    assert faulty.spent["calls"] == plain.spent["calls"]
    assert faulty.spent["tokens"] == plain.spent["tokens"] + NO_CHOICES * hit


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        ({"calls": "tools"}, "functions"),
        ({"calls": "tools", "functions": True}, "functions"),
        ({"calls": "schema"}, "functions"),
        ({}, "text"),
        ({}, "toolllama"),
    ],
)
def test_trials_end_alike_in_every_shape(options: dict[str, Any], policy: str) -> None:
    answer = f"You paid {TASKS[1].answer}."
    with ChatServer(shopkeeper(TASKS, 0.0)) as server:
        result = trial(ReACT(), model(server, **options), policy, 1)
    assert (result.end, result.answer) == ("answered", answer), result.error


@pytest.mark.parametrize("fault", ["bad key", "reset", "429 for an hour", "truncated"])
def test_a_trial_whose_model_is_gone_ends_infra(fault: str) -> None:
    with ChatServer(shopkeeper(TASKS, 0.0), always(fault)) as server:
        result = trial(DFSDT(), model(server, attempts=3), "functions", 0)
    assert result.end == "infra" and str(result.error).startswith("ModelError: ")
    assert result.spent["calls"] == 1 and result.spent["tokens"] == 0


def test_it_keeps_the_contract() -> None:
    def answer(body: Body) -> Any:
        said = body["messages"][-1]["content"]
        return calling(("search", json.dumps({"q": said}))) if "tools" in body else {"content": "A"}

    with ChatServer(answer) as server:
        check_model(lambda: model(server))
    with ChatServer(answer, always("no model")) as server:
        check_model(lambda: model(server), deterministic=False)


# The key


@pytest.fixture
def echoing() -> Iterator[ChatServer]:
    """A server that answers right, and repeats the key wherever it can."""
    answer = shopkeeper(shop_tasks(3), 0.25)

    def echo(body: Body) -> Any:
        said = json.loads(json.dumps(answer(body)))
        message = said["choices"][0]["message"]
        message["reasoning_content"] = server.keys[-1]
        message["content"] = f"{message['content']} {server.keys[-1]}"
        return said

    def fault(k: int) -> str | None:
        return "bad key" if k % 9 == 8 else "500" if k % 5 == 3 else None

    with ChatServer(echo, fault) as server:
        yield server


def test_a_run_keeps_the_key_to_itself(echoing: ChatServer, tmp_path: Path) -> None:
    spec = f"openai:m,base_url={echoing.url}"
    command = [sys.executable, "-m", "toolgrove", "bench", "--suite", "shop", "--limit", "3",
               "--planner", "react", "--planner", "dfsdt", "--model", spec, "--budget",
               "calls=30", "--out", str(tmp_path / "run")]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240,
        env={**os.environ, "OPENAI_API_KEY": KEY, "OPENAI_LOG": "debug"},
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    assert any(KEY in sent for sent in echoing.keys)
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert {"run.json", "trials.jsonl", "summary.json"} <= {path.name for path in files}
    assert any(path.parent.name == "journal" for path in files)
    for path in files:
        assert KEY.encode() not in path.read_bytes(), path
    assert KEY not in done.stdout + done.stderr
    assert "[key]" in "".join(path.read_text() for path in files if path.suffix == ".jsonl")


def test_the_key_is_in_no_text_about_the_model() -> None:
    made = OpenAIModel("m", base_url="http://127.0.0.1:9/v1")
    assert KEY not in f"{made!r} {made.endpoint!r} {made.identity}"
    assert repr(made) == "OpenAIModel('m', base_url='http://127.0.0.1:9/v1')"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (f"openai:m,key_env={KEY}", "key_env takes the name of an environment variable"),
        (f"openai:{KEY}", "looks like a key"),
        (f"openai:m,key={KEY}", "has no parameter 'key' (did you mean 'key_env'?)"),
        ("openai:m,key_env=NO_SUCH_KEY", "no key: set NO_SUCH_KEY"),
        (f"openai:m,base_url=http://u:{KEY}@h/v1", "leave out the user, query and fragment"),
        (f"openai:m,base_url=http://h/v1?key={KEY}", "leave out the user, query and fragment"),
        ("openai:m,base_url=localhost", "base_url is no http address"),
        ("openai:m,calls=maybe", "expected 'auto' or 'tools' or 'schema'"),
        ("openai:m,functions=true,calls=schema", "exclude each other"),
        ("openai:m,max_tokens=0", "max_tokens must be 1 or more, not 0"),
        ("openai:m,timeout=inf", "timeout must be more than 0 seconds"),
        ("openai", "lacks model"),
    ],
)
def test_a_bad_spec_is_a_usage_error_that_repeats_no_key(spec: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        make("models", spec)
    assert says in str(raised.value) and KEY not in str(raised.value)


def test_openai_itself_needs_a_key_and_other_servers_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError, match="no key: set OPENAI_API_KEY, or base_url="):
        make("models", "openai:gpt-4o")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1/")
    made = make("models", "openai:llama3:8b,calls=schema")
    assert (made.model, made.endpoint.base_url) == ("llama3:8b", "http://127.0.0.1:9/v1")


@pytest.mark.parametrize("name", ["hf-internal-testing/tiny", "sk-learn-helper-model", "o3-mini"])
def test_names_of_models_are_not_taken_for_keys(name: str) -> None:
    assert make("models", f"openai:{name}").model == name


def test_no_key_is_sent_where_none_is_named() -> None:
    with ChatServer(lambda body: {"content": "hm"}) as server:
        asyncio.run(soon(model(server, key_env=None), [PLAIN]))
    assert server.keys == ["Bearer none"]


def test_what_waits_is_sent_search_by_search() -> None:
    """A server's prefix cache then holds few trees: not those of all trials under way."""

    async def search(made: OpenAIModel, i: int) -> None:
        prompt = Prompt([Message("user", f"task {i}")])
        for turn in range(5):
            [reply] = await soon(made, [Request(prompt, seed=turn)])
            assert isinstance(reply, Completion)
            prompt = prompt.then([Message("assistant", reply.content), Message("user", "Go on.")])

    async def go(made: OpenAIModel) -> None:
        await asyncio.gather(*[search(made, i) for i in range(24)])

    with ChatServer(lambda body: {"content": "hm"}) as server:
        asyncio.run(go(model(server, concurrency=2)))
    order = [body["messages"][0]["content"] for body in server.bodies]
    assert len(order) == 120
    spans = [range(order.index(t), 120 - order[::-1].index(t)) for t in set(order)]
    # First come first served has all 24 open at once.
    assert max(sum(k in span for span in spans) for k in range(120)) <= 8
