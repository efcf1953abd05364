"""The code of ToolBench and StableToolBench, unchanged: what it sends, byte for byte, is answered.

The requests are what ``requests.post(url, json=payload, headers=headers)`` of their
``rapidapi_wrapper`` puts on the wire; the wrapper reads ``error`` and ``response`` of a 200.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest

from toolgrove.core import API, CallWorld, Status, Step, StepInfo, world
from toolgrove.envs.serving.toolbench import ERRORS, HTTP, LONGEST, Names, answered, envelope

Serving = Callable[..., AbstractContextManager[str]]
KEY = "a-key-of-toolbench"


def sent(url: str, path: str, payload: Mapping[str, Any]) -> tuple[int, dict[str, str], Any]:
    """The bytes of their client, over a socket of our own."""
    parts = urlsplit(url)
    body = json.dumps(payload).encode()
    request = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: python-requests/2.31.0\r\n"
        "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: close\r\n"
        f"toolbench_key: {KEY}\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: application/json\r\n\r\n"
    ).encode() + body
    with socket.create_connection((parts.hostname or "", parts.port or 0), 10) as to:
        to.sendall(request)
        got = b""
        while part := to.recv(65536):
            got += part
    head, _, rest = got.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    named = (line.partition(": ")[::2] for line in lines[1:])
    return int(lines[0].split()[1]), {k.lower(): v for k, v in named}, json.loads(rest)


def payload(**other: Any) -> dict[str, Any]:
    return {
        "category": "Location",
        "tool_name": "countryatlas",
        "api_name": "country_profile",
        "tool_input": '{"country_code": "FR"}',
        "strip": "truncate",
        "toolbench_key": KEY,
        **other,
    }


@pytest.fixture(scope="module")
def hub(serving: Serving) -> Iterator[str]:
    with serving(world("hub")) as url:
        yield url


def test_toolbenchs_client_gets_its_envelope(hub: str) -> None:
    code, headers, got = sent(hub, "/rapidapi", payload())
    assert (code, headers["x-hub-status"], got["error"]) == (200, "200", "")
    assert got["response"].startswith("{'name': 'France', 'capital': 'Paris'")
    assert len(got["response"]) <= LONGEST and set(got) == {"error", "response"}


@pytest.mark.parametrize("path", ["/virtual", "/rapidapi"])
@pytest.mark.parametrize(
    "other",
    [
        {},
        {"tool_input": {"country_code": "FR"}},
        {"tool_name": "countryatlas_for_Location"},
        {"tool_name": "CountryAtlas", "category": "Elsewhere"},
        {"api_name": "country_profile_for_countryatlas"},
        {"category": "Location", "something": "else", "toolbench_key": None},
    ],
)
def test_names_are_taken_as_their_servers_take_them(
    hub: str, path: str, other: dict[str, Any]
) -> None:
    code, _, got = sent(hub, path, payload(strip="", **other))
    assert code == 200 and got["error"] == "" and got["response"]["capital"] == "Paris"


def test_stabletoolbench_gets_responses_whole(hub: str) -> None:
    _, _, got = sent(hub, "/virtual", payload())
    assert got["response"]["capital"] == "Paris"  # strip is not looked at there


def test_what_cannot_be_answered_is_an_error_in_a_200(hub: str) -> None:
    for other, error in (
        ({"api_name": "nothing"}, "API doesn't exist"),
        ({"tool_input": "country_code=FR"}, "Tool input parse error...\n"),
        ({"tool_input": "[1]"}, "Tool input parse error...\n"),
        ({"tool_input": ""}, "missing required parameter: country_code"),
        ({"tool_input": {"country_code": "FR", "colour": 1}}, "unknown parameter: colour"),
    ):
        code, _, got = sent(hub, "/rapidapi", payload(**other))
        assert code == 200 and got["error"].startswith(error) and got["response"] == ""


def test_what_is_no_request_is_refused(hub: str) -> None:
    wrongs: list[Any] = [{"tool_name": "x"}, {**payload(), "tool_input": 3}, []]
    for wrong in wrongs:
        code, _, got = sent(hub, "/virtual", wrong)
        assert code == 422 and got["response"] == "" and got["error"].startswith("body")


class Down(CallWorld):
    """Answers a call by the status it names."""

    apis = (API("get", tool="Some Tool", api="Get It", category="News, Media"),)

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        body = '{"error": "", "response": {"message": "quota"}}'
        return Step(body, info=StepInfo(arguments["status"], "live"))


def test_their_clients_learn_the_code_by_their_own_words(serving: Serving) -> None:
    with serving(Down()) as url:
        for status, word in ERRORS.items():
            wanted = payload(
                category="News_Media",
                tool_name="some_tool",
                api_name="get_it",
                tool_input={"status": status},
                strip="",
            )
            code, headers, got = sent(url, "/rapidapi", wanted)
            assert code == 200 and headers["x-hub-status"] == str(HTTP[status])
            assert got == {"error": word, "response": {"message": "quota"}}


def test_every_status_has_a_number() -> None:
    assert set(HTTP) == set(get_args(Status))


def test_observations_that_are_no_envelope_are_put_into_one() -> None:
    assert envelope(Step("sun")) == {"error": "", "response": "sun"}
    assert envelope(Step('{"a": [1]}')) == {"error": "", "response": {"a": [1]}}
    assert envelope(Step("no", info=StepInfo("error"))) == {"error": "no", "response": ""}
    assert envelope(Step('{"error": 1')) == {"error": "", "response": '{"error": 1'}
    long = Step(json.dumps({"error": "", "response": "x" * 5000}))
    assert len(answered(long, "truncate")["response"]) == LONGEST
    assert len(answered(long, "filter")["response"]) == 5000


def test_tools_of_one_name_in_two_categories_are_kept_apart() -> None:
    one, two = (
        API(f"f{i}", tool="Weather", api="id", category=c) for i, c in enumerate(("A B", "C/D"))
    )
    names = Names((one, two))
    assert names.standard("A_B", "weather", "is_id") is one
    assert names.standard("C_D", "weather_for_C_D", "id_for_weather") is two
    assert names.standard("Z", "weather", "id") is one
    assert names.standard("", "rain", "id") is None
    assert names.exact("Weather", "id") is one and names.exact("weather", "id") is None
