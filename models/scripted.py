"""A model that plays a script: for tests, teaching, and recorded behaviour of other code."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ..core import Completion, ModelError, Request, ToolCall, UsageError

Line = Completion | ModelError


class ScriptedModel:
    """Answers by place, by order, or always the same.

    Args:
        replies: by place: ``"0.1#2"`` answers the third sample at node ``0.1``; or a list, the
            n-th of which answers the n-th request for a continuation.
        default: the reply where the script has none; without it that is a ModelError.
        answers: replies to questions (``Session.ask``), by topic, in order; the last repeats.
        file: a JSON file with these three, replies in :func:`line`'s short form.

    Attributes:
        requests: how many were answered.
    """

    main = "file"

    def __init__(
        self,
        file: Path | None = None,
        replies: Mapping[str, Line] | Sequence[Line] = (),
        default: Line | None = None,
        answers: Mapping[str, Sequence[Line]] | None = None,
    ) -> None:
        if file is not None:
            replies, default, answers = _read(file)
        self.replies, self.default, self.answers = replies, default, answers or {}
        self.requests = 0
        self._proposed = 0
        self._asked: dict[str, int] = {}

    @property
    def identity(self) -> dict[str, Any]:
        """What a response cache knows it by: the script."""
        script = repr((self.replies, self.default, self.answers))
        mark = blake2b(script.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        parameters = {"script": mark}
        return {"provider": "toolgrove", "base_url": None, "model": "scripted",
                "parameters": parameters}  # fmt: skip

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """The script's lines for these requests."""
        self.requests += len(requests)
        return [self._line(request) for request in requests]

    def _line(self, request: Request) -> Line:
        if request.purpose != "propose":
            topic = request.purpose.removeprefix("ask.")
            lines = self.answers.get(topic, ())
            k = self._asked.get(topic, 0)
            self._asked[topic] = k + 1
            if lines:
                return lines[min(k, len(lines) - 1)]
        elif isinstance(self.replies, Mapping):
            found = self.replies.get(f"{request.node}#{request.attempt}")
            if found is not None:
                return found
        else:
            k, self._proposed = self._proposed, self._proposed + 1
            if k < len(self.replies):
                return self.replies[k]
        if self.default is not None:
            return self.default
        place = f"{request.purpose} {request.node}#{request.attempt}"
        return ModelError(f"the script has no line for {place}", kind="script", miss=True)


def line(data: Mapping[str, Any] | str) -> Line:
    """A reply in short form: a text, or an object.

    Its keys are ``text``, ``calls`` (a list of ``[name, arguments]``), ``tokens`` and ``usd``.

    Raises:
        TypeError, ValueError, AttributeError: it is neither.
    """
    if isinstance(data, str):
        return Completion(data)
    calls = []
    for name, arguments in data.get("calls", ()):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        calls.append(ToolCall(_text(name), text))
    content = data.get("text")
    tokens, usd = int(data.get("tokens", 0)), float(data.get("usd", 0.0))
    if tokens < 0:
        raise ValueError(f"tokens must be 0 or more, not {tokens}")
    if not 0 <= usd < math.inf:
        raise ValueError(f"usd must be 0 or more, not {usd:g}")
    return Completion(None if content is None else _text(content), tuple(calls), 0, tokens, usd)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _read(path: Path) -> tuple[Mapping[str, Line] | list[Line], Line | None, dict[str, list[Line]]]:
    try:
        data = json.loads(path.read_text("utf-8"))
        raw = data.get("replies", [])
        replies: Mapping[str, Line] | list[Line] = (
            {k: line(v) for k, v in raw.items()}
            if isinstance(raw, dict)
            else [line(v) for v in raw]
        )
        default = line(data["default"]) if "default" in data else None
        answers = {k: [line(v) for v in lines] for k, lines in data.get("answers", {}).items()}
    except OSError as error:
        raise UsageError(f"cannot read the script {path}: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise UsageError(f"{path} is no script: {error}") from error
    return replies, default, answers
