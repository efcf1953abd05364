"""Judges that ask a model: what votes come to; none is lost, invented or paid for twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest
from chat_server import Body, ChatServer
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks.judges import Hearing, ModelJudge, Verdict, Vote
from toolgrove.benchmarks.judges.reading import read_choice
from toolgrove.benchmarks.judges.tooleval import FAC, SOLVABLE, STATUS, SoPR, ToolEval
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.scored import tasks_of
from toolgrove.benchmarks.scoring import Scorer, score_run, spent_on
from toolgrove.benchmarks.suites import load_suites
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import (
    API,
    Budget,
    Completion,
    Journal,
    ModelError,
    Node,
    Step,
    StepInfo,
    Task,
    Tree,
    UsageError,
    make,
)
from toolgrove.core.values import Action
from toolgrove.models import ScriptedModel

TASK = Task("t", "Name $answer and 3 {fruits}.", (API("shelf", "What is there."),))


def trial(answer: str | None = "Apples.") -> Trial:
    root = Node("0")
    node = Node("0.0", root, Action("shelf", '{"k": 1}'))
    node.step = Step("apples, " * 400)
    end = Node("0.0.0", node, Action("Finish", "{}"))
    end.step = Step("", 0.0, True, False, StepInfo("answered"))
    root.children, node.children = [node], [end]
    tree = Tree([root], "0.0.0").to_json()
    return Trial(Key("s", "t", "p", 0), TASK.digest, 0, "answered", answer, {}, tree)


def said(status: str, reason: str = "So it is.") -> Completion:
    return Completion(json.dumps({"reason": reason, "status": status}), prompt_tokens=7)


def script(**stages: Sequence[Completion | ModelError]) -> ScriptedModel:
    return ScriptedModel(answers=stages)


def judged(
    judge: ModelJudge, given: Trial, journal: Journal | None = None, seed: int = 0
) -> Verdict:
    return asyncio.run(judge(TASK, given, Hearing(journal or Journal(), Budget(), seed)))


TABLE = {
    ("Solved", "Solvable"): {"passed"},
    ("Unsolved", "Solvable"): {"failed"},
    ("Unsolved", "Unsure"): {"passed", "failed"},
    ("Unsolved", "Unsolvable"): {"failed"},
    ("Unsure", "Solvable"): {"passed", "failed"},
    ("Unsure", "Unsure"): {"passed", "failed"},
    ("Unsure", "Unsolvable"): {"failed"},
}


@pytest.mark.parametrize(("status", "solvable"), TABLE)
def test_the_two_stages(status: str, solvable: str) -> None:
    found = set()
    for seed in range(20):
        model = script(status=[said(status)], details=[said(status)], solvable=[said(solvable)])
        verdict = judged(ToolEval(model, votes=1), trial(), seed=seed)
        found.add(verdict.decision)
        [vote] = verdict.votes
        assert vote.label == status
        assert vote.solvable == ("" if status == "Solved" else solvable)
        assert vote.calls == {"Solved": 1, "Unsolved": 2, "Unsure": 3}[status] == len(vote.texts)
        assert vote.tokens == 7 * vote.calls and vote.model.startswith("scripted ")
    assert found == TABLE[status, solvable]


def test_upstreams_table_is_there_when_asked_for() -> None:
    model = script(status=[said("Unsolved")], solvable=[said("Unsolvable")])
    assert judged(ToolEval(model, 1, unsolvable="passed"), trial()).decision == "passed"


@given(st.lists(st.sampled_from(STATUS[1:]), min_size=1, max_size=5), st.integers(0, 9))
def test_a_refused_answer_never_passes_because_the_task_looked_unsolvable(
    labels: list[str], seed: int
) -> None:
    status = [said(label) for label in labels]
    details = [said("Unsure")]
    model = script(status=status, details=details, solvable=[said("Unsolvable")])
    verdict = judged(ToolEval(model, votes=len(labels)), trial("Sorry, I cannot."), seed=seed)
    assert verdict.decision == "failed"


def test_an_empty_answer_is_not_put_to_a_model() -> None:
    for judge in (ToolEval(script()), SoPR(script()), FAC(script())):
        verdict = judged(judge, trial("  "))
        assert verdict.decision == "failed"
        assert [vote.calls for vote in verdict.votes] == [0, 0, 0]


def test_what_the_model_is_shown() -> None:
    seen: list[str] = []

    class Spy(ScriptedModel):
        async def complete(self, requests: Any) -> Any:
            seen.extend(message.content for request in requests for message in request.messages)
            return await super().complete(requests)

    answers = {
        "status": [said("Unsure")],
        "details": [said("Unsure")],
        "solvable": [said("Unsure")],
    }
    judged(ToolEval(Spy(answers=answers), votes=1), trial("$query costs $5"))
    status, details, solvable = seen
    assert "Name $answer and 3 {fruits}." in status and "$query costs $5" in status
    assert 'shelf({"k": 1}) -> apples' in details and "(3,200 characters)" in details
    assert "- shelf(): What is there." in solvable
    assert "Finish" not in details


@pytest.mark.parametrize(
    ("labels", "score"),
    [
        (["Solved"] * 3, 1.0),
        (["Solved", "Unsure", "Unsolved"], 0.5),
        (["Unsolved", "Unsure"], 0.25),
    ],
)
def test_parts_of_a_pass(labels: list[str], score: float) -> None:
    model = script(status=[said(label) for label in labels], details=[said("Unsure")])
    verdict = judged(SoPR(model, votes=len(labels)), trial())
    assert verdict.score == verdict.value == score
    if score != 0.5:
        assert verdict.decision == ("passed" if score > 0.5 else "failed")


def test_a_tie_falls_by_the_seed_and_always_the_same_way() -> None:
    def tied(seed: int) -> str:
        model = script(final=[said("Solved"), said("Unsolved")])
        return judged(FAC(model, votes=2), trial(), seed=seed).decision

    first = [tied(seed) for seed in range(30)]
    assert set(first) == {"passed", "failed"}
    assert [tied(seed) for seed in range(30)] == first


def test_a_reply_that_cannot_be_read_is_no_vote() -> None:
    verdict = judged(FAC(script(final=[Completion("Dunno.")]), votes=1), trial())
    assert verdict.decision == "unjudged" and verdict.value is None
    [vote] = verdict.votes
    assert vote.decision == "unjudged" and vote.texts == ("Dunno.", "Dunno.")
    assert "none of Solved, Unsolved" in vote.reason


def test_missing_votes_leave_open_what_they_could_turn() -> None:
    def tally(*decisions: Literal["passed", "failed", "unjudged"]) -> str:
        votes = [Vote(decision) for decision in decisions]
        return FAC(script()).tally(votes, lambda: True).decision

    assert tally("passed", "passed", "unjudged") == "passed"
    assert tally("failed", "failed", "unjudged") == "failed"
    assert tally("passed", "unjudged") == "unjudged"
    assert tally("passed", "failed", "unjudged") == "unjudged"
    assert tally("passed", "passed", "failed", "unjudged") == "unjudged"
    assert tally("unjudged") == "unjudged"


def test_votes_that_were_given_are_not_asked_for_again() -> None:
    records: list[dict[str, Any]] = []
    down = ModelError("down", kind="server")
    model = script(final=[said("Solved"), down, said("Unsolved")])
    first = judged(FAC(model), trial(), Journal(records, records.append))
    assert [vote.label for vote in first.votes] == ["Solved", "", "Unsolved"]
    assert first.decision == "unjudged" and not first.complete
    again = script(final=[said("Solved")])
    second = judged(FAC(again), trial(), Journal(records, records.append))
    assert again.requests == 1
    assert [vote.label for vote in second.votes] == ["Solved", "Solved", "Unsolved"]
    assert second.decision == "passed" and second.complete
    more = script(final=[said("Unsolved")])
    third = judged(FAC(more, votes=5), trial(), Journal(records, records.append))
    assert more.requests == 2 and third.decision == "failed"


def test_a_budget_ends_the_votes() -> None:
    hearing = Hearing(Journal(), Budget(calls=2))
    verdict = asyncio.run(FAC(script(final=[said("Solved")]))(TASK, trial(), hearing))
    assert [vote.label for vote in verdict.votes] == ["Solved", "Solved", ""]
    assert verdict.decision == "passed" and not verdict.complete


def test_a_small_budget_loses_no_vote_that_was_paid_for() -> None:
    records: list[dict[str, Any]] = []
    judged(FAC(script(final=[said("Solved")])), trial(), Journal(records, records.append))
    hearing = Hearing(Journal(records, records.append), Budget(calls=1))
    verdict = asyncio.run(FAC(script(final=[said("Unsolved")]), votes=5)(TASK, trial(), hearing))
    assert [vote.label for vote in verdict.votes] == ["Solved"] * 3 + ["Unsolved", ""]
    assert hearing.budget.spent["calls"] == 1


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ('{"reason": "r", "status": "Solved"}', "Solved"),
        ('```json\n{"status": "unsolved", "reason": "r"}\n```', "Unsolved"),
        ('{"reason": "it is Solved, no?", "status": "Unsure"}', "Unsure"),
        ("{'status': 'Solved', 'reason': 'no \"quotes\"',}", "Solved"),
        ('{"status": "**Solved**"', "Solved"),
        ("Answer Status: Unsolved\nReason: none", "Unsolved"),
        ("I would say that it is solved.", "Solved"),
        ("Solved or Unsolved? I cannot say.", ""),
        ('{"status": "Maybe"}', ""),
        ('{"verdict": "yes"}', ""),
        ("", ""),
        ("Resolved", ""),
        ("The task is not solved.", ""),
        ("It cannot be considered Solved, the answer is empty.", ""),
        ('I say {"status": "Unsolved"} if X, but: {"status": "Solved"}', ""),
        ('For {this} I say {"status": "Unsolved"}', "Unsolved"),
    ],
)
def test_reading(text: str, choice: str) -> None:
    assert read_choice(text, STATUS).choice == choice


@given(st.text() | st.text('{}[]":, \nSolvedUnsure', max_size=200))
def test_reading_never_fails(text: str) -> None:
    assert read_choice(text, SOLVABLE).choice in ("", *SOLVABLE)


def test_prompts_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[final]\ntext = "Is $answer right for $query?"\n')
    judge = FAC(script(), prompts=own)
    assert judge.question("final", {"answer": "A", "query": "Q"}) == "Is A right for Q?"
    assert judge.by != FAC(script()).by
    with pytest.raises(UsageError, match=r"lacks a text for \[status\]"):
        ToolEval(script(), prompts=own)
    own.write_text("final = ")
    with pytest.raises(UsageError, match="cannot read the prompts"):
        FAC(script(), prompts=own)
    with pytest.raises(
        UsageError, match=r"expected the spec of a model in parentheses, \(gpt-4o\)"
    ):
        make("judges", "fac:gpt-4o")
    with pytest.raises(UsageError, match="votes must be 1 or more"):
        make("judges", "fac:(scripted),votes=0")


def test_a_verdict_is_plain_data_and_back() -> None:
    vote = Vote("passed", "Solved", "r", "Solvable", ("a", "b"), ("h",), "m", 2, 10, 0.5)
    for verdict in (
        Verdict("failed", "r"),
        Verdict("passed", "r", 0.75, (vote, Vote("unjudged")), "by"),
    ):
        assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict
    assert Verdict.from_json({"verdict": "passed", "reason": "", "judge": "j"}).value == 1.0


# A run judged through a server that fails


def run_of(path: Path) -> None:
    plan = Plan(load_suites("shop"), ["react", "cot"], "stumble", "shop", "answered", limit=6)
    parts = Parts.of(plan)
    with closing(RunDirectory.create(path, describe(plan, parts))) as directory:
        asyncio.run(Runner(plan, directory, parts=parts).run())


def score(path: Path, judge: ModelJudge) -> dict[Key, Verdict]:
    with closing(RunDirectory(path, write=True)) as directory:
        scorer = Scorer(directory, "fac", judge, timeout=2.0)
        keys = list(directory.trials)
        scorers = {key.suite: scorer for key in keys}
        tasks = tasks_of(directory)
        answered = [key for key in keys if directory.trials[key].end == "answered"]
        before = path.joinpath("trials.jsonl").read_bytes()
        found = asyncio.run(score_run(scorers, tasks, keys))
        assert path.joinpath("trials.jsonl").read_bytes() == before
        assert set(found) == set(answered)
        return found


@pytest.mark.parametrize(
    "fault", ["500", "reset", "slow bytes", "truncated", "no choices", "nonsense"]
)
def test_a_judge_behind_a_server_that_fails_in_a_fifth_of_the_votes(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-loopback-0123456789abcdef")
    run_of(tmp_path / "run")
    down = True

    def brain(body: Body) -> dict[str, Any]:
        if fault == "nonsense" and down and len(server.bodies) % 5 == 1:
            return {"content": "As a language model I like both."}
        return {"content": json.dumps({"reason": "r", "status": "Solved"})}

    def faults(k: int) -> str | None:
        return fault if down and fault != "nonsense" and k % 5 == 1 else None

    with ChatServer(brain, faults) as server:
        spec = f"fac:(openai:m,base_url={server.url},timeout=1,attempts=1)"
        first = score(tmp_path / "run", make("judges", spec))
        owed = spent_on(first)["missing_votes"]
        assert len(first) > 5
        if fault != "nonsense":  # of which the second attempt reads
            assert owed > 0
        given = sum(len(v.votes) for v in first.values()) - owed
        asked = len(server.bodies)
        down = False
        second = score(tmp_path / "run", make("judges", spec))
        assert len(server.bodies) - asked == owed
        assert spent_on(second)["missing_votes"] == 0 and given + owed == 3 * len(second)
        assert all(verdict.decision == "passed" for verdict in second.values())
        asked = len(server.bodies)
        assert score(tmp_path / "run", make("judges", spec)) == second
        assert len(server.bodies) == asked
    for file in (tmp_path / "run").rglob("*"):
        assert not file.is_file() or b"sk-loopback" not in file.read_bytes()
