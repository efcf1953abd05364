"""Evaluators: what they ask, how they read replies, what they cost."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolgrove.core import (
    API,
    Action,
    Budget,
    Completion,
    Journal,
    ModelError,
    Node,
    Planner,
    PlannerError,
    Request,
    Session,
    Step,
    StepInfo,
    Task,
    UsageError,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.evaluators import Ranking, Scorer, SelfConsistency, Truth, Value, Vote
from toolgrove.models.evaluators.asking import described, read_choice, read_score
from toolgrove.models.evaluators.truth import known_way, stands
from toolgrove.models.evaluators.value import WORDS, read_word

ALL = [Value(), Value("words", 3), Vote(), Ranking(), Ranking(True), Ranking(both=True),
       SelfConsistency(), Truth(), Truth("remaining")]  # fmt: skip


class Says:
    """Answers questions by a function of the question; keeps them."""

    def __init__(self, say: Callable[[str, int], str]) -> None:
        self.say = say
        self.asked: list[Request] = []

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        made: list[Completion | ModelError] = []
        for request in requests:
            self.asked.append(request)
            made.append(Completion(self.say(request.messages[-1].content or "", request.sample)))
        return made


@dataclass(frozen=True)
class Score(Planner):
    """Scores the nodes that it is given."""

    nodes: Callable[[Session], list[Node]]
    scores: list[list[float]]

    async def plan(self, s: Session) -> Node | None:
        self.scores.append(await s.evaluate(self.nodes(s)))
        return None


TASK = Task("t", "What is the capital of France?", (API("look"),), answer="Paris")


def leaf(root: Node, i: int, api: str, arguments: str, seen: str, **step: Any) -> Node:
    node = Node(f"{root.id}.{i}", root, Action(api, arguments))
    status = step.pop("status", "ok")
    node.step = Step(seen, 0.0, step.get("terminated", False), False, StepInfo(status))
    return node


def looks(s: Session, names: Sequence[str] = "abc") -> list[Node]:
    return [leaf(s.root, i, "look", f'{{"at": "{x}"}}', f"<{x}>") for i, x in enumerate(names)]


def answers(s: Session, texts: Sequence[str]) -> list[Node]:
    given = [json.dumps({"return_type": "give_answer", "final_answer": text}) for text in texts]
    return [
        leaf(s.root, i, "Finish", text, "", terminated=True, status="answered")
        for i, text in enumerate(given)
    ]


def score(
    evaluator: Any,
    say: Callable[[str, int], str] = lambda text, i: "",
    nodes: Callable[[Session], list[Node]] = looks,
    task: Task = TASK,
    **options: Any,
) -> tuple[list[float], Says]:
    model, scores = Says(say), list[list[float]]()
    result = run_sync(Score(nodes, scores), task, model, ShopEnv, evaluator=evaluator, **options)
    if result.exception is not None:
        raise result.exception
    return (scores[0] if scores else []), model


# Reading replies


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("7", 0.7), ("Score: 7.5", 0.75), ("**8**.", 0.8), ("I say 3/10", 0.3), ("4 / 5", 0.8),
        ("70%", 0.7), ("70 %", 0.7), ("step 2 was bad, so: 1", 0.1), ("12", 1.0), ("0", 0.0),
        ("none", None), ("", None), ("v2", None), ("3/0", None), ("1e5 and 1.2.3", None),
        ("\\boxed{9}", 0.9), ("nan", None), ("9" * 400, 1.0),
    ],
)  # fmt: skip
def test_numbers_are_read_leniently(reply: str, value: float | None) -> None:
    assert read_score(reply) == value


@pytest.mark.parametrize(
    ("reply", "place"),
    [("2", 1), ("The best is candidate 3.", 2), ("1 beats 2, so 1", 0), ("9", None), ("0", None),
     ("none", None), ("Candidate 2 (of 7)", 1), ("2.5", None)],
)  # fmt: skip
def test_choices_are_read_leniently(reply: str, place: int | None) -> None:
    assert read_choice(reply, 3) == place


@given(st.text(max_size=200))
def test_any_text_can_be_read(reply: str) -> None:
    value, place = read_score(reply), read_choice(reply, 4)
    assert value is None or 0 <= value <= 1
    assert place is None or 0 <= place < 4
    assert read_word(reply) in (None, *WORDS.values())


# Value


def test_value_asks_about_each_node_alone() -> None:
    scores, model = score(Value(), lambda text, i: {"a": "2", "b": "9/10", "c": "?"}[at(text)])
    assert scores == [0.2, 0.9, 0.0]
    assert [(r.node, r.purpose) for r in model.asked] == [(f"0.{i}", "ask.value") for i in range(3)]
    [message] = model.asked[1].messages
    assert "What is the capital of France?" in (message.content or "")
    assert 'Call: look({"at": "b"})\nResult: <b>' in (message.content or "")


def at(text: str) -> str:
    """Which of the nodes a question is about."""
    return text.partition("Result: <")[2][:1]


def test_value_is_the_mean_of_its_samples() -> None:
    scores, model = score(Value(n=4), lambda text, i: str(2 * i))
    assert scores == pytest.approx([0.3, 0.3, 0.3]) and len(model.asked) == 12
    scores, _ = score(Value(n=3), lambda text, i: "4", budget=Budget(calls=5))
    assert scores == []  # the third node had no call


def test_value_by_words() -> None:
    said = {"a": "Sure.", "b": "unlikely... I mean: likely", "c": "It is IMPOSSIBLE"}
    scores, _ = score(Value("words"), lambda text, i: said[at(text)])
    assert scores == [1.0, 1 / 20, 0.001 / 20]


# Vote


def test_vote_shows_all_and_counts() -> None:
    scores, model = score(Vote(n=4), lambda text, i: ["2", "Best: 2", "3", "who knows"][i])
    assert scores == [0.0, 0.5, 0.25] and len(model.asked) == 4
    text = model.asked[0].messages[0].content or ""
    assert model.asked[0].node == "0.0+0.1+0.2"
    assert [text.index(f"Candidate {i}:") for i in (1, 2, 3)] == sorted(
        text.index(f"Candidate {i}:") for i in (1, 2, 3)
    )
    scores, model = score(Vote(), nodes=lambda s: looks(s, "a"))
    assert scores == [1.0] and not model.asked


# Ranking


def alphabetic(text: str, i: int) -> str:
    """A judge who prefers what comes first in the alphabet."""
    a, b = (part.partition("Result: <")[2][:1] for part in text.split("Candidate B:"))
    return "So I say A" if a < b else "**B**."


SHARED = [HealthCheck.too_slow]


@given(st.permutations("abcdefghij"), st.integers(1, 10), st.booleans())
@settings(max_examples=30, deadline=None, suppress_health_check=SHARED)
def test_ranking_sorts_in_n_log_n_comparisons(names: list[str], n: int, both: bool) -> None:
    names = names[:n]
    scores, model = score(Ranking(both=both), alphabetic, lambda s: looks(s, names))
    ranked = [name for _, name in sorted(zip(scores, names, strict=True), reverse=True)]
    assert ranked == sorted(names)
    assert scores[names.index(min(names))] == 1 and (n == 1 or min(scores) == 0)
    asked = len(model.asked) // (2 if both else 1)
    assert asked <= n * math.ceil(math.log2(n or 1)) and asked <= n * (n - 1) / 2


def test_all_pairs_cost_n_squared_and_count_wins() -> None:
    scores, model = score(Ranking(all_pairs=True), alphabetic, lambda s: looks(s, "cabd"))
    assert scores == pytest.approx([1 / 3, 1, 2 / 3, 0]) and len(model.asked) == 6
    scores, model = score(Ranking(True, both=True), alphabetic, lambda s: looks(s, "cabd"))
    assert scores == pytest.approx([1 / 3, 1, 2 / 3, 0]) and len(model.asked) == 12


def test_who_always_says_a_decides_nothing_when_asked_both_ways() -> None:
    scores, _ = score(Ranking(True, both=True), lambda text, i: "A")
    assert scores == [0.5, 0.5, 0.5]
    scores, _ = score(Ranking(both=True), lambda text, i: "A")
    assert scores == [1.0, 0.5, 0.0]  # the order they had
    scores, _ = score(Ranking(True), lambda text, i: "no idea")
    assert scores == [0.5, 0.5, 0.5]


# Self-consistency


def test_answers_that_agree() -> None:
    said = ["It's Paris.", "it's  PARIS", "Lyon", "It's **Paris**"]
    scores, model = score(SelfConsistency(), nodes=lambda s: answers(s, said))
    assert scores == [0.75, 0.75, 0.25, 0.75] and not model.asked


def test_numbers_that_differ_do_not_agree() -> None:
    scores, _ = score(SelfConsistency(), nodes=lambda s: answers(s, ["1.5", "15", "1,5", "1.5."]))
    assert scores == [0.5, 0.25, 0.25, 0.5]


def test_calls_that_agree() -> None:
    def nodes(s: Session) -> list[Node]:
        calls = [
            ("look", '{"a":1,"b":2}'),
            ("look", '{"b": 2, "a": 1}'),
            ("look", "{"),
            ("x", "{}"),
        ]
        return [leaf(s.root, i, api, arguments, "") for i, (api, arguments) in enumerate(calls)]

    assert score(SelfConsistency(), nodes=nodes)[0] == [0.5, 0.5, 0.25, 0.25]


# A function of one's own

SCORER = """
import asyncio
CALLS = []
def length(task, nodes):
    CALLS.append(len(nodes))
    assert task.answer == "Paris"
    return [len(node["path"][-1]["observation"]) / 10 for node in nodes]
