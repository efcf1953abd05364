"""Vectors from any OpenAI-compatible endpoint: batches, several at once, attempts with an end."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import math
import os
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...core import UsageError
from ...core.limits import Failure
from ..endpoint import OPENAI, Endpoint, looks_like_a_key
from ..openai import _key
from .dense import spaced
from .ranking import Vectors


class OpenAIEncoder:
    """An embedding model behind ``/v1/embeddings``.

    Args:
        model: its name there.
        base_url: the server's address up to ``/v1``; else OPENAI_BASE_URL, else OpenAI's own.
        key_env: the environment variable that holds the key; ``none`` sends no key.
        batch: texts of one request.
        dimensions: of a vector, for models that can shorten them.
        timeout: seconds of one attempt.
        attempts: of one request, at most.
        retry_seconds: of one request with all its attempts.
        concurrency: requests in flight, at most.

    Raises:
        UsageError: there is no key, or the package ``openai`` is missing.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        key_env: str | None = "OPENAI_API_KEY",
        batch: int = 256,
        dimensions: int | None = None,
        timeout: float = 120.0,
        attempts: int = 8,
        retry_seconds: float = 300.0,
        concurrency: int = 8,
    ) -> None:
        if looks_like_a_key(model):
            raise UsageError("the model's name looks like a key; specs are kept, keys must not be")
        for name, value in (
            ("batch", batch),
            ("attempts", attempts),
            ("concurrency", concurrency),
            ("dimensions", 1 if dimensions is None else dimensions),
        ):
            if value < 1:
                raise UsageError(f"{name}={value} of openai: it must be 1 or more")
        for name, limit in (("timeout", timeout), ("retry_seconds", retry_seconds)):
            if not 0 < limit < math.inf:
                raise UsageError(f"{name}={limit:g} of openai: it must be more than 0 seconds")
        if importlib.util.find_spec("openai") is None:
            raise UsageError("embeddings by openai need it: pip install 'toolgrove[openai]'")
        address = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI
        key = _key(None if key_env == "none" else key_env, needed=address == OPENAI)
        self.model, self._batch, self._dimensions = model, batch, dimensions
        self.endpoint = _Embeddings(
            address,
            key,
            model,
            timeout=timeout,
            attempts=attempts,
            patience=retry_seconds,
            concurrency=concurrency,
        )

    @property
    def identity(self) -> Mapping[str, Any]:
        """Address, model and dimensions; never a key."""
        named = {"base_url": self.endpoint.base_url, "model": self.model, "text": "spaced"}
        return {"retriever": "openai", **named, "dimensions": self._dimensions}

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1; names in the texts are taken apart before.

        Raises:
            UsageError: the endpoint gives none, or not one of the same length for every text.
        """
        if not texts:
            return np.zeros((0, self._dimensions or 0), np.float32)
        starts = range(0, len(texts), self._batch)
        batches = [[spaced(text) or " " for text in texts[i : i + self._batch]] for i in starts]
        rows = [row for part in _finished(self._all(batches)) for row in part]
        if len({len(row) for row in rows}) != 1:
            raise UsageError(f"{self.endpoint.name}: its vectors differ in length")
        made = np.asarray(rows, np.float32)
        lengths = np.linalg.norm(made, axis=1, keepdims=True)
        return np.asarray(made / np.where(lengths > 0, lengths, 1), np.float32)

    async def _all(self, batches: Sequence[list[str]]) -> list[list[list[float]]]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(b, i)) for i, b in enumerate(batches)]
        return [task.result() for task in tasks]

    async def _one(self, texts: list[str], number: int) -> list[list[float]]:
        body: dict[str, Any] = {"model": self.model, "input": texts, "encoding_format": "float"}
        if self._dimensions is not None:
            body["dimensions"] = self._dimensions
        tried = await self.endpoint.post(body, number, number)
        if isinstance(tried.result, Failure):
            times = f" (after {tried.attempts} attempts)" if tried.attempts > 1 else ""
            raise UsageError(tried.result.text + times)
        rows: list[list[float]] = tried.result["vectors"]
        if len(rows) != len(texts):
            told = f"{len(rows)} vectors for {len(texts)} texts"
            raise UsageError(f"{self.endpoint.name}: {told}")
        return rows


class _Embeddings(Endpoint):
    """An endpoint that is asked for vectors."""

    async def _attempt(self, client: Any, body: Mapping[str, Any], limit: float) -> Any:
        # Where a chat completion would be created, embeddings are.
        asked = SimpleNamespace(chat=SimpleNamespace(completions=client.embeddings))
        return await super()._attempt(asked, body, limit)  # type: ignore[arg-type]

    def _read(self, text: str) -> dict[str, Any] | Failure:
        """The reply's vectors in the order of the texts, as ``{"vectors": [..]}``."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            told = f"the reply is not JSON ({error}): {self.redact(text)[:80]!r}"
            return self._failure("contract", told, again=True)
        try:
            rows = sorted(data["data"], key=lambda row: int(row["index"]))
            vectors = [[float(x) for x in row["embedding"]] for row in rows]
            if not all(vector and all(map(math.isfinite, vector)) for vector in vectors):
                raise ValueError("a vector is empty or not finite")
        except (KeyError, TypeError, ValueError) as error:
            told = f"the reply has no embeddings ({type(error).__name__}: {error})"
            return self._failure("contract", told, again=True, fixed=True)
        return {"vectors": vectors}


def _finished(work: Coroutine[Any, Any, Any]) -> Any:
    """What it gives, waited for here; on a thread of its own where a loop runs already."""
    try:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(work)
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, work).result()
    except* UsageError as failed:
        first: BaseException = failed
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
