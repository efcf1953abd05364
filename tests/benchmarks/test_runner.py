"""The runner: what it runs, what it resumes, and what one bad trial does to the others: nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.judges import Match, Verdict
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.suites import Suite
from toolgrove.benchmarks.summary import incomplete
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import (
    Action,
    Completion,
    Episodes,
    Model,
    ModelError,
    Planner,
    Request,
    Step,
    Task,
    ToolCall,
    ToolEnv,
    ToolError,
    UsageError,
    make,
)
from toolgrove.core.lines import read_lines
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import Batcher, FunctionPolicy
from toolgrove.models.stumble import StumblingModel

Results = dict[Key, tuple[Any, ...]]

BAD = "shop-001"
PLANNERS = ("dfsdt:max_steps=6", "react@3", "cot")


def plan_of(n: int = 3, planners: Sequence[str] = PLANNERS, **options: Any) -> Plan:
    suite = Suite("shop", tuple(shop_tasks(n)))
    given = {"budget": {"calls": 40}, "judge": "match", **options}
    return Plan([suite], planners, "stumble", "shop", **given)


@lru_cache
def planner(spec: str) -> Planner:
    made = make("planners", spec)
    assert isinstance(made, Planner)
    return made


def runner_of(
    path: Path,
    plan: Plan,
    model: Model | None = None,
    env: Callable[[], ToolEnv] | None = None,
    **options: Any,
) -> Runner:
    planners = {spec: planner(spec) for spec in plan.planners}
    world, words = Episodes(env or ShopEnv), FunctionPolicy()
    parts = Parts(planners, model or StumblingModel(), world, words, None, Match())
    directory = RunDirectory.create(path, {"identity": plan.identity()})
    return Runner(plan, directory, parts=parts, **options)


def go(runner: Runner, **options: Any) -> list[Any]:
    try:
        return asyncio.run(runner.run(**options))
    finally:
        runner.directory.close()


def bench(path: Path, plan: Plan, *parts: Any, concurrency: int = 8, **options: Any) -> list[Any]:
    return go(runner_of(path, plan, *parts, **options), concurrency=concurrency)


def results(path: Path) -> Results:
    """All of every trial but times."""
    directory = RunDirectory(path)
    return {key: result(directory.load(key)) for key in directory.trials}


def result(trial: Trial) -> tuple[Any, ...]:
    spent = {kind: amount for kind, amount in trial.spent.items() if kind != "seconds"}
    facts = (trial.end, trial.answer, trial.limit, trial.error, trial.seed, trial.budget, spent)
    return (*facts, trial.tree.shape(), trial.tree.winner)


class Silent:
    """Nobody should ask it."""

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        raise AssertionError("a finished trial asked the model")


class Counting(StumblingModel):
    """Counts its requests, by task and at once, and does something at one of them."""

    def __init__(self, at: int = 0, do: Callable[[], object] = bool, seconds: float = 0.0) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.at, self.do, self.seconds = at, do, seconds

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        for name in ("", *[r.task.id for r in requests if r.task is not None]):
            self.asked[name] += 1
            self.now[name] += 1
            self.most[name] = max(self.most[name], self.now[name])
        if self.asked[""] == self.at:
            self.do()
        await asyncio.sleep(self.seconds)
        for name in ("", *[r.task.id for r in requests if r.task is not None]):
            self.now[name] -= 1
        return await super().complete(requests)


class Moody(ShopEnv):
    """A shop where one task's calls go wrong."""

    def __init__(self, wrong: Callable[[Any], Any]) -> None:
        super().__init__()
        self.wrong, self.bad = wrong, False

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        self.bad = task.id == BAD
        return await super().reset(task, seed=seed)

    async def step(self, action: Action) -> Step:
        if not self.bad:
            return await super().step(action)
        found = self.wrong(await super().step(action))
        step: Step = await found if asyncio.iscoroutine(found) else found
        return step


