"""The simulated model: what decides its replies, and each of its failings by itself."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest

from toolgrove.benchmarks.hub.suite import read_set
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.benchmarks.truth.judge import Truth
from toolgrove.core import (
    API,
    FINISH,
    Action,
    Completion,
    Message,
    ModelError,
    Planner,
    Prompt,
    Request,
    Result,
    Task,
    ToolCall,
    UsageError,
    make,
    run_sync,
)
from toolgrove.core.finish import API_DOC
from toolgrove.core.solution import Solution
from toolgrove.envs.hub.env import HubEnv
from toolgrove.envs.hub.registry import endpoints
from toolgrove.models import FunctionPolicy, ToolLLaMAPolicy
from toolgrove.models.simulated import SKILLS, SimulatedModel, needed
from toolgrove.models.view import outcome, view
from toolgrove.planners import DFSDT, CoT, ReACT
from toolgrove.testing import check_model

pytestmark = pytest.mark.skipif(
    "CountryAtlas.country_profile" not in endpoints(), reason="needs the extra hub"
)
SUITES = ("i1-inst", "i3-inst")
FLAWLESS = {"mistake": 0, "early": 0, "repeat": 0, "give_up": 0, "more": 0, "settle": 0,
            "switch": 0, "fix": 1, "retry": 1}  # fmt: skip


@lru_cache(maxsize=4)
def tasks(name: str = "i1-inst") -> list[Task]:
    """Some tasks, but for the one about a kayak, which a slip may spell backwards."""
    return [task for task in read_set(name)[:41] if "kayak" not in task.instruction][:40]


def certified() -> list[Task]:
    return [task for task in read_set("i1-inst") if task.extra["alternatives"]][:40]


def having(**skill: float) -> SimulatedModel:
    """A model without failings but for these."""
    model = SimulatedModel()
    model.skill = replace(model.skill, **{**FLAWLESS, **skill})
    return model


def search(
    planner: Planner, task: Task, model: SimulatedModel, faults: str = "clean", **options: Any
) -> Result:
    return run_sync(planner, task, model, lambda: HubEnv(faults), **options)


def passed(task: Task, result: Result) -> bool:
    trial = Trial(Key("hub", task.id, "p", 0), task.digest, 0, result.end, result.answer, {}, {})
    verdict = asyncio.run(Truth()(task, trial))
    return result.end == "answered" and verdict.decision == "passed"


def say(model: SimulatedModel, requests: Sequence[Request]) -> list[Completion | ModelError]:
    return asyncio.run(model.complete(requests))


def asked(task: Task, *messages: Message, n: int = 1) -> list[Request]:
    """Requests with n seeds, after the task's first messages."""
    prompt = Prompt([*FunctionPolicy().start(task, task.apis, ""), *messages])
    tools = (*task.apis, API_DOC)
    seeds = [random.Random(f"{task.id}/{i}").getrandbits(31) for i in range(n)]
    return [Request(prompt, tools, seed=seed, task=task) for seed in seeds]


def calls(results: Sequence[Completion | ModelError]) -> list[ToolCall]:
    made = [result.calls[0] for result in results if isinstance(result, Completion)]
    assert len(made) == len(results)
    return made


def made(call: ToolCall | Action, observation: str) -> list[Message]:
    """A call and what it brought, as the policy writes them."""
    name = call.name if isinstance(call, ToolCall) else call.api
    assistant = Message("assistant", None, ((name, call.arguments),))
    return [assistant, Message("tool", observation, (), name)]


def hinted(*attempts: tuple[ToolCall, str]) -> Message:
    """The last message, where these attempts were made before."""
    listed = [{"name": c.name, "arguments": c.arguments, "function_output": o} for c, o in attempts]
    return Message("user", f"You tried:\n{json.dumps(listed, indent=1)}\nDo something else.")


def first(task: Task) -> ToolCall:
    """The first call of the solution."""
    action = Solution.from_json(task.extra["solution"]).call(0, [])
    return ToolCall(action.api, action.arguments)


DEAD = '{"error": "API not working error...", "response": ""}'
GIVE_UP = ToolCall(FINISH, '{"return_type": "give_up_and_restart"}')


# What decides its replies


