"""Chat models behind any OpenAI-compatible endpoint: OpenAI, vLLM, SGLang, Ollama, llama.cpp.

The address and the shape of messages are here; what goes over the wire is :mod:`.chat`'s and
:mod:`.schema`'s, when it goes and how often is :mod:`.endpoint`'s and :mod:`.limits`'.
"""

from __future__ import annotations

import asyncio
import importlib.util
import math
import os
import re
from collections import OrderedDict
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal

from ..core import Completion, ModelError, Request, UsageError
from ..core.limits import Failure, Usage
from . import chat, schema
from .endpoint import OPENAI, Endpoint, looks_like_a_key, read_usage
from .prices import find
from .tokens import counter, prompt_tokens

Calls = Literal["auto", "tools", "schema"]
SEARCHES: Final = 4096  # whose order is known: those asked for last


class OpenAIModel:
    """A model of an OpenAI-compatible server, asked through the ``openai`` package.

    Args:
        model: its name there.
        base_url: the server's address up to ``/v1``; else OPENAI_BASE_URL, else OpenAI's own.
        key_env: the environment variable that holds the key; ``none`` sends no key.
        calls: how calls are asked for. ``tools``: as tools. ``schema``: the reply is held to a
            JSON schema with a branch for each function. ``auto``: as tools; a call written in
            the text is read, too; and where there is none and the text is no plain answer, the
            same request is made once more by schema, and both are paid for.
        functions: ``functions`` and ``function_call``, the shape before tools.
        temperature, top_p: sent where given.
        max_tokens: of a reply, thinking included.
        logprobs: ask for log-probabilities; a completion has their sum.
        n: send samples of one prompt as one request with ``n``; their seeds are then not sent.
        timeout: seconds of one attempt.
        attempts: of one request, at most.
        retry_seconds: of one request with all its attempts.
        concurrency: requests in flight, at most; it starts with 4, or fewer.
        context: the model's context in tokens, else the price table's: a prompt that cannot fit
            fails before it is sent.
        prices: a price table of your own.

    Raises:
        UsageError: there is no key, or a key stands where its name belongs.
    """

    main = "model"

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        key_env: str | None = "OPENAI_API_KEY",
        calls: Calls = "auto",
        functions: bool = False,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int = 4096,
        logprobs: bool = False,
        n: bool = False,
        timeout: float = 120.0,
        attempts: int = 8,
        retry_seconds: float = 300.0,
        concurrency: int = 64,
        context: int | None = None,
        prices: Path | None = None,
    ) -> None:
        if looks_like_a_key(model):
            raise UsageError("the model's name looks like a key; specs are kept, keys must not be")
        for name, value in (
            ("max_tokens", max_tokens),
            ("attempts", attempts),
            ("concurrency", concurrency),
            ("context", 1 if context is None else context),
        ):
            if value < 1:
                raise ValueError(f"{name} must be 1 or more, not {value}")
        for name, limit in (("timeout", timeout), ("retry_seconds", retry_seconds)):
            if not 0 < limit < math.inf:
                raise ValueError(f"{name} must be more than 0 seconds, not {limit:g}")
        if functions and calls == "schema":
            raise ValueError("functions=true and calls=schema exclude each other")
        if importlib.util.find_spec("openai") is None:
            raise UsageError("the model 'openai' needs a package: pip install 'toolgrove[openai]'")
        self.model, self.calls, self.functions = model, calls, functions
        self.max_tokens, self.logprobs, self.n = max_tokens, logprobs, n
        self._price = find(model, prices)
        self.context = context or (self._price.window if self._price else None)
        given = {"temperature": temperature, "top_p": top_p, "logprobs": logprobs or None}
        self._parameters = {k: v for k, v in given.items() if v is not None}
        address = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI
        self.endpoint = Endpoint(
            address,
            _key(key_env, needed=address == OPENAI),
            model,
            timeout=timeout,
            attempts=attempts,
            patience=retry_seconds,
            concurrency=concurrency,
        )
        own = self.endpoint.base_url == OPENAI
        self._limit = "max_completion_tokens" if own else "max_tokens"
        self._counter = counter(model)
        self._began: OrderedDict[bytes, int] = OrderedDict()
        self._beginnings = count()

    def __repr__(self) -> str:
        return f"OpenAIModel({self.model!r}, base_url={self.endpoint.base_url!r})"

    @property
    def identity(self) -> dict[str, Any]:
        """What decides a reply beside the request; never a key."""
        parameters = {
            **self._parameters,
            "calls": self.calls,
            "functions": self.functions,
            "max_tokens": self.max_tokens,
            "n": self.n,
        }
        base_url = self.endpoint.base_url
        named = {"provider": "openai", "base_url": base_url, "model": self.model}
        return {**named, "parameters": parameters}

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """One result a request, in order; all are sent at once, as the endpoint has room."""
        if not self.n:
            return list(await asyncio.gather(*[self._one(request) for request in requests]))
        alike: dict[tuple[bytes, tuple[str, ...]], list[int]] = {}
        for i, request in enumerate(requests):
            offered = tuple(api.digest for api in request.tools)
            alike.setdefault((request.prompt.digest, offered), []).append(i)
        groups = list(alike.values())
        made = await asyncio.gather(*[self._several([requests[i] for i in g]) for g in groups])
        results = {
            i: r for g, rs in zip(groups, made, strict=True) for i, r in zip(g, rs, strict=True)
        }
        return [results[i] for i in range(len(requests))]

    def bound(self, request: Request) -> tuple[int, float]:
        """The most tokens and dollars that a request can cost, as far as can be known before.

        With ``calls=auto`` a request with tools may be made twice. Attempts that were billed and
        failed are not in it.
        """
        prompt, reply = self._prompt_tokens(request), self.max_tokens
        if self.context is not None:
            reply = max(0, min(reply, self.context - prompt))
        times = 2 if self.calls == "auto" and request.tools else 1
        return times * (prompt + reply), times * self._usd(Usage(prompt, reply))

    # ------------------------------------------------------------------ asking

    async def _one(self, request: Request) -> Completion | ModelError:
        return (await self._several([request]))[0]

    async def _several(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """Samples of one prompt: the first pays for the prompt, and replies share the rest."""
        request, apis = requests[0], requests[0].tools
        room = self._room(request)
        if isinstance(room, ModelError):
            return _shared(room, len(requests))
        by_schema = self.calls == "schema" and bool(apis)
        said, used = await self._ask(request, room, by_schema, len(requests))
        if isinstance(said, ModelError):
            return _shared(said, len(requests))
        results: list[Completion | ModelError] = []
        for i, one in enumerate(said):
            share = used if len(said) == 1 else _part(used, i, len(said))
            results.append(await self._finished(request, one, share, room, by_schema))
        for missing in requests[len(said) :]:
            results += await self._several([missing])
        return results

    async def _finished(
        self, request: Request, said: chat.Said, used: Usage, room: int, by_schema: bool
    ) -> Completion | ModelError:
        """A choice as a completion; with ``auto`` the call is looked for, and asked for again."""
        apis = request.tools
        if not said.calls and apis and self.calls != "tools":
            found = schema.read(said.content, apis)
            if found is not None:
                said = said._replace(content=found[0], calls=found[1])
            elif not by_schema and schema.looks_like_a_call(said.content, apis):
                again, more = await self._ask(request, room, True, 1)
                used = used.plus(more)
                if not isinstance(again, ModelError):  # else what was paid for is kept as it is
                    found = schema.read(again[0].content, apis)
                    content, calls = found or (again[0].content, again[0].calls)
                    said = again[0]._replace(content=content, calls=calls)
        if said.finish == "content_filter" and not said.calls and said.content is None:
            told = f"{self.endpoint.name}: the reply was withheld by a filter"
            return ModelError(told, kind="refused", tokens=used.prompt + used.completion)
        return said.completion(used.prompt, used.completion, self._usd(used), used.cached)

    async def _ask(
        self, request: Request, room: int, by_schema: bool, n: int
    ) -> tuple[list[chat.Said] | ModelError, Usage]:
        """The choices of one reply and all that they cost, failed attempts included."""
        body = self._body(request, room, by_schema)
        if n > 1:
            del body["seed"]
            body["n"] = n
        tried = await self.endpoint.post(body, request.seed, self._order(request))
        if isinstance(tried.result, Failure):
            failed, wasted = tried.result, tried.wasted
            times = f" (after {tried.attempts} attempts)" if tried.attempts > 1 else ""
            tokens = wasted.prompt + wasted.completion
            return ModelError(failed.text + times, kind=failed.kind, tokens=tokens), wasted
        said = [chat.read_choice(choice, request.tools) for choice in tried.result["choices"][:n]]
        used = read_usage(tried.result)
        if used == Usage():
            used = self._estimate(request, said)
        return said, used.plus(tried.wasted)

    def _body(self, request: Request, room: int, by_schema: bool) -> dict[str, Any]:
        apis = request.tools
        body: dict[str, Any] = {"model": self.model, **self._parameters}
        if by_schema:
            body["messages"] = schema.messages(request.messages, apis)
            body["response_format"] = schema.response_format(apis)
        else:
            body["messages"] = chat.messages(request.messages, functions=self.functions)
            if apis and self.functions:
                body.update(functions=chat.functions(apis), function_call="auto")
            elif apis:
                body.update(tools=chat.tools(apis), tool_choice="auto")
        return {**body, self._limit: room, "seed": request.seed}

    def _order(self, request: Request) -> int:
        """Searches in the order in which they began: all requests that grow from one prompt.

        So where more wait than the server takes at once, those of few trees are in flight together,
        and what their prompts share is still in the server's prefix cache.
        """
        root = request.prompt
        while root.parent is not None:
            root = root.parent
        if root.digest not in self._began:
            self._began[root.digest] = next(self._beginnings)
        self._began.move_to_end(root.digest)
        if len(self._began) > SEARCHES:
            self._began.popitem(last=False)
        return self._began[root.digest]

    # ------------------------------------------------------------------ counting

    def _room(self, request: Request) -> int | ModelError:
        """Tokens that the reply may have; an error where the prompt leaves none."""
        if self.context is None:
            return self.max_tokens
        prompt = self._prompt_tokens(request)
        if prompt >= self.context:
            text = (
                f"{self.endpoint.name}: the prompt at node {request.node} has "
                f"about {prompt} tokens, the context {self.context}; not sent. Fewer APIs, shorter "
                f"paths (max_steps=) or a model with a larger context may help"
            )
            return ModelError(text, kind="context")
        return min(self.max_tokens, self.context - prompt)

    def _prompt_tokens(self, request: Request) -> int:
        more = schema.WORDS if request.tools and self.calls != "tools" else 0
        return prompt_tokens(request, self._counter) + more

    def _estimate(self, request: Request, said: Sequence[chat.Said]) -> Usage:
        """What a reply without a bill is taken to have cost."""
        texts = [t for s in said for t in (s.content, s.thinking, *(a for c in s.calls for a in c))]
        return Usage(self._prompt_tokens(request), sum(self._counter.count(t) for t in texts if t))

    def _usd(self, used: Usage) -> float:
        """Dollars by the price table; 0 for a model that is not in it."""
        if self._price is None:
            return 0.0
        return self._price.cost(used.prompt, used.completion, used.cached)


def _key(name: str | None, needed: bool) -> str:
    """The key in that environment variable.

    Raises:
        UsageError: it is none, or not the name of one (what was given is not repeated).
    """
    if name is None:
        return ""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name) or looks_like_a_key(name):
        raise UsageError(
            "key_env takes the name of an environment variable, as OPENAI_API_KEY, not a key: "
            "specs are kept in the run directory. If that was a key, your shell's history has it"
        )
    key = os.environ.get(name, "").strip()
    if not key and (needed or name != "OPENAI_API_KEY"):
        raise UsageError(f"no key: set {name}, or base_url= for a server that needs none")
    return key


def _part(used: Usage, i: int, n: int) -> Usage:
    """The i-th of n shares; the first has the prompt and what does not divide."""
    share, rest = divmod(used.completion, n)
    if i:
        return Usage(0, share)
    return Usage(used.prompt, share + rest, used.cached)


def _shared(error: ModelError, n: int) -> list[Completion | ModelError]:
    """One failure of several samples: each gets its own, and the first pays."""
    more = [ModelError(str(error), kind=error.kind) for _ in range(n - 1)]
    return [error, *more]