class Broken(StumblingModel):
    """A model that goes wrong on one task."""

    def __init__(self, wrong: Callable[[], Any]) -> None:
        super().__init__()
        self.wrong = wrong

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        if all(request.task is None or request.task.id != BAD for request in requests):
            return await super().complete(requests)
        found = self.wrong()
        made: list[Completion | ModelError] = await found if asyncio.iscoroutine(found) else found
        return made


def raising(error: BaseException) -> Callable[..., Any]:
    def wrong(*_: object) -> Any:
        raise error

    return wrong


def hanging(*_: object) -> Any:
    return asyncio.sleep(3600)


# What is run


def test_every_planner_runs_on_every_task_as_often_as_asked(tmp_path: Path) -> None:
    plan = plan_of(4, trials=2, seed=5, limit=3)
    rows = bench(tmp_path, plan)
    assert [row["planner"] for row in rows] == list(PLANNERS)
    assert [row["planned"] for row in rows] == [6, 6, 6]
    trials = RunDirectory(tmp_path).trials
    assert set(trials) == set(plan.keys()) and len(trials) == 18
    assert {(key.trial, trial.seed) for key, trial in trials.items()} == {(0, 5), (1, 6)}
    assert not any(key.task == "shop-003" for key in trials)
    assert all(trial.budget == {"calls": 40} for trial in trials.values())
    assert incomplete(rows) == 0


def test_the_summary_is_written_and_adds_up(tmp_path: Path) -> None:
    rows = bench(tmp_path, plan_of())
    assert json.loads((tmp_path / "summary.json").read_text()) == {"runs": rows}
    trials = RunDirectory(tmp_path).trials
    for row in rows:
        mine = [trial for key, trial in trials.items() if key.planner == row["planner"]]
        assert row["calls"] == sum(trial.spent["calls"] for trial in mine)
        assert sum(row["outcomes"].values()) == row["planned"] == len(mine) == 3


def test_concurrency_changes_nothing_but_how_many_run_at_once(tmp_path: Path) -> None:
    plan = plan_of(4, match="calls", reference=PLANNERS[0])
    for n in (1, 3, 64):
        runner = runner_of(tmp_path / str(n), plan, Batcher(Counting()))
        go(runner, concurrency=n)
        assert runner.most_running <= n and runner.running == 0
    assert results(tmp_path / "1") == results(tmp_path / "3") == results(tmp_path / "64")


@pytest.mark.parametrize("spec", ["react", "dfsdt"])
def test_64_tasks_keep_at_least_32_calls_in_flight(tmp_path: Path, spec: str) -> None:
    model = Counting(seconds=0.02)
    plan = plan_of(64, [spec], budget={"calls": 3})
    bench(tmp_path, plan, model, concurrency=64)
    assert model.most[""] >= 32
    batched = Counting(seconds=0.02)
    bench(tmp_path / "batched", plan, Batcher(batched, max_batch=1), concurrency=64)
    assert batched.most[""] >= 32


def test_a_suite_runs_with_its_own_parts_where_the_plan_names_none(tmp_path: Path) -> None:
    tasks = tuple(shop_tasks(2))
    own = Suite("own", tasks, "stumble:rate=0", "shop:fork=replay", "match")
    first = Suite("shop", tasks, "stumble:rate=1", "shop", "answered")
    plan = Plan([first, own], ["react"], "", "", "")
    parts = Parts.of(plan)
    with closing(RunDirectory.create(tmp_path, describe(plan, parts))) as directory:
        found = asyncio.run(Runner(plan, directory, parts=parts).run())
    rows = {row["suite"]: row for row in found}
    assert rows["own"]["passed"] == 2
    verdicts = RunDirectory(tmp_path).verdicts
    assert all(key.suite == "own" for key in verdicts["match"])


# Resuming


def test_resuming_a_finished_run_runs_nothing_again(tmp_path: Path) -> None:
    plan = plan_of()
    rows = bench(tmp_path, plan)
    files = {p: p.read_bytes() for p in tmp_path.rglob("*.jsonl")}
    assert len(files) == 2 + 9
    again = bench(tmp_path, plan, Silent())
    assert again == rows
    assert {p: p.read_bytes() for p in tmp_path.rglob("*.jsonl")} == files


