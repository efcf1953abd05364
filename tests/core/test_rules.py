"""The rules that make it work (ARCHITECTURE.md), one group of tests for each.

Rule 9, the planned denominator, belongs to the benchmarks and is tested there.
"""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import (
    API,
    Action,
    Budget,
    Completion,
    EnvPool,
    ForkError,
    Journal,
    Message,
    ModelError,
    Node,
    Planner,
    ReplayMismatch,
    Request,
    Result,
    Session,
    Siblings,
    Step,
    Task,
    ToolCall,
    ToolEnv,
    ToolError,
    UsageError,
    WholePlan,
    run,
    run_sync,
)
from toolgrove.core.contracts import Fork
from toolgrove.core.errors import EnvMiss
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import ScriptedModel
from toolgrove.models.stumble import StumblingModel
from toolgrove.planners import DFSDT, CoT, ReACT

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ("core", "planners", "envs", "models", "benchmarks", "training", "cli", "testing")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
TASK = shop_tasks(1, seed=7)[0]
CALLS = 40
Record = dict[str, Any]
Replies = list[Completion | ModelError]


@dataclass(frozen=True)
class Beam(Planner):
    """Grows a whole level at once."""

    width: int = 2
    levels: int = 3

    async def plan(self, s: Session) -> Node | None:
        wave = [s.root]
        for _ in range(self.levels):
            grown = await s.gather(*[s.expand(node, self.width) for node in wave])
            wave = [child for children in grown for child in children if not child.done]
        return s.solved[0] if s.solved else None


@dataclass(frozen=True)
class Fan(Planner):
    """Three children, and below each of them two turns, all at once."""

    async def plan(self, s: Session) -> Node | None:
        await s.gather(*[self.walk(s, child) for child in await s.expand(s.root, 3)])
        return None

    async def walk(self, s: Session, node: Node) -> None:
        for _ in range(2):
            [node] = await s.expand(node)


@dataclass(frozen=True)
class Once(Planner):
    """Makes one call."""

    api: str
    arguments: str = "{}"

    @property
    def branches(self) -> bool:
        return False

    async def plan(self, s: Session) -> Node | None:
        return await s.step(s.root, Action(self.api, self.arguments))


class Noting:
    """A model that keeps the requests it answers; unless told otherwise it only thinks."""

    def __init__(self, model: Any = None) -> None:
        self.model = model or ScriptedModel(default=Completion("hm"))
        self.requests: list[Request] = []

    async def complete(self, requests: Sequence[Request]) -> Sequence[Completion | ModelError]:
        self.requests.extend(requests)
        answers: Sequence[Completion | ModelError] = await self.model.complete(requests)
        return answers


class Late(Noting):
    """Answers late: by nodes, or by chance."""

    def __init__(self, model: Any = None, delays: Mapping[str, float] | None = None) -> None:
        super().__init__(model)
        self.delays = delays

    async def complete(self, requests: Sequence[Request]) -> Sequence[Completion | ModelError]:
        chance = random.random() / 500
        node = requests[0].node
        await asyncio.sleep(chance if self.delays is None else self.delays.get(node, 0.0))
        return await super().complete(requests)


class Hanging(Noting):
    async def complete(self, requests: Sequence[Request]) -> Sequence[Completion | ModelError]:
        self.requests.extend(requests)
        await asyncio.sleep(3600)
        raise AssertionError("unreachable")


PLANNERS = [CoT(), ReACT(n=3, answers=2), DFSDT(width=2, max_steps=4, answers=2), Beam()]
every_planner = pytest.mark.parametrize("planner", PLANNERS, ids=lambda p: type(p).__name__)


def go(
    planner: Planner,
    model: Any = None,
    env: Callable[[], ToolEnv] = ShopEnv,
    task: Task = TASK,
    records: Sequence[Record] = (),
    new: list[Record] | None = None,
    calls: float = CALLS,
    **options: Any,
) -> Result:
    options.setdefault("budget", Budget(calls=calls))
    journal = Journal(records, None if new is None else new.append)
    model = model or StumblingModel(0.35)
    return run_sync(planner, task, model, env, journal=journal, **options)


def whole(result: Result) -> tuple[Any, ...]:
    """What must not change: end, answer, tree and spend, all but the clock."""
    spent = {kind: amount for kind, amount in result.spent.items() if kind != "seconds"}
    return result.end, result.answer, result.tree.shape(), spent


