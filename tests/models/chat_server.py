"""A chat-completions server on loopback, for tests: it answers by a script, or fails on purpose."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from toolgrove.core import API, Completion, Message, Prompt, Request, Task
from toolgrove.envs.shop import APIS
from toolgrove.models.stumble import StumblingModel

Body = dict[str, Any]
Brain = Callable[[Body], Mapping[str, Any]]
"""Gives a reply: an object with ``choices``, or the message of its only choice."""

THROTTLED = {"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}
BROKEN = {"error": {"message": "Our fault.", "type": "server_error"}}


class ChatServer:
    """Serves on a free port while the ``with`` block runs.

    Args:
        brain: answers a request that no fault hits.
        faults: what happens to the k-th request: a name below, or None.

    Attributes:
        bodies: the requests received.
        keys: the Authorization headers received.
        most: requests in flight, at most so far.
    """

    def __init__(self, brain: Brain, faults: Callable[[int], str | None] = lambda k: None) -> None:
        self.brain, self.faults = brain, faults
        self.bodies: list[Body] = []
        self.keys: list[str] = []
        self.most = self.busy = 0
        app = Starlette(
            routes=[
                Route("/v1/chat/completions", self.answer, methods=["POST"]),
                Route("/v1/models", self.models),
            ],
        )
        config = uvicorn.Config(
            app, port=0, log_level="critical", lifespan="off", ws="none", http="h11",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> ChatServer:
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive(), "the server did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.should_exit = True
        self.thread.join(10)

    @property
    def url(self) -> str:
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/v1"

    async def models(self, request: HttpRequest) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "m", "object": "model"}]})

    async def answer(self, request: HttpRequest) -> Response:
        body: Body = await request.json()
        self.bodies.append(body)
        self.keys.append(request.headers.get("authorization", ""))
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(0.001)
            return await self.fail(self.faults(len(self.bodies) - 1), request, body)
        finally:
            self.busy -= 1

    async def fail(self, fault: str | None, request: HttpRequest, body: Body) -> Response:
        match fault:
            case None:
                return JSONResponse(self.reply(body))
            case "429":
                return JSONResponse(THROTTLED, 429, {"retry-after": "0"})
            case "429 for an hour":
                return JSONResponse(THROTTLED, 429, {"retry-after": "3600"})
            case "500" | "503" | "529":
                return JSONResponse(BROKEN, int(fault))
            case "no quota":
                wrong = {"message": "You exceeded your quota.", "code": "insufficient_quota"}
                return JSONResponse({"error": wrong}, 429)
            case "no model":
                return JSONResponse({"error": {"message": "model 'm' not found"}}, 404)
            case "bad key":
                told = f"Incorrect API key provided: {self.keys[-1].removeprefix('Bearer ')}."
                return JSONResponse({"error": {"message": told}}, 401)
            case "too long":
                wrong = {"message": "This model's maximum context length is 8 tokens."}
                wrong["code"] = "context_length_exceeded"
                return JSONResponse({"error": wrong}, 400)
            case "no schema":
                return JSONResponse({"error": {"message": "response_format: unknown"}}, 400)
            case "reset":
                request.receive.__self__.transport.abort()  # type: ignore[attr-defined]
                return Response()
            case "slow bytes":
                return StreamingResponse(slowly(json.dumps(self.reply(body))))
            case "truncated":
                return Response(json.dumps(self.reply(body))[:-20], media_type="application/json")
            case "cut off":
                return StreamingResponse(cut_off(), headers={"content-length": "1000"})
            case "html":
                return Response("<html>It works!</html>", media_type="text/html")
            case "list":
                return JSONResponse([1, 2])
            case "error in 200":
                return JSONResponse(BROKEN)
            case "no message":
                return JSONResponse({"choices": [{"text": "hm"}]})
            case "no choices":
                usage = {"prompt_tokens": 7, "completion_tokens": 0}
                return JSONResponse({"choices": [], "usage": usage})
        raise AssertionError(fault)

    def reply(self, body: Body) -> Mapping[str, Any]:
        said = self.brain(body)
        return said if "choices" in said else completion(said)


def completion(
    message: Mapping[str, Any], prompt: int = 10, reply: int = 5, **choice: Any
) -> dict[str, Any]:
    """A reply with one choice."""
    usage = {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt + reply}
    made = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    head = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
    return {**head, "choices": [{**made, **choice}], "usage": usage}


def calling(*calls: tuple[str, str], content: str | None = None) -> dict[str, Any]:
    """A message that makes calls."""
    made = [
        {"id": f"c{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for i, (name, arguments) in enumerate(calls)
    ]
    return {"content": content, "tool_calls": made}


async def slowly(text: str) -> AsyncIterator[str]:
    for char in text:
        yield char
        await asyncio.sleep(0.05)


async def cut_off() -> AsyncIterator[str]:
    yield '{"choices": ['
    raise ConnectionError("cut off on purpose")


# The shop, played by the stumble model from what comes over the wire


def history(body: Body) -> list[Message]:
    """The messages as the policy gave them, from any of the shapes."""
    made = []
    for message in body["messages"]:
        role, content = message["role"], message.get("content")
        calls = [call["function"] for call in message.get("tool_calls", ())]
        if "function_call" in message:
            calls = [message["function_call"]]
        if role in ("tool", "function"):
            made.append(Message("tool", content))
        elif role == "user" and made and made[-1].calls:
            shown = content.removeprefix("Observation: ")
            made.append(Message("tool", re.sub(r"\AResult of \w+:\n", "", shown)))
        elif role == "assistant" and (content or "").startswith('{"thought"'):
            call = json.loads(content)["call"]
            made.append(Message(role, None, ((call["name"], json.dumps(call["arguments"])),)))
        elif role == "assistant" and "\nAction Input: " in (content or ""):
            name, _, arguments = content.partition("\nAction: ")[2].partition("\nAction Input: ")
            made.append(Message(role, None, ((name, arguments),)))
        else:
            made.append(Message(role, content, tuple((c["name"], c["arguments"]) for c in calls)))
    return made


def shopkeeper(tasks: Sequence[Task], rate: float) -> Brain:
    """Plays these tasks as ``StumblingModel(rate)`` does."""
    model = StumblingModel(rate)
    by_words = {task.instruction: task for task in tasks}

    def answer(body: Body) -> Mapping[str, Any]:
        messages = history(body)
        said = next(m.content or "" for m in messages if m.role == "user")
        task = next(task for words, task in by_words.items() if words in said)
        offered = (*APIS, API("Finish"))
        request = Request(Prompt(messages), offered, seed=body["seed"], task=task)
        if not body.get("tools") and "response_format" not in body and len(messages) == 1:
            request = Request(Prompt(messages), seed=body["seed"], purpose="ask.rank", task=task)
        made = model._turn(request)
        assert isinstance(made, Completion)
        return worded(made, body)

    return answer


def worded(made: Completion, body: Body) -> Mapping[str, Any]:
    """A completion in the shape that the request asks for."""
    message: dict[str, Any] = {"content": made.content}
    if made.calls:
        [call] = made.calls
        if "response_format" in body:
            inner = {"name": call.name, "arguments": json.loads(call.arguments)}
            message["content"] = json.dumps({"thought": made.content, "call": inner})
        elif "functions" in body:
            message["function_call"] = {"name": call.name, "arguments": call.arguments}
        elif "tools" in body:
            message = calling((call.name, call.arguments), content=made.content)
        else:
            text = f"Thought: {made.content}\nAction: {call.name}\nAction Input: {call.arguments}"
            message["content"] = text
    return completion(message, made.prompt_tokens, made.completion_tokens)