async def later(task, nodes):
    await asyncio.sleep(0)
    return [1 for node in nodes]
def wrong(task, nodes):
    return "high"
def breaks(task, nodes):
    raise KeyError("weights")
"""


@pytest.fixture
def scorer(tmp_path: Path) -> Path:
    path = tmp_path / "scorer.py"
    path.write_text(SCORER)
    return path


def test_a_function_scores_and_what_it_said_is_journaled(scorer: Path) -> None:
    records: list[dict[str, Any]] = []
    evaluator = Scorer(f"{scorer}:length")
    assert score(evaluator, journal=Journal(sink=records.append))[0] == [0.3, 0.3, 0.3]
    assert score(Scorer(f"{scorer}:later"), journal=Journal(records))[0] == [0.3, 0.3, 0.3]
    assert score(Scorer(f"{scorer}:later"))[0] == [1.0, 1.0, 1.0]
    assert repr(evaluator) == f"Scorer(function='{scorer}:length')"


def test_a_function_that_is_none(scorer: Path) -> None:
    with pytest.raises(
        UsageError, match="has no 'lenght'; there are: length, later, wrong, breaks"
    ):
        Scorer(f"{scorer}:lenght")
    with pytest.raises(UsageError, match=r"name a function in a file, as in scorer:my/scorer.py"):
        Scorer("score")
    with pytest.raises(PlannerError, match="gave no list of numbers"):
        score(Scorer(f"{scorer}:wrong"))
    with pytest.raises(KeyError):
        score(Scorer(f"{scorer}:breaks"))


# Ground truth


def test_truth_knows_answers_and_the_way() -> None:
    [task] = shop_tasks(1)
    way = known_way(task)
    assert way[0] == "list_shelf" and way[-1] == "checkout"

    def nodes(s: Session) -> list[Node]:
        made, at = [], s.root
        for name in ("list_shelf", "list_shelf", "view_cart"):
            at = leaf(at, 0, name, "{}", '{"error": "", "response": 1}')
            made.append(at)
        made.append(leaf(s.root, 1, "checkout", "{}", '{"error": "The cart is empty."}'))
        return [*made, *answers(s, [f"I paid {task.answer}", "I paid 0.01"])]

    n, shelves = len(way), way.count("list_shelf")
    done = [1, min(2, shelves), min(2, shelves), 0]
    assert score(Truth(), nodes=nodes, task=task)[0] == [*[d / (n + 1) for d in done], 1.0, 0.0]
    remaining = score(Truth("remaining"), nodes=nodes, task=task)[0]
    assert remaining == [*[-(n - d + 1.0) for d in done], 0.0, -(n + 1.0)]


def test_truth_needs_a_task_that_knows() -> None:
    with pytest.raises(UsageError, match="task t has no known solution"):
        score(Truth(), task=Task("t", "Do it.", (API("look"),)))


@pytest.mark.parametrize(
    ("answer", "text", "there"),
    [
        ("Paris", "It is paris.", True), ("Paris", "Parisian", False), (12.5, "12.5.", True),
        (12, "12.5", False), (2, "1.2", False), (True, "Yes, it is", True), (False, "Yes", False),
        (["Paris", 3], "3 in Paris", True), (["Paris", 3], "Paris", False),
        ({"a": 1}, "a 1 b", True), ("c++", "in C++ only", True),
    ],
)  # fmt: skip
def test_an_answer_stands_in_a_text(answer: Any, text: str, there: bool) -> None:
    assert stands(answer, text) is there


# All of them


@pytest.mark.parametrize("evaluator", ALL, ids=repr)
def test_they_are_frozen_and_resume(evaluator: Any) -> None:
    assert type(evaluator).__dataclass_params__.frozen
    assert repr(evaluator) == f"{type(evaluator).__name__}({shown(evaluator)})"
    records: list[dict[str, Any]] = []
    say = alphabetic if isinstance(evaluator, Ranking) else lambda text, i: str(i + 1)
    first, model = score(evaluator, say, journal=Journal(sink=records.append))
    assert len(first) == 3 and all(isinstance(each, float) for each in first)
    for cut in range(len(records) + 1):
        again, live = score(evaluator, say, journal=Journal(records[:cut]))
        assert again == first
        assert len(live.asked) <= len(model.asked) - max(0, cut - 1)
    for calls in range(len(model.asked)):
        _, live = score(evaluator, say, budget=Budget(calls=calls))
        assert len(live.asked) == calls


def shown(evaluator: Any) -> str:
    return ", ".join(f"{f.name}={getattr(evaluator, f.name)!r}" for f in fields(evaluator))


@pytest.mark.parametrize(("kind", "key"), [(Value, "number"), (Vote, "vote"), (Ranking, "compare")])
def test_words_of_ones_own(kind: Any, key: str, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f'{key} = "Say A. $instruction"')
    _, model = score(kind(texts=own), lambda text, i: "A")
    assert model.asked[0].messages[0].content == "Say A. What is the capital of France?"
    own.write_text('mood = "?"')
    with pytest.raises(UsageError, match=f"no text is called 'mood'; there are: .*{key}"):
        kind(texts=own)
    with pytest.raises(UsageError, match="cannot be read"):
        kind(texts=tmp_path / "none.toml")


def test_long_results_are_cut_and_what_looks_like_a_place_is_not_filled_in() -> None:
    node = leaf(Node("0"), 0, "look", "{}", "$instruction " + "o" * 9000)
    assert len(described(node)) < 1700 and "o ..." in described(node)
    scores, model = score(Value(), lambda text, i: "5", lambda s: [node])
    assert "$instruction ooo" in (model.asked[0].messages[0].content or "") and scores == [0.5]


@pytest.mark.parametrize("wrong", [lambda: Value(n=0), lambda: Vote(n=0), lambda: Value("x"),  # type: ignore[arg-type]
                                   lambda: Truth("x")])  # type: ignore[arg-type] # fmt: skip
def test_parameters_are_checked(wrong: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        wrong()