def test_equal_requests_get_equal_replies_in_any_company_and_order() -> None:
    requests = [r for task in tasks()[:5] for r in asked(task, n=8)]
    whole = say(SimulatedModel(), requests)
    assert say(SimulatedModel(), requests) == whole
    assert say(SimulatedModel(), requests[::-1]) == whole[::-1]
    model = SimulatedModel()
    assert [say(model, [request])[0] for request in requests] == whole
    assert len({str(result) for result in whole}) > 5


def test_place_and_attempt_are_nothing_to_it() -> None:
    for task in tasks():
        [request] = asked(task)
        moved = replace(request, node="0.1.0", attempt=7, sample=3)
        assert say(SimulatedModel(), [request]) == say(SimulatedModel(), [moved])


def test_it_cannot_tell_who_asks() -> None:
    def start(planner: Planner, task: Task) -> Action | None:
        node = search(planner, task, SimulatedModel()).tree.find("0.0")
        return None if node is None else node.action

    for task in tasks()[:15]:
        assert start(ReACT(), task) == start(DFSDT(), task) == start(DFSDT(width=3), task)


def test_of_the_task_it_looks_up_the_solution_alone() -> None:
    for task in tasks():
        other = replace(task, answer="another", group="x", instruction="y", relevant=())
        [request] = asked(task)
        blind = replace(request, task=other)
        assert say(SimulatedModel(), [request]) == say(SimulatedModel(), [blind])


def test_what_it_reads_is_what_it_goes_on_with() -> None:
    task = next(t for t in tasks("i3-inst") if "#E1." in json.dumps(t.extra["solution"]["steps"]))
    [reference] = {
        value
        for _, arguments in task.extra["solution"]["steps"][1:2]
        for value in arguments.values()
        if isinstance(value, str) and value.startswith("#E1.")
    }
    key = reference.removeprefix("#E1.")
    for read in ("XX", "YY"):
        seen = made(first(task), json.dumps({"error": "", "response": {key: read}}))
        [call] = calls(say(having(), asked(task, *seen)))
        assert read in json.loads(call.arguments).values()


def test_another_seed_has_other_misconceptions() -> None:
    requests = [asked(task)[0] for task in tasks()]
    assert say(SimulatedModel(seed=1), requests) != say(SimulatedModel(), requests)
    assert say(SimulatedModel(seed=1), requests) == say(SimulatedModel(seed=1), requests)


def test_it_keeps_the_contract_of_models() -> None:
    check_model(SimulatedModel)
    for task in tasks("i3-inst")[:3]:
        check_model(SimulatedModel, task=task)


# Without failings, and with one


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("planner", [CoT(), ReACT(), DFSDT()], ids=lambda p: type(p).__name__)
def test_without_mistakes_every_task_is_solved_by_every_planner(
    suite: str, planner: Planner
) -> None:
    for task in tasks(suite):
        result = search(planner, task, SimulatedModel(mistake=0, early=0))
        assert passed(task, result), (task.id, result.answer, task.answer)


def test_mistakes_are_of_the_kinds_it_says() -> None:
    right = {task.id: first(task) for task in tasks()}
    kinds = dict.fromkeys(("wrong_api", "argument", "missing", "invented"), 0)
    for task in tasks():
        wanted, offered = right[task.id], {api.name for api in task.apis}
        for call in calls(say(having(mistake=1, sticky=0), asked(task, n=20))):
            if call == wanted:  # "D" written backwards
                continue
            keys = set(json.loads(call.arguments))
            if call.name not in offered:
                kinds["invented"] += 1
            elif call.name != wanted.name:
                kinds["wrong_api"] += 1
            elif keys < set(json.loads(wanted.arguments)):
                kinds["missing"] += 1
            else:
                kinds["argument"] += 1
    assert 780 < sum(kinds.values()) <= 800
    assert 200 < kinds["wrong_api"] < 320 and 180 < kinds["argument"] < 300
    assert 80 < kinds["missing"] < 170 and 110 < kinds["invented"] < 220


def test_mistakes_come_about_as_often_as_told() -> None:
    for share, least, most in ((0.1, 50, 115), (0.5, 350, 450)):
        wrong = sum(
            call != first(task)
            for task in tasks()
            for call in calls(say(having(mistake=share, sticky=0), asked(task, n=20)))
        )
        assert least < wrong < most