def test_a_trial_whose_line_is_torn_is_made_again_from_its_journal(tmp_path: Path) -> None:
    plan = plan_of()
    rows = bench(tmp_path, plan)
    before, file = results(tmp_path), tmp_path / "trials.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-50])
    assert bench(tmp_path, plan, Silent()) == rows
    assert results(tmp_path) == before and file.read_bytes().startswith(whole[:-50] + b"\n")


class Watching:
    """An observer that counts."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []
        self.told: Counter[Key] = Counter()

    def started(self, total: int, done: int) -> None:
        self.begun.append((total, done))

    def ended(self, trial: Trial, verdict: Verdict | None) -> None:
        assert (verdict is not None) == (trial.end == "answered")
        self.told[trial.key] += 1


@pytest.mark.parametrize("concurrency", [1, 4])
def test_paused_drains_and_resumes_to_the_same_result(tmp_path: Path, concurrency: int) -> None:
    plan = plan_of(4, match="calls", reference=PLANNERS[0])
    rows = bench(tmp_path / "whole", plan)
    path, watching, asked, lives = tmp_path / "run", Watching(), 0, 0
    while True:
        model = Counting(at=50)
        runner = runner_of(path, plan, model)
        model.do = lambda: setattr(runner, "paused", True)  # noqa: B023
        found = go(runner, concurrency=concurrency, observer=watching)
        asked += model.asked[""]
        lives += 1
        assert [row["planned"] for row in found] == [4, 4, 4]
        assert all(sum(row["outcomes"].values()) == 4 for row in found)
        if not incomplete(found):
            break
        assert runner.paused and set(watching.told) == set(RunDirectory(path).trials)
    assert lives > 2 and results(path) == results(tmp_path / "whole")
    assert asked == sum(row["calls"] for row in rows)
    for row, other in zip(found, rows, strict=True):
        assert {**row, "seconds": 0} == {**other, "seconds": 0}
    assert set(watching.told.values()) == {1} and len(watching.told) == 12
    assert watching.begun[0] == (12, 0) and watching.begun[-1][1] < 12


def test_a_cancelled_run_keeps_what_it_has_and_resumes(tmp_path: Path) -> None:
    plan = plan_of()
    bench(tmp_path / "whole", plan)

    async def stopped() -> None:
        running = asyncio.ensure_future(runner.run(concurrency=2))
        model.do = running.cancel
        with pytest.raises(asyncio.CancelledError):
            await running

    model = Counting(at=40)
    runner = runner_of(tmp_path / "run", plan, model)
    asyncio.run(stopped())
    runner.directory.close()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert incomplete(summary["runs"]) > 0 and 0 < len(runner.directory.trials) < 9
    bench(tmp_path / "run", plan)
    assert results(tmp_path / "run") == results(tmp_path / "whole")


LIFE = """
import asyncio, os, signal, sys
from pathlib import Path
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.suites import Suite
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.stumble import StumblingModel

class Mortal(StumblingModel):
    left = int(sys.argv[2])

    async def complete(self, requests):
        os.write(asked, b"." * len(requests))
        Mortal.left -= 1
        if not Mortal.left:
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0)
        return await super().complete(requests)

path = Path(sys.argv[1])
asked = os.open(path.with_suffix(".asked"), os.O_CREAT | os.O_APPEND | os.O_WRONLY)
suite = Suite("shop", tuple(shop_tasks(4)))
planners = ["dfsdt:max_steps=6", "react@3", "cot"]
plan = Plan([suite], planners, "stumble", "shop", "match", budget={"calls": 40}, match="calls",
            reference=planners[0])