def ids(result: Result) -> list[str]:
    return [node.id for node in result.tree.walk()]


# 1. A planner is a pure function of (seed, effect results)


@every_planner
def test_rule_1_cut_after_any_effect_it_resumes_to_the_same_tree_and_spend(
    planner: Planner,
) -> None:
    records: list[Record] = []
    uncut = go(planner, new=records)
    assert uncut.error is None and len(records) > 3
    for cut in range(len(records) + 1):
        new: list[Record] = []
        again = go(planner, records=records[:cut], new=new)
        assert whole(again) == whole(uncut)
        keys = Counter(r["key"] for r in [*records[:cut], *new])
        assert keys == Counter(r["key"] for r in records)


class Killed(BaseException):
    """The process ends."""


@every_planner
def test_rule_1_killed_with_effects_in_flight_it_resumes_to_the_same_tree(
    planner: Planner,
) -> None:
    total: list[Record] = []
    uncut = go(planner, Late(StumblingModel(0.35)), new=total)
    for life in range(1, len(total), 4):
        kept: list[Record] = []

        def sink(record: Record, life: int = life, kept: list[Record] = kept) -> None:
            if len(kept) >= life:
                raise Killed
            kept.append(record)

        journal = Journal((), sink)
        budget = Budget(calls=CALLS)
        with pytest.raises(Killed):
            run_sync(planner, TASK, Late(StumblingModel(0.35)), ShopEnv, journal=journal,
                     budget=budget)  # fmt: skip
        assert whole(go(planner, records=kept)) == whole(uncut)


@every_planner
def test_rule_1_searches_of_one_planner_at_the_same_time_do_not_mix(planner: Planner) -> None:
    tasks = shop_tasks(4, seed=3)
    alone = [go(planner, task=task) for task in tasks]

    async def together() -> list[Result]:
        model = Late(StumblingModel(0.35))
        return await asyncio.gather(
            *[run(planner, task, model, ShopEnv, budget=Budget(calls=CALLS)) for task in tasks]
        )

    assert [whole(r) for r in asyncio.run(together())] == [whole(r) for r in alone]


def test_rule_1_chance_depends_on_the_seed_and_the_node_only() -> None:
    drawn: list[float] = []

    @dataclass(frozen=True)
    class Dice(Planner):
        async def plan(self, s: Session) -> Node | None:
            [child] = await s.expand(s.root)
            drawn.extend([s.rng(child).random(), s.rng(s.root).random(), s.rng(child).random()])
            return None

    for seed in (0, 0, 1):
        go(Dice(), Noting(), seed=seed)
    child, root, again, *second = drawn
    assert child == again != root
    assert second[:3] == drawn[:3] and second[3] != child


# 2. Names, not order


def test_rule_2_timing_never_changes_a_name() -> None:
    plain = go(Beam())
    for _ in range(5):
        late = Late(StumblingModel(0.35))
        assert whole(go(Beam(), late)) == whole(plain)
        assert {r.node for r in late.requests} == {"0"} | {
            n.parent.id for n in plain.tree.walk() if n.parent is not None
        }


def test_rule_2_a_child_is_named_by_its_place() -> None:
    result = go(Fan(), Noting())
    assert ids(result) == [
        "0", "0.0", "0.0.0", "0.0.0.0", "0.1", "0.1.0", "0.1.0.0", "0.2", "0.2.0", "0.2.0.0",
    ]  # fmt: skip


def test_rule_2_a_sample_index_is_the_kth_identical_request() -> None:
    @dataclass(frozen=True)
    class Asking(Planner):
        async def plan(self, s: Session) -> Node | None:
            await s.propose(s.root)
            await s.propose(s.root, 2)
            await s.propose(s.root, hint=WholePlan())
            other = s.fresh()
            await other.propose(other.root)
            return None

    model = Noting()
    go(Asking(), model)
    names = [(r.node, r.attempt, r.sample) for r in model.requests]
    assert names == [("0", 0, 0), ("0", 1, 1), ("0", 2, 2), ("0", 3, 0), ("0~1", 0, 3)]
    seeds = [r.seed for r in model.requests]
    assert len(set(seeds)) == 5
    again, other = Noting(), Noting()
    go(Asking(), again)
    go(Asking(), other, seed=1)
    assert [r.seed for r in again.requests] == seeds
    assert not set(seeds) & {r.seed for r in other.requests}


