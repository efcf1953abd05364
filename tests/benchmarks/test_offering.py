"""``--apis``: what tasks offer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from toolgrove.benchmarks.offering import Retrieve, offered_in, parse_apis, recalled, without_any
from toolgrove.benchmarks.plan import Parts, Plan
from toolgrove.benchmarks.suites import load_suites
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import Journal, UsageError, run_sync
from toolgrove.core.lines import read_lines
from toolgrove.envs.hub.env import HubEnv
from toolgrove.models.simulated import SimulatedModel
from toolgrove.planners import ReACT

pytest.importorskip("bm25s", reason="retrieval needs bm25s: pip install 'toolgrove[retrieval]'")


def plan(apis: str) -> Plan:
    suites = load_suites("hub:i1-inst")
    return Plan(suites, ["dfsdt"], "simulated", "hub", "truth", limit=20, apis=apis)


def test_specs_are_read() -> None:
    assert parse_apis("given") is None
    assert parse_apis("retrieve") == Retrieve()
    assert parse_apis("retrieve:k=7,by=(hybrid:minilm)") == Retrieve(7, "hybrid:minilm")
    assert parse_apis("retrieve:k=2,index=x/y") == Retrieve(2, "bm25", Path("x/y"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("all", "expected given, or retrieve"),
        ("retrieve:n=3", "no 'n'"),
        ("retrieve:k=many", "no whole number"),
        ("retrieve:k=0", "1 or more"),
        ("retrieve:by=bm25,index=x", "not both"),
    ],
)
def test_mistakes_are_told(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        plan(text)


def test_a_task_is_offered_what_is_retrieved_from_the_whole_world() -> None:
    parts = Parts.of(plan("retrieve:k=6"))
    found = [parts.offered(task) for task in load_suites("hub:i1-inst")[0].tasks[:40]]
    assert all(len(task.apis) == 6 for task in found)
    assert len({api.name for task in found for api in task.apis}) > 40
    hits = [set(task.relevant) <= {api.name for api in task.apis} for task in found]
    assert sum(hits) > 8, "BM25 finds what some instructions need"
    assert found[0].apis == parts.offered(load_suites("hub:i1-inst")[0].tasks[0]).apis


def test_what_is_offered_is_part_of_the_run() -> None:
    given, found = plan("given").identity(), plan("retrieve:k=6").identity()
    assert "apis" not in given and found["apis"] == "retrieve:k=6"
    assert json.dumps(given) != json.dumps(found)


def test_the_session_refuses_what_was_not_offered() -> None:
    task = load_suites("hub:i1-inst")[0].tasks[0]
    others = tuple(api for api in task.apis if api.name not in task.relevant)
    model = SimulatedModel("strong", mistake=0, early=0, repeat=0)
    result = run_sync(ReACT(), replace(task, apis=others), model, HubEnv)
    calls = [node for node in result.tree.root.walk() if node.action and node.step]
    wanted = [node for node in calls if node.action and node.action.api in task.relevant]
    assert wanted and all(n.step and n.step.info.status == "no_such_api" for n in wanted)


def test_what_was_found_once_is_offered_again(tmp_path: Path) -> None:
    """The journal wins over a retriever that would find others by now."""
    parts = Parts.of(plan("retrieve:k=4"))
    task = load_suites("hub:i1-inst")[0].tasks[0]
    file = tmp_path / "j.jsonl"
    journal = Journal.open(file)
    first = recalled(task, parts.offered, journal)
    journal.close()
    assert len(first.apis) == 4 and offered_in(read_lines(file)[0]) == first.apis
    journal = Journal.open(file)
    again = recalled(task, lambda task: replace(task, apis=()), journal)
    journal.close()
    assert again.apis == first.apis and not journal.past  # nothing is left for the search to miss
    assert len(read_lines(file)[0]) == 1
    assert offered_in([None, {"key": "0:reset", "got": ""}]) is None


def test_trials_that_were_offered_nothing_are_counted() -> None:
    def trial(offered: tuple[str, ...] | None) -> Trial:
        return Trial(Key("s", "t", "p", 0), "", 0, "limit", None, {}, {}, offered=offered)

    assert without_any([trial(None), trial(()), trial(("a",)), trial(())]) == 2
    for offered in (None, (), ("a", "b")):
        assert Trial.from_json(json.loads(json.dumps(trial(offered).to_json()))).offered == offered
    assert "offered" not in trial(None).to_json(), "lines of runs with given APIs stay as they were"
