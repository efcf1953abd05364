"""Simulated APIs: what the model is asked, how its reply is read, and what is never made up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer
from hypothesis import given, settings
from hypothesis import strategies as st

from toolgrove.core import (
    API,
    Action,
    BadArguments,
    Completion,
    ModelError,
    Request,
    Step,
    Task,
    ToolError,
    UsageError,
    run_sync,
    world,
)
from toolgrove.envs.simulated import SimulatedWorld, load_texts
from toolgrove.envs.simulated_examples import ALL, nearest, read_examples
from toolgrove.envs.simulated_reply import read_envelope
from toolgrove.models import ScriptedModel
from toolgrove.models.scripted import Line, line
from toolgrove.planners import ReACT
from toolgrove.testing import check_env

WEATHER = API(
    "weather_for_meteo",
    "The weather of a city.",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "Weather",
    "Meteo",
    "weather",
)
SUNNY = '{"error": "", "response": {"sky": "clear", "°C": 21}}'


class Noting(ScriptedModel):
    """Keeps the requests, and answers after a moment."""

    def __init__(self, *replies: str | Line) -> None:
        lines = [line(r) if isinstance(r, str) else r for r in replies]
        super().__init__(answers={"simulate": lines})
        self.asked: list[Request] = []

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.asked.extend(requests)
        await asyncio.sleep(0.01)
        return await super().complete(requests)


def call(made: SimulatedWorld, api: API = WEATHER, /, **arguments: Any) -> Step:
    return asyncio.run(made.call(api, arguments))


def test_a_call_is_answered_by_the_model_and_says_so() -> None:
    model = Noting(line({"text": SUNNY, "tokens": 40, "usd": 0.5}))
    made = SimulatedWorld(model)
    step = call(made, city="Zürich")
    assert step.observation == '{"error":"","response":{"sky":"clear","°C":21}}'
    assert (step.info.status, step.info.provenance) == ("ok", "simulated")
    assert step.info.detail is not None
    [request] = model.asked
    assert step.info.detail == {
        "simulator": {"provider": "toolgrove", "model": "scripted"},
        "prompt": request.prompt.digest.hex(),
        "tokens": 40,
        "usd": 0.5,
    }
    system, user = request.messages
    assert (system.role, user.role) == ("system", "user")
    assert system.content is not None and user.content is not None
    for part in ("The weather of a city.", '"tool": "Meteo"', '"api": "weather"', '"required"'):
        assert part in system.content
    assert "Recorded requests" not in system.content and "$" not in system.content
    assert user.content == 'Request: {"city": "Zürich"}\nResponse:'
    assert request.purpose == "ask.simulate" and request.tools == ()


def test_equal_calls_get_equal_requests_and_one_answer() -> None:
    model = Noting(SUNNY, "never said")
    made = SimulatedWorld(model)

    async def thrice() -> list[Step]:
        spelled = [{"city": "Bern", "days": 2}, {"days": 2.0, "city": "Bern"}]
        first = await asyncio.gather(*(made.call(WEATHER, each) for each in spelled))
        return [*first, await made.call(WEATHER, spelled[0])]

    first, *others = asyncio.run(thrice())
    assert others == [first, first] and len(model.asked) == 1
    again = SimulatedWorld(other := Noting(SUNNY))
    call(again, days=2, city="Bern")
    assert (other.asked[0].seed, other.asked[0].prompt.digest) == (
        model.asked[0].seed,
        model.asked[0].prompt.digest,
    )
    call(again, city="Basel")
    call(SimulatedWorld(last := Noting(SUNNY), seed=1), days=2, city="Bern")
    assert len({r.seed for r in (*other.asked, *last.asked)}) == 3


def test_an_answer_outlives_whoever_asked_first() -> None:
    model = Noting(SUNNY)
    made = SimulatedWorld(model)

    async def cancelled() -> Step:
        first = asyncio.ensure_future(made.call(WEATHER, {"city": "Bern"}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        return await made.call(WEATHER, {"city": "Bern"})

    assert asyncio.run(cancelled()).info.status == "ok"
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    ("reply", "status", "body"),
    [
        (SUNNY, "ok", {"error": "", "response": {"sky": "clear", "°C": 21}}),
        (f"```json\n{SUNNY}\n```", "ok", {"error": "", "response": {"sky": "clear", "°C": 21}}),
        (f"Here it is: {SUNNY} Bye.", "ok",
         {"error": "", "response": {"sky": "clear", "°C": 21}}),
        ("{'error': '', 'response': [1, 2,]}", "ok", {"error": "", "response": [1, 2]}),
        ('{"weather": {"error": "", "response": "x"}}', "ok", {"error": "", "response": "x"}),
        ('{"error": "", "response": "{\\"a\\": 1}"}', "ok", {"error": "", "response": '{"a": 1}'}),
        ('{"error": null, "response": ""}', "ok", {"error": "", "response": ""}),
        ('{"error": "no such city", "response": ""}', "error",
         {"error": "no such city", "response": ""}),
        ('{"error": {"code": 4}}', "error", {"error": '{"code": 4}', "response": ""}),
        ('{"error": "", "response": NaN}', "ok", {"error": "", "response": "NaN"}),
        ('{"error": "", "response": "\\ud800"}', "ok", {"error": "", "response": "?"}),
    ],
)  # fmt: skip
def test_replies(reply: str, status: str, body: Any) -> None:
    step = call(SimulatedWorld(Noting(reply)), city="Bern")
    assert (step.info.status, step.info.provenance) == (status, "simulated")
    assert json.loads(step.observation) == body


@pytest.mark.parametrize(
    "reply",
    ["", "It is sunny.", "{}", "[]", "null", '"sunny"', '{"sky": "clear"}', '{"error": ""}',
     "[" * 50_000, '{"' * 50_000, '{"response"', "{" * 3000, '{"a": {"b": 1}}'],
)  # fmt: skip
def test_what_is_no_envelope_is_no_answer(reply: str) -> None:
    model = Noting(reply, SUNNY)
    made = SimulatedWorld(model)
    step = call(made, city="Bern")
    assert (step.info.status, step.info.provenance) == ("error", "simulated")
    body = json.loads(step.observation)
    assert "simulator of weather_for_meteo failed" in body["error"] and body["response"] == ""
    assert step.info.detail is not None and step.info.detail["unread"]
    assert call(made, city="Bern") == step and len(model.asked) == 1


@settings(max_examples=50, deadline=None)
@given(st.text() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    envelope, _ = read_envelope(text)
    if envelope is not None:
        assert list(envelope) == ["error", "response"] and isinstance(envelope["error"], str)


def test_a_model_that_fails_answers_nothing_and_is_asked_again() -> None:
    class Broken(Noting):
        async def complete(self, requests: Sequence[Request]) -> Any:
            raise RuntimeError("gone")

    class Slow(Noting):
        async def complete(self, requests: Sequence[Request]) -> Any:
            await asyncio.sleep(60)

    for model, status, said in (
        (Noting(ModelError("no credit")), "unavailable", "no credit"),
        (Broken(), "unavailable", "gone"),
        (Slow(), "timeout", "within 0.05 s"),
    ):
        with pytest.raises(ToolError, match=said) as refused:
            call(SimulatedWorld(model, timeout=0.05), city="Bern")
        assert refused.value.status == status
    made = SimulatedWorld(Noting(ModelError("no credit"), SUNNY))
    with pytest.raises(ToolError):
        call(made, city="Bern")
    assert call(made, city="Bern").info.status == "ok"


@pytest.mark.parametrize(
    ("check", "arguments", "said"),
    [
        ("required", {}, "argument 'city' is missing"),
        ("required", {"city": 5, "more": 1}, None),
        ("schema", {"city": 5}, "argument 'city'"),
        ("schema", {"city": "Bern", "day": 1}, "did you mean 'days'"),
        ("schema", {"city": "Bern"}, None),
        ("none", {}, None),
        ("none", {"city": "x" * 30_000}, "30012 characters"),
        ("none", {"city": "\ud800"}, "not valid JSON"),
        ("none", {"city": float("nan")}, "not valid JSON"),
    ],
)
def test_arguments_that_do_not_fit_cost_nothing(
    check: Any, arguments: Mapping[str, Any], said: str | None
) -> None:
    model = Noting(SUNNY)
    made = SimulatedWorld(model, check=check)
    if said is None:
        assert asyncio.run(made.call(WEATHER, arguments)).info.status == "ok"
        return
    with pytest.raises(BadArguments, match=said):
        asyncio.run(made.call(WEATHER, arguments))
    assert model.asked == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "object", "$ref": "http://169.254.169.254/schema"},
        {"type": "object", "properties": {"city": {"$ref": "#/nowhere"}}},
        {"type": "nothing"},
        {"type": "object", "required": 5},
    ],
)
def test_a_schema_that_is_none_checks_nothing(parameters: Any) -> None:
    made = SimulatedWorld(Noting(SUNNY), check="schema")
    assert call(made, API("odd", "", parameters), city="Bern").info.status == "ok"


def row(city: str, response: str, **more: Any) -> str:
    told = {"function": "weather_for_meteo", "tool_name": "Meteo", "api_name": "weather"}
    call = {"arguments": json.dumps({"city": city}), "observation": response}
    return json.dumps({**told, **call, **more})


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    file = tmp_path / "calls.jsonl"
    rows = [
        row("Paris", '{"error": "", "response": "far"}'),
        row("Berne", '{"error": "", "response": "near"}'),
        row("Bern", '{"error": "down", "response": ""}', observation_code=12),
        row("Bernex", '{"error": "", "response": "%s"}' % ("x" * 5000)),
        row("Oslo", '{"error": "", "response": "other"}', tool_name="Other"),
        row("Bern", "bye", observation_code=3),
        json.dumps({"function": "weather_for_meteo", "arguments": "[1", "observation": "x"}),
    ]
    file.write_text("\n".join([*rows, ""]))
    return file


def test_recorded_examples_are_shown_nearest_first(calls: Path) -> None:
    made = SimulatedWorld(Noting(SUNNY), examples_file=calls, examples=3)
    system = made.prompt(WEATHER, {"city": "Bern"}).added[0].content or ""
    shown = system[system.index("Recorded requests") :]
    places = [shown.index(city) for city in ('"Berne"', '"Bernex"', '"Paris"')]
    assert places == sorted(places)
    assert "down" not in shown and "Oslo" not in shown and "bye" not in shown
    assert "… (cut)" in shown and len(shown) < 3000
    none = SimulatedWorld(Noting(SUNNY), examples_file=calls, examples=0)
    assert "Recorded" not in (none.prompt(WEATHER, {"city": "Bern"}).added[0].content or "")


def test_examples_are_bounded() -> None:
    many = [({"n": n}, f"{n}" + "x" * 9999) for n in range(1000)]
    shown = nearest(many, {"n": 5}, 1000)
    assert shown[0][0] == '{"n": 5}'
    assert 1 < len(shown) < 10 and sum(len(a) + len(b) for a, b in shown) <= ALL


def test_examples_from_elsewhere_and_other_texts(calls: Path, tmp_path: Path) -> None:
    asked: list[API] = []

    def recorded(api: API) -> list[tuple[Mapping[str, Any], str]]:
        asked.append(api)
        return [({"city": "Genf"}, "from a store")]

    texts = tmp_path / "mine.toml"
    texts.write_text('system = "Be $documentation. $examples $$1"\nexamples = "<$examples>"\n')
    made = SimulatedWorld(Noting(SUNNY), recorded=recorded, texts=texts)
    system, user = made.prompt(WEATHER, {"city": "Bern"})
    assert asked == [WEATHER]
    assert (system.content or "").startswith("Be {") and "from a store" in (system.content or "")
    assert (system.content or "").endswith("$1")
    assert user.content == 'Request: {"city": "Bern"}\nResponse:'
    marks = [dict(w.fingerprints()) for w in (
        made, SimulatedWorld(Noting(SUNNY)), SimulatedWorld(Noting("other")),
        SimulatedWorld(Noting(SUNNY), examples_file=calls),
    )]  # fmt: skip
    assert marks[0]["simulator"] != marks[1]["simulator"] == marks[2]["simulator"]
    assert marks[1]["simulator_model"] != marks[2]["simulator_model"]
    assert set(marks[3]) == {"simulator", "simulator_model", "simulator_examples"}


def test_an_episode_keeps_the_contract() -> None:
    made = SimulatedWorld(Noting(SUNNY), check="schema")
    task = Task("t", "", (WEATHER,))
    asks = [Action(WEATHER.name, json.dumps({"city": city})) for city in ("Bern", "Basel", "Bern")]
    assert made.fork == "free"
    check_env(made.env, task, actions=[*asks, Action("nothing"), Action(WEATHER.name, "{}")])


def test_specs(tmp_path: Path, calls: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"answers": {"simulate": [SUNNY]}}))
    made = world(f"simulated:(scripted:{script}),env=(shop),examples=2,examples_file={calls}")
    assert isinstance(made, SimulatedWorld)
    assert {api.name for api in made.apis} == {api.name for api in world("shop").apis} != set()
    assert call(made, city="Bern").info.provenance == "simulated"
    asyncio.run(made.close())
    for spec, said in (
        ("simulated:scripted", "in parentheses"),
        (f"simulated:(scripted:{script}),examples=-1", "examples=-1"),
        (f"simulated:(scripted:{script}),check=all", "check"),
        (f"simulated:(scripted:{script}),timeout=0", "timeout"),
        (f"simulated:(scripted:{script}),texts=none.toml", "none.toml"),
        (f"simulated:(scripted:{script}),examples_file=none.jsonl", "none.jsonl"),
        (f"simulated:(scripted:{script}),examples_file={script}", "is no recorded call"),
        ("simulated", "lacks model"),
    ):
        with pytest.raises(UsageError, match=said):
            world(spec)


@pytest.mark.parametrize(
    ("text", "said"),
    [("a = ", "not TOML"), ('sytem = ""', "no text is called 'sytem'"), ("user = 1", "not int")],
)
def test_texts_that_are_wrong(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "texts.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        load_texts(file)


def test_a_search_over_a_served_model() -> None:
    pytest.importorskip("openai")
    from toolgrove.models.openai import OpenAIModel

    bodies: list[Any] = []

    def brain(body: dict[str, Any]) -> Mapping[str, Any]:
        bodies.append(body)
        return {"content": SUNNY}

    with ChatServer(brain) as server:
        made = SimulatedWorld(OpenAIModel("m", base_url=server.url, temperature=0.0))
        ask = line({"calls": [[WEATHER.name, {"city": "Bern"}]]})
        done = line({"calls": [["Finish", {"return_type": "give_answer", "final_answer": "21"}]]})
        planner = ScriptedModel(replies=[ask, ask, done])
        result = run_sync(ReACT(), Task("t", "?", (WEATHER,)), planner, made.env)
    assert result.error is None and result.answer == "21"
    steps = [node.step for node in result.tree.walk() if node.step is not None][:2]
    assert [step.info.provenance for step in steps] == ["simulated", "simulated"]
    [body] = bodies
    assert body["temperature"] == 0.0 and "seed" in body and not body.get("tools")
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


def test_every_recorded_call_of_real_traces_is_an_example(shared: Path) -> None:
    file = shared / "derived" / "recorded_calls.jsonl"
    of = read_examples(file)
    rows = [json.loads(text) for text in file.read_text().split("\n") if text]
    found = 0
    for each in {(r["function"], r["tool_name"], r["api_name"]): r for r in rows}.values():
        api = API(each["function"], tool=each["tool_name"] or "", api=each["api_name"] or "")
        shown = nearest(of(api), {}, 5)
        assert sum(len(a) + len(b) for a, b in shown) <= ALL
        found += len(shown) > 0
    assert found > 400