@pytest.mark.parametrize("effect", ["0:reset", "0:propose:0", "0.0:step"])
def test_rule_2_a_replayed_effect_with_another_request_is_a_mismatch(effect: str) -> None:
    records: list[Record] = []
    go(ReACT(), new=records)
    changed = [{**r, "asked": "0" * 16} if r["key"] == effect else r for r in records]
    model = Noting(StumblingModel(0.35))
    result = go(ReACT(), model, records=changed)
    assert result.end == "infra" and isinstance(result.exception, ReplayMismatch)
    assert f"effect {effect} was recorded for another request" in str(result.error)
    assert model.requests == []


def test_rule_2_a_journal_of_another_task_is_a_mismatch() -> None:
    records: list[Record] = []
    go(ReACT(), new=records)
    model = Noting()
    other = dataclasses.replace(TASK, instruction="Buy nothing.")
    result = go(ReACT(), model, task=other, records=records)
    assert result.end == "infra" and isinstance(result.exception, ReplayMismatch)
    assert model.requests == []


# 3. Waves


@pytest.mark.parametrize("delays", [{}, {"0.0": 0.01}, {"0.2": 0.01}, {"0.0": 0.01, "0.1": 0.005}])
@pytest.mark.parametrize(
    ("calls", "below"),
    [
        (3, []),
        (4, ["0.0.0"]),
        (5, ["0.0.0", "0.1.0"]),
        (7, ["0.0.0", "0.0.0.0", "0.1.0", "0.2.0"]),
        (8, ["0.0.0", "0.0.0.0", "0.1.0", "0.1.0.0", "0.2.0"]),
    ],
)
def test_rule_3_who_gets_the_last_call_does_not_depend_on_timing(
    delays: Mapping[str, float], calls: int, below: list[str]
) -> None:
    result = go(Fan(), Late(delays=delays), calls=calls)
    assert result.end == "limit" and result.limit == "calls"
    assert [i for i in ids(result) if i.count(".") > 1] == below


def test_rule_3_a_paid_call_is_kept_when_a_sibling_fails() -> None:
    replies = {f"0#{i}": Completion(f"child {i}") for i in range(3)}
    failing = ScriptedModel(replies={**replies, "0.0#0": ModelError("down")}, default=Completion())
    records: list[Record] = []
    result = go(Fan(), Late(failing, {"0.1": 0.01, "0.2": 0.02}), new=records)
    assert result.end == "infra" and result.error == "ModelError: down"
    paid = [r["key"] for r in records if "got" in r and ":propose:" in r["key"]]
    assert {"0.1:propose:0", "0.2:propose:0"} <= set(paid)
    assert records[-1] == {"retract": "0.0:propose:0"}

    healthy = Noting(ScriptedModel(replies=replies, default=Completion()))
    again = go(Fan(), healthy, records=records)
    asked = [f"{r.node}:propose:{r.attempt}" for r in healthy.requests]
    assert again.error is None and "0.0:propose:0" in asked and not set(asked) & set(paid)
    never_failed = go(Fan(), ScriptedModel(replies=replies, default=Completion()))
    assert whole(again) == whole(never_failed)


# 4. Budget: reserve before, settle after


@every_planner
@pytest.mark.parametrize("kind", ["calls", "steps", "nodes"])
def test_rule_4_every_cap_is_used_exactly(planner: Planner, kind: str) -> None:
    uncut = go(planner)
    full = int(uncut.spent[kind])
    assert full >= 2
    for cap in range(full + 1):
        result = go(planner, budget=Budget(**{"calls": CALLS, kind: cap}))
        assert result.error is None
        assert result.spent[kind] == cap
        if cap < full and not isinstance(planner, Beam):  # a wave may also just get smaller
            assert result.limit == kind
    assert whole(result) == whole(uncut)


def test_rule_4_an_answer_found_on_the_last_call_counts() -> None:
    full = go(ReACT(), StumblingModel(0.0))
    calls = int(full.spent["calls"])
    last = go(ReACT(), StumblingModel(0.0), calls=calls)
    assert (last.end, last.answer, last.limit) == ("answered", full.answer, None)
    assert go(ReACT(), StumblingModel(0.0), calls=calls - 1).end == "limit"


def test_rule_4_an_answer_found_before_the_budget_ended_is_given() -> None:
    planner = DFSDT(answers=9)
    uncut = go(planner, StumblingModel(0.0))
    result = go(planner, StumblingModel(0.0), calls=uncut.spent["calls"] - 1)
    assert result.end == "answered" and result.limit == "calls"
    assert result.answer == f"You paid {TASK.answer}."


