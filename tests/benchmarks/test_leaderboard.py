"""The leaderboard: what does not compare is told, and what a model wrote is text."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.judges import Verdict
from toolgrove.benchmarks.leaderboard import leaderboard
from toolgrove.benchmarks.page import page
from toolgrove.benchmarks.rendering import Column, Rate, Table
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.scored import ScoredRun
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import Node, Tree

SPENT = {"calls": 4, "tokens": 900, "steps": 3, "nodes": 5, "usd": 0.25, "seconds": 0.5}


def run(
    path: Path,
    passed: Mapping[str, int],
    *,
    planned: int = 10,
    tried: int = 10,
    digest: str = "d",
    judge: str = "truth",
    by: str = "",
    env: Any = "e",
    model: str = "m",
) -> ScoredRun:
    """A run whose planners passed so many tasks of one suite, the first ones."""
    digests = {"shop": {f"t{i}": f"{digest}{i}" for i in range(planned)}}
    identity = {"suites": {"shop": {}}, "planners": list(passed), "trials": 1, "model": model,
                "env": env, "limit": None, "seed": 0}  # fmt: skip
    directory = RunDirectory.create(path, {"identity": identity, "judge": judge, "tasks": digests})
    for planner, count in passed.items():
        for i in range(tried):
            key = Key("shop", f"t{i}", planner, 0)
            tree = Tree([Node("0")]).to_json()
            directory.add_trial(Trial(key, f"{digest}{i}", 0, "answered", "", SPENT, tree))
            decided = Verdict("passed" if i < count else "failed", "", by=by)
            directory.add_verdict(key, judge, decided)
    directory.close()
    return ScoredRun(path)


def test_the_best_stand_first_and_nothing_is_warned_of(tmp_path: Path) -> None:
    runs = [run(tmp_path / "a", {"cot": 3, "dfsdt": 8}), run(tmp_path / "b", {"react": 5})]
    board = leaderboard(runs)
    rows = list(board.table.records())
    assert [(r["run"], r["planner"], r["pass_rate"], r["group"]) for r in rows] == [
        ("a", "dfsdt", 0.8, "A"), ("b", "react", 0.5, "A"), ("a", "cot", 0.3, "A"),
    ]  # fmt: skip
    assert rows[0]["planned"] == 10 and rows[0]["calls"] == 4 and rows[0]["usd"] == 0.25
    assert rows[0]["model"] == "m" and rows[0]["judge"] == "truth"
    assert (rows[0]["pass_rate_low"], rows[0]["pass_rate_high"]) == (0.4902, 0.9433)
    assert board.warnings == ()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"digest": "x"}, "Tasks differ by content"),
        ({"judge": "match"}, "Judges differ, .*: truth in a; match in b"),
        ({"by": "0123456789"}, "Judges differ, .*: truth in a; truth #012345 in b"),
        ({"env": {"shop": "hub:faults=mixed"}}, "Environments differ, .*: e in a; hub:faults"),
        ({"planned": 9, "tried": 9}, "Tasks differ by content, .*: 10 in a; 9 in b"),
    ],
)
def test_what_does_not_compare_is_told(tmp_path: Path, options: Any, says: str) -> None:
    runs = [run(tmp_path / "a", {"cot": 3}), run(tmp_path / "b", {"dfsdt": 8}, **options)]
    board = leaderboard(runs)
    [warning] = board.warnings
    assert re.match(says, warning), warning
    rows = [(r["run"], r["group"]) for r in board.table.records()]
    assert rows == [("a", "A"), ("b", "B")]  # the better one does not stand above what it is not


def test_a_run_that_is_not_through_is_a_lower_bound(tmp_path: Path) -> None:
    board = leaderboard([run(tmp_path / "a", {"cot": 3}, tried=4)])
    assert board.warnings == (
        "6 of 10 trials of a have no known outcome: its pass rates are lower bounds.",
    )
    [row] = board.table.records()
    assert (row["pass_rate"], row["completed_only"], row["best"]) == (0.3, 0.75, 0.9)


# The page


class Reader(HTMLParser):
    """Tags with their attributes, and text outside of script and style."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.inside:
            self.inside[self.open[-1]].append(data)
        else:
            self.text.append(data)


HOSTILE = '</script><img src=x onerror="alert(1)">&amp;\'"><a href="javascript:x">{{}}{title}\x1b'
TABLE = Table(
    "t",
    HOSTILE,
    (Column("planner", HOSTILE), Column("rate", "pass rate", "rate"), Column("n", "n", "count")),
    ((HOSTILE, Rate(0.25, 0.1, 0.5), 3), ("plain", None, None)),
    (HOSTILE,),
)


def test_what_a_model_wrote_is_text() -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    told = page(HOSTILE, [TABLE, TABLE], warnings=[HOSTILE], figures={HOSTILE: svg})
    read = Reader(told)
    shown = HOSTILE.replace("\x1b", "�")
    assert "".join(read.text).count(shown) >= 9
    assert {tag for tag, _ in read.tags} == {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "nav", "a", "section",
        "p", "div", "table", "thead", "tbody", "tr", "th", "td", "button", "figure", "img",
        "figcaption", "script",
    }  # fmt: skip
    for tag, attributes in read.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert tag != "a" or str(attributes["href"]).startswith("#")
    [image] = [attributes for tag, attributes in read.tags if tag == "img"]
    assert b64decode(str(image["src"]).removeprefix("data:image/svg+xml;base64,")) == svg


def test_the_page_loads_nothing_and_only_its_own_script_runs() -> None:
    told = page("t", [TABLE])
    read = Reader(told)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|innerHTML|eval\(", told)
    assert sum(tag == "script" for tag, _ in read.tags) == 1
    [policy] = [
        str(attributes["content"])
        for tag, attributes in read.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; img-src data:;")
    for kind in ("script", "style"):
        text = "".join(read.inside[kind])
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_cells_sort_by_their_values() -> None:
    read = Reader(page("t", [TABLE]))
    cells = [attributes for tag, attributes in read.tags if tag == "td"]
    assert [cell.get("data-v") for cell in cells] == [
        HOSTILE.replace("\x1b", "�"), "0.25", "3", "plain", None, None,
    ]  # fmt: skip
    heads = [attributes for tag, attributes in read.tags if tag == "th"]
    assert ["data-number" in head for head in heads] == [False, True, True]
    assert sum(tag == "button" for tag, _ in read.tags) == len(heads)
