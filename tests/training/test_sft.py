"""Supervised rows: what is learnt is what was asked, word for word."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.suites import load_suites, write_jsonl
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import (
    API,
    Action,
    Node,
    Policy,
    Prompt,
    Reply,
    Siblings,
    Step,
    StepInfo,
    Task,
    Tree,
    Turn,
    UsageError,
    make,
)
from toolgrove.core.lines import read_lines
from toolgrove.core.session import digest
from toolgrove.models import chat
from toolgrove.training.annotated import AnnotatedRun, LeftOut, Solved, misled
from toolgrove.training.export import Recipe, export_dataset
from toolgrove.training.going_back import called_beside, going_back_rows
from toolgrove.training.sft import POLICIES, sft_rows


def bench(path: Path, suite: str = "hub:i1-inst", **options: Any) -> Path:
    """A run of the simulated teacher, as ``bench`` leaves it."""
    options = {"model": "simulated", "env": "", "limit": 12, "judge": "", **options}
    planners = options.pop("planners", ["dfsdt"])
    plan = Plan(load_suites(suite), planners, **options)
    parts = Parts.of(plan)
    directory = RunDirectory.create(path, describe(plan, parts))
    asyncio.run(Runner(plan, directory, parts=parts).run())
    directory.close()
    return path


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Function calling in the hub, tools failing now and then."""
    place = tmp_path_factory.mktemp("runs") / "hub"
    return bench(place, model="simulated:weak", faults="mixed", limit=30)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory, hub: Path) -> Path:
    """The answers of that run, replayed to a model that is asked in ToolLLaMA's words."""
    place = tmp_path_factory.mktemp("text")
    tasks = []
    for solved in AnnotatedRun(hub, keep="all"):
        turns: tuple[Turn, ...] = ()
        for node in reversed(solved.winner.path()[1:]):
            assert node.action is not None and node.step is not None
            api, arguments, status = node.action.api, node.action.arguments, node.step.info.status
            turns = (Turn(node.thought, api, arguments, node.observation, status, 0, turns),)
        tasks.append(replace(solved.task, recording=Turn(turns=turns)))
    write_jsonl(tasks, place / "tasks.jsonl")
    options: Any = {"model": "", "policy": "toolllama", "limit": None, "planners": ["react"]}
    return bench(place / "run", str(place / "tasks.jsonl"), **options)


def policy(shape: str) -> Policy:
    made: Policy = make("policies", POLICIES[shape])
    return made


def asked(run: Path, solved: Solved) -> dict[str, list[str]]:
    """For each node, the digests of what was asked there, as the journal has them."""
    found: dict[str, list[str]] = {}
    for record in read_lines(run / "journal" / solved.trial.key.file)[0]:
        node, _, verb = record["key"].partition(":")
        if verb.startswith("propose"):
            found.setdefault(node, []).append(record["asked"])
    return found


def marks(prompt: Prompt, solved: Solved, tools: Any) -> set[str]:
    """What the journal would say of that request, for its first samples."""
    content = prompt.digest + digest(tools)
    return {
        blake2b(content + b"%d/%d" % (k, solved.trial.seed), digest_size=8).hexdigest()
        for k in range(9)
    }


@pytest.mark.parametrize("shape", ["chat", "toolllama"])
def test_a_row_asks_what_the_journal_says_was_asked(shape: str, request: Any) -> None:
    run: Path = request.getfixturevalue({"chat": "hub", "toolllama": "text"}[shape])
    words = policy(shape)
    hintless, hinted = 0, 0
    for solved in AnnotatedRun(run, keep="all"):
        known = asked(run, solved)
        nodes = {str(i): n for i, n in enumerate(solved.winner.path()[1:], 1)}
        for row in sft_rows(solved, words, shape=shape):  # type: ignore[arg-type]
            node = nodes[row.data["id"].rpartition("#")[2]]
            before = row.prompt.parent
            assert before is not None
            assert node.parent is not None
            nth = int(node.id.rpartition(".")[2])  # the k-th child is the k-th that was asked for
            same = known[node.parent.id][nth] in marks(before, solved, row.tools)
            hint = node.reply.hint.to_json() if node.reply and node.reply.hint else {}
            if hint.get("nodes"):  # siblings were told: the row is without that
                hinted += not same
            else:
                assert same, row.data["id"]
                hintless += 1
    assert hintless > 25
    assert hinted > 3 or shape == "toolllama"


