"""Everything that can go wrong, as types: a user's mistake, a model, a tool, a world, a limit."""

from __future__ import annotations

from typing import Literal

from .status import Status


class ToolgroveError(Exception):
    """Base of all errors raised on purpose; its text says what was wrong and what to do."""


class UsageError(ToolgroveError):
    """A user's mistake (an unknown name, a bad parameter, a broken file): exit code 2."""


class PlannerError(ToolgroveError):
    """A planner broke the Session's contract, for example by stepping a finished node."""


class ModelError(ToolgroveError):
    """One request to a model failed for good: its adapter has already retried.

    Attributes:
        kind: what failed, in a word (``timeout``, ``refused``, ``server``, ``contract``).
        miss: a recording holds no such turn; the trial then ends as ``env_miss``.
        key: the effect that failed, set by the Session.
        tokens: what the failed request cost all the same.
    """

    def __init__(
        self, text: str, *, kind: str = "server", miss: bool = False, tokens: int = 0
    ) -> None:
        super().__init__(text)
        self.kind, self.miss, self.tokens, self.key = kind, miss, tokens, ""


class ToolError(ToolgroveError):
    """A tool says no. The model reads the text as the observation, under ``status``."""

    def __init__(self, text: str, status: Status = "error") -> None:
        super().__init__(text)
        self.status: Status = status


class BadArguments(ToolError):
    """The arguments are not a JSON object, or not the one that the API takes."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "bad_arguments")


class EnvironmentFailed(ToolgroveError):
    """An environment broke (it raised something else than ToolError): the trial ends ``infra``."""


class ForkError(EnvironmentFailed):
    """An environment could not be brought to a node, or a replayed path answered differently."""


class EnvMiss(ToolgroveError):
    """A recording has no answer to this call: the trial ends ``env_miss``."""


class BudgetExhausted(ToolgroveError):
    """The next effect would overrun the budget; the planner's ``best`` gives the answer."""

    def __init__(
        self, what: Literal["calls", "tokens", "usd", "steps", "nodes", "seconds"]
    ) -> None:
        super().__init__(f"the budget of {what} is spent")
        self.what = what


class ReplayMismatch(ToolgroveError):
    """A journal belongs to another search: the same effect was asked for with other content."""


class Paused(ToolgroveError):
    """The run was asked to stop: the trial ends here and goes on from its journal."""
