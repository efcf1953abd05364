"""A simulated model for studying search: it knows a way to the answer, and fails as models do.

It answers from the messages and tools that it is sent, and from a private look-up of the task's
solution (``task.extra``). Its failings are those that ToolLLM's section 2.3 names or shows: it
takes a wrong API among alike ones, writes wrong or missing arguments, invents APIs, gives up after
errors, answers too early, repeats itself; and most of its mistakes are *sticky*: a misconception
comes back wherever the same step comes up, unless the prompt shows that it was tried. It never
learns which planner asks. Equal requests get equal replies: all chance comes from ``request.seed``
(trial seed, messages, sample index), and misconceptions from the task and ``seed``.

It is for studying search, not for ranking models: what planners gain with it says how they cope
with such mistakes. docs/models.md gives the parameters and the limits.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby
from typing import Any, Final, Literal

from ..core import API, FINISH, Action, Completion, ModelError, Request, Task, ToolCall
from ..core.solution import Solution
from .opinions import opinion
from .view import View, outcome, same_arguments, view


@dataclass(frozen=True)
class Skill:
    """Probabilities, 0 to 1.

    Attributes:
        mistake: that a step is got wrong.
        sticky: share of the mistakes that are misconceptions.
        fix: that a mistake which the prompt shows is put right, at each chance.
        give_up: after an error, and ``more`` for each further one on the path.
        more: see above.
        early: that it answers before it has all it needs, at each turn.
        repeat: that it makes its last call once more, at each turn.
        settle: that data of a wrong API is taken for the right.
        retry: that a call which failed for no fault of its own is made again.
        switch: that it knows another way where an API is dead.
    """

    mistake: float
    sticky: float
    fix: float
    give_up: float
    more: float
    early: float
    repeat: float
    settle: float
    retry: float
    switch: float


SKILLS: Final = {
    "weak": Skill(0.40, 0.75, 0.45, 0.40, 0.15, 0.06, 0.06, 0.45, 0.60, 0.45),
    "medium": Skill(0.28, 0.75, 0.60, 0.35, 0.15, 0.03, 0.04, 0.30, 0.70, 0.65),
    "strong": Skill(0.14, 0.75, 0.75, 0.25, 0.10, 0.015, 0.02, 0.20, 0.80, 0.80),
}
KINDS: Final = {"wrong_api": 0.35, "argument": 0.30, "missing": 0.15, "invented": 0.20}


class SimulatedModel:
    """Deterministic in (seed, messages, sample index).

    Args:
        skill: ``weak``, ``medium`` or ``strong``: the probabilities of :class:`Skill`.
        seed: of the misconceptions; another seed is another model of equal skill.
        mistake, sticky, fix, give_up, early, repeat, settle, switch: in place of the skill's own.
        thoughts: ``next`` says which function is called, ``need`` what for, in the words of its
            description, ``plan`` also what comes after, ``route`` the names of this call and of
            those that come after: thoughts to learn from.
    """

    main = "skill"

    def __init__(
        self,
        skill: Literal["weak", "medium", "strong"] = "medium",
        seed: int = 0,
        mistake: float | None = None,
        sticky: float | None = None,
        fix: float | None = None,
        give_up: float | None = None,
        early: float | None = None,
        repeat: float | None = None,
        settle: float | None = None,
        switch: float | None = None,
        thoughts: Literal["next", "need", "plan", "route"] = "next",
    ) -> None:
        given = {"mistake": mistake, "sticky": sticky, "fix": fix, "give_up": give_up,
                 "early": early, "repeat": repeat, "settle": settle, "switch": switch}  # fmt: skip
        own = {key: value for key, value in given.items() if value is not None}
        for key, value in own.items():
            if not 0 <= value <= 1:
                raise ValueError(f"{key} must be from 0 to 1, not {value}")
        self.skill, self.seed, self.thoughts = replace(SKILLS[skill], **own), seed, thoughts
        self.identity = {
            "provider": "toolgrove",
            "base_url": None,
            "model": "simulated",
            "parameters": {
                "seed": seed,
                **asdict(self.skill),
                **({"thoughts": thoughts} if thoughts != "next" else {}),
            },
        }

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """One turn a request."""
        return [self._turn(request) for request in requests]

    def _turn(self, request: Request) -> Completion | ModelError:
        messages = request.messages
        read = sum(len(m.content or "") for m in messages) // 4
        rng = random.Random(request.seed)
        if request.purpose != "propose":
            said = opinion(request.purpose, messages[-1].content or "", rng)
            return Completion(said, (), read, max(2, len(said) // 4))
        task = request.task
        if task is None or "solution" not in task.extra:
            return ModelError("the simulated model needs tasks with a known solution, as hub: "
                              "suites have", kind="simulated")  # fmt: skip
        if not request.tools:
            return ModelError("the simulated model calls functions: it needs --policy functions",
                              kind="simulated")  # fmt: skip
        names = [tool.name for tool in request.tools]
        mind = _Mind(self.skill, self.seed, task, request.tools, view(messages), rng)
        if FINISH not in names:
            calls = mind.plan()
            text = json.dumps([{"api": a.api, "arguments": json.loads(a.arguments)} for a in calls])
            return Completion(text, (), read, len(text) // 4)
        action = mind.answer() if len(names) == 1 else mind.next()
        said = f"Next I call {action.api}."
        if self.thoughts != "next":
            left = mind.left(action) if self.thoughts != "need" else []
            brief = self.thoughts == "route"
            said = route(action, left) if brief else needed(action, request.tools, left)
        return Completion(said, (ToolCall(action.api, action.arguments),), read,
                          (len(said) + len(action.api) + len(action.arguments)) // 4)  # fmt: skip


@dataclass
class _Mind:
    """One turn's thinking."""

    skill: Skill
    seed: int
    task: Task
    tools: Sequence[API]
    view: View
    rng: random.Random
    solution: Solution = field(init=False)
    results: list[str] = field(init=False)
    trouble: int = field(init=False)

    def __post_init__(self) -> None:
        self.solution = self._known_way()
        self.results, self.trouble = self._belief()

    # ---------------------------------------------------------------- what it believes

    def _known_way(self) -> Solution:
        """The solution it follows: another one where it sees that an API of this one is down."""
        alternatives: Mapping[str, Any] = self.task.extra.get("alternatives") or {}
        seen = (*self.view.calls, *self.view.tried)
        down = {name for name, _, observation in seen if outcome(observation) == "down"}
        for name, ways in sorted(alternatives.items()):
            if name in down and self._trait("switch", name) < self.skill.switch:
                return ways_of(json.dumps(ways[0]))
        return ways_of(json.dumps(self.task.extra["solution"]))

    def _belief(self) -> tuple[list[str], int]:
        """The results it takes for those of its steps, and how many calls brought nothing."""
        left = [(n, a, o) for n, a, o in self.view.calls if outcome(o) == "good"]
        failed = len(self.view.calls) - len(left)
        names = {name for name, _ in self.solution.steps}
        results: list[str] = []
        for i in range(len(self.solution.steps)):
            wanted = self.solution.call(i, results)
            found = next((c for c in left if (c[0], same_arguments(c[1])) ==
                          (wanted.api, same_arguments(wanted.arguments))), None)  # fmt: skip
            found = found or next((c for c in left if c[0] == wanted.api), None)
            found = found or next((c for c in left if c[0] not in names and self._settles(c)), None)
            if found is None:
                break
            left = [call for call in left if call[:2] != found[:2]]  # repetitions say no more
            results.append(found[2])
        return results, failed + len(left)

    def _settles(self, call: tuple[str, str, str]) -> bool:
        return self._trait("settle", call[0], call[1]) < self.skill.settle

    def _trait(self, *what: object) -> float:
        """A number that stays the same for this model and task."""
        text = "/".join(map(str, (self.seed, self.task.id, *what)))
        mark = blake2b(text.encode(), digest_size=8).digest()
        return int.from_bytes(mark, "big") / 2**64

    # ---------------------------------------------------------------- what it does

    def next(self) -> Action:
        """The next call."""
        skill, rng = self.skill, self.rng
        done = len(self.results) == len(self.solution.steps)
        if self.trouble and not done:
            stuck = not self.view.calls or self.view.calls[-1][2] not in self.results
            weary = skill.give_up + skill.more * (self.trouble - 1)
            if stuck and rng.random() < weary:
                return give_up()
        if done:
            return self.answer()
        if self.view.calls and rng.random() < skill.early:
            return self.answer()
        if self.view.calls and rng.random() < skill.repeat:
            return Action(*self.view.calls[-1][:2])
        return self._step(len(self.results))

    def _step(self, i: int) -> Action:
        """Step i, or a mistake in its place."""
        wanted = self.solution.call(i, self.results)
        shown = self.view.shown()
        place = (i, wanted.api)
        if self._trait("mistake", *place) < self.skill.mistake * self.skill.sticky:
            dice = random.Random(f"{self.seed}/{self.task.id}/{place}")
            wrong = self._mistaken(dice, wanted)
            if (wrong.api, wrong.arguments) not in shown:
                return wrong
            if self.rng.random() >= self.skill.fix:
                return self._mistaken(self.rng, wanted)
        elif self.rng.random() < self.skill.mistake * (1 - self.skill.sticky):
            return self._mistaken(self.rng, wanted)
        return self._again(wanted) if (wanted.api, wanted.arguments) in shown else wanted

    def _again(self, wanted: Action) -> Action:
        """The right call was made before: it failed, or led nowhere."""
        seen = [o for n, a, o in (*self.view.calls, *self.view.tried)
                if (n, a) == (wanted.api, wanted.arguments)]  # fmt: skip
        if any(outcome(o) == "refused" for o in seen):
            told = re.search(r"missing required parameter: (\w+)", seen[-1])
            if told and self.rng.random() < self.skill.fix:
                values = list(json.loads(wanted.arguments).values())
                return Action(wanted.api, json.dumps({told[1]: values[0]} if values else {}))
        if self.rng.random() < self.skill.retry:
            return wanted
        return self._mistaken(self.rng, wanted)

    def answer(self) -> Action:
        """The final answer, from what was seen."""
        found = self.solution.conclude(self.results)
        if found is None:
            found = guess(self.view.calls)
        parts = found if isinstance(found, list) else [found]
        text = f"The answer is {' and '.join(map(worded, parts))}."
        arguments = {"return_type": "give_answer", "final_answer": text}
        return Action(FINISH, json.dumps(arguments, ensure_ascii=False))

    def left(self, action: Action) -> list[str]:
        """The functions to call after this call, if it is the next step."""
        names = [name for name, _ in self.solution.steps[len(self.results) :]]
        return names[1:] if names and names[0] == action.api else []

    def plan(self) -> list[Action]:
        """All calls at once, later ones referring to earlier results; mistakes are not seen."""
        calls = []
        for i, (name, arguments) in enumerate(self.solution.steps):
            wanted = Action(name, json.dumps(arguments, ensure_ascii=False))
            share = self.skill.mistake
            if self._trait("mistake", i, name) < share * self.skill.sticky:
                wanted = self._mistaken(random.Random(f"{self.seed}/{self.task.id}/{i}"), wanted)
            elif self.rng.random() < share * (1 - self.skill.sticky):
                wanted = self._mistaken(self.rng, wanted)
            calls.append(wanted)
        return calls

    def _mistaken(self, rng: random.Random, wanted: Action) -> Action:
        """A mistake in place of a call."""
        kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
        arguments = json.loads(wanted.arguments)
        if kind == "wrong_api" and (other := self._alike(rng, wanted)) is not None:
            return other
        if kind == "missing" and arguments:
            del arguments[rng.choice(sorted(arguments))]
        elif kind == "invented" or not arguments:
            made = (f"get_{wanted.api}", f"{wanted.api}_v2", wanted.api.partition("_for_")[0])
            return Action(rng.choice(made), wanted.arguments)
        else:
            key = rng.choice(sorted(arguments))
            arguments[key] = altered(rng, arguments[key])
        return Action(wanted.api, json.dumps(arguments, ensure_ascii=False))

    def _alike(self, rng: random.Random, wanted: Action) -> Action | None:
        """A call of another API that looks much like the right one."""
        right = next((t for t in self.tools if t.name == wanted.api), None)
        others = [t for t in self.tools if t.name not in (wanted.api, FINISH)]
        if right is None or not others:
            return None
        others.sort(key=lambda t: (-likeness(right, t), t.name))
        other = rng.choice(others[:3])
        given = json.loads(wanted.arguments)
        values = list(given.values())
        arguments = {}
        for key in other.parameters.get("required", ()):
            if key in given:
                arguments[key] = given[key]
            elif values:
                arguments[key] = values[0]
        return Action(other.name, json.dumps(arguments, ensure_ascii=False))


