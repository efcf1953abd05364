"""The values that cross a boundary: frozen, JSON-able, known to every room."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

from .errors import BadArguments
from .prompt import Message, Prompt
from .status import Provenance, Status

FINISH = "Finish"


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, default=str)
    return blake2b(text.encode(), digest_size=12).hexdigest()


@dataclass(frozen=True)
class API:
    """One function offered to the model.

    Attributes:
        name: the function name that the model calls.
        description: what the model reads about it.
        parameters: JSON Schema of its arguments (an object schema).
        category: the marketplace category of its tool, where known.
        tool: the tool that groups it, as its provider writes it.
        api: the API's own name, as its provider writes it.
        read_only: calling it changes nothing, so a path may be replayed.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    category: str = ""
    tool: str = ""
    api: str = ""
    read_only: bool = True

    @cached_property
    def digest(self) -> str:
        """Content hash; made once for an API that many tasks offer."""
        return _hash(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain data; the inverse of :meth:`from_json`."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.parameters),
            "category": self.category,
            "tool": self.tool,
            "api": self.api,
            "read_only": self.read_only,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> API:
        """Read what :meth:`to_json` wrote; absent fields take their defaults."""
        return cls(**{k: data[k] for k in cls.__dataclass_fields__ if k in data})


@dataclass(frozen=True)
class Turn:
    """One recorded model turn and what came back, with the turns that followed it.

    Attributes:
        thought: the text beside the call; None where there was none ("" is a text).
        api: the function called; None for a turn without a call.
        arguments: the raw argument string, as the model wrote it.
        observation: what the environment returned.
        status: how the call ended; ``model_error`` for a request that failed.
        tokens: what the turn cost, where it was recorded.
        turns: the turns that followed, in the order they were tried.
    """

    thought: str | None = None
    api: str | None = None
    arguments: str = ""
    observation: str = ""
    status: Status = "ok"
    tokens: int = 0
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class Task:
    """An instruction, the APIs offered for it and, where known, the answer.

    Attributes:
        id: unique in its suite.
        instruction: what the user asks for.
        apis: the functions offered.
        relevant: names of the functions that a solution needs, where known.
        answer: a checkable answer, where known: any JSON value.
        group: the ToolBench group (``G1_instruction`` ..) or another label.
        recording: recorded turns that the ``replay`` model and environment serve; the
            root of the recorded tree, a turn without content.
        extra: whatever else its source says.
    """

    id: str
    instruction: str
    apis: tuple[API, ...] = ()
    relevant: tuple[str, ...] = ()
    answer: Any = None
    group: str = ""
    recording: Turn | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def digest(self) -> str:
        """Content hash (instruction, APIs offered, answer): equal tasks of two runs pair by it."""
        return _hash([self.instruction, [api.digest for api in self.apis], self.answer])


@dataclass(frozen=True, slots=True)
class Action:
    """A call that the model chose.

    Attributes:
        api: the function name as the model wrote it: it may not exist.
        arguments: the argument text as the model wrote it: it may not be JSON.
        thought: the text written beside the call.
        occurrence: how many equal calls its earlier siblings made, and
        place: id of the node it makes; both set by the Session and not compared, for
            recordings that serve several answers to one call in order.
    """

    api: str
    arguments: str = "{}"
    thought: str | None = None
    occurrence: int = field(default=0, compare=False)
    place: str = field(default="", compare=False)

    def kwargs(self) -> dict[str, Any]:
        """The arguments as an object.

        Raises:
            BadArguments: they are not a JSON object.
        """
        try:
            value = json.loads(self.arguments or "{}", strict=False)
        except (ValueError, RecursionError) as error:
            raise BadArguments(f"arguments are not valid JSON: {error}") from None
        if not isinstance(value, dict):
            raise BadArguments(f"arguments must be a JSON object, not {type(value).__name__}")
        return value


class StepInfo(NamedTuple):
    """What is known of a step beside its observation; latency in seconds."""

    status: Status = "ok"
    provenance: Provenance = "computed"
    latency: float = 0.0
    detail: Mapping[str, Any] | None = None


class Step(NamedTuple):
    """What the environment returned: Gymnasium's five, by name and by position."""

    observation: str
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    info: StepInfo = StepInfo()


class ToolCall(NamedTuple):
    """One function call of a completion, both parts as the model wrote them."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Request:
    """One sample asked of a model.

    Attributes:
        prompt: the messages; iterate it, or use ``messages``.
        tools: functions offered with the request.
        sample: this is the sample-th identical request of the trial: part of any cache
            key, so that sampling n times gives n samples.
        seed: derived from (trial seed, prompt, sample): equal requests get equal seeds.
        node: id of the node it is made at (for several nodes, their ids joined by ``+``).
        attempt: how many samples were asked at this node before.
        purpose: ``propose``, or ``ask.`` and the topic.
        task: the task; only recorded and simulated models look at it.
    """

    prompt: Prompt
    tools: tuple[API, ...] = ()
    sample: int = 0
    seed: int = 0
    node: str = "0"
    attempt: int = 0
    purpose: str = "propose"
    task: Task | None = field(default=None, compare=False, repr=False)

    @property
    def messages(self) -> list[Message]:
        """The prompt as a list of messages, first to last."""
        return list(self.prompt)


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled completion; a reasoning model's thinking is kept apart from its content.

    ``cached``: it comes from a response cache. Its tokens are those of the call that made it.
    ``reused``: of the prompt's tokens, those that a prefix cache had, where that is known.
    """

    content: str | None = None
    calls: tuple[ToolCall, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    thinking: str | None = None
    logprob: float | None = None
    cached: bool = False
    reused: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    def to_json(self) -> dict[str, Any]:
        """Plain data, defaults left out; the inverse of :meth:`from_json`."""
        out: dict[str, Any] = {"content": self.content}
        if self.calls:
            out["calls"] = self.calls
        if self.prompt_tokens:
            out["prompt_tokens"] = self.prompt_tokens
        if self.completion_tokens:
            out["completion_tokens"] = self.completion_tokens
        if self.usd:
            out["usd"] = self.usd
        if self.thinking is not None:
            out["thinking"] = self.thinking
        if self.logprob is not None:
            out["logprob"] = self.logprob
        if self.cached:
            out["cached"] = True
        if self.reused:
            out["reused"] = self.reused
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Completion:
        """Read what :meth:`to_json` wrote."""
        calls = tuple(ToolCall(*call) for call in data.get("calls", ()))
        return cls(**{**data, "calls": calls})


class Reply(NamedTuple):
    """A completion as the policy reads it: a thought and the calls, in order (none, one, many)."""

    thought: str | None
    actions: tuple[Action, ...] = ()
    tokens: int = 0
    usd: float = 0.0
    thinking: str | None = None
    logprob: float | None = None
    hint: Any = None


def ids(nodes: Sequence[Any]) -> str:
    """The name of several nodes: their ids, joined."""
    return "+".join([node.id for node in nodes])
