"""The server: its routes, what it refuses, and that it forgets nothing and keeps nothing."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolgrove.core import API, Action, CallWorld, Step, StepInfo, Task, ToolEnv, World, world
from toolgrove.envs.hub.registry import endpoints
from toolgrove.envs.serving.guard import Guard, Limits
from toolgrove.envs.serving.sessions import Refused, Sessions
from toolgrove.envs.shop import shop_tasks

Serving = Callable[..., AbstractContextManager[str]]
WAIT = API("wait", tool="Clock", api="Wait")


class Slow(CallWorld):
    """Answers when it is told to."""

    apis = (WAIT,)

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.cut = 0

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        if arguments.get("now"):
            return Step("done", float("nan"), info=StepInfo(detail={"odd": float("inf")}))
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        return Step("late")


class Counted(World):
    """The shop, with its open environments counted."""

    def __init__(self, fork: str = "snapshot") -> None:
        self._shop = world(f"shop:fork={fork}")
        self.apis, self.fork = self._shop.apis, self._shop.fork
        self.open: list[ToolEnv] = []
        self.closed = 0

    def env(self) -> ToolEnv:
        env = self._shop.env()
        plain = env.close

        async def close() -> None:
            self.closed += 1
            await plain()

        env.close = close  # type: ignore[method-assign]
        self.open.append(env)
        return env


@pytest.fixture(scope="module")
def hub(serving: Serving) -> Iterator[httpx.Client]:
    with serving(world("hub")) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


@asynccontextmanager
async def asked(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application in this loop."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


# ------------------------------------------------------------------------ the routes


def test_functions_are_listed_by_pages_and_found_by_words(hub: httpx.Client) -> None:
    whole, offset = [], 0
    while offset is not None:
        page = hub.get("/apis", params={"offset": offset, "limit": 200}).json()
        whole += page["apis"]
        offset = page["next"]
    assert len(whole) == page["total"] == len(endpoints())
    assert {api["name"] for api in whole} == {e.api.name for e in endpoints().values()}
    assert all(api["parameters"]["type"] == "object" for api in whole)
    found = hub.get("/apis", params={"q": "COUNTRY profile", "tool": "CountryAtlas"}).json()
    assert "country_profile" in [api["api"] for api in found["apis"]]
    assert hub.get("/apis", params={"category": "Nowhere"}).json()["total"] == 0
    assert hub.get("/apis", params={"limit": 0}).status_code == 422


def test_a_call_by_name_is_an_envelope_and_by_function_a_step(hub: httpx.Client) -> None:
    given = {"country_code": "FR"}
    body = {"tool": "CountryAtlas", "api": "country_profile", "arguments": given}
    plain = hub.post("/call", json=body)
    step = hub.post(
        "/call", json={"function": "country_profile_for_countryatlas", "arguments": given}
    )
    assert json.loads(step.json()["observation"]) == plain.json()
    assert plain.headers["x-hub-status"] == "200" and step.json()["info"]["status"] == "ok"
    unknown = hub.post("/call", json={**body, "api": "x"})
    assert unknown.status_code == 200 and unknown.headers["x-hub-status"] == "404"
    said = hub.post("/call", json={"function": "nothing"}).json()
    assert said["info"]["status"] == "no_such_api" and said["refused"].startswith("No such")


def test_every_refusal_is_json(hub: httpx.Client) -> None:
    as_json = {"content-type": "application/json"}
    for got, status in (
        (hub.get("/nothing"), 404),
        (hub.get("/call"), 405),
        (hub.put("/call", json={}), 405),
        (hub.post("/call", json={}), 422),
        (hub.post("/call", json=[]), 422),
        (hub.post("/call", content=b"{", headers=as_json), 400),
        (hub.post("/call", content=b"\xff\xfe{", headers=as_json), 400),
        (hub.post("/call", content=b"[" * 5000, headers=as_json), 400),
        (hub.post("/call", content=b"{}"), 415),
        (hub.post("/call", content=b"{}", headers={"content-type": "text/plain"}), 415),
        (hub.post("/call", content=b" " * (5 * 2**20), headers=as_json), 413),
        (hub.post("/sessions/x/step", json={"api": "a"}), 404),
        (hub.delete("/sessions/x"), 404),
        (hub.get("/health", headers={"host": "evil.example"}), 403),
        (hub.get("/health", headers={"host": "evil.example:8399"}), 403),
        (hub.get("/apis", headers={"origin": "https://evil.example"}), 403),
        (hub.post("/call", json={}, headers={"origin": "null"}), 403),
    ):
        assert got.status_code == status, got.text
        assert got.headers["content-type"] == "application/json"
        said = got.json()
        assert said["error"] and said["response"] == "" and said["code"]
        assert "Traceback" not in got.text and "access-control" not in str(got.headers)
    assert hub.get("/call").headers["allow"] == "POST"


def test_head_is_get_without_a_body(hub: httpx.Client) -> None:
    head, get = hub.head("/apis"), hub.get("/apis")
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]
    assert hub.head("/nothing").status_code == 404 and hub.head("/call").status_code == 405


def test_it_documents_itself(hub: httpx.Client) -> None:
    made = hub.get("/openapi.json").json()
    assert set(made["paths"]) >= {"/apis", "/call", "/sessions/{id}/step", "/virtual", "/rapidapi"}
    pytest.importorskip("openapi_spec_validator").validate(made)
    assert hub.get("/docs").status_code == 200


def test_a_world_with_a_state_is_called_in_sessions(serving: Serving) -> None:
    shop = Counted()
    with serving(shop) as url, httpx.Client(base_url=url) as client:
        refused = client.post("/call", json={"function": "view_cart"})
        assert refused.status_code == 409 and "POST /sessions" in refused.json()["error"]
        opened = client.post("/sessions", json={}).json()
        assert opened["observation"].startswith("Shelves: fruit") and opened["snapshot"] is None
        here = f"/sessions/{opened['id']}"
        before = client.post(f"{here}/snapshot").json()["snapshot"]
        buy = {"api": "add_to_cart", "arguments": {"item": "apple", "quantity": 2}}
        assert client.post(f"{here}/step", json=buy).json()["info"]["status"] == "ok"
        assert client.post(f"{here}/restore", json={"snapshot": before}).json() == {"ok": True}
        look = client.post(f"{here}/step", json={"api": "view_cart"}).json()
        assert json.loads(look["observation"])["response"]["cart"] == {}
        other = client.post("/sessions", json={"seed": 1}).json()["id"]
        wrong = client.post(f"/sessions/{other}/restore", json={"snapshot": before})
        assert wrong.status_code == 409 and wrong.json()["code"] == "another_episode"
        assert client.delete(here).json() == {"ok": True}
        assert client.delete(here).status_code == 404
        assert shop.closed == 1
    assert shop.closed == 2  # the other one, when the server stopped


def test_a_world_without_snapshots_says_so(serving: Serving) -> None:
    with serving(Counted("replay")) as url, httpx.Client(base_url=url) as client:
        assert client.get("/world").json()["fork"] == "replay"
        id = client.post("/sessions", json={}).json()["id"]
        for path, body in (("snapshot", {}), ("restore", {"snapshot": "x"})):
            got = client.post(f"/sessions/{id}/{path}", json=body)
            assert got.status_code == 409 and got.json()["code"] == "no_snapshots"


def test_a_task_may_come_along_and_a_wrong_one_is_refused(serving: Serving) -> None:
    with serving(world("recorded")) as url, httpx.Client(base_url=url) as client:
        empty = client.post("/sessions", json={"task": {"id": "t"}})
        assert empty.status_code == 404 and empty.json()["code"] == "env_miss"
        recording = {"turns": [{"api": "f", "arguments": "{}", "observation": "yes"}]}
        id = client.post("/sessions", json={"task": {"recording": recording}}).json()["id"]
        got = client.post(f"/sessions/{id}/step", json={"api": "f"}).json()
        assert (got["observation"], got["info"]["provenance"]) == ("yes", "recorded")
        missed = client.post(f"/sessions/{id}/step", json={"api": "g"})
        assert missed.status_code == 404 and missed.json()["code"] == "env_miss"
        for wrong in ({"turns": 3}, {"turns": [{"status": "x"}]}, {"turns": [{"api": 3}]}):
            got = client.post("/sessions", json={"task": {"recording": wrong}})
            assert got.status_code == 422, got.text


# ------------------------------------------------------------------------ sessions


def test_sessions_end_when_idle_and_are_counted() -> None:
    async def go() -> None:
        clock, shop = [0.0], Counted()
        sessions = Sessions(shop, idle=10, most=2, kept=3, now=lambda: clock[0])
        task = shop_tasks(1)[0]
        one, _, _ = await sessions.open(task, 0)
        two, _, _ = await sessions.open(task, 0)
        with pytest.raises(Refused, match="2 sessions are open already"):
            await sessions.open(task, 0)
        saved = await sessions.snapshot(one)
        clock[0] = 6
        sessions.find(two.id)
        clock[0] = 12  # the first was not used for 12 s, the second for 6
        await sessions.sweep()
        assert len(sessions) == 1 and shop.closed == 1
        with pytest.raises(Refused, match="no such session"):
            sessions.find(one.id)
        with pytest.raises(Refused, match="no such snapshot"):
            await sessions.restore(two, saved)
        kept = []
        for _ in range(4):
            await sessions.step(two, Action("view_cart"))
            kept.append(await sessions.snapshot(two))
        with pytest.raises(Refused, match="the last 3 are kept"):
            await sessions.restore(two, kept[0])
        await sessions.restore(two, kept[1])
        assert await sessions.snapshot(two) == kept[1]
        await sessions.close_all()
        assert len(sessions) == 0 and shop.closed == 2

    asyncio.run(go())


def test_a_session_that_was_cut_off_needs_a_snapshot_to_go_on() -> None:
    class Stuck(Counted):
        def env(self) -> ToolEnv:
            env = super().env()
            plain = env.step

            async def step(action: Action) -> Step:
                if action.api == "stuck":
                    await asyncio.sleep(30)
                return await plain(action)

            env.step = step  # type: ignore[method-assign]
            return env

    async def go() -> None:
        sessions = Sessions(Stuck())
        session, _, _ = await sessions.open(Task("t", "?"), 0)
        saved = await sessions.snapshot(session)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await sessions.step(session, Action("stuck"))
        with pytest.raises(Refused, match="cut off"):
            await sessions.step(session, Action("view_cart"))
        step, _ = await sessions.step(session, Action("view_cart"), at=saved)
        assert step.info.status == "ok"
        await sessions.close_all()

    asyncio.run(go())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["apple", "pear", "bun", "save", "back"]), max_size=12))
def test_going_back_is_going_back(moves: list[str]) -> None:
    async def go() -> None:
        sessions = Sessions(world("shop"))
        session, _, _ = await sessions.open(shop_tasks(1)[0], 0)
        cart: dict[str, int] = {}
        saved: list[tuple[str, dict[str, int]]] = []
        for move in moves:
            if move == "save":
                saved.append((await sessions.snapshot(session), dict(cart)))
            elif move == "back" and saved:
                id, cart = saved[len(cart) % len(saved)]
                cart = dict(cart)
                await sessions.restore(session, id)
            elif move != "back":
                text = json.dumps({"item": move, "quantity": 1})
                step, refused = await sessions.step(session, Action("add_to_cart", text))
                if refused is None:
                    cart[move] = cart.get(move, 0) + 1
            step, _ = await sessions.step(session, Action("view_cart"))
            assert json.loads(step.observation)["response"]["cart"] == cart
        await sessions.close_all()

    asyncio.run(go())


# ------------------------------------------------------------------------ the guard


def test_a_token_is_asked_for_everywhere_but_for_health(serving: Serving) -> None:
    token = "a-token-of-some-length"
    guarded = serving(world("shop"), hosts=None, token=token)
    with guarded as url, httpx.Client(base_url=url) as client:
        assert client.get("/health").json() == {"ok": True}
        wrong = ("", "Bearer", "Bearer x", f"Basic {token}", f"Bearer {token}x", token)
        for path in ("/apis", "/world", "/openapi.json", "/docs", "/nothing"):
            for given in wrong:
                got = client.get(path, headers={"authorization": given})
                assert got.status_code == 401 and token not in got.text
                assert got.headers["www-authenticate"] == "Bearer"
        named = {"authorization": f"bearer {token}", "host": "any.example"}
        assert client.get("/apis", headers=named).status_code == 200
        made = client.get("/openapi.json", headers=named).json()
        assert made["security"] == [{"token": []}]
        assert made["paths"]["/health"]["get"]["security"] == []


def test_too_many_at_once_are_sent_away_and_long_answers_cut(serving: Serving) -> None:
    slow = Slow()
    limits = Limits(at_once=2, answering=0.4)
    with serving(slow, limits=limits) as url:

        async def go() -> list[httpx.Response]:
            async with httpx.AsyncClient(base_url=url, timeout=20) as client:
                late = [
                    asyncio.create_task(client.post("/call", json={"function": "wait"}))
                    for _ in range(2)
                ]
                await asyncio.sleep(0.2)
                busy = await client.get("/health")
                done = [*(await asyncio.gather(*late)), busy]
                now = {"function": "wait", "arguments": {"now": True}}
                return [*done, await client.post("/call", json=now)]

        one, two, busy, after = asyncio.run(go())
    assert [one.status_code, two.status_code] == [504, 504] and one.json()["code"] == "timeout"
    assert busy.status_code == 503 and busy.headers["retry-after"] == "1"
    assert slow.cut == 2 and "NaN" not in after.text  # nor Infinity: JSON has neither
    assert after.json()["observation"] == "done" and after.json()["info"]["detail"] == {"odd": None}


def test_a_request_that_does_not_arrive_is_not_waited_for(serving: Serving) -> None:
    with serving(Slow(), limits=Limits(reading=0.2)) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 10) as to:
            to.sendall(
                b"POST /call HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                b"content-length: 10\r\n\r\n{"
            )
            assert to.recv(100).startswith(b"HTTP/1.1 408")


def test_a_body_without_a_length_is_counted(serving: Serving) -> None:
    def much() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    with serving(Slow(), limits=Limits(body=5000)) as url:
        got = httpx.post(
            f"{url}/call", content=much(), headers={"content-type": "application/json"}
        )
    assert got.status_code == 413


@given(
    st.recursive(
        st.text('[]{}"\\ab', max_size=6) | st.integers(),
        lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text('[{"', max_size=2), x),
        max_leaves=12,
    )
)
def test_levels_are_counted_outside_of_texts(value: Any) -> None:
    def levels(value: Any) -> int:
        if isinstance(value, dict):
            value = list(value.values())
        return 1 + max(map(levels, value), default=0) if isinstance(value, list) else 0

    body = json.dumps(value).encode()
    for most in range(5):
        guard = Guard(None, limits=Limits(depth=most))  # type: ignore[arg-type]
        assert guard._deep(body) == (levels(value) > most)


def test_an_error_of_the_server_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("secret-key-1234")

    async def go() -> httpx.Response:
        async with asked(Guard(app)) as client:
            return await client.get("/x")

    got = asyncio.run(go())
    assert got.status_code == 500 and "1234" not in got.text
    assert "secret-key-1234" in caplog.text  # the one who runs it may read it


def test_requests_of_many_connections_are_answered_each_its_own(hub: httpx.Client) -> None:
    codes = ["FR", "DE", "IT", "ES", "PT", "AT", "BE", "DK"] * 8

    async def go() -> list[str]:
        async with httpx.AsyncClient(base_url=hub.base_url, timeout=60) as client:

            async def one(code: str) -> str:
                body = {
                    "tool": "CountryAtlas",
                    "api": "country_profile",
                    "arguments": {"country_code": code},
                }
                got = await client.post("/call", json=body)
                return str(got.json()["response"]["name"])

            return list(await asyncio.gather(*[one(code) for code in codes]))

    names = asyncio.run(go())
    assert names[:8] * 8 == names and len(set(names)) == 8 and names[0] == "France"