class Priced:
    """A request costs 1 to 10 tokens, a cent each, and never more than its bound."""

    async def complete(self, requests: Sequence[Request]) -> Replies:
        await asyncio.sleep(0)
        tokens = [1 + request.seed % 10 for request in requests]
        return [Completion("hm", (), 0, n, n / 100) for n in tokens]


class PricedAndBounded(Priced):
    def bound(self, request: Request) -> tuple[int, float]:
        return 10, 0.1


@pytest.mark.parametrize("planner", [ReACT(max_steps=20), Beam(3), Fan()])
def test_rule_4_tokens_and_dollars_with_a_bound_are_never_overrun(planner: Planner) -> None:
    for cap in range(0, 80, 3):
        tokens = go(planner, PricedAndBounded(), budget=Budget(tokens=cap))
        dollars = go(planner, PricedAndBounded(), budget=Budget(usd=cap / 100))
        assert tokens.spent["tokens"] <= cap
        assert dollars.spent["usd"] <= cap / 100 + 1e-9
        assert whole(tokens)[3] == whole(dollars)[3]  # a token is a cent
        if tokens.limit is not None and isinstance(planner, ReACT):
            assert cap - tokens.spent["tokens"] < 10  # nothing that fits is held back


@pytest.mark.parametrize("planner", [ReACT(max_steps=20), Beam(), Fan()])
def test_rule_4_a_trial_cut_under_a_cap_on_tokens_resumes_to_the_same_tree(
    planner: Planner,
) -> None:
    for cap in (0, 15, 33, 50):
        records: list[Record] = []
        uncut = go(planner, PricedAndBounded(), budget=Budget(tokens=cap), new=records)
        for cut in range(len(records) + 1):
            budget = Budget(tokens=cap)
            again = go(planner, PricedAndBounded(), budget=budget, records=records[:cut])
            assert whole(again) == whole(uncut)


def test_rule_4_tokens_without_a_bound_overrun_by_the_last_request_only() -> None:
    for cap in range(1, 60, 7):
        result = go(ReACT(max_steps=200), Priced(), budget=Budget(tokens=cap), calls=0)
        last = list(result.tree.walk())[-1].reply
        assert last is not None
        assert result.spent["tokens"] - last.tokens < cap <= result.spent["tokens"]


def test_rule_4_dollars_are_not_lost_to_rounding() -> None:
    class Dime:
        def bound(self, request: Request) -> tuple[int, float]:
            return 0, 0.1

        async def complete(self, requests: Sequence[Request]) -> Replies:
            return [Completion("hm", usd=0.1) for _ in requests]

    for dimes in range(1, 12):
        result = go(ReACT(max_steps=50), Dime(), budget=Budget(usd=dimes / 10))
        assert result.spent["calls"] == dimes


@pytest.mark.parametrize("planner", [ReACT(), Beam(), Fan()])
def test_rule_4_seconds_end_a_hanging_model_and_resume_to_the_same_end(planner: Planner) -> None:
    records: list[Record] = []
    result = go(planner, Hanging(), new=records, budget=Budget(seconds=0.02))
    assert (result.end, result.limit) == ("limit", "seconds")
    assert result.spent["calls"] == 0
    model = Noting()
    again = go(planner, model, records=records, budget=Budget(seconds=0.02))
    assert (again.end, again.limit) == ("limit", "seconds")
    assert whole(again) == whole(result)
    assert again.spent["seconds"] == result.spent["seconds"] >= 0.02
    assert model.requests == []


def test_rule_4_seconds_that_end_samples_of_several_searches_resume_to_the_same_end() -> None:
    @dataclass(frozen=True)
    class BestOf(Planner):
        async def plan(self, s: Session) -> Node | None:
            searches = [s.fresh(), s.fresh()]
            await s.gather(*[other.expand(other.root, 2) for other in searches])
            return None

    records: list[Record] = []
    result = go(BestOf(), Hanging(), new=records, budget=Budget(seconds=0.02))
    again = go(BestOf(), Noting(), records=records, budget=Budget(seconds=0.02))
    assert again.error is None and whole(again) == whole(result)


# 5. Branching is the framework's job