def test_a_misconception_comes_back_in_every_chain() -> None:
    model = having(mistake=1, sticky=1)
    for task in tasks():
        replies = set(calls(say(model, asked(task, n=20))))
        assert len(replies) == 1 and first(task) not in replies
    [task, *_] = tasks()
    root = search(ReACT(n=3), task, having(mistake=1, sticky=1, give_up=1)).tree.root
    assert len(root.children) == 3 and len({node.action for node in root.children}) == 1


def test_a_misconception_goes_away_where_the_hint_shows_the_attempt() -> None:
    model = having(mistake=1, sticky=1, fix=1)
    for task in tasks():
        [wrong] = calls(say(model, asked(task)))
        shown = asked(task, hinted((wrong, DEAD)), n=5)
        assert set(calls(say(model, shown))) == {first(task)}
        stubborn = calls(say(having(mistake=1, sticky=1, fix=0), shown))
        assert first(task) not in stubborn


def test_the_hint_of_dfsdt_is_such_a_hint() -> None:
    model = having(mistake=1, sticky=1, fix=1, give_up=1)
    noticed = 0
    for task in tasks():
        root = search(DFSDT(width=2, back=1), task, model).tree.root
        if len(root.children) == 1:  # what the mistake brought was taken for the right
            continue
        noticed += 1
        wrong, right = root.children
        assert wrong.action is not None and right.action is not None
        gold = first(task)
        assert (wrong.action.api, wrong.action.arguments) != gold
        assert (right.action.api, right.action.arguments) == gold
    assert noticed >= 15


def test_slips_are_not_sticky() -> None:
    [task, *_] = tasks()
    replies = calls(say(having(mistake=0.5, sticky=0), asked(task, n=40)))
    assert 5 < replies.count(first(task)) < 35


def test_a_dead_api_leads_to_the_other_path_of_the_certificate() -> None:
    turned = 0
    for task in certified():
        gold = first(task)
        ways = task.extra["alternatives"].get(gold.name)
        if ways is None:
            continue
        [other, *_] = ways
        begun = Solution.from_json(other["solution"]).call(0, [])
        seen = asked(task, *made(gold, DEAD), n=10)
        assert set(calls(say(having(switch=1), seen))) == {ToolCall(begun.api, begun.arguments)}
        assert set(calls(say(having(switch=0), seen))) == {gold}
        turned += 1
    assert turned >= 20


@pytest.mark.parametrize(("switch", "solved"), [(1.0, 40), (0.0, 0)])
def test_dead_apis_are_got_around_only_by_who_knows_another_way(switch: float, solved: int) -> None:
    ends = [passed(t, search(ReACT(), t, having(switch=switch), "dead")) for t in certified()]
    assert sum(ends) == solved


@pytest.mark.parametrize(("fix", "solved"), [(1.0, 40), (0.0, 0)])
def test_a_misnamed_parameter_is_put_right_after_the_error(fix: float, solved: int) -> None:
    misled = [task for task in read_set("i1-inst") if task.extra["hub"]["renames"]][:40]
    ends = [passed(t, search(ReACT(), t, having(fix=fix), "misleading")) for t in misled]
    assert sum(ends) == solved


def test_a_transient_fault_is_retried() -> None:
    met = 0
    for task in tasks():
        result = search(ReACT(), task, having(), "transient")
        assert passed(task, result), task.id
        statuses = [node.step.info.status for node in result.tree.walk() if node.step is not None]
        bodies = [node.observation for node in result.tree.walk()]
        met += any(s not in ("ok", "finished") for s in statuses) or any(
            outcome(body) == "down" for body in bodies[1:-1]
        )
    assert met >= 10
    left = [passed(t, search(ReACT(), t, having(retry=0), "transient")) for t in tasks()]
    assert sum(left) < 30


def test_it_gives_up_after_an_error() -> None:
    for task in tasks():
        failed = asked(task, *made(first(task), DEAD), n=5)
        assert set(calls(say(having(give_up=1), failed))) == {GIVE_UP}
        assert GIVE_UP not in calls(say(having(give_up=0), failed))
        assert GIVE_UP not in calls(say(having(give_up=1), asked(task, n=5)))