def test_turns_and_paths_have_the_same_targets(hub: Path) -> None:
    for shape, key, role in (("chat", "messages", "role"), ("toolllama", "conversations", "from")):
        for solved in AnnotatedRun(hub):
            one: Any = {"shape": shape}
            turns = sft_rows(solved, policy(shape), per="turn", **one)
            [path] = sft_rows(solved, policy(shape), per="path", **one)
            messages = path.data[key]
            learnt = [m for m in messages if m[role] == "assistant" and m.get("weight", 1)]
            assert [t.data[key][-1] for t in turns] == learnt
            assert path.learnt == len(turns)
            for turn in turns:
                bare = [{k: v for k, v in m.items() if k != "weight"} for m in messages]
                assert bare[: len(turn.data[key])] == turn.data[key]


def test_shapes(hub: Path) -> None:
    solved = next(iter(AnnotatedRun(hub)))
    [*_, last] = sft_rows(solved, policy("toolllama"), shape="toolllama")
    assert set(last.data) == {"id", "conversations"}
    said = last.data["conversations"]
    assert [m["from"] for m in said[:2]] == ["system", "user"]
    assert {m["from"] for m in said[2:]} == {"assistant", "function"}
    assert "Finish" in said[0]["value"]
    assert "\nAction: Finish\nAction Input: {" in said[-1]["value"]
    [*_, last] = sft_rows(solved, policy("chat"), shape="chat")
    assert set(last.data) == {"id", "messages", "tools"}
    assert last.data["tools"] == chat.tools(solved.offered)
    [call] = last.data["messages"][-1]["tool_calls"]
    assert call["function"]["name"] == "Finish"
    assert json.loads(call["function"]["arguments"])["final_answer"] == solved.trial.answer
    with pytest.raises(UsageError, match="no place for function calls"):
        sft_rows(solved, policy("chat"), shape="toolllama")
    with pytest.raises(UsageError, match="no shape 'alpaca'"):
        sft_rows(solved, policy("chat"), shape="alpaca")  # type: ignore[arg-type]
    [*_, last] = sft_rows(solved, make("policies", "text"), shape="chat")
    assert {m["role"] for m in last.data["messages"]} == {"system", "user", "assistant"}


def test_recoveries_are_kept_or_dropped_and_mistakes_are_never_learnt(hub: Path) -> None:
    recovered = statuses = 0
    words = policy("chat")
    kinds: Counter[str] = Counter()
    for solved in AnnotatedRun(hub):
        nodes = solved.winner.path()[1:]
        bad = [n for n in nodes if misled(n)]
        kept = sft_rows(solved, words, shape="chat", per="path")[0].data["messages"]
        clean = sft_rows(solved, words, shape="chat", per="path", recoveries=False)[0].data
        assert len(kept) == 1 + 2 * len(nodes)  # system, user; a call and its answer; no last one
        assert len(clean["messages"]) == 1 + 2 * (len(nodes) - len(bad))
        assert not any(m.get("weight") == 0 for m in clean["messages"])
        calls = [m for m in kept if m["role"] == "assistant"]
        for node, message in zip(nodes, calls, strict=True):
            assert node.step is not None
            wrong = node.step.info.status in ("no_such_api", "bad_arguments", "bad_finish")
            assert (message.get("weight") == 0) == wrong
            statuses += wrong
            kinds[node.step.info.status] += 1
        recovered += bool(bad)
        if bad:
            with pytest.raises(LeftOut, match="too many errors"):
                sft_rows(solved, words, shape="chat", max_errors=len(bad) - 1)
            assert sft_rows(solved, words, shape="chat", max_errors=len(bad))
    assert recovered > 3
    assert statuses > 0
    assert kinds["ok"] > 20


def test_counts_add_up_and_the_order_is_that_planned(hub: Path) -> None:
    run = AnnotatedRun(hub)
    got = [solved.trial.key for solved in run]
    assert len(got) + sum(run.left_out.values()) == run.planned == 30
    assert run.left_out["failed"] > 0
    assert got == [item.key for item in run.scored.items if item.outcome == "passed"]
    everything = AnnotatedRun(hub, keep="all")
    assert len(list(everything)) == len(got) + run.left_out["failed"]
    assert set(run.source()["left_out"]) == set(run.left_out)
    with pytest.raises(UsageError, match="no verdicts of the judge 'match'"):
        AnnotatedRun(hub, judge="match")