async def grown(pool: EnvPool, parent: Node, item: str) -> Node:
    """The child that putting one of the item into the cart makes."""
    action = Action("add_to_cart", f'{{"item": "{item}", "quantity": 1}}')
    child = Node(f"{parent.id}.{len(parent.children)}", parent, action)
    parent.children.append(child)
    child.step = await pool.step(parent, action, child.id)
    return child


@pytest.mark.parametrize(
    ("fork", "restored", "replayed"), [("snapshot", 3, 0), ("replay", 0, 3), ("free", 0, 0)]
)
def test_rule_5_the_pool_restores_or_replays_no_more_than_it_must(
    fork: Fork, restored: int, replayed: int
) -> None:
    def shop() -> ShopEnv:
        env = ShopEnv()
        env.fork = fork
        return env

    async def search() -> tuple[EnvPool, list[Node]]:
        pool = EnvPool(shop, TASK)
        root = Node("0")
        await pool.observe(root.id)
        a = await grown(pool, root, "apple")  # the environment is at the root
        b = await grown(pool, a, "bun")  # and is taken along
        c = await grown(pool, root, "cake")  # back to the root: nothing to make again
        d = await grown(pool, b, "tea")  # back to b: two calls to make again
        e = await grown(pool, c, "milk")  # back to c: one
        await pool.close()
        return pool, [a, b, c, d, e]

    pool, nodes = asyncio.run(search())
    assert (pool.restored, pool.replayed) == (restored, replayed)
    carts = [node.observation.partition('"cart": {')[2].partition("}")[0] for node in nodes]
    if fork != "free":
        assert carts == [
            '"apple": 1',
            '"apple": 1, "bun": 1',
            '"cake": 1',
            '"apple": 1, "bun": 1, "tea": 1',
            '"cake": 1, "milk": 1',
        ]


def test_rule_5_never_with_a_branching_planner_is_an_error_before_any_call() -> None:
    model = Noting()
    records: list[Record] = []
    for planner in (DFSDT(), ReACT(n=2), Beam()):
        with pytest.raises(UsageError, match="cannot be brought back .* and this planner branches"):
            go(planner, model, lambda: ShopEnv("never"), new=records)
    assert model.requests == [] and records == []


def test_rule_5_never_and_a_planner_that_goes_back_all_the_same() -> None:
    @dataclass(frozen=True)
    class Liar(Planner):
        @property
        def branches(self) -> bool:
            return False

        async def plan(self, s: Session) -> Node | None:
            await s.step(s.root, Action("draw_coupon"))
            return await s.step(s.root, Action("view_cart"))

    result = go(Liar(), env=lambda: ShopEnv("never"))
    assert result.end == "infra" and isinstance(result.exception, ForkError)


def test_rule_5_never_resumes_by_starting_anew_and_carries_the_spend() -> None:
    def life(records: list[Record]) -> tuple[Result, Noting]:
        model = Noting(StumblingModel(0.0))
        result = go(ReACT(), model, lambda: ShopEnv("never"), records=list(records), new=records)
        return result, model

    records: list[Record] = []
    first, model = life(records)
    full = {kind: first.spent[kind] for kind in ("calls", "tokens", "steps")}
    assert first.end == "answered" and full["calls"] == len(model.requests) > 3
    for past in (2, 3):
        result, model = life(records)
        assert result.tree.shape() == first.tree.shape()
        assert len(model.requests) == full["calls"]
        assert {kind: result.spent[kind] for kind in full} == {
            kind: past * amount for kind, amount in full.items()
        }
    restarts = [r for r in records if "restart" in r]
    assert [r["restart"] for r in restarts] == [1, 2]
    assert [r["spent"]["calls"] for r in restarts] == [full["calls"], 2 * full["calls"]]


def test_rule_5_a_killed_trial_of_a_world_without_a_way_back_counts_what_was_paid() -> None:
    records: list[Record] = []
    first = go(ReACT(), env=lambda: ShopEnv("never"), new=records)
    for cut in range(1, len(records) + 1):
        result = go(ReACT(), env=lambda: ShopEnv("never"), records=records[:cut])
        paid = sum(":propose:" in r["key"] for r in records[:cut])
        assert result.spent["calls"] == first.spent["calls"] + paid
        assert result.tree.shape() == first.tree.shape()


def test_rule_5_there_is_no_deepcopy_anywhere() -> None:
    assert len(SOURCES) > 40
    assert [str(path) for path in SOURCES if "deepcopy" in path.read_text()] == []


# 6. Append-only prompts


