"""What the other rooms plug in: environments, models, policies, evaluators, planners."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .errors import ModelError
from .hints import Hint
from .prompt import Message
from .tree import Node
from .values import API, Action, Completion, Reply, Request, Step, Task

if TYPE_CHECKING:
    from .session import Session

Fork = Literal["free", "snapshot", "replay", "never"]


class ToolEnv(ABC):
    """One episode in a world of tools; Gymnasium's verbs, asynchronous.

    Attributes:
        fork: how the framework may bring the environment to another node. ``free``: the
            state does not matter; ``snapshot``: ``snapshot`` and ``restore`` work;
            ``replay``: reset and make the path's calls again; ``never``: no way back.
        resolves_names: the environment decides which function names exist. Otherwise the
            Session answers a name that was not offered with status ``no_such_api``.
        fork_hint: what a user can do where fork is ``never``.
        apis: the functions it offers where a task names none; empty where only tasks know.

    A tool that says no raises :class:`ToolError`, or returns a step with that status. Any
    other exception means that the environment is broken, and ends the trial as ``infra``.
    Finish never arrives here: the Session handles it.
    """

    fork: Fork = "replay"
    fork_hint: str = "declare the environment's fork as free, snapshot or replay"
    resolves_names: bool = False
    apis: tuple[API, ...] = ()

    @abstractmethod
    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """Start the task's episode anew.

        Returns:
            What the model is shown beside the instruction ("" for nothing), and a dict of
            anything else worth knowing.
        """

    @abstractmethod
    async def step(self, action: Action) -> Step:
        """Make one call."""

    def snapshot(self) -> object:
        """The whole state, the random generator's included, as a value that never changes."""
        raise NotImplementedError(f"{type(self).__name__} has fork={self.fork!r}: no snapshots")

    def restore(self, snapshot: object) -> None:
        """Go back to a state that :meth:`snapshot` gave, any number of times."""
        raise NotImplementedError(f"{type(self).__name__} has fork={self.fork!r}: no snapshots")

    async def close(self) -> None:  # noqa: B027 - most environments hold nothing
        """Give back what the environment holds."""


class Model(Protocol):
    """A chat model; batch first."""

    async def complete(self, requests: Sequence[Request]) -> Sequence[Completion | ModelError]:
        """One result a request, in order. A failure is returned, so that it sinks no batch."""


class Policy(Protocol):
    """Turns a node into messages and a completion into actions: all wording lives here.

    ``start`` and ``extend`` must depend on the path alone, so that prompts are append-only.
    """

    name: str

    def start(self, task: Task, apis: Sequence[API], observation: str) -> Sequence[Message]:
        """The messages of the root."""

    def extend(self, node: Node) -> Sequence[Message]:
        """The messages that this node adds to its parent's."""

    def hint(self, hint: Hint, node: Node) -> Sequence[Message]:
        """A hint in words: the last messages of this one request, never kept in the path."""

    def tools(self, apis: tuple[API, ...], hint: Hint | None) -> tuple[API, ...]:
        """The functions to send with a request (a text policy sends none)."""

    def read(self, completion: Completion, hint: Hint | None) -> Reply:
        """The reply in a completion. Never raises: what cannot be read is a thought."""

    def ask(self, topic: str, nodes: Sequence[Node], task: Task) -> Sequence[Message]:
        """The messages of a question about nodes (ranking, reflection, votes)."""

    @property
    def fingerprint(self) -> str:
        """Hash of all texts: two runs under one fingerprint saw the same words."""


class Evaluator(Protocol):
    """Scores nodes; whatever is not deterministic in it goes through the Session."""

    async def __call__(self, s: Session, nodes: Sequence[Node]) -> Sequence[float]:
        """One score a node, higher is better."""


@dataclass(frozen=True)
class Planner(ABC):
    """A search strategy. Its fields are its hyper-parameters; its repr is its manifest.

    A planner keeps nothing between calls and draws chance only from ``s.rng(node)``: it is a
    pure function of (seed, effect results), which is what makes resuming and replay exact.
    """

    @property
    def branches(self) -> bool:
        """Whether the search ever goes back to a node that it has stepped from."""
        return True

    @property
    def needs_evaluator(self) -> bool:
        """Whether the search scores nodes, so that a run needs an evaluator."""
        return False

    @abstractmethod
    async def plan(self, s: Session) -> Node | None:
        """Search, and return the node to answer with; None leaves it to :meth:`best`."""

    def best(self, root: Node) -> Node | None:
        """The answer to give when the search ends without one or is cut by the budget.

        The first answer found, else the last give-up, else nothing.
        """
        gave_up = None
        for node in root.walk():
            if node.solved:
                return node
            if node.gave_up:
                gave_up = node
        return gave_up

    def pick(self, roots: Sequence[Node]) -> Node | None:
        """The answer of a search that ends without one and may have begun anew (``fresh``).

        The first answer that :meth:`best` finds below a root, else the last give-up.
        """
        last = None
        for root in roots:
            found = self.best(root)
            if found is not None and found.solved:
                return found
            last = found or last
        return last