def test_what_the_environment_showed_is_in_the_prompt(tmp_path: Path) -> None:
    """The shop shows its shelves; they are read from the journal."""
    run = bench(tmp_path / "shop", "shop", model="", limit=6, planners=["react@3"])
    [*all_] = AnnotatedRun(run, keep="all")
    assert all_
    for solved in all_:
        assert solved.observation.startswith("Shelves: ")
        row = sft_rows(solved, policy("chat"), shape="chat")[0]
        assert solved.observation in row.data["messages"][1]["content"]


def grown(*steps: tuple[str | None, str | None, str, Any]) -> Solved:
    """A path of thoughts, calls, arguments and statuses; the last one answers."""
    root = node = Node("0")
    for thought, api, arguments, status in steps:
        node = Node(f"{node.id}.0", node, None if api is None else Action(api, arguments, thought))
        node.thought = thought
        assert node.parent is not None
        node.parent.children.append(node)
        if api is not None:
            node.step = Step("seen", 0.0, status == "answered", False, StepInfo(status))
    tree = Tree([root], node.id).to_json()
    apis = (API("seek", "Seeks."), API("find", "Finds."))
    task = Task("t", "Find 7.", apis)
    return Solved(Trial(Key("s", "t", "p", 0), "", 0, "answered", "7", {}, tree), task)


ANSWER = '{"return_type": "give_answer", "final_answer": "7"}'


@pytest.mark.parametrize("per", ["turn", "path"])
def test_what_is_never_learnt(per: Any) -> None:
    """No call, an unknown function, arguments that are no object, and no wrong Finish."""
    solved = grown(
        ("Hm.", None, "", ""),
        ("a", "made_up", "{}", "no_such_api"),
        ("b", "seek", "[1, 2", "ok"),
        ("c", "seek", '{"x": 1}', "timeout"),
        ("d", "seek", '{"x": 2}', "bad_arguments"),
        ("e", "Finish", "{}", "bad_finish"),
        (None, "find", "", "ok"),
        ("f", "Finish", ANSWER, "answered"),
    )
    for shape in ("chat", "toolllama"):
        rows = sft_rows(solved, policy(shape), shape=shape, per=per)
        if per == "turn":
            numbers = [row.data["id"].rpartition("#")[2] for row in rows]
            assert numbers == ["4", "7", "8"]
            continue
        messages = rows[0].data["messages" if shape == "chat" else "conversations"]
        weights = [m.get("weight") for m in messages if "assistant" in m.values()]
        assert weights == [0, 0, 0, None, 0, 0, None, None]
        assert rows[0].learnt == 3
    broken = grown(("f", "Finish", '"return_type": "give_answer"', "answered"))
    with pytest.raises(LeftOut, match="nothing to learn"):
        sft_rows(broken, policy("chat"), shape="chat", per=per)


def test_without_recoveries_only_what_worked_is_left() -> None:
    solved = grown(
        ("Hm.", None, "", ""),
        ("a", "made_up", "{}", "no_such_api"),
        ("c", "seek", '{"x": 1}', "timeout"),
        ("c", "seek", '{"x": 1}', "ok"),
        ("f", "Finish", ANSWER, "answered"),
    )
    [row] = sft_rows(solved, policy("toolllama"), per="path", recoveries=False)
    said = [m["value"] for m in row.data["conversations"] if m["from"] == "assistant"]
    assert said == [
        '\nThought: c\nAction: seek\nAction Input: {"x": 1}',
        f"\nThought: f\nAction: Finish\nAction Input: {ANSWER}",
    ]


def test_a_task_that_changed_since_gives_nothing(tmp_path: Path) -> None:
    tasks = tmp_path / "mine.jsonl"
    lines = [
        {"id": str(i), "instruction": f"say {i}", "recording": {"turns": [
            {"api": "Finish", "arguments": json.dumps(
                {"return_type": "give_answer", "final_answer": str(i)}), "status": "answered"}]}}
        for i in range(2)
    ]  # fmt: skip
    tasks.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = bench(tmp_path / "run", str(tasks), model="", planners=["react"])
    assert len(list(AnnotatedRun(run))) == 2
    lines[1]["instruction"] = "say something else"
    tasks.write_text("".join(json.dumps(line) + "\n" for line in lines))
    changed = AnnotatedRun(run)
    assert [solved.task.id for solved in changed] == ["0"]
    assert changed.left_out == {"the task changed since": 1}


# ---------------------------------------------------------------------- going back


