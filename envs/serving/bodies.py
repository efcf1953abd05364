"""What the server is sent and what it answers, as pydantic models: its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ...core import Provenance, Status

Arguments = Annotated[
    dict[str, Any] | str,
    Field(description="An object, or the text that a model wrote for one."),
]


def _whole(value: object) -> object:
    """1.0 is a whole number in JSON Schema, and a float in Python."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(_whole)]


class Body(BaseModel):
    """Nothing else is taken, and no text for a number."""

    model_config = ConfigDict(extra="forbid", strict=True)


class CallByName(Body):
    """A call of an API as its provider names it; answered by an envelope."""

    tool: str
    api: str
    arguments: Arguments = {}


class CallByFunction(Body):
    """A call of a function by the name that models call; answered by a step."""

    function: str
    arguments: Arguments = {}


class APIBody(Body):
    """One function offered to a model."""

    name: str = Field(min_length=1)
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object"})
    category: str = ""
    tool: str = ""
    api: str = ""
    read_only: bool = True


class TaskBody(Body):
    """The task of an episode."""

    id: str = "served"
    instruction: str = ""
    apis: list[APIBody] = []
    relevant: list[str] = []
    answer: Any = None
    group: str = ""
    recording: dict[str, Any] | None = None
    extra: dict[str, Any] = {}


class Opening(Body):
    """An episode to begin; with ``snapshot`` its first state is kept."""

    task: TaskBody | None = None
    seed: Whole = 0
    snapshot: bool = False


class StepBody(Body):
    """A call in a session.

    ``at`` is a snapshot to go back to before it; with ``snapshot`` the state after it is kept.
    """

    api: str
    arguments: Arguments = {}
    thought: str | None = None
    occurrence: Count = 0
    place: str = ""
    at: str | None = None
    snapshot: bool = False


class RestoreBody(Body):
    """Which snapshot to go back to."""

    snapshot: str


class ToolBenchBody(BaseModel):
    """What the clients of ToolBench and StableToolBench post; other keys are passed over."""

    model_config = ConfigDict(strict=True)
    category: str = ""
    tool_name: str
    api_name: str
    tool_input: Arguments = {}
    strip: str = ""
    toolbench_key: Any = None


class Problem(BaseModel):
    """A request that was not answered: why, and a word for programs."""

    error: str
    response: str
    code: str


class Envelope(BaseModel):
    """What a tool answered, as RapidAPI's proxy gives it; ``error`` is empty where it worked."""

    error: Any
    response: Any


class Info(BaseModel):
    """How a call ended, where its answer comes from, and how long it took in seconds."""

    status: Status
    provenance: Provenance
    latency: float
    detail: dict[str, Any] | None


class StepAnswer(BaseModel):
    """Gymnasium's five; ``refused`` is the text of the error by which the tool said no."""

    observation: str
    reward: float
    terminated: bool
    truncated: bool
    info: Info
    refused: str | None


class SessionStep(StepAnswer):
    """A step, and the snapshot after it where one was asked for."""

    snapshot: str | None


class Opened(BaseModel):
    """A session: its id, what the model is shown, and the snapshot of its first state."""

    id: str
    observation: str
    info: dict[str, Any]
    snapshot: str | None


class Saved(BaseModel):
    """A snapshot of a session."""

    snapshot: str


class Done(BaseModel):
    """It was done."""

    ok: bool


class Listing(BaseModel):
    """Some of the functions; ``next`` is the offset of the next ones, null at the end."""

    apis: list[APIBody]
    total: int
    next: int | None


class WorldAnswer(BaseModel):
    """What is served: how its episodes may go back, and what decides its answers."""

    fork: str
    stateless: bool
    resolves_names: bool
    apis: int
    fingerprints: dict[str, str]
    version: str