@lru_cache(maxsize=8192)
def ways_of(text: str) -> Solution:
    """A solution from its JSON; an alternative holds one beside its path."""
    data = json.loads(text)
    return Solution.from_json(data.get("solution", data))


def needed(action: Action, tools: Sequence[API], left: Sequence[str] = ()) -> str:
    """What a call is made for, in the words of its description; and then those that are left."""
    if action.api == FINISH:
        return "I have the answer." if "final_answer" in action.arguments else "This leads nowhere."
    told = [f"I need {gives(action.api, tools)}."]
    for name, group in groupby(left):
        times = sum(1 for _ in group)
        told.append(f"Then {gives(name, tools)}{f', {times} times' if times > 1 else ''}.")
    return " ".join(told)


def route(action: Action, left: Sequence[str] = ()) -> str:
    """The names of the function that is called and of those that are left, without their tools."""
    if action.api == FINISH:
        return "done" if "final_answer" in action.arguments else "dead end"
    return ", ".join(name.rpartition("_for_")[0] or name for name in (action.api, *left))


def gives(name: str, tools: Sequence[API]) -> str:
    """What a function gives: the beginning of its description."""
    said = next((tool.description for tool in tools if tool.name == name), name)
    said = re.split(r"[.:;(]\s", said + " ", maxsplit=1)[0].strip().rstrip(".")
    if len(said) > 80:
        said = said[:80].rpartition(" ")[0]
    first = said[:1] if said[1:2].isupper() else said[:1].lower()  # ISO stays ISO
    return f"{first}{said[1:]}"


