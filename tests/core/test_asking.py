"""Ask and tell: the search that a run makes, with the answers brought from outside."""

from __future__ import annotations

import ast
import asyncio
import errno
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolgrove.core import (
    API,
    Action,
    AskTell,
    Budget,
    BudgetExhausted,
    CallWorld,
    Completion,
    Journal,
    ModelError,
    Node,
    Pending,
    Planner,
    PlannerError,
    Result,
    Session,
    Step,
    Task,
    ToolCall,
    ToolEnv,
    UsageError,
    make,
    run_sync,
)
from toolgrove.core.idle import idle_loop
from toolgrove.core.lines import LineFile, read_lines
from toolgrove.envs.shop import ShopEnv, shop_tasks
from toolgrove.models.stumble import StumblingModel

ROOT = Path(__file__).resolve().parents[2]
TASKS = shop_tasks(2, seed=3)
CAP = 30


def planners() -> list[str]:
    """Every spec that the contract tests run."""
    source = (ROOT / "tests/contract/test_everything.py").read_text("utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PLANNERS":
            found: dict[str, list[str]] = ast.literal_eval(node.value)
            return [spec for specs in found.values() for spec in specs]
    raise AssertionError("no PLANNERS")


async def few_errors(s: Session, nodes: Sequence[Node]) -> list[float]:
    """1 for an answer, less for every error on the path."""
    errors = [sum('"error": "",' not in n.observation for n in node.path()[1:]) for node in nodes]
    return [1.0 if n.solved else 0.9 / (1 + e) for n, e in zip(nodes, errors, strict=True)]


def answer(pending: Pending) -> Completion | ModelError:
    [made] = asyncio.run(StumblingModel(0.35).complete([pending.request]))
    return made


def begun(spec: str, task: Task = TASKS[0], **options: Any) -> AskTell:
    options = {"evaluator": few_errors, "budget": Budget(calls=CAP), **options}
    return AskTell(make("planners", spec), task, ShopEnv, **options)


def plain(spec: str, task: Task = TASKS[0], **options: Any) -> Result:
    options = {"evaluator": few_errors, "budget": Budget(calls=CAP), **options}
    return run_sync(make("planners", spec), task, StumblingModel(0.35), ShopEnv, **options)


def drive(search: AskTell, order: random.Random | None = None) -> Result:
    """Tell everything: as it comes, or some of it at a time in any order."""
    while pending := search.ask():
        if order is not None:
            order.shuffle(pending)
            pending = pending[: order.randint(1, len(pending))]
        search.tell_all({each.id: answer(each) for each in pending})
    return search.result


def same(one: Result, other: Result) -> None:
    assert one.error is None and other.error is None
    assert one.tree.shape() == other.tree.shape()
    assert (one.end, one.answer, one.limit) == (other.end, other.answer, other.limit)
    spent = [{k: v for k, v in each.spent.items() if k != "seconds"} for each in (one, other)]
    assert spent[0] == spent[1]


# ---------------------------------------------------------------------- the same search


@pytest.mark.parametrize("spec", planners())
def test_every_planner_gives_the_tree_that_a_run_gives(spec: str) -> None:
    for seed, task in enumerate(TASKS):
        with begun(spec, task) as search:
            result = drive(search, random.Random(seed))
        same(result, plain(spec, task))


SEARCHES = st.sampled_from(
    [
        "mcts:wave=4,width=2",
        "beam:beam=3,width=2",
        "dfsdt",
        "best_first:wave=3,width=2,diverse=true",
    ]
)


@settings(max_examples=20)
@given(spec=SEARCHES, order=st.randoms(use_true_random=False), cap=st.integers(1, CAP))
def test_the_order_of_the_answers_does_not_show(spec: str, order: random.Random, cap: int) -> None:
    with begun(spec, budget=Budget(calls=cap)) as search:
        result = drive(search, order)
    same(result, plain(spec, budget=Budget(calls=cap)))


def test_questions_of_evaluators_are_asked_too() -> None:
    vote = make("evaluators", "vote")
    with begun("beam:beam=1,width=2", evaluator=vote) as search:
        purposes, most = set(), 0
        while pending := search.ask():
            purposes |= {each.purpose for each in pending}
            most = max(most, sum(each.purpose == "ask.vote" for each in pending))
            search.tell_all({each.id: answer(each) for each in pending})
        same(search.result, plain("beam:beam=1,width=2", evaluator=vote))
    assert purposes == {"propose", "ask.vote"}
    assert most == 5  # n samples of one prompt are n requests


def test_a_wave_is_asked_at_once() -> None:
    with begun("mcts:wave=4,width=2,rollout=false") as search:
        sizes = []
        while pending := search.ask():
            assert search.ask() == pending
            sizes.append(len(pending))
            search.tell_all({each.id: answer(each) for each in pending})
    assert max(sizes) > 1 and len(sizes) < CAP / 2


def test_what_a_request_says() -> None:
    with begun("react") as search:
        [first] = search.ask()
        assert first.id == "0:propose:0" and (first.node, first.purpose) == ("0", "propose")
        assert first.messages[-1]["role"] == "user"
        assert TASKS[0].instruction in json.dumps(first.messages, ensure_ascii=False)
        offered = {tool["name"] for tool in first.tools}
        assert offered == {*(api.name for api in TASKS[0].apis), "Finish"}
        call = ToolCall("view_cart", "{}")
        search.tell(first.id, Completion("Let me look.", (call,)))
        [second] = search.ask()
        made, seen = second.messages[-2:]
        assert made["calls"] == [{"name": "view_cart", "arguments": "{}"}]
        assert seen["role"] == "tool" and seen["name"] == "view_cart"
        assert json.loads(json.dumps(second.to_json())) == second.to_json()
        assert [node.id for node in search.tree.walk()] == ["0", "0.0"]
        assert "1 open" in repr(search) and search.budget.spent["calls"] == 2


def test_a_text_is_an_answer() -> None:
    with begun("react:max_steps=2") as search:
        while pending := search.ask():
            search.tell(pending[0].id, "I am thinking.")
        assert search.result.end == "limit" and search.done
        assert search.result.spent["calls"] == 2


def test_it_works_where_a_loop_is_running() -> None:
    async def notebook() -> Result:
        search = begun("dfsdt")
        try:
            while pending := await asyncio.to_thread(search.ask):
                for each in pending:
                    search.tell(each.id, (await StumblingModel(0.35).complete([each.request]))[0])
            [*_] = search.ask()  # a cell's own code may wait, too
            return search.result
        finally:
            search.close()

    same(asyncio.run(notebook()), plain("dfsdt"))


# ---------------------------------------------------------------------- resuming


@pytest.mark.parametrize("spec", ["dfsdt", "beam:beam=2,width=3,diverse=false", "mcts:wave=4"])
def test_a_search_goes_on_in_another_life_and_asks_nothing_twice(spec: str, tmp_path: Path) -> None:
    journal, order = tmp_path / "search.jsonl", random.Random(5)
    told: list[str] = []
    open_before: list[str] = []
    while True:
        with begun(spec, journal=journal) as search:
            pending = search.ask()
            assert not {each.id for each in pending} & set(told)
            assert sorted(each.id for each in pending) == open_before or not told
            if not pending:
                result = search.result
                break
            one = order.choice(pending)
            search.tell(one.id, answer(one))
            told.append(one.id)
            open_before = sorted(each.id for each in search.ask())
    whole = plain(spec)
    same(result, whole)
    assert len(told) == whole.spent["calls"]
    with begun(spec, journal=journal) as again:  # a finished search is there at once
        assert again.ask() == []
        same(again.result, whole)


def test_its_journal_holds_what_a_runs_does(tmp_path: Path) -> None:
    spec = "beam:beam=2,width=3,diverse=false"
    records: list[dict[str, Any]] = []
    whole = plain(spec, journal=Journal(sink=records.append))
    with begun(spec, journal=tmp_path / "a.jsonl") as search:
        drive(search, random.Random(1))
    kept, damaged = read_lines(tmp_path / "a.jsonl")
    names = [record["key"] for record in kept]
    assert damaged == 0 and names[0] == "asking"
    effects = {r["key"]: r["got"] for r in kept if not r["key"].startswith(("told ", "asking"))}
    assert set(effects) == {record["key"] for record in records}
    journal = Journal(kept)
    again = run_sync(
        make("planners", spec), TASKS[0], _Nobody(), ShopEnv,
        evaluator=few_errors, budget=Budget(calls=CAP), journal=journal,
    )  # fmt: skip
    same(again, whole)


class _Nobody:
    async def complete(self, requests: Sequence[Any]) -> list[Completion | ModelError]:
        raise AssertionError("everything is in the journal")


def test_an_answer_is_kept_when_tell_returns(tmp_path: Path) -> None:
    """Also one of several samples of a prompt, and though the process is killed then."""
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_asking import answer, begun
search = begun("beam:beam=2,width=3,diverse=false", journal=sys.argv[1])
one = search.ask()[1]
search.tell(one.id, answer(one))
os.kill(os.getpid(), 9)
"""
    path = tmp_path / "j.jsonl"
    killed = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    with begun("beam:beam=2,width=3,diverse=false", journal=path) as search:
        assert [each.id for each in search.ask()] == ["0:propose:0", "0:propose:2"]
        same(drive(search), plain("beam:beam=2,width=3,diverse=false"))


def test_a_failure_ends_the_trial_and_is_owed_again(tmp_path: Path) -> None:
    spec, path = "beam:beam=2,width=3,diverse=false", tmp_path / "j.jsonl"
    with begun(spec, journal=path) as search:
        first, second, third = search.ask()
        failed = ModelError("the batch failed", kind="refused")
        search.tell_all({first.id: answer(first), third.id: answer(third), second.id: failed})
        assert search.ask() == []
        assert search.result.end == "infra" and "the batch failed" in str(search.result.error)
        assert search.result.exception is not failed  # it is told to others, too
    with begun(spec, journal=path) as search:
        assert [each.id for each in search.ask()] == [second.id]
        same(drive(search), plain(spec))


def test_a_raised_cap_goes_on(tmp_path: Path) -> None:
    with begun("dfsdt", journal=tmp_path / "j.jsonl", budget=Budget(steps=1)) as search:
        assert drive(search).limit == "steps"
    with begun("dfsdt", journal=tmp_path / "j.jsonl") as search:
        same(drive(search), plain("dfsdt"))


def test_it_goes_on_with_the_journal_of_a_run() -> None:
    records: list[dict[str, Any]] = []
    whole = plain("dfsdt", journal=Journal(sink=records.append))
    with begun("dfsdt", journal=Journal(records[: len(records) // 2])) as search:
        assert len(search.ask()) > 0 and search.budget.spent["calls"] > 1
        same(drive(search), whole)


# ---------------------------------------------------------------------- misuse


def test_what_nobody_asked_cannot_be_told() -> None:
    with begun("beam:beam=2,width=3,diverse=false") as search:
        first, second, third = search.ask()
        with pytest.raises(
            UsageError, match=r"did you mean '0:propose:0'\?\); open: 0:propose:0, "
        ):
            search.tell("0:propose:00", "x")
        with pytest.raises(UsageError, match="a int is no id: tell"):
            search.tell(7, "x")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="is int, not a Completion: tell a text"):
            search.tell(first.id, 5)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="not two texts"):
            search.tell(first.id, Completion(None, (("search", {}),)))  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="nonsense"):  # all of them or none
            search.tell_all({first.id: "x", "nonsense": "y"})
        assert search.ask() == [first, second, third]
        search.tell(first.id, "x")
        with pytest.raises(UsageError, match="told already; open: 0:propose:1, 0:propose:2"):
            search.tell(first.id, "x")
        with pytest.raises(UsageError, match="has not ended, it waits for 0:propose:1, 0:prop"):
            _ = search.result
        drive(search)
        with pytest.raises(UsageError, match="told already; open: none"):
            search.tell(first.id, "x")
        with pytest.raises(UsageError, match="nobody waits for '9': the search has ended"):
            search.tell("9", "x")
    assert search.result.tree is search.tree
    with pytest.raises(UsageError, match="is closed"):
        search.tell("9", "x")
    search.close()


def test_parts_that_do_not_fit_are_told_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give an evaluator"):
        begun("mcts", evaluator=None)
    with pytest.raises(UsageError, match="fork='never'"):
        AskTell(make("planners", "dfsdt"), TASKS[0], lambda: ShopEnv("never"))

    def broken() -> ToolEnv:
        raise OSError("no disk")

    with AskTell(make("planners", "react"), TASKS[0], broken) as search:
        assert search.ask() == [] and search.result.end == "infra"


def test_a_journal_of_another_search_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with begun("dfsdt", journal=path) as search:
        search.tell(search.ask()[0].id, answer(search.ask()[0]))
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"of another search \(planner DFSDT.*, not CoT"):
        begun("cot", journal=path)
    with pytest.raises(UsageError, match="of another search .task "):
        begun("dfsdt", TASKS[1], journal=path)
    with pytest.raises(UsageError, match=r"of another search \(seed 0, not 1\)"):
        begun("dfsdt", journal=path, seed=1)
    assert path.read_bytes() == before
    with begun("dfsdt", journal=path) as search:
        assert search.ask()[0].id != "0:propose:0"


def test_a_closed_search_is_closed() -> None:
    search = begun("react")
    assert len(search.ask()) == 1
    search.close()
    for use in (search.ask, lambda: search.tell("0:propose:0", "x"), lambda: search.result):
        with pytest.raises(UsageError, match="is closed"):
            use()
    assert [node.id for node in search.tree.walk()] == ["0"]
    assert "closed" in repr(search)


def test_it_cannot_be_used_from_within_itself() -> None:
    raised: list[Exception] = []

    def listen(node: Node) -> None:
        try:
            search.ask()
        except UsageError as error:
            raised.append(error)

    with begun("react", listen=listen) as search:
        drive(search)
    assert raised and "from within itself" in str(raised[0])


# ---------------------------------------------------------------------- what it waits for


class Slow(ToolEnv):
    """Answers after a thread, a timer and some turns of the loop; ``stuck`` never does."""

    fork = "free"

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        await asyncio.sleep(0.001)
        return "", {}

    async def step(self, action: Action) -> Step:
        if action.api == "stuck":
            await asyncio.Event().wait()
        await asyncio.to_thread(int)
        await asyncio.sleep(0.001)
        for _ in range(50):
            await asyncio.sleep(0)
        return Step("done")


FINISHED: list[None] = []


@dataclass(frozen=True)
class Wide(Planner):
    """A wave of calls; each result is followed by a question or an effect in a thread."""

    n: int = 8
    effects: bool = False

    async def plan(self, s: Session) -> Node | None:
        nodes = await s.expand(s.root, self.n)

        async def slow() -> None:
            await asyncio.to_thread(time.sleep, 0.01)
            FINISHED.append(None)

        async def follow(i: int, node: Node) -> str:
            if self.effects and i % 2:
                return str(await s.effect("slow", (node,), slow))
            return await s.ask("value", (node,), messages=[])

        await s.gather(*[follow(i, node) for i, node in enumerate(nodes)])
        await s.ask("end", messages=[])
        return None


def wide(planner: Planner, name: str = "tool", **options: Any) -> AskTell:
    task = Task("t", "Do it.", (API("tool"), API("stuck")))
    search = AskTell(planner, task, Slow, **options)
    call = Completion(None, (ToolCall(name, "{}"),))
    search.tell_all({each.id: call for each in search.ask()})
    return search


def test_all_that_follows_is_asked_at_once() -> None:
    with wide(Wide()) as search:
        assert [each.id for each in search.ask()] == [f"0.{i}:ask.value:0" for i in range(8)]
    FINISHED.clear()
    with wide(Wide(effects=True)) as search:
        assert len(search.ask()) == len(FINISHED) == 4
        search.tell_all({each.id: "" for each in search.ask()})
        [last] = search.ask()
        assert last.purpose == "ask.end"
        search.tell(last.id, "")
        assert search.done


def test_a_tool_that_never_answers_ends_by_its_timeout() -> None:
    with wide(Wide(2), "stuck", step_timeout=0.05) as search:
        assert len(search.ask()) == 2
        statuses = [node.step.info.status for node in search.tree.walk() if node.step]
        assert statuses == ["timeout", "timeout"]


def test_a_planner_that_waits_for_something_else_is_given_up() -> None:
    @dataclass(frozen=True)
    class Asleep(Planner):
        async def plan(self, s: Session) -> Node | None:
            await asyncio.Event().wait()
            return None

    with AskTell(Asleep(), TASKS[0], ShopEnv) as search:
        search._patience = 0.05
        with pytest.raises(PlannerError, match="neither asks nor ends"):
            search.ask()


def test_a_planner_that_breaks_is_a_result() -> None:
    @dataclass(frozen=True)
    class Broken(Planner):
        async def plan(self, s: Session) -> Node | None:
            raise KeyError("oops")

    with AskTell(Broken(), TASKS[0], ShopEnv) as search:
        assert search.ask() == [] and "oops" in str(search.result.error)


def test_seconds_count_the_waiting(tmp_path: Path) -> None:
    budget, path = Budget(seconds=0.2), tmp_path / "j.jsonl"
    with begun("beam:beam=2,width=3,diverse=false", budget=budget, journal=path) as search:
        first, *_ = search.ask()
        search.tell(first.id, answer(first))
        while search.ask():
            pass
        assert search.result.limit == "seconds"
        with pytest.raises(UsageError, match="the search has ended"):
            search.tell("0:propose:1", "x")
    with begun("beam:beam=2,width=3,diverse=false", journal=path) as search:
        assert first.id not in {each.id for each in search.ask()}  # it was paid
        same(drive(search), plain("beam:beam=2,width=3,diverse=false"))


def test_between_a_deadline_and_the_end_a_search_is_waited_for() -> None:
    @dataclass(frozen=True)
    class Slow(Planner):
        async def plan(self, s: Session) -> Node | None:
            try:
                return (await s.expand(s.root))[0]
            except BudgetExhausted:
                time.sleep(0.3)  # nothing is open, and it has not ended
                raise

    with AskTell(Slow(), TASKS[0], ShopEnv, budget=Budget(seconds=0.1)) as search:
        while search.ask():
            pass
        assert search.done and search.result.limit == "seconds"


def test_tokens_and_dollars_are_counted() -> None:
    with begun("react:max_steps=3", budget=Budget(tokens=25)) as search:
        while pending := search.ask():
            search.tell(pending[0].id, Completion("hm", (), 10, 5, 0.25))
        assert search.result.limit == "tokens"
        spent = search.result.spent
    assert (spent["calls"], spent["tokens"], spent["usd"]) == (2, 30, 0.5)


class Counter(CallWorld):
    apis = (API("tool"),)
    closed = 0

    async def call(self, api: API, arguments: Any) -> Step:
        return Step("done")

    async def close(self) -> None:
        self.closed += 1


def test_a_world_is_closed_with_the_search() -> None:
    counter = Counter()
    with AskTell(make("planners", "react"), Task("t", "Do it.", counter.apis), counter) as search:
        search.tell(search.ask()[0].id, Completion(None, (ToolCall("tool", "{}"),)))
        assert search.ask()[0].messages[-1]["content"] == "done"
    assert counter.closed == 1


def test_a_search_that_nobody_closes_ends_with_the_process() -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_asking import Slow, Wide, begun, wide
kept = [begun("mcts:wave=4"), wide(Wide())]
print(len(kept[0].ask()), len(kept[1].ask()))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "") and ended.stdout.endswith(" 8\n")


# ---------------------------------------------------------------------- its cost


@dataclass(frozen=True)
class Flat(Planner):
    """One prompt, n samples."""

    n: int

    async def plan(self, s: Session) -> Node | None:
        await s.propose(s.root, self.n)
        return None


def python_calls(work: Callable[[], object]) -> int:
    """Python calls in this thread and the loop's."""
    count = 0

    def profile(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event == "call"

    async def switch(on: bool) -> None:
        sys.setprofile(profile if on else None)

    loop = idle_loop()
    loop.call(switch(True))
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
        loop.call(switch(False))
    return count


@pytest.mark.parametrize("one_by_one", [True, False])
def test_the_cost_of_a_request_does_not_grow_with_those_that_are_open(one_by_one: bool) -> None:
    def per_request(n: int) -> float:
        with AskTell(Flat(n), TASKS[0], ShopEnv) as search:

            def work() -> None:
                pending = search.ask()
                assert len(pending) == n
                if one_by_one:
                    for each in reversed(pending):
                        search.tell(each.id, "x")
                else:
                    search.tell_all({each.id: "x" for each in pending})
                assert search.done

            return python_calls(work) / n

    per_request(20)  # what is imported at first use is not counted
    small, large = per_request(100), per_request(1000)
    assert large <= 1.15 * small


# ---------------------------------------------------------------------- its page


def test_the_code_of_its_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = iter(["Let me look.", "view_cart", FINISH_CALL])
    monkeypatch.setattr("builtins.input", lambda question: next(said))
    page = (ROOT / "docs/ask-tell.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    ours = [block for block in blocks if "import openai" not in block]
    assert (len(blocks), len(ours)) == (6, 5)
    names: dict[str, Any] = {}
    for block in ours:
        exec(compile(block, "docs/ask-tell.md", "exec"), names)
    told = capsys.readouterr().out
    assert "0:propose:0 propose 2 messages" in told and "here you are" in told
    assert "20 requests to send" in told and told.endswith("failed\n")
    assert len((tmp_path / "requests.jsonl").read_text("utf-8").splitlines()) == 20
    code = ours[0][ours[0].index("import") :]
    assert len([row for row in code.splitlines() if row.strip()]) <= 20


FINISH_CALL = 'Finish {"return_type": "give_answer", "final_answer": "here you are"}'


# ---------------------------------------------------------------------- what may go wrong beside it


def test_a_journal_has_one_writer(tmp_path: Path) -> None:
    """Two that tell into one file would spoil it for good."""
    file = tmp_path / "search.jsonl"
    with begun("react", journal=file) as search:
        [first] = search.ask()
        with pytest.raises(UsageError, match="is being written by another search"):
            begun("react", journal=file)
        search.tell(first.id, answer(first))
    with begun("react", journal=file) as again:
        assert first.id not in {each.id for each in again.ask()}


def test_another_file_is_no_journal(tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    with closing(LineFile(file)) as lines:
        lines.append({"suite": "s"})
    with pytest.raises(UsageError, match="is no journal of a search"):
        begun("react", journal=file)


def test_an_answer_that_cannot_be_written_is_still_to_be_told() -> None:
    full = True

    def sink(record: object) -> None:
        if full and "got" in str(record) and "0:propose:0" in str(record):
            raise OSError(errno.ENOSPC, "no space left")

    with begun("react", journal=Journal(sink=sink)) as search:
        [first] = search.ask()
        with pytest.raises(OSError, match="no space left"):
            search.tell(first.id, answer(first))
        assert [each.id for each in search.ask()] == [first.id]
        full = False
        search.tell(first.id, answer(first))
        assert first.id not in {each.id for each in search.ask()}


def test_a_search_that_exits_ends_itself_only() -> None:
    def leave(node: Node) -> None:
        sys.exit(3)

    with begun("react") as other:
        [waiting] = other.ask()
        with begun("react", listen=leave) as search, pytest.raises(SystemExit):
            while pending := search.ask():
                search.tell_all({each.id: answer(each) for each in pending})
        other.tell(waiting.id, answer(waiting))
        assert waiting.id not in {each.id for each in other.ask()}


def test_the_ends_of_a_search_are_not_reached_from_within() -> None:
    said: list[str] = []

    def close(node: Node) -> None:
        try:
            search.close()
        except UsageError as error:
            said.append(str(error))

    with begun("react", listen=close) as search:
        drive(search)
    assert said and all("closed from within itself" in text for text in said)
    assert search.done


@pytest.mark.parametrize(
    "told",
    [
        Completion("x", None),  # type: ignore[arg-type]
        Completion("x", (5,)),  # type: ignore[arg-type]
        Completion("x", prompt_tokens="5"),  # type: ignore[arg-type]
        Completion("x", usd=float("nan")),
    ],
)
def test_answers_that_no_model_may_give_are_refused(told: Completion) -> None:
    with begun("react") as search:
        [first] = search.ask()
        with pytest.raises(UsageError):
            search.tell(first.id, told)
        assert [each.id for each in search.ask()] == [first.id]