def test_it_wearies_with_each_further_error() -> None:
    [task, *_] = tasks()
    for errors, least, most in ((1, 0, 0), (2, 60, 140), (3, 150, 250)):
        seen = [m for _ in range(errors) for m in made(first(task), DEAD)]
        gone = calls(say(having(more=0.25), asked(task, *seen, n=400)))
        assert least <= gone.count(GIVE_UP) <= most


def test_it_answers_too_early_but_never_before_the_first_call() -> None:
    task = next(t for t in tasks("i3-inst") if len(t.extra["solution"]["steps"]) > 2)
    good = made(first(task), '{"error": "", "response": {"code": "Q7", "n": 3}}')
    [early] = set(calls(say(having(early=1), asked(task, *good, n=5))))
    assert early.name == FINISH
    assert json.loads(early.arguments)["final_answer"] == "The answer is Q7."
    assert set(calls(say(having(early=1), asked(task, n=5)))) == {first(task)}


def test_it_repeats_its_last_call() -> None:
    task = next(t for t in tasks("i3-inst") if len(t.extra["solution"]["steps"]) > 2)
    good = made(first(task), '{"error": "", "response": {"code": "Q7"}}')
    assert set(calls(say(having(repeat=1), asked(task, *good, n=5)))) == {first(task)}


def test_data_of_a_wrong_api_is_settled_for() -> None:
    for task in tasks():
        path = {name for name, _ in task.extra["solution"]["steps"]}
        other = next(api.name for api in task.apis if api.name not in path)
        wrong = made(ToolCall(other, "{}"), '{"error": "", "response": {"code": "Q7"}}')
        [content] = calls(say(having(settle=0), asked(task, *wrong)))
        assert content == first(task)
        [settled] = calls(say(having(settle=1), asked(task, *wrong)))
        assert settled != first(task)


def test_asked_to_conclude_it_answers_from_what_it_saw() -> None:
    [task, *_] = tasks()
    [bare] = asked(task)
    [nothing] = calls(say(having(), [replace(bare, tools=(API_DOC,))]))
    assert json.loads(nothing.arguments) == {
        "return_type": "give_answer",
        "final_answer": "The answer is unknown.",
    }


def test_asked_for_a_plan_it_writes_the_solution() -> None:
    for task in tasks("i3-inst"):
        [request] = asked(task)
        [plan] = say(having(), [replace(request, tools=task.apis)])
        assert isinstance(plan, Completion) and plan.calls == ()
        steps = [[c["api"], c["arguments"]] for c in json.loads(plan.content or "")]
        assert steps == task.extra["solution"]["steps"]


def test_of_two_candidates_it_mostly_prefers_the_one_with_fewer_errors() -> None:
    bad, good = '{"error": "no", "response": ""}', '{"error": "", "response": 1}'
    for a, b, least, most in ((good, bad, 150, 199), (bad, good, 1, 50), (good, good, 70, 130)):
        prompt = Prompt([Message("user", f"Candidate A:\n{a}\nCandidate B:\n{b}")])
        asks = [Request(prompt, (), seed=i, purpose="ask.rank") for i in range(200)]
        said = [r.content for r in say(SimulatedModel(), asks) if isinstance(r, Completion)]
        assert set(said) == {"A", "B"} and least <= said.count("A") <= most