parts = Parts.of(plan)
parts.model = Mortal()
directory = RunDirectory.create(path, describe(plan, parts))
asyncio.run(Runner(plan, directory, parts=parts).run(concurrency=3))
directory.close()
"""


def test_a_process_killed_half_way_resumes_to_the_same_trials_and_spend(tmp_path: Path) -> None:
    plan = plan_of(4, match="calls", reference=PLANNERS[0])
    rows = bench(tmp_path / "whole", plan, concurrency=3)
    path, kills = tmp_path / "run", 0
    while (life := subprocess.run([sys.executable, "-c", LIFE, str(path), "70"])).returncode:
        assert life.returncode == -9
        kills += 1
    assert kills >= 2 and results(path) == results(tmp_path / "whole")
    found = json.loads((path / "summary.json").read_text())["runs"]
    for row, other in zip(found, rows, strict=True):
        assert {**row, "seconds": 0} == {**other, "seconds": 0}
    paid = path.with_suffix(".asked").stat().st_size
    spent = sum(row["calls"] for row in rows)
    assert spent < paid <= spent + 3 * kills  # only calls in flight at a kill are paid twice
    for key in results(path):
        records, damaged = read_lines(path / "journal" / key.file)
        assert records and not damaged


# One bad trial


SMALL = plan_of(3, ["react:max_steps=4", "dfsdt:max_steps=3"], budget={"calls": 12})


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What the trials of the small plan are where nothing goes wrong."""
    path = tmp_path_factory.mktemp("well")
    bench(path, SMALL)
    return results(path)


def refused(step: Step) -> Any:
    raise ToolError("no")


ENDED = {"answered", "gave_up", "limit"}
TOOLS: list[tuple[Callable[[Any], Any], set[str], str]] = [
    (raising(ValueError("kaputt")), {"infra"}, "Moody.step(list_shelf) raised ValueError: kaputt"),
    (raising(RecursionError()), {"infra"}, "raised RecursionError"),
    (raising(TimeoutError("its own")), {"infra"}, "raised TimeoutError: its own"),
    (raising(SystemExit(3)), {"infra"}, "raised SystemExit: 3"),
    (raising(asyncio.CancelledError()), {"infra"}, "cancelled its own task"),
    (raising(UsageError("wrong")), {"infra"}, "raised UsageError: wrong"),
    (lambda step: None, {"infra"}, "step returned NoneType, not (observation, reward,"),
    (lambda step: step._replace(observation=5), {"infra"}, "an observation must be text, not int"),
    (lambda step: step[:2], {"infra"}, "step returned tuple"),
    (hanging, ENDED, ""),
    (refused, ENDED, ""),
    (lambda step: step._replace(observation=b"\xff\0" + b"x" * 9), ENDED, ""),
    (lambda step: step._replace(observation="\ud83d\x1b[2J\u202e"), ENDED, ""),
]


@pytest.mark.parametrize(("wrong", "ends", "says"), TOOLS)
def test_a_bad_tool_spoils_its_own_trials_only(
    tmp_path: Path, well: Results, wrong: Callable[[Any], Any], ends: set[str], says: str
) -> None:
    plan, path = SMALL, tmp_path / "run"
    rows = bench(path, plan, None, lambda: Moody(wrong), concurrency=1, step_timeout=0.005)
    found = results(path)
    assert {key for key in found if found[key] != well[key]} <= {k for k in well if k.task == BAD}
    assert set(found) == set(well) and all(row["planned"] == 3 for row in rows)
    bad = [trial for key, trial in RunDirectory(path).trials.items() if key.task == BAD]
    assert {trial.end for trial in bad} <= ends
    assert all(says in (trial.error or "") for trial in bad)
    if ends == {"infra"}:
        assert incomplete(rows) == 2
        bench(path, plan)  # the tool is well again: only the bad trials are made
        assert results(path) == well


def test_a_tool_that_returns_bytes_is_read_as_text(tmp_path: Path) -> None:
    def encoded(step: Step) -> Any:
        return step._replace(observation=step.observation.encode())  # type: ignore[arg-type]

    bench(tmp_path / "well", plan_of())
    bench(tmp_path / "run", plan_of(), None, lambda: Moody(encoded))
    assert results(tmp_path / "run") == results(tmp_path / "well")


