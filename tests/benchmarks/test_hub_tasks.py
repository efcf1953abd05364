"""The hub's tasks: answers that are true, sets that do not leak, the same bytes each time."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import pytest

from toolgrove.benchmarks.hub import suite as suites
from toolgrove.benchmarks.hub.expressions import execute
from toolgrove.benchmarks.hub.graph import FEW, light_endpoints, side_of
from toolgrove.benchmarks.hub.make import HELD_CATEGORIES, HELD_TOOLS, SETS, TRAIN, makers
from toolgrove.benchmarks.hub.suite import TRAIN as TRAIN_SETS
from toolgrove.benchmarks.hub.suite import _records, read_set
from toolgrove.benchmarks.suites import load_suites
from toolgrove.core import UsageError
from toolgrove.core.solution import Solution
from toolgrove.envs.hub.entities import ENTITIES
from toolgrove.envs.hub.registry import by_function, endpoints

pytestmark = pytest.mark.skipif(
    "CountryAtlas.country_profile" not in endpoints(), reason="needs the extra hub"
)
ALL = (*SETS, *TRAIN_SETS)
Record = dict[str, Any]


@lru_cache(maxsize=16)
def records(name: str) -> list[Record]:
    return list(_records(name))[1:]


def asked() -> list[Record]:
    return [record for name in SETS for record in records(name)]


def learnt() -> list[Record]:
    return [record for name in TRAIN_SETS for record in records(name)]


@pytest.mark.parametrize("name", ALL)
def test_sets_have_the_tasks_they_say(name: str) -> None:
    head, *rest = _records(name)
    wanted = SETS.get(name) or TRAIN[name[6:].upper()]  # type: ignore[index]
    assert head["tasks"] == len(rest) == wanted
    assert len({r["id"] for r in rest}) == len({r["instruction"] for r in rest}) == len(rest)
    assert {r["level"] for r in rest} == {name.removeprefix("train-")[:2].upper()}


def test_levels_are_what_they_say() -> None:
    for record in (*asked(), *learnt()):
        apis = [endpoints()[id] for id in record["path"]]
        tools, categories = {a.tool.name for a in apis}, {a.tool.category for a in apis}
        level = "I1" if len(tools) == 1 else "I2" if len(categories) == 1 else "I3"
        assert record["level"] == level, record["id"]


def test_every_test_answer_is_what_the_hub_says_today() -> None:
    for record in (*asked(), *learnt()[::12]):
        done = execute(Solution.from_json(record["solution"]), by_function())
        assert done is not None and done[1] == record["answer"], record["id"]


def test_certificates_reach_the_answer_without_the_dead_api() -> None:
    certified = [record for record in asked() if record["alternatives"]]
    assert len(certified) >= 0.2 * len(asked())
    for record in certified:
        for dead, ways in record["alternatives"].items():
            assert dead in record["path"]
            for way in ways:
                assert dead not in way["path"]
                solution = Solution.from_json(way["solution"])
                assert endpoints()[dead].api.name not in {name for name, _ in solution.steps}
                done = execute(solution, by_function())
                assert done is not None
                if not isinstance(record["answer"], float):
                    assert done[1] == record["answer"], record["id"]
                else:
                    assert done[1] == pytest.approx(record["answer"], rel=2e-3)


def test_all_that_a_solution_needs_is_offered_and_light() -> None:
    light = light_endpoints()
    for record in (*asked(), *learnt()):
        needed = {id for ways in record["alternatives"].values() for w in ways for id in w["path"]}
        assert {*record["path"], *needed} <= set(record["offered"]) <= set(light), record["id"]
        assert len(record["offered"]) >= len(record["path"]) + 2
        assert record["solution"]["steps"] and len(record["solution"]["steps"]) <= 9


def test_instructions_name_what_they_are_about_and_never_an_api() -> None:
    names = {e.tool.name for e in light_endpoints().values()}
    calls = {e.name for e in light_endpoints().values() if "_" in e.name}
    for record in (*asked(), *learnt()):
        text = record["instruction"]
        assert all(literal in text for literal in record["literals"]), text
        assert not any(name in text for name in names), text
        assert not any(call in text for call in calls), text
        assert text[0].isupper() and text[-1] in ".?" and "{" not in text, text
        assert 15 <= len(text) <= 320


def test_no_skeleton_stands_on_both_sides() -> None:
    known = {record["skeleton"] for record in learnt()}
    for name in ("i1-inst", "i2-inst", "i3-inst"):
        assert not known & {record["skeleton"] for record in records(name)}


def test_no_entity_stands_on_both_sides() -> None:
    large = {type for type, known in ENTITIES.items() if len(known.values) >= FEW}
    assert len(large) >= 20
    sides: dict[str, set[tuple[str, str]]] = {"train": set(), "test": set()}
    for side, found in (("train", learnt()), ("test", asked())):
        for record in found:
            sides[side] |= {(t, json.dumps(v)) for t, v in record["seeds"] if t in large}
            for type, value in record["seeds"]:
                seed = tuple(value) if isinstance(value, list) else value
                assert side_of(type, seed) in (None, side)
    assert not sides["train"] & sides["test"]


def test_training_knows_no_held_out_tool_or_category() -> None:
    for record in learnt():
        for id in (*record["path"], *record["offered"]):
            tool = endpoints()[id].tool
            assert tool.category not in HELD_CATEGORIES and tool.name not in HELD_TOOLS
    for record in (*records("i1-cat"), *records("i2-cat")):
        assert {endpoints()[id].tool.category for id in record["path"]} <= set(HELD_CATEGORIES)
    for record in records("i1-tool"):
        assert {endpoints()[id].tool.name for id in record["path"]} <= set(HELD_TOOLS)
    known = {e.tool.name for e in endpoints().values()}
    assert set(HELD_TOOLS) <= known


def test_questions_are_varied() -> None:
    for name in SETS:
        found = records(name)
        assert len({record["skeleton"] for record in found}) >= 0.3 * len(found)
        assert len({json.dumps(record["answer"]) for record in found}) >= 0.6 * len(found)
    operators = {record["solution"]["operator"] for record in asked()}
    assert operators == {
        "value", "both", "argmax", "argmin", "difference", "sum", "where", "count"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["i1-cat", "i2-inst", "i3-inst"])
def test_the_same_libraries_make_the_same_tasks(name: str) -> None:
    maker = next(m for m in makers() if m.name == name)
    maker.run(first=12)
    assert json.loads(json.dumps(maker.made)) == records(name)[:12]


def test_another_fingerprint_makes_the_answers_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    right = {task.id: task.answer for task in read_set("i3-inst")}
    head, *rest = _records("i3-inst")
    moved = {"pack": "another", **{k: v for k, v in head["fingerprint"].items() if k != "pack"}}
    stale = [{**record, "answer": "stale"} for record in rest]
    monkeypatch.setattr(suites, "_records", lambda name: [{**head, "fingerprint": moved}, *stale])
    again = {task.id: task.answer for task in read_set("i3-inst")}
    assert again == right
    old = {**head["fingerprint"], **{k: "0" for k in head["fingerprint"] if k != "pack"}}
    monkeypatch.setattr(suites, "_records", lambda name: [{**head, "fingerprint": old}, *stale])
    again = {task.id: task.answer for task in read_set("i3-inst")}
    libs = {r["id"]: {lib for id in r["path"] for lib in endpoints()[id].libs} for r in rest}
    assert all(again[id] == (right[id] if libs[id] else "stale") for id in right)


def test_suites_are_called_by_their_names() -> None:
    both = load_suites("hub:i1-inst,hub:i3-inst,steps=3")
    assert [suite.name for suite in both] == ["hub:i1-inst", "hub:i3-inst,steps=3"]
    assert len(both[0].tasks) == 200 and 0 < len(both[1].tasks) < 100
    assert (both[0].model, both[0].env, both[0].judge) == ("simulated", "hub", "truth")
    with pytest.raises(UsageError, match="the hub has no suite 'i9-inst'; there are: i1-inst"):
        load_suites("hub:i9-inst")