def likeness(a: API, b: API) -> float:
    """How alike two APIs look: parameters and words of the names in common."""
    p, q = set(a.parameters.get("required", ())), set(b.parameters.get("required", ()))
    v, w = set(a.name.split("_")), set(b.name.split("_"))
    return len(p & q) / max(1, len(p | q)) + len(v & w) / len(v | w)


def altered(rng: random.Random, value: Any) -> Any:
    """A value as a careless model would get it wrong."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + rng.choice((1, -1, 10))
    text = str(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        year, month, day = text.split("-")
        return rng.choice((f"{year}-{day}-{month}", f"{int(year) + 1}-{month}-{day}"))
    return rng.choice((text[:-1] or "x", f"{text}s", text[::-1]))


def guess(calls: Sequence[tuple[str, str, str]]) -> Any:
    """Something from the last result that came back."""
    for _, _, observation in reversed(calls):
        if outcome(observation) == "good":
            response = json.loads(observation)["response"]
            values = list(response.values()) if isinstance(response, dict) else response
            plain = [v for v in values if isinstance(v, str | int | float) and v != ""]
            if plain:
                return plain[0]
    return "unknown"


def worded(value: Any) -> str:
    """A value in an answer."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def give_up() -> Action:
    """The call that ends a path without an answer."""
    return Action(FINISH, '{"return_type": "give_up_and_restart"}')