def test_a_tool_that_hangs_is_an_observation(tmp_path: Path) -> None:
    plan = plan_of(2, ["react:max_steps=3"])
    bench(tmp_path, plan, None, lambda: Moody(hanging), step_timeout=0.005)
    trial = RunDirectory(tmp_path).load(Key("shop", BAD, "react:max_steps=3", 0))
    statuses = [node.step.info.status for node in trial.tree.walk() if node.step]
    assert "timeout" in statuses and trial.error is None


MODELS: list[tuple[Callable[[], Any], set[str], str]] = [
    (raising(ValueError("kaputt")), {"infra"}, "complete raised ValueError: kaputt"),
    (raising(asyncio.CancelledError()), {"infra"}, "cancelled its own task"),
    (hanging, {"infra"}, "the model did not answer within 0.02 s"),
    (lambda: [ModelError("down")], {"infra"}, "ModelError: down"),
    (lambda: [], {"infra"}, "gave 0 results for 1 requests"),
    (lambda: None, {"infra"}, "raised TypeError"),
    (lambda: [None], {"infra"}, "returned NoneType, not a Completion"),
    (lambda: [Completion(5)], {"infra"}, "gave int for the content, not text"),  # type: ignore[arg-type]
    (lambda: [Completion()], {"limit"}, ""),
    (lambda: [Completion("", ())], {"limit"}, ""),
    (lambda: [Completion("Hm.", (ToolCall("", ""),))], {"limit"}, ""),
    (lambda: [Completion(None, (ToolCall("nothing_of_the_kind", "{}"),))], {"limit"}, ""),
    (lambda: [Completion(None, (ToolCall("list_shelf", "{not JSON"),))], {"limit"}, ""),
    (lambda: [Completion(None, (ToolCall("list_shelf", "[" * 9999),))], {"limit"}, ""),
    (lambda: [Completion(None, (ToolCall("Finish", "5"),))], {"limit"}, ""),
    (lambda: [Completion(None, (ToolCall("Finish", '{"return_type": "give_answer"'),))],
     {"limit", "answered"}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "ends", "says"), MODELS)
def test_a_bad_model_spoils_its_own_trials_only(
    tmp_path: Path, well: Results, wrong: Callable[[], Any], ends: set[str], says: str
) -> None:
    plan, path = SMALL, tmp_path / "run"
    bench(path, plan, Broken(wrong), concurrency=1, timeout=0.02)
    found = results(path)
    assert {key for key in found if found[key] != well[key]} == {k for k in well if k.task == BAD}
    bad = [trial for key, trial in RunDirectory(path).trials.items() if key.task == BAD]
    assert len(bad) == 2 and {trial.end for trial in bad} <= ends
    assert all(says in (trial.error or "") for trial in bad)
    if ends == {"infra"}:
        bench(path, plan)
        again = results(path)
        assert {key: found[0] for key, found in again.items()} == {k: v[0] for k, v in well.items()}