def test_rule_6_prompts_only_grow_and_hints_stay_out_of_the_children() -> None:
    model = Noting(StumblingModel(0.5))
    result = go(DFSDT(width=3, max_steps=4, answers=3), model)
    at: dict[str, list[Request]] = {}
    for request in model.requests:
        at.setdefault(request.node, []).append(request)
    assert max(len(requests) for requests in at.values()) == 3
    for node, requests in at.items():
        prefix = requests[0].messages
        for request in requests[1:]:
            *before, hint = request.messages
            assert [repr(m).encode() for m in before] == [repr(m).encode() for m in prefix]
            assert hint.role == "user" and hint.content is not None
            assert hint.content.startswith("This state was reached before")
        parent = node.rpartition(".")[0]
        if parent:
            grown = at[parent][0].messages
            assert prefix[: len(grown)] == grown and len(prefix) == len(grown) + 2
            assert not any("reached before" in (m.content or "") for m in prefix)
    found = result.tree.find("0.1")
    assert found is not None and found.reply is not None
    assert isinstance(found.reply.hint, Siblings)


def test_rule_6_siblings_share_their_prefix_as_one_object() -> None:
    model = Noting()
    go(Fan(), model)
    first = [r.prompt for r in model.requests if r.node == "0"]
    assert first[0] is first[1] is first[2]
    below = [r.prompt for r in model.requests if r.node in ("0.0", "0.1", "0.2")]
    assert [p.parent for p in below] == [first[0]] * 3


def test_rule_6_a_resumed_search_asks_the_prompts_that_it_would_have_asked() -> None:
    first, second = Noting(StumblingModel(0.35)), Noting(StumblingModel(0.35))
    records: list[Record] = []
    go(ReACT(), first, new=records)
    go(ReACT(), second, records=records[:3])
    asked: list[list[Message]] = [r.messages for r in first.requests]
    made = sum(":propose:" in r["key"] for r in records[:3])
    assert len(asked) > made > 0
    assert [r.messages for r in second.requests] == asked[made:]


# 7. Everything from a model or a tool is hostile


def test_rule_7_no_source_evaluates_text() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), path


