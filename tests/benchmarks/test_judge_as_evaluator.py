"""Judges that choose while a search runs: what they score, what they cost, what is chosen."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest

from toolgrove.benchmarks.judges import Answered, Judge, Match, ModelJudge, Verdict, Vote
from toolgrove.benchmarks.judges.choosing import ByJudge, ByPreference, oracle, worth
from toolgrove.benchmarks.judges.tooleval import FAC, SoPR, ToolEval
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import (
    API,
    Action,
    AskTell,
    Budget,
    Completion,
    Evaluator,
    Journal,
    ModelError,
    Node,
    Request,
    Result,
    Step,
    Task,
    ToolCall,
    ToolEnv,
    UsageError,
    make,
    run_sync,
)
from toolgrove.envs.shop import ShopEnv, shop_tasks
from toolgrove.models import ScriptedModel
from toolgrove.models.stumble import StumblingModel
from toolgrove.testing import check_planner

TASK = Task("t", "Name a number.", (API("look"),), answer=3)


class Nothing(ToolEnv):
    fork = "free"

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        return "", {}

    async def step(self, action: Action) -> Step:
        return Step("seen")


class Says:
    """A model that answers by a rule, and counts."""

    identity: ClassVar[dict[str, Any]] = {
        "provider": "t",
        "base_url": None,
        "model": "says",
        "parameters": {},
    }

    def __init__(self, rule: Callable[[str, Request], str | ModelError]) -> None:
        self.rule, self.asked = rule, list[Request]()

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        await asyncio.sleep(0)
        self.asked += requests
        made = [(self.rule(r.messages[-1].content or "", r), r) for r in requests]
        return [m if isinstance(m, ModelError) else Completion(m, (), 10, 2) for m, _ in made]


def status(said: str) -> str:
    return json.dumps({"reason": "so", "status": said})


def answers(*given: str) -> ScriptedModel:
    """Searches that answer so at once, one after another."""
    finish = [{"return_type": "give_answer", "final_answer": text} for text in given]
    calls = [Completion(None, (ToolCall("Finish", json.dumps(each)),)) for each in finish]
    return ScriptedModel(replies=calls)


def chosen(evaluator: Evaluator, *given: str, **options: Any) -> Result:
    planner = make("planners", f"best_of_n@{len(given)}:(react)")
    return run_sync(planner, TASK, answers(*given), Nothing, evaluator=evaluator, **options)


def scores(result: Result) -> list[float]:
    return [node.value for node in result.tree.walk() if node.solved]


# ---------------------------------------------------------------------- what is chosen


def test_the_answer_that_passes_is_chosen() -> None:
    result = chosen(ByJudge(Match()), "1", "it is 2", "it is 3", "4")
    assert (result.answer, scores(result)) == ("it is 3", [0, 0, 1, 0])
    assert result.spent["calls"] == 4  # this judge asks nobody


def test_by_specs() -> None:
    planner = make("planners", "best_of_n@2:(react),evaluator=(judge:(match))")
    assert not planner.needs_evaluator
    result = run_sync(planner, TASK, answers("2", "3"), Nothing)
    assert result.answer == "3"
    with pytest.raises(UsageError, match="the spec of a judge in parentheses"):
        make("evaluators", "judge:match")


def test_nothing_that_passes_is_lost() -> None:
    """Where any of the searches answers right, the choice is right."""
    won = [0, 0]
    for task in shop_tasks(12, seed=5):
        for place, evaluator in enumerate((ByJudge(Match()), ByJudge(Answered()))):
            planner = make("planners", "best_of_n@4:(react)")
            result = run_sync(planner, task, StumblingModel(0.3, 0.0), ShopEnv, evaluator=evaluator)
            right = [passes(task, n.answer) for n in result.tree.walk() if n.answer is not None]
            won[place] += passes(task, result.answer)
            if place == 0:
                assert passes(task, result.answer) == any(right)
    assert won[0] > won[1]


def passes(task: Task, answer: str | None) -> bool:
    trial = Trial(Key("s", "t", "p", 0), task.digest, 0, "answered", answer, {}, {})
    return asyncio.run(Match()(task, trial)).decision == "passed"


RIGHT = Says(lambda text, r: status("Solved" if "it is 3" in text else "Unsolved"))


@pytest.mark.parametrize("judge", [SoPR, FAC, ToolEval])
def test_a_model_may_judge(judge: Callable[..., ModelJudge]) -> None:
    model = Says(
        lambda text, r: (
            status("Solvable" if "solvable" in r.purpose else "Solved")
            if "it is 3" in text or "solvable" in r.purpose
            else status("Unsolved")
        )
    )
    result = chosen(ByJudge(judge(model)), "it is 2", "it is 3")
    assert (result.answer, scores(result)) == ("it is 3", [0, 1])
    assert result.spent["calls"] == 2 + len(model.asked)
    assert result.spent["tokens"] == 12 * len(model.asked)
    topics = {request.purpose for request in model.asked}
    assert {topic.split(".")[1] for topic in topics} == {"judge"}


def test_of_two_that_pass_the_clearer_one_is_chosen() -> None:
    def rule(text: str, request: Request) -> str:
        vote = int(request.purpose.split(".")[2])
        return status("Unsolved" if vote == 0 and "first" in text else "Solved")

    result = chosen(ByJudge(FAC(Says(rule))), "first", "second")
    assert (result.answer, scores(result)) == ("second", [pytest.approx(2 / 3), 1])


def test_scores() -> None:
    assert worth(Verdict("passed")) == 1 and worth(Verdict("failed")) == 0
    assert worth(Verdict("unjudged")) == 0.5 and worth(Verdict("passed", score=0.6)) == 0.6
    votes = (Vote("passed"), Vote("failed"), Vote("unjudged"))
    assert worth(Verdict("failed", votes=votes)) == 0.5
    unsure = Says(lambda text, r: status("Unsure"))
    assert scores(chosen(ByJudge(SoPR(unsure, votes=1)), "1", "2")) == [0.5, 0.5]


def test_what_is_no_answer_is_not_judged() -> None:
    model = Says(lambda text, r: status("Solved"))
    seen: dict[str, float] = {}

    class Looks:
        async def __call__(self, s: Any, nodes: Sequence[Node]) -> list[float]:
            given = await ByJudge(FAC(model))(s, nodes)
            seen.update(
                (("done" if n.done else "open"), v) for n, v in zip(nodes, given, strict=True)
            )
            return given

    give_up = json.dumps({"return_type": "give_up_and_restart", "reason": "no"})
    replies = [Completion(None, (ToolCall("look", "{}"),)),
               Completion(None, (ToolCall("Finish", give_up),))]  # fmt: skip
    planner = make("planners", "beam:beam=2,width=2,diverse=false,max_steps=1")
    scripted = ScriptedModel(replies=replies, default=Completion("hm"))
    run_sync(planner, TASK, scripted, Nothing, evaluator=Looks())
    assert seen["open"] == 0.5 and seen.get("done", 0.0) == 0.0 and not model.asked


# ---------------------------------------------------------------------- what it costs


def judging(request: Request) -> str:
    return status(("Solved", "Unsolved", "Unsure")[request.seed % 3])


@pytest.mark.parametrize("wave", [1, 2])
def test_it_keeps_the_contract_of_a_search(wave: int) -> None:
    """Budget, resuming, timing: nothing is paid for twice, no vote depends on who was first."""
    evaluator = ByJudge(SoPR(Says(lambda text, request: judging(request))))
    planner = make("planners", f"best_of_n@2:(react),wave={wave}")
    check_planner(planner, tasks=shop_tasks(1, seed=3), evaluator=evaluator)


def test_a_budget_that_ends_gives_the_first_answer() -> None:
    model = Says(lambda text, r: status("Solved" if "it is 3" in text else "Unsolved"))
    result = chosen(ByJudge(FAC(model)), "it is 2", "it is 3", budget=Budget(calls=4))
    assert (result.answer, result.limit, result.spent["calls"]) == ("it is 2", "calls", 4)


def test_its_calls_are_in_the_journal() -> None:
    records: list[dict[str, Any]] = []
    model = Says(lambda text, r: status("Solved"))
    whole = chosen(ByJudge(FAC(model)), "1", "2", journal=Journal(sink=records.append))
    asked = [record["key"] for record in records if ":ask.judge." in record["key"]]
    assert len(asked) == len(model.asked) == 6 and "0.0:ask.judge.0.final:0" in asked
    paid = len(model.asked)
    again = chosen(ByJudge(FAC(model)), "1", "2", journal=Journal(records))
    assert len(model.asked) == paid and again.spent["calls"] == whole.spent["calls"] == 8


def test_a_judge_without_a_model_is_journaled_too() -> None:
    records: list[dict[str, Any]] = []
    looked = 0

    class Counting:
        async def __call__(self, task: Task, trial: Trial) -> Verdict:
            nonlocal looked
            looked += 1
            assert trial.tree.winner is not None and trial.tree.find(trial.tree.winner)
            return Verdict("passed", "so", score=looked / 10)

    result = chosen(ByJudge(Counting()), "1", "2", journal=Journal(sink=records.append))
    again = chosen(ByJudge(Counting()), "1", "2", journal=Journal(records))
    assert looked == 2 and scores(result) == scores(again) == [0.1, 0.2]


def test_a_reply_that_says_nothing_is_half_a_vote() -> None:
    model = Says(lambda text, r: "I cannot tell.")
    result = chosen(ByJudge(FAC(model, votes=1)), "1", "2")
    assert scores(result) == [0.5, 0.5] and len(model.asked) == 4  # each was asked once more


def test_a_failure_of_its_model_is_no_verdict() -> None:
    model = Says(lambda text, r: ModelError("down"))
    records: list[dict[str, Any]] = []
    result = chosen(ByJudge(FAC(model)), "1", "2", journal=Journal(sink=records.append))
    assert result.end == "infra" and "down" in str(result.error)
    up = Says(lambda text, r: status("Solved"))
    for _ in range(6):  # each life owes one failure again: 3 votes on 2 answers
        journal = Journal(list(records), records.append)
        result = chosen(ByJudge(FAC(up)), "1", "2", journal=journal)
        if result.end != "infra":
            break
    assert (result.answer, result.spent["calls"]) == ("1", 8)
    assert len(model.asked) + len(up.asked) == 12  # six failures, six answers


def test_who_tells_the_search_is_not_asked_for_the_judge() -> None:
    model = Says(lambda text, r: status("Solved" if "it is 3" in text else "Unsolved"))
    planner = make("planners", "best_of_n@2:(react)")
    with AskTell(planner, TASK, Nothing, evaluator=ByJudge(FAC(model))) as search:
        script = answers("it is 2", "it is 3")
        while pending := search.ask():
            assert {each.purpose for each in pending} == {"propose"}
            [made] = asyncio.run(script.complete([pending[0].request]))
            search.tell(pending[0].id, made)
        assert search.result.answer == "it is 3" and search.result.spent["calls"] == 8


# ---------------------------------------------------------------------- preferences


def better(text: str, request: Request) -> str:
    """Prefers the larger number, wherever it stands."""
    first, second = re.findall(r"number (\d)", text)
    said = "equal" if first == second else "first" if first > second else "second"
    return json.dumps({"reason": "so", "better": said})


def test_the_preferred_answer_is_chosen() -> None:
    model = Says(better)
    result = chosen(ByPreference(model), "number 2", "number 7", "number 7", "number 1")
    assert result.answer == "number 7"
    assert scores(result) == pytest.approx([1 / 3, 5 / 6, 5 / 6, 0])
    assert len(model.asked) == 12 and result.spent["calls"] == 16


def test_a_model_that_always_says_first_decides_nothing() -> None:
    model = Says(lambda text, r: json.dumps({"reason": "so", "better": "first"}))
    result = chosen(ByPreference(model), "number 2", "number 7")
    assert scores(result) == [0.5, 0.5] and result.answer == "number 2"
    silent = Says(lambda text, r: "hm")
    assert scores(chosen(ByPreference(silent), "number 2", "number 7")) == [0.5, 0.5]


def test_preferences_keep_the_contract_of_a_search() -> None:
    def rule(text: str, request: Request) -> str:
        return json.dumps({"better": ("first", "second", "equal")[request.seed % 3]})

    evaluator = ByPreference(Says(rule))
    check_planner(make("planners", "best_of_n@2:(react)"), tasks=shop_tasks(1, seed=3),
                  evaluator=evaluator)  # fmt: skip


# ---------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("spec", "known"),
    [
        ("truth", True),
        ("judge:(match)", True),
        ("judge:(truth)", True),
        ("best_of_n@4:(mcts),evaluator=(judge:(truth))", True),
        ("best_of_n@4:(best_of_n:(react),evaluator=(truth))", True),
        ("value", False),
        ("judge:(finish)", False),
        ("judge:(sopr:(openai:truth))", False),
        ("dfsdt:profile=toolbench", False),
        ("(((", False),
    ],
)
def test_oracles_are_known(spec: str, known: bool) -> None:
    assert oracle(spec) is known


def test_judges_that_judge_alike_have_one_name() -> None:
    judges: list[tuple[Callable[[], Judge | ModelJudge], str]] = [
        (Match, "ByJudge(Match)"),
        (lambda: SoPR(Says(judging_any)), "ByJudge(SoPR, votes=3, by="),
    ]
    for made, says in judges:
        assert repr(ByJudge(made())) == repr(ByJudge(made()))
        assert repr(ByJudge(made())).startswith(says)
    assert repr(ByJudge(SoPR(ScriptedModel()))) != repr(ByJudge(SoPR(Says(judging_any))))


def judging_any(text: str, request: Request) -> str:
    return judging(request)