OWN = """
from dataclasses import dataclass
from toolgrove.core import Node, Planner

@dataclass(frozen=True)
class Raises(Planner):
    async def plan(self, s):
        raise LookupError("my mistake")

@dataclass(frozen=True)
class Best(Planner):
    async def plan(self, s):
        return None
    def best(self, root):
        raise LookupError("my mistake")

@dataclass(frozen=True)
class Wrong(Planner):
    async def plan(self, s):
        [node] = await s.expand(s.root)
        return node.id

@dataclass(frozen=True)
class Steps(Planner):
    async def plan(self, s):
        [node] = await s.expand(s.root)
        while True:
            if not node.done:
                [node] = await s.expand(node)
            else:
                await s.expand(node)
"""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Raises", "LookupError: my mistake"),
        ("Best", "LookupError: my mistake"),
        ("Wrong", "gave a str to answer with, not a Node"),
        ("Steps", "is finished: it cannot be expanded"),
    ],
)
def test_a_planner_of_ones_own_that_breaks_stops_no_other(
    tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    own = f"{tmp_path / 'own.py'}:{name}"
    rows = bench(tmp_path / "run", plan_of(3, [own, "react"]), concurrency=1)
    assert [row["outcomes"].get("infra", 0) for row in rows] == [3, 0]
    trials = RunDirectory(tmp_path / "run").trials
    errors = [trial.error or "" for key, trial in trials.items() if key.planner == own]
    assert all(says in error for error in errors) and len(errors) == 3


# Equal cost


@pytest.mark.parametrize("what", ["calls", "tokens"])
def test_every_other_planner_gets_exactly_what_the_reference_spent(
    tmp_path: Path, what: str
) -> None:
    caps = {"calls": 400}
    planners = [*PLANNERS, "react@50:answers=50"]  # the last one never has enough
    plan = plan_of(6, planners, match=what, reference=PLANNERS[0], trials=2, budget=caps)
    bench(tmp_path, plan)
    trials = RunDirectory(tmp_path).trials
    assert len(trials) == 48
    for key, trial in trials.items():
        if key.planner == plan.reference:
            assert trial.budget == caps
            continue
        reference = trials[key._replace(planner=PLANNERS[0])]
        assert trial.budget == {**caps, what: reference.spent[what]}
        if what == "calls":
            assert trial.spent["calls"] <= reference.spent["calls"]
    assert {None, what} <= {trial.limit for trial in trials.values()}


def test_a_cap_that_is_lower_than_the_references_spend_stays(tmp_path: Path) -> None:
    plan = plan_of(3, match="calls", reference="react@3", budget={"calls": 5})
    bench(tmp_path, plan)
    assert all(t.budget["calls"] <= 5 for t in RunDirectory(tmp_path).trials.values())


@pytest.mark.parametrize("what", ["calls", "tokens"])
def test_what_follows_a_reference_that_broke_is_made_anew_with_it(
    tmp_path: Path, what: str
) -> None:
    plan = plan_of(3, ["react@3", *PLANNERS[:1], "cot"], match=what, reference=PLANNERS[0])
    bench(tmp_path / "well", plan)
    shown: list[Key] = []

    def broken(step: Step) -> Any:
        """The world breaks at the third call, of the reference only: it comes first."""
        shown.append(Key("", "", "", 0))
        if len(shown) == 3:
            raise ValueError("kaputt")
        return step

    path = tmp_path / "run"
    bench(path, plan, None, lambda: Moody(broken), concurrency=1)
    directory = RunDirectory(path)
    first = Key("shop", BAD, PLANNERS[0], 0)
    spent = directory.trials[first].spent[what]
    assert directory.trials[first].end == "infra" and spent > 0
    for name in ("react@3", "cot"):
        assert directory.trials[first._replace(planner=name)].budget[what] == spent
    watching = Watching()
    go(runner_of(path, plan), observer=watching)
    assert watching.begun == [(9, 6)]
    assert watching.told == Counter(first._replace(planner=name) for name in plan.planners)
    assert results(path) == results(tmp_path / "well")
    assert bench(path, plan, Silent())  # and then there is nothing left to do
    verdicts, again = RunDirectory(path).verdicts, RunDirectory(tmp_path / "well").verdicts
    assert verdicts == again


def test_planners_behind_a_reference_run_side_by_side(tmp_path: Path) -> None:
    """Also those of the last task, when other workers had nothing to do and went home."""
    planners = ["dfsdt:max_steps=6", *[f"react@{n}" for n in range(3, 8)]]
    plan = plan_of(2, planners, match="calls", reference=planners[0])

    class Slow(Counting):
        async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
            if requests[0].task is not None and requests[0].task.id == BAD:
                await asyncio.sleep(0.005)
            return await super().complete(requests)

    model = Slow()
    runner = runner_of(tmp_path, plan, model)
    go(runner, concurrency=2)
    assert model.most[BAD] == 2 and runner.most_running == 2
    wide = Counting()
    bench(tmp_path / "wide", plan_of(1, planners, match="calls", reference=planners[0]), wide)
    assert wide.most[""] == 5


# Rates and verdicts


def test_every_rate_is_over_the_tasks_planned_and_what_is_missing_is_named(tmp_path: Path) -> None:
    plan = plan_of(5, ["react@3", "cot"])
    model = Counting(at=18)
    runner = runner_of(tmp_path, plan, model, lambda: Moody(raising(ValueError())))
    model.do = lambda: setattr(runner, "paused", True)
    rows = go(runner, concurrency=1)
    trials = RunDirectory(tmp_path).trials
    for row in rows:
        there = sum(key.planner == row["planner"] for key in trials)
        assert row["planned"] == 5 == sum(row["outcomes"].values())
        assert row["outcomes"]["missing"] == 5 - there > 0
        assert row["pass_rate"] == row["passed"] / 5
        assert row["ci95"][0] <= row["pass_rate"] <= row["ci95"][1]
    assert sum(row["outcomes"].get("infra", 0) for row in rows) == 2
    assert incomplete(rows) == sum(row["outcomes"]["missing"] for row in rows) + 2


class Judging:
    """A judge that does what it is told, and keeps whom it saw."""

    def __init__(self, do: Callable[[Trial], Any]) -> None:
        self.do, self.seen = do, list[Key]()

    async def __call__(self, task: Task, trial: Trial) -> Verdict:
        assert task.id == trial.key.task and trial.tree_data["nodes"]
        self.seen.append(trial.key)
        found = self.do(trial)
        verdict: Verdict = await found if asyncio.iscoroutine(found) else found
        return verdict


def judged(path: Path, plan: Plan, judge: Judging, **options: Any) -> list[Any]:
    runner = runner_of(path, plan, **options)
    runner.parts.judge = judge
    return go(runner)


def test_a_judge_sees_each_answer_once_and_nothing_else(tmp_path: Path) -> None:
    plan, judge = plan_of(), Judging(lambda trial: Verdict("passed", trial.answer or ""))
    [*rows] = judged(tmp_path, plan, judge)
    ends = {key: trial.end for key, trial in RunDirectory(tmp_path).trials.items()}
    answered = {key for key in ends if ends[key] == "answered"}
    assert Counter(judge.seen) == Counter(answered) and 0 < len(answered) < len(ends)
    assert sum(row["passed"] for row in rows) == len(answered)
    assert judged(tmp_path, plan, judge) == rows and len(judge.seen) == len(answered)


@pytest.mark.parametrize(
    ("do", "says"),
    [
        (raising(ValueError("kaputt")), "the judge raised ValueError: kaputt"),
        (hanging, "the judge took over 0.2 s"),
        (lambda trial: "passed", "it returned str, not a Verdict"),
        (lambda trial: None, "it returned NoneType, not a Verdict"),
    ],
)
def test_a_judge_that_breaks_changes_no_trial_and_is_asked_again(
    tmp_path: Path, do: Callable[[Trial], Any], says: str
) -> None:
    plan = plan_of(1)
    rows = judged(tmp_path / "run", plan, Judging(do), timeout=0.2)
    bench(tmp_path / "well", plan)
    assert results(tmp_path / "run") == results(tmp_path / "well")
    assert sum(row["passed"] for row in rows) == 0
    verdicts = RunDirectory(tmp_path / "run").verdicts["match"]
    assert verdicts and all(says in verdict.reason for verdict in verdicts.values())
    unjudged = sum(row["outcomes"].get("unjudged", 0) for row in rows)
    assert unjudged == len(verdicts) and incomplete(rows) == 0
    again = bench(tmp_path / "run", plan, Silent())
    assert sum(row["outcomes"].get("unjudged", 0) for row in again) == 0


def test_a_task_that_nobody_can_judge_adds_no_line_when_the_run_is_resumed(tmp_path: Path) -> None:
    suite = Suite("own", tuple(replace(task, answer=None) for task in shop_tasks(2)))
    plan = Plan([suite], ["react@3"], "stumble", "shop", judge="match")
    bench(tmp_path, plan)
    written = (tmp_path / "verdicts.jsonl").read_bytes()
    [row] = bench(tmp_path, plan)
    assert (tmp_path / "verdicts.jsonl").read_bytes() == written and written
    assert row["outcomes"].get("unjudged", 0) == written.count(b"\n")


# Wrong plans


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"planners": []}, "no planner given"),
        ({"planners": ["cot", "cot"]}, "planner 'cot' is given twice"),
        ({"suites": []}, "no suite given"),
        ({"suites": [Suite("s", ())]}, "no task of s given"),
        ({"suites": [Suite("s", tuple(shop_tasks(1)))] * 2}, "suite 's' is given twice"),
        ({"suites": [Suite("s", tuple(shop_tasks(1) * 2))]}, "task of s 'shop-000' is given twice"),
        ({"match": "calls"}, "--match and --reference go together"),
        ({"reference": "cot"}, "--match and --reference go together"),
        ({"match": "calls", "reference": "dfsdt"}, "--reference 'dfsdt' is none of the planners"),
        ({"trials": 0}, "--trials and --limit must be 1 or more"),
        ({"limit": 0}, "--trials and --limit must be 1 or more"),
        ({"budget": {"calls": -1}}, "a budget of calls must be 0 or more"),
    ],
)
def test_a_wrong_plan_is_told_what_is_wrong(options: dict[str, Any], says: str) -> None:
    suites = [Suite("s", tuple(shop_tasks(1)))]
    with pytest.raises(UsageError) as caught:
        Plan(**{"suites": suites, "planners": ["cot"], "model": "m", "env": "e", **options})
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"planners": ["dfstd"]}, "no planner 'dfstd' (did you mean 'dfsdt'?)"),
        ({"planners": ["dfsdt:wdth=3"]}, "has no parameter 'wdth' (did you mean 'width'?)"),
        ({"planners": ["dfsdt:width=0"]}, "width must be 1 or more"),
        ({"model": "none"}, "no model 'none'"),
        ({"env": "shpo"}, "no env 'shpo' (did you mean 'shop'?)"),
        ({"env": "shop:fork=never"}, "planner 'dfsdt' branches, and environment 'shop:fork=never'"),
        ({"judge": "mtach"}, "no judge 'mtach' (did you mean 'match'?)"),
        ({"policy": "none"}, "no policy 'none'"),
        ({"evaluator": "none"}, "no evaluator 'none'"),
    ],
)
def test_a_wrong_part_is_told_what_is_wrong_before_anything_runs(
    options: dict[str, Any], says: str
) -> None:
    suites = [Suite("s", tuple(shop_tasks(1)))]
    given = {"suites": suites, "planners": ["dfsdt"], "model": "stumble", "env": "shop"}
    with pytest.raises(UsageError) as caught:
        Parts.of(Plan(**{**given, **options}))
    assert says in str(caught.value)