def test_it_counts_what_it_reads_and_says() -> None:
    [task, *_] = tasks()
    request = Request(Prompt([Message("user", "x" * 400)]), (*task.apis, API_DOC), task=task)
    [reply] = say(having(), [request])
    call = first(task)
    assert isinstance(reply, Completion) and reply.content == f"Next I call {call.name}."
    words = len(reply.content) + len(call.name) + len(call.arguments)
    assert (reply.prompt_tokens, reply.completion_tokens) == (100, words // 4)


# What it reads


def test_it_reads_a_path_and_the_attempts_of_the_last_message() -> None:
    call = ToolCall("f", '{"x": 1}')
    start = [Message("system", "s"), Message("user", "u")]
    shown = view([*start, *made(call, "one"), hinted((ToolCall("g", "{}"), "two"))])
    assert shown.calls == (("f", '{"x": 1}', "one"),)
    assert shown.tried == (("g", "{}", "two"),)
    assert shown.shown() == {("f", '{"x": 1}'), ("g", "{}")}
    assert view(start).tried == view([*start, Message("user", "[\n broken")]).tried == ()
    assert view([*start, Message("user", "[\n" + "[" * 5000)]).tried == ()


@pytest.mark.parametrize(
    ("observation", "reads"),
    [
        ('{"error": "", "response": {"a": 1}}', "good"),
        ('{"error": "", "response": [1]}', "good"),
        ('{"error": "", "response": {}}', "down"),
        ('{"error": "", "response": "<html>"}', "down"),
        ('{"error": "country XX not found", "response": ""}', "refused"),
        ('{"error": "missing required parameter: q", "response": ""}', "refused"),
        ('{"error": "Too many requests error...", "response": ""}', "down"),
        ('{"error": "You are not subscribed to this API.", "response": ""}', "down"),
        ("not json", "down"),
        ("[]", "down"),
        ("[" * 5000, "down"),
    ],
)
def test_how_results_read(observation: str, reads: str) -> None:
    assert outcome(observation) == reads


# What it refuses


def test_a_task_without_a_solution_is_an_error() -> None:
    for task in (None, Task("bare", "x", (API("f"),))):
        request = Request(Prompt([Message("user", "x")]), (API("f"), API_DOC), task=task)
        [error] = say(SimulatedModel(), [request])
        assert isinstance(error, ModelError) and error.kind == "simulated"
        assert str(error).startswith("the simulated model needs tasks with a known solution")


def test_a_policy_that_sends_no_functions_is_an_error() -> None:
    [task, *_] = tasks()
    result = search(ReACT(), task, SimulatedModel(), policy=ToolLLaMAPolicy())
    assert result.end == "infra" and result.error is not None
    assert "it needs --policy functions" in result.error


def test_an_unknown_skill_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="skill"):
        make("models", "simulated:genius")
    for skill in SKILLS:
        assert make("models", f"simulated:{skill}").skill == SKILLS[skill]


@pytest.mark.parametrize(
    "name", ["mistake", "sticky", "fix", "give_up", "early", "settle", "switch"]
)
@pytest.mark.parametrize("value", ["1.5", "-0.1", "nan"])
def test_probabilities_are_from_0_to_1(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{name} must be from 0 to 1, not {value}"):
        make("models", f"simulated:{name}={value}")


def test_what_is_given_takes_the_place_of_the_skills_own() -> None:
    model = make("models", "simulated:skill=weak,sticky=0,switch=1,seed=4")
    assert model.skill == replace(SKILLS["weak"], sticky=0, switch=1) and model.seed == 4


def test_thoughts_say_what_is_needed_and_what_comes_after() -> None:
    """Thoughts change no call; a plan counts down to the answer."""
    task = next(t for t in tasks("i3-inst") if len(t.extra["solution"]["steps"]) == 3)
    paths = []
    for thoughts in ("next", "need", "plan", "route"):
        model = SimulatedModel(thoughts=thoughts)
        model.skill = having().skill
        result = search(ReACT(), task, model)
        assert result.node is not None
        paths.append(result.node.path()[1:])
    calls = [[(node.action.api, node.action.arguments) for node in path if node.action]
             for path in paths]  # fmt: skip
    assert calls[0] == calls[1] == calls[2] == calls[3]
    _, need, plan, route = ([node.thought or "" for node in path] for path in paths)
    assert [thought.count("Then ") for thought in need] == [0, 0, 0, 0]
    assert all(text.startswith("I need ") for text in need[:3])
    assert need[3] == plan[3] == "I have the answer."
    names = [name for name, _ in task.extra["solution"]["steps"]]
    short = [name.rpartition("_for_")[0] for name in names]
    assert route == [", ".join(short[i:]) for i in range(3)] + ["done"]
    if len(set(names)) == 3:
        assert [thought.count("Then ") for thought in plan[:3]] == [2, 1, 0]


def test_a_plan_counts_equal_steps() -> None:
    tools = [API("area", "Area of a country. (Tool maps: all.)"), API("name", "Its name")]
    told = needed(Action("name", "{}"), tools, ["area", "area", "name"])
    assert told == "I need its name. Then area of a country, 2 times. Then its name."
    assert needed(Action(FINISH, "{}"), tools) == "This leads nowhere."