def backed_up(*, on_root: bool = False) -> Solved:
    """A branch that failed and gave up, and the one that was tried next and answered."""
    solved = grown(("a", "seek", '{"x": 1}', "ok"), ("b", "Finish", ANSWER, "answered"))
    tree = solved.trial.tree
    parent = tree.root if on_root else tree.root.children[0]
    right = parent.children[0]
    wrong = Node(f"{parent.id}.9", parent, Action("find", '{"y": 2}', "w"))
    wrong.thought, wrong.step = "w", Step("lost", 0.0, False, False, StepInfo("error"))
    end = Node(f"{wrong.id}.0", wrong, Action("Finish", GIVE_UP, "dead end"))
    end.thought, end.step = "dead end", Step("gone", 0.0, True, False, StepInfo("gave_up"))
    wrong.children = [end]
    parent.children = [wrong, right]
    right.reply = Reply(right.thought, hint=Siblings((wrong,)))
    return replace(solved, trial=replace(solved.trial, tree_data=tree.to_json()))


GIVE_UP = '{"return_type": "give_up_and_restart"}'
INVENTED = "invalid_hallucination_function_name"  # what a prompt shows of one


@pytest.mark.parametrize("on_root", [True, False])
@pytest.mark.parametrize("per", ["turn", "path"])
def test_giving_up_and_going_on_are_rows_of_their_own(per: Any, on_root: bool) -> None:
    solved = backed_up(on_root=on_root)
    up, on = going_back_rows(solved, policy("chat"), shape="chat", per=per)
    assert [row.data["id"].rpartition("#")[2] for row in (up, on)] == ["up1", "on1"]
    said = [m for m in up.data["messages"] if m["role"] == "assistant"]
    calls = [m["tool_calls"][0]["function"] for m in said]
    before = [] if on_root else ["seek"]
    assert [call["name"] for call in calls] == [*before, "find", "Finish"]
    assert json.loads(calls[-1]["arguments"]) == json.loads(GIVE_UP)
    assert up.data["messages"][-2]["content"] == "lost"
    hint, turn = on.data["messages"][-2:]
    assert hint["role"] == "user" and "find" in hint["content"] and turn["role"] == "assistant"
    assert turn["tool_calls"][0]["function"]["name"] == ("seek" if on_root else "Finish")
    weights = {m.get("weight") for row in (up, on) for m in row.data["messages"][:-1]
               if m["role"] == "assistant"}  # fmt: skip
    assert weights <= {0 if per == "path" else None}
    assert "weight" not in up.data["messages"][-1] and up.learnt == on.learnt == 1


def test_a_search_that_never_went_back_gives_none() -> None:
    solved = grown(("a", "seek", "{}", "ok"), ("b", "Finish", ANSWER, "answered"))
    assert going_back_rows(solved, policy("chat"), shape="chat") == []
    assert not called_beside(solved, 2)


def test_those_rows_ask_what_the_journal_says_was_asked(hub: Path) -> None:
    """Hints included: they are those that the model was given."""
    counts: Counter[str] = Counter()
    for solved in AnnotatedRun(hub, keep="all"):
        known = {mark for marks_there in asked(hub, solved).values() for mark in marks_there}
        for row in going_back_rows(solved, policy("chat"), shape="chat", most=9):
            assert row.prompt.parent is not None
            assert known & marks(row.prompt.parent, solved, row.tools), row.data["id"]
            counts[row.data["id"].rpartition("#")[2][:2]] += 1
    assert counts["up"] > 3 and counts["on"] > 3


def test_going_back_from_a_run(hub: Path, tmp_path: Path) -> None:
    """Rows beside the path keep the functions that they call."""
    recipe = Recipe(shape="chat", per="path", going_back=1, offer="3", parquet=False)
    made = export_dataset([hub], tmp_path / "d", recipe)
    kinds = Counter(row["id"].rpartition("#")[2][:2] for row in made if "#" in row["id"])
    plain = export_dataset([hub], tmp_path / "e", replace(recipe, going_back=0))
    assert kinds["up"] and kinds["on"] and len(made) == len(plain) + kinds["up"] + kinds["on"]
    for row in made:
        names = {tool["function"]["name"] for tool in row["tools"]}
        calls = [c for m in row["messages"] for c in m.get("tool_calls", ())]
        assert {call["function"]["name"] for call in calls} <= names | {INVENTED}


def test_going_back_is_for_sft() -> None:
    for format, rows in (("dpo", 1), ("sft", -1)):
        with pytest.raises(UsageError, match="--going-back must be 0 or more, and is for"):
            Recipe(format=format, going_back=rows)  # type: ignore[arg-type]
