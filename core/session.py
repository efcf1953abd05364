"""The Session: all a planner can do. It proposes, steps and scores, and nothing else.

Whatever is not deterministic leaves through :mod:`.effects`, under a name; the budget, the
journal and the environments are kept there, so a planner holds none of their code. See
docs/design/session.md.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import replace
from hashlib import blake2b
from typing import Any, TypeVar

from .contracts import Evaluator, Model
from .deadline import Overdue, within
from .effects import Effects
from .errors import BudgetExhausted, ModelError, PlannerError
from .finish import API_DOC
from .hints import Hint
from .pool import refusal
from .prompt import Message, Prompt
from .tree import Node
from .turns import Turns
from .values import API, FINISH, Action, Reply, Step, ids

T = TypeVar("T")


class Session:
    """A search in progress, as a planner sees it.

    Attributes:
        root: the empty path.
        solved: the nodes that answered, in the order of their answers.
        task: what is to be done.
        budget: caps and spend, to read; the Session itself keeps to them.
    """

    def __init__(
        self, effects: Effects, root: Node, apis: tuple[API, ...], observation: str
    ) -> None:
        self._effects = effects
        self._observation = observation
        self._apis = apis
        self._names = frozenset(api.name for api in apis)
        self._tools = apis if FINISH in self._names else (*apis, API_DOC)
        self._tag = digest(self._tools)
        self.root = root
        self.solved: list[Node] = []
        self.task, self.budget = effects.task, effects.budget
        root.prompt = Prompt(effects.policy.start(effects.task, self._tools, observation))
        effects.roots.append(root)

    # ------------------------------------------------------------------ the planner's verbs

    async def propose(self, node: Node, n: int = 1, *, hint: Hint | None = None) -> list[Reply]:
        """Ask the model for n continuations of the node (fewer where the budget ends).

        Raises:
            BudgetExhausted: not one was left.
            ModelError: the model failed on one of them; the others are kept in the journal.
        """
        if node.done:
            raise PlannerError(f"node {node.id} is finished: it cannot be expanded")
        if n < 1:
            raise PlannerError(f"propose(n={n}): ask for 1 or more")
        policy = self._effects.policy
        prompt = self._prompt(node)
        if hint is not None:
            prompt = prompt.then(policy.hint(hint, node))
        tools = policy.tools(self._tools, hint)
        replies = []
        tag = self._tag if tools is self._tools else digest(tools)
        sample = self._effects.sample
        for completion in await sample(node.id, "propose", prompt, tools, tag, n):
            reply = policy.read(completion, hint)
            replies.append(
                Reply(
                    reply.thought,
                    reply.actions,
                    completion.tokens,
                    completion.usd,
                    completion.thinking,
                    completion.logprob,
                    hint,
                )
            )
        return replies

    async def step(self, node: Node, action: Action | Reply) -> Node:
        """Take a call, or all calls of a reply one after another; the node reached last.

        A reply without a call gives a node without an action.

        Raises:
            BudgetExhausted: no step or node was left.
            PlannerError: the node is finished.
        """
        if isinstance(action, Action):
            return await self._step(node, action, Reply(action.thought, (action,)))
        if not action.actions:
            return await self._step(node, None, action)
        first = True
        for call in action.actions:
            node = await self._step(node, call, action, first)
            first = False
            if node.done:
                break
        return node

    async def expand(self, node: Node, n: int = 1, *, hint: Hint | None = None) -> list[Node]:
        """Propose, then step: one child a sample."""
        replies = await self.propose(node, n, hint=hint)
        if len(replies) == 1:
            return [await self.step(node, replies[0])]
        return await self.gather(*[self.step(node, reply) for reply in replies])

    async def evaluate(self, nodes: Sequence[Node], by: Evaluator | None = None) -> list[float]:
        """Score nodes with an evaluator, the run's if none is given; kept on the nodes, too.

        Raises:
            PlannerError: there is no evaluator, or it gave something else than one finite number
                a node.
        """
        evaluator = self._effects.evaluator if by is None else by
        if evaluator is None:
            raise PlannerError("this planner scores nodes: give the run an evaluator")
        if not nodes:
            return []
        scores = [float(score) for score in await evaluator(self, nodes)]
        if len(scores) != len(nodes):
            raise PlannerError(f"the evaluator gave {len(scores)} scores for {len(nodes)} nodes")
        for node, score in zip(nodes, scores, strict=True):
            if not math.isfinite(score):
                raise PlannerError(f"the evaluator gave {score} for node {node.id}")
            node.value = score
        return scores

    async def ask(
        self, topic: str, nodes: Sequence[Node] = (), *, messages: Sequence[Message] | None = None
    ) -> str:
        """Ask the model a question about nodes; its answer as text. See :meth:`poll`."""
        [answer] = await self.poll(topic, nodes, messages=messages)
        return answer

    async def poll(
        self,
        topic: str,
        nodes: Sequence[Node] = (),
        n: int = 1,
        *,
        messages: Sequence[Message] | None = None,
    ) -> list[str]:
        """N sampled answers to a question about nodes (fewer where the budget ends).

        Args:
            topic: what it is about.
            nodes: which nodes.
            n: how many answers.
            messages: the question, from an evaluator that has its own words; without them the
                policy words it.

        Raises:
            BudgetExhausted: not one call was left.
        """
        effects = self._effects
        if messages is None:
            messages = effects.policy.ask(topic, nodes, effects.task)
        name = ids(nodes) or self.root.id
        made = await effects.sample(name, f"ask.{topic}", Prompt(messages), (), b"", n)
        return [completion.content or "" for completion in made]

    async def effect(
        self, topic: str, nodes: Sequence[Node], do: Callable[[], Awaitable[Any]]
    ) -> Any:
        """Anything else that is not deterministic (a learned scorer): journaled JSON.

        Raises:
            ModelError: it took longer than a request to the model may.
        """
        effects = self._effects
        await effects.turn()
        name = ids(nodes) or self.root.id
        key = f"{name}:{topic}:{effects.use(name, topic)}"

        async def work() -> Any:
            return await do()

        async def in_time() -> Any:
            try:
                return await within(effects.timeout, work())
            except Overdue:
                text = f"{topic} took over {effects.timeout:g} s"
                raise ModelError(text, kind="timeout") from None

        return await effects.record(key, topic, in_time)

    async def gather(self, *aws: Awaitable[T]) -> list[T]:
        """Run branches at once, results in order; what was paid is kept even if one fails."""
        if len(aws) == 1:
            return [await aws[0]]
        order = Turns(len(aws))

        async def branch(i: int, aw: Awaitable[T]) -> T:
            order.enter(i)
            try:
                return await aw
            finally:
                order.leave(i)

        results = await asyncio.gather(
            *[branch(i, aw) for i, aw in enumerate(aws)], return_exceptions=True
        )
        out: list[T] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            out.append(result)
        return out

    def rng(self, node: Node) -> random.Random:
        """A generator that depends on the trial's seed and the node's name only."""
        return random.Random(f"{self._effects.seed}/{node.id}")

    def fresh(self) -> Session:
        """A search of its own root under the same budget and journal (best-of-n, restarts)."""
        return self._sibling(self._apis)

    def offer(self, apis: Sequence[API]) -> Session:
        """A fresh search that is offered these APIs, too (re-retrieval)."""
        new = tuple(api for api in apis if api.name not in self._names)
        return self._sibling(self._apis + new)

    def asking(self, model: Model) -> Session:
        """This search with its questions put to another model: one budget, journal and order."""
        other = copy(self)
        other._effects = replace(self._effects, model=model)
        return other

    def mark_failed(self, node: Node, error: ModelError) -> Node:
        """Keep a model failure as a pruned child, for a planner that goes on after one."""
        child = self._child(f"{node.id}.{len(node.children)}", node, None, None)
        child.failed, child.pruned = str(error), True
        return child

    # ------------------------------------------------------------------ what is behind them

    def _sibling(self, apis: tuple[API, ...]) -> Session:
        effects = self._effects
        name = f"{self.root.id}~{effects.use(self.root.id, 'fresh') + 1}"
        return Session(effects, Node(name), apis, self._observation)

    def _prompt(self, node: Node) -> Prompt:
        """The node's prompt, made from its nearest ancestor that has one."""
        missing: list[Node] = []
        at = node
        while (prompt := at.prompt) is None:
            missing.append(at)
            assert at.parent is not None, "a root has a prompt from the start"
            at = at.parent
        for at in reversed(missing):
            prompt = at.prompt = prompt.then(self._effects.policy.extend(at))
        return prompt

    async def _step(
        self, node: Node, action: Action | None, reply: Reply, first: bool = True
    ) -> Node:
        effects = self._effects
        if node.done:
            raise PlannerError(f"node {node.id} is finished: it cannot be stepped")
        await effects.turn()
        real = action is not None and self._reaches(action)
        if real:
            effects.budget.reserve("steps")
        try:
            effects.budget.reserve("nodes")
        except BudgetExhausted:
            effects.budget.spent["steps"] -= real
            raise
        name = f"{node.id}.{len(node.children)}"
        if action is not None:
            nth = effects.use(node.id, f"{action.api}({action.arguments})")
            thought = reply.thought if first else action.thought
            action = Action(action.api, action.arguments, thought, nth, name)
        child = self._child(name, node, action, reply, first)
        if action is not None:
            child.step = await self._act(node, action, child) if real else self._refuse(action)
        if child.solved:
            self.solved.append(child)
        if effects.listen is not None:
            effects.listen(child)
        return child

    def _reaches(self, action: Action) -> bool:
        """Whether the call goes to the environment; Finish and unknown names do not."""
        if action.api == FINISH:
            return False
        return action.api in self._names or self._effects.pool.resolves_names

    def _refuse(self, action: Action) -> Step:
        if action.api == FINISH:
            return self._effects.finish(action)
        text = f"No such function name: {action.api}"
        return refusal(text, "no_such_api", detail={"session": True})

    async def _act(self, node: Node, action: Action, child: Node) -> Step:
        try:
            return await self._effects.act(node, action, child.id)
        except BaseException:
            child.pruned = True  # the slot stays, so that no other node gets its name
            raise

    def _child(
        self,
        name: str,
        node: Node,
        action: Action | None,
        reply: Reply | None,
        first: bool = True,
    ) -> Node:
        child = Node(name, node, action)
        child.reply, child.first = reply, first
        if not first:
            child.depth = node.depth
            child.thought = None if action is None else action.thought
        elif reply is not None:
            child.thought = reply.thought
        node.children.append(child)
        return child


def digest(apis: Sequence[API]) -> bytes:
    """Content hash of what is offered."""
    return blake2b("".join([api.digest for api in apis]).encode(), digest_size=16).digest()
