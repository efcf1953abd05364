"""Tool documents, RapidAPI and ToolBench's servers as worlds, against a loopback server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from web_server import Asked, reply, web

from toolgrove.core import API, Action, CallWorld, Step, Task, ToolError, UsageError, world
from toolgrove.envs.http.documents import HTTPWorld, endpoint_of, read_documents, request_of
from toolgrove.envs.http.proxy import ProxyWorld
from toolgrove.envs.http.rapidapi import RapidAPIWorld
from toolgrove.testing import check_env

WEATHER = {
    "tool_name": "Weather Box",
    "host": "weather-box.p.rapidapi.com",
    "api_list": [
        {
            "name": "Forecast By City",
            "url": "https://weather-box.p.rapidapi.com/city/{City Name}/days",
            "description": "The next days.",
            "method": "GET",
            "required_parameters": [
                {"name": "City Name", "type": "STRING", "description": "", "default": ""},
                {"name": "from", "type": "STRING", "description": "", "default": "today"},
            ],
            "optional_parameters": [
                {"name": "maxDays", "type": "NUMBER", "description": "", "default": "3"}
            ],
        },
        {
            "name": "Report",
            "url": "https://weather-box.p.rapidapi.com/report",
            "description": "Tell us.",
            "method": "POST",
            "required_parameters": [{"name": "text", "type": "STRING", "description": ""}],
            "optional_parameters": [],
        },
    ],
}
FORECAST, REPORT = "forecast_by_city_for_weather_box", "report_for_weather_box"


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "tools" / "Weather"
    folder.mkdir(parents=True)
    (folder / "weather_box.json").write_text(json.dumps(WEATHER))
    return tmp_path / "tools"


def ask(found: CallWorld, name: str, task: Task | None = None, **arguments: Any) -> Step:
    """One call of an episode."""

    async def go() -> Step:
        env = found.env()
        await env.reset(task or Task("t", "x", found.apis), seed=0)
        try:
            return await env.step(Action(name, json.dumps(arguments)))
        finally:
            await found.close()

    return asyncio.run(go())


def test_a_document_says_what_is_sent(documents: Path) -> None:
    with web(lambda asked: reply(b'{"rain": true}')) as server:
        found = HTTPWorld(documents, base=server.url, fork="replay")
        step = ask(found, FORECAST, city_name="São Paulo/../x", maxdays=5)
        assert json.loads(step.observation)["response"] == {"rain": True}
        ask(found, REPORT, text="wet")
    first, second = server.asked
    assert first.path == "/city/S%C3%A3o%20Paulo%2F..%2Fx/days"  # it stays one part of the path
    assert first.query == [("from", "today"), ("maxDays", "5")]
    assert (second.method, json.loads(second.body)) == ("POST", {"text": "wet"})
    assert second.headers["content-type"] == "application/json"
    [api, other] = found.apis
    assert api.read_only and not other.read_only
    assert api.category == "Weather" and api.tool == "Weather Box"
    assert HTTPWorld(documents, base=server.url).fork == "never"


def test_wrong_arguments_are_told(documents: Path) -> None:
    found = HTTPWorld(documents, base="http://127.0.0.1:9", fork="free")
    with pytest.raises(ToolError, match="needs 'city_name'") as caught:
        ask(found, FORECAST)
    assert caught.value.status == "bad_arguments"
    with pytest.raises(ToolError, match="has no argument 'town'; it takes: city_name, is_from"):
        ask(found, FORECAST, town="Rome")


def test_rapidapi_gets_its_key_and_host(documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPIDAPI_KEY", "my own key")
    codes = [200, 403]
    with web(lambda asked: reply(code=codes.pop(0))) as server:
        found = RapidAPIWorld(documents, base=server.url, fork="free")
        step = ask(found, FORECAST, city_name="Rome")
        assert ask(found, FORECAST, city_name="Rome").info.status == "unsubscribed"
    headers = server.asked[0].headers
    assert headers["x-rapidapi-key"] == "my own key"
    assert headers["x-rapidapi-host"] == f"127.0.0.1:{server.port}"
    assert "my own key" not in repr(step) + repr(found) + str(vars(found))
    monkeypatch.delenv("RAPIDAPI_KEY")
    with pytest.raises(UsageError, match=r"export RAPIDAPI_KEY=\.\."):
        ask(found, FORECAST, city_name="Rome")


def test_only_the_hosts_of_the_documents_are_asked(documents: Path) -> None:
    found = RapidAPIWorld(documents)
    assert found.client.hosts == {"weather-box.p.rapidapi.com"} and not found.client.private
    assert HTTPWorld(documents, hosts="a.com; *.b.com").client.hosts == {"a.com", "*.b.com"}


def test_toolbenchs_own_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLBENCH_KEY", "bench key")
    answers: list[Any] = [
        {"error": "", "response": {"rain": 1}},
        {"error": "Rate limit per minute error...", "response": ""},
        {"error": "something else", "response": "x"},
        ["no envelope"],
    ]
    api = API("forecast_for_weather_box", category="Weather", tool="Weather Box!", api="Forecast")
    task = Task("t", "x", (api,))
    with web(lambda asked: reply(json.dumps(answers.pop(0)).encode())) as server:
        found = ProxyWorld(f"{server.url}/virtual", strip="truncate")
        step = ask(found, api.name, task, city="Rome")
        statuses = [ask(found, api.name, task).info.status for _ in range(2)]
        with pytest.raises(ToolError, match='no "response"'):
            ask(found, api.name, task)
    assert json.loads(step.observation) == {"error": "", "response": {"rain": 1}}
    assert statuses == ["rate_limited", "error"]
    assert json.loads(server.asked[0].body) == {
        "category": "Weather", "tool_name": "weather_box", "api_name": "forecast",
        "tool_input": {"city": "Rome"}, "strip": "truncate", "toolbench_key": "bench key",
    }  # fmt: skip
    assert server.asked[0].path == "/virtual"


def test_it_is_an_environment(documents: Path) -> None:
    def answer(asked: Asked) -> bytes:
        return reply(json.dumps(asked.query).encode())

    with web(answer) as server:
        found = HTTPWorld(documents, base=server.url, fork="free")
        calls = [{"city_name": "Rome"}, {"city_name": "Oslo", "maxdays": 2}, {}]
        actions = [Action(FORECAST, json.dumps(given)) for given in calls]
        check_env(found.env, Task("t", "x", found.apis), actions=[*actions, Action(FORECAST, "[")])


def test_specs(documents: Path) -> None:
    found = world(f"http:{documents},base=http://127.0.0.1:9,fork=free,timeout=2")
    assert isinstance(found, HTTPWorld) and found.client.timeout == 2 and found.client.private
    assert isinstance(world(f"rapidapi:{documents}/Weather/weather_box.json"), RapidAPIWorld)
    proxy = world("proxy:http://example.com:8080/virtual,attempts=1")
    assert isinstance(proxy, ProxyWorld) and proxy.url == "http://example.com:8080/virtual"
    assert not proxy.client.private


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot read API documents"),
        ("[]", "no api_list"),
        ('{"api_list": []}', "no API documents"),
        ('{"tool_name": "t", "api_list": [{"name": "a", "url": "/x"}]}', "no base= to begin it"),
        ('{"tool_name": "t", "api_list": [{"url": "http://x/"}]}', "describes no API|None"),
        ('{"tool_name": "t", "api_list": ["x"]}', "API 1 is no object"),
        ('{"tool_name": "t", "api_list": [{"name": "a", "url": "ftp://x/"}]}', "no URL of its own"),
    ],
)
def test_documents_that_are_none(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "tool.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=says):
        read_documents(path)
    with pytest.raises(UsageError, match="cannot read"):
        read_documents(tmp_path / "none.json")


def test_bad_addresses_are_told() -> None:
    for url in ("example.com", "file:///etc", "http://user:secret@x/"):
        with pytest.raises(UsageError) as caught:
            ProxyWorld(url)
        assert "secret" not in str(caught.value) or "user" in url


def test_every_api_of_the_catalogue_makes_a_request(shared: Path) -> None:
    found = read_documents(shared / "toolenv" / "catalogue.jsonl")
    assert len({endpoint.api.name for endpoint in found}) == len(found) == 16_345
    lacking = []
    for endpoint in found:
        given = dict.fromkeys(endpoint.api.parameters["properties"], "a b/c")
        try:
            request = request_of(endpoint, given)
        except ToolError:  # its URL names a parameter that the document does not
            lacking.append(endpoint)
        else:
            assert request.url.startswith("https://") and "{" not in request.url
    assert len(lacking) == 38


def test_a_raw_rapidapi_document(shared: Path) -> None:
    folder = shared / "toolbench_example" / "history_b2384c2" / "toolenv" / "tools"
    found = RapidAPIWorld(folder)
    names = {"love_quote_for_olato_quotes", "success_quote_for_olato_quotes"}
    assert names <= {api.name for api in found.apis}
    assert found.client.hosts == {"olato-quotes.p.rapidapi.com"}
    with pytest.raises(ValueError, match="no method"):
        endpoint_of({"tool_name": "t", "api_name": "a", "url": "http://x/", "method": "G T"})