HOSTILE = [
    '__import__("os").system("true")',
    "\x00\x1b[31mred\x07\x7f\u202e\ud800",
    'x\n{"crc":"00000000","key":"0:reset"}\n',
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "$instruction ${tools} $$",
    "[" * 3000,
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_rule_7_hostile_replies_are_data(text: str, tmp_path: Path) -> None:
    call = (ToolCall(text, text), ToolCall("add_to_cart", text))
    model = ScriptedModel(default=Completion(text, call))
    path = tmp_path / "journal.jsonl"
    journal = Journal.open(path)
    budget = Budget(calls=CALLS)
    result = run_sync(DFSDT(max_steps=2), TASK, model, ShopEnv, journal=journal, budget=budget)
    journal.close()
    assert result.error is None and result.end == "limit"
    status = {n.id: n.step.info.status for n in result.tree.walk() if n.step is not None}
    assert status["0.0"] == "no_such_api" and status["0.0.0"] == "bad_arguments"
    again = Journal.open(path)
    assert again.damaged == 0
    noting = Noting()
    replayed = run_sync(DFSDT(max_steps=2), TASK, noting, ShopEnv, journal=again, budget=Budget())
    again.close()
    assert whole(replayed) == whole(result) and noting.requests == []


# 8. An exception never becomes a model's answer, and never stops the sibling trials


class Odd(ToolEnv):
    """A world in which every tool does something else."""

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        return "", {}

    async def step(self, action: Action) -> Step:
        step: Any = Step("fine")
        match action.api:
            case "refuses":
                raise ToolError("not yours", "unauthorised")
            case "breaks":
                raise KeyError("secret")
            case "times_out":
                raise TimeoutError("the socket's own")
            case "misses":
                raise EnvMiss("no such recording")
            case "hangs":
                await asyncio.sleep(3600)
            case "bytes":
                step = Step(b"caf\xc3\xa9 \xff")  # type: ignore[arg-type]
            case "tuple":
                step = ("plain", 1, True, False, {"any": "thing"})
            case "dict_info":
                step = Step("plain", 1, False, False, {"any": "thing"})  # type: ignore[arg-type]
            case "number":
                step = Step(5)  # type: ignore[arg-type]
            case "nothing":
                step = None
            case "parses":
                step = Step(repr(action.kwargs()))
        checked: Step = step
        return checked


ODD = Task("odd", "Try them.", tuple(API(n) for n in (
    "refuses", "breaks", "times_out", "misses", "hangs", "bytes", "tuple", "dict_info", "number",
    "nothing", "parses", "fine",
)))  # fmt: skip


def odd(api: str, arguments: str = "{}") -> Result:
    return go(Once(api, arguments), env=Odd, task=ODD, step_timeout=0.02)


@pytest.mark.parametrize(
    ("api", "arguments", "status", "observation"),
    [
        ("fine", "{}", "ok", "fine"),
        ("refuses", "{}", "unauthorised", '{"error": "not yours", "response": ""}'),
        ("bytes", "{}", "ok", "café \ufffd"),
        ("tuple", "{}", "ok", "plain"),
        ("dict_info", "{}", "ok", "plain"),
        ("parses", "", "ok", "{}"),
        ("parses", '{"a": "\n"}', "ok", "{'a': '\\n'}"),
        ("parses", "[1]", "bad_arguments",
         '{"error": "arguments must be a JSON object, not list", "response": ""}'),
        ("hangs", "{}", "timeout",
         '{"error": "hangs did not answer within 0.02 s", "response": ""}'),
        ("unknown", "{}", "no_such_api",
         '{"error": "No such function name: unknown", "response": ""}'),
    ],
)  # fmt: skip
def test_rule_8_what_a_tool_says_is_an_observation(
    api: str, arguments: str, status: str, observation: str
) -> None:
    result = odd(api, arguments)
    assert result.error is None
    step = result.tree.root.children[0].step
    assert step is not None
    assert (step.info.status, step.observation) == (status, observation)


def test_rule_8_arguments_that_are_not_json_are_bad_arguments() -> None:
    step = odd("parses", "{city: Paris}").tree.root.children[0].step
    assert step is not None and step.info.status == "bad_arguments"
    assert step.observation.startswith('{"error": "arguments are not valid JSON: ')


@pytest.mark.parametrize(
    ("api", "end", "error"),
    [
        ("breaks", "infra", "EnvironmentFailed: Odd.step(breaks) raised KeyError: 'secret'"),
        ("times_out", "infra",
         "EnvironmentFailed: Odd.step(times_out) raised TimeoutError: the socket's own"),
        ("misses", "env_miss", "EnvMiss: no such recording"),
        ("number", "infra", "EnvironmentFailed: an observation must be text, not int"),
        ("nothing", "infra",
         "EnvironmentFailed: step returned NoneType, not (observation, reward, terminated, "
         "truncated, info)"),
    ],
)  # fmt: skip
def test_rule_8_what_an_environment_raises_is_no_observation(
    api: str, end: str, error: str
) -> None:
    result = odd(api)
    assert (result.end, result.error) == (end, error)
    assert result.tree.root.children[0].step is None and result.tree.root.children[0].pruned
    assert result.answer is None and result.node is None


class Returning:
    def __init__(self, returned: Any) -> None:
        self.returned = returned

    async def complete(self, requests: Sequence[Request]) -> Any:
        if isinstance(self.returned, Exception):
            raise self.returned
        return self.returned


@pytest.mark.parametrize(
    ("returned", "error"),
    [
        (OSError("no network"), "Returning.complete raised OSError: no network"),
        (TimeoutError("socket"), "Returning.complete raised TimeoutError: socket"),
        ([], "Returning gave 0 results for 1 requests"),
        ([Completion(), Completion()], "Returning gave 2 results for 1 requests"),
        (["text"], "Returning returned str, not a Completion"),
        (None, "Returning.complete raised TypeError: 'NoneType' object is not iterable"),
        ([ModelError("refused", kind="refused")], "refused"),
    ],
)
def test_rule_8_a_model_that_breaks_is_infra_and_owed_again(returned: Any, error: str) -> None:
    records: list[Record] = []
    budget = Budget(seconds=60)
    result = go(ReACT(), Returning(returned), new=records, budget=budget)
    assert (result.end, result.error) == ("infra", f"ModelError: {error}")
    assert ids(result) == ["0"] and result.answer is None
    assert records[-1] == {"retract": "0:propose:0"}
    healthy = StumblingModel(0.0)
    assert whole(go(ReACT(), healthy, records=records)) == whole(go(ReACT(), healthy))


def test_rule_8_one_error_object_for_several_requests_is_retracted_by_each_own_name() -> None:
    replies = {f"0#{i}": Completion("a") for i in range(3)}
    records: list[Record] = []
    go(Fan(), ScriptedModel(replies=replies, default=ModelError("down")), new=records)
    failed = [r["key"] for r in records if "error" in r]
    assert failed == ["0.0:propose:0", "0.1:propose:0", "0.2:propose:0"]
    assert records[-1] == {"retract": "0.0:propose:0"}


def test_rule_8_a_planner_that_breaks_is_infra_and_its_siblings_go_on() -> None:
    @dataclass(frozen=True)
    class Broken(Planner):
        async def plan(self, s: Session) -> Node | None:
            await s.expand(s.root)
            raise ZeroDivisionError("oops")

    async def both() -> tuple[Result, Result]:
        model = Late(StumblingModel(0.0))
        broken, sound = await asyncio.gather(
            run(Broken(), TASK, model, ShopEnv), run(ReACT(), TASK, model, ShopEnv)
        )
        return broken, sound

    broken, sound = asyncio.run(both())
    assert broken.end == "infra" and isinstance(broken.exception, ZeroDivisionError)
    assert "ZeroDivisionError: oops" in str(broken.error)
    assert whole(sound) == whole(go(ReACT(), StumblingModel(0.0)))


def test_rule_8_a_trial_that_is_asked_to_stop_is_cancelled_and_goes_on_later() -> None:
    uncut = go(DFSDT())
    asked = [0]

    def paused() -> bool:
        asked[0] += 1
        return asked[0] > 5

    records: list[Record] = []
    result = go(DFSDT(), new=records, paused=paused)
    assert (result.end, result.error) == ("cancelled", "Paused: the run was asked to stop")
    assert whole(go(DFSDT(), records=records)) == whole(uncut)


# 10. Nothing waits for ever


def test_rule_10_a_hanging_model_is_a_model_error() -> None:
    result = go(ReACT(), Hanging(), timeout=0.02)
    assert result.end == "infra"
    assert result.error == "ModelError: the model did not answer within 0.02 s"


def test_rule_10_a_call_that_hangs_leaves_the_state_as_it_was() -> None:
    class Sticky(ShopEnv):
        async def step(self, action: Action) -> Step:
            if action.api == "draw_coupon":
                await super().step(action)
                await asyncio.sleep(3600)
            return await super().step(action)

    @dataclass(frozen=True)
    class Trying(Planner):
        async def plan(self, s: Session) -> Node | None:
            node = await s.step(s.root, Action("add_to_cart", '{"item": "bun", "quantity": 2}'))
            node = await s.step(node, Action("draw_coupon"))
            return await s.step(node, Action("checkout"))

    for fork in ("snapshot", "replay"):
        result = go(Trying(), env=lambda fork=fork: Sticky(fork), step_timeout=0.02)  # type: ignore[misc]
        assert result.error is None
        status = [n.step.info.status for n in result.tree.walk() if n.step is not None]
        assert status == ["ok", "timeout", "ok"]
        assert result.node is not None
        assert result.node.observation == '{"error": "", "response": {"paid": 1.0, "items": 2}}'
    result = go(Once("draw_coupon"), env=lambda: Sticky("never"), step_timeout=0.02)
    assert result.end == "infra" and "cannot be brought back" in str(result.error)


@pytest.mark.parametrize("where", ["reset", "close"])
def test_rule_10_an_environment_may_hang_anywhere(where: str) -> None:
    class Stuck(ShopEnv):
        async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
            if where == "reset":
                await asyncio.sleep(3600)
            return await super().reset(task, seed=seed)

        async def close(self) -> None:
            if where == "close":
                await asyncio.sleep(3600)

    result = go(Once("view_cart"), env=Stuck, step_timeout=0.02)
    if where == "reset":
        task = TASK.id
        says = f"EnvironmentFailed: Stuck.reset failed for task {task!r}: took over 0.02 s"
        assert (result.end, result.error) == ("infra", says)
    else:
        assert result.error is None


def test_rule_10_any_other_effect_may_hang() -> None:
    @dataclass(frozen=True)
    class Scoring(Planner):
        async def plan(self, s: Session) -> Node | None:
            async def score() -> float:
                await asyncio.sleep(3600)
                return 1.0

            await s.effect("score", [s.root], score)
            return None

    result = go(Scoring(), timeout=0.02)
    assert (result.end, result.error) == ("infra", "ModelError: score took over 0.02 s")