def test_the_words_of_the_prompts_are_part_of_what_a_run_is(tmp_path: Path) -> None:
    def described(policy: str) -> dict[str, Any]:
        plan = plan_of(1, policy=policy)
        return describe(plan, Parts.of(plan))

    RunDirectory.create(tmp_path, described("functions")).close()
    RunDirectory.create(tmp_path, described("functions")).close()
    changed = described("functions")
    changed["identity"]["prompts"] = "0"
    with pytest.raises(UsageError, match=r"holds another run \(prompts was \w+, now 0\)"):
        RunDirectory.create(tmp_path, changed)
    with pytest.raises(UsageError, match="policy was functions, now toolllama; prompts was"):
        RunDirectory.create(tmp_path, described("toolllama"))


def test_equal_plans_have_equal_names_and_others_do_not() -> None:
    base = plan_of()
    others = [
        plan_of(2), plan_of(planners=PLANNERS[:2]), plan_of(seed=1), plan_of(trials=2),
        plan_of(limit=1), plan_of(budget={"calls": 41}), plan_of(policy="toolllama"),
        plan_of(match="calls", reference="cot"), plan_of(match="tokens", reference="cot"),
    ]  # fmt: skip
    names = [plan.name() for plan in (base, *others)]
    assert base.name() == plan_of().name() and len(set(names)) == len(names)
    assert plan_of(judge="answered").name() == base.name()  # verdicts are kept by judge
    assert all(name.startswith("shop-") for name in names)
