"""``toolgrove calibrate``: from a run to a page, and from labels to figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.scored import ScoredRun
from toolgrove.benchmarks.trial import Key

Run = Callable[..., Any]
WORDS = ("bench", "--suite", "shop:n=12", "--planner", "react", "--planner", "dfsdt")


@pytest.fixture
def run(toolgrove: Run) -> Path:
    assert toolgrove(*WORDS, "--out", "run").code == 0
    return Path("run")


def label(run: Path, name: str, **changes: Any) -> str:
    """A file of labels by one who thinks as the judge does."""
    sample = json.loads((run / "calibration" / "sample.json").read_text())
    scored = ScoredRun(run)
    given = {
        f"{place:03}": {"label": scored[Key(*sample["answers"][index]["key"])].outcome}
        for place, index in enumerate(sample["shown"], 1)
    }
    told = {"kind": "toolgrove labels", "format": 1, "sample": sample["sample"], "rater": name}
    whole: dict[str, Any] = {**told, "labels": given, **changes}
    Path(f"{name}.json").write_text(json.dumps(whole))
    return f"{name}.json"


def plain(text: str) -> str:
    return " ".join(text.split())


def test_the_page_is_blind_and_the_same_again(toolgrove: Run, run: Path) -> None:
    done = toolgrove("calibrate", run)
    assert done.code == 0
    assert "toolgrove calibrate run --labels LABELS.json" in done.out
    assert "fewer than 100: all are shown" in done.out
    folder = run / "calibration"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"page.html", "sample.json"}
    data = json.loads(before["page.html"].split(b'id="data">')[1].split(b"</script>")[0])
    assert set(data) == {"sample", "items"}
    assert {frozenset(item) for item in data["items"]} == {
        frozenset({"id", "instruction", "calls", "answer"})
    }
    assert b"dfsdt" not in before["page.html"] and b'"decision' not in before["page.html"]
    assert toolgrove("calibrate", run).code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_another_sample_overwrites_nothing(toolgrove: Run, run: Path) -> None:
    assert toolgrove("calibrate", run).code == 0
    done = toolgrove("calibrate", run, "--seed", 1)
    assert done.code == 2 and "is of another sample" in done.err and "--out FILE" in done.err
    done = toolgrove("calibrate", run, "--seed", 1, "--sample", 5, "--out", "two.html", "--json")
    told = json.loads(done.out)
    assert done.code == 0 and told["answers"] == 5
    assert Path(told["sample"]).name == f"sample-{told['hash']}.json"
    Path("mine.html").write_text("mine")
    done = toolgrove("calibrate", run, "--seed", 1, "--out", "mine.html")
    assert done.code == 2 and Path("mine.html").read_text() == "mine"


def test_figures_for_people_and_programs(toolgrove: Run, run: Path) -> None:
    assert toolgrove("calibrate", run).code == 0
    files = ("--labels", label(run, "Ann"), "--labels", label(run, "Bo"))
    done = toolgrove("calibrate", run, *files)
    assert done.code == 0
    for text in ("judge match against 2 people", "sensitivity", "75.8 % agreement", "3.97 %"):
        assert text in plain(done.out)
    records = [
        json.loads(line) for line in toolgrove("calibrate", run, *files, "--json").out.splitlines()
    ]
    figures = {record["name"]: record for record in records if record["kind"] == "figure"}
    assert figures["agreement"]["value"] == 1.0
    [paper] = [record for record in records if record["kind"] == "paper"]
    assert paper["agreement"] == 0.758
    summary = json.loads((run / "summary.json").read_text())["runs"]
    rates = {record["planner"]: record for record in records if record["kind"] == "rate"}
    for row in summary:
        # Without an error there is nothing to correct.
        assert rates[row["planner"]]["pass_rate"] == row["pass_rate"]
        assert rates[row["planner"]]["corrected"]["value"] in (row["pass_rate"], None)


def test_mistakes_say_what_to_do(toolgrove: Run, run: Path) -> None:
    ann = ("--labels", "Ann.json")
    assert toolgrove("calibrate", run).code == 0
    label(run, "Ann")
    label(run, "Bo", rater="ann")
    label(run, "Cy", sample="f00")
    label(run, "Di", labels={"999": {"label": "passed"}})
    Path("Ed.json").write_text(Path("Ann.json").read_text()[:-9])
    for words, says in (
        ((*ann, "--labels", "Bo.json"), "are both by 'ann'"),
        (("--labels", "Cy.json"), "belong to the sample f00, which is none of run"),
        (("--labels", "Di.json"), "has a label for item '999'"),
        (("--labels", "Ed.json"), "is torn or no JSON"),
        (("--labels", "no.json"), "cannot read no.json"),
        ((*ann, "--seed", 0), "--seed is for making the page"),
        ((*ann, "--judge", "finish"), "has no verdicts of the judge 'finish'"),
        (("--sample", 0), "--sample must be 1 or more"),
        (("--repeats", 0.9), "a share from 0 to 0.5"),
    ):
        done = toolgrove("calibrate", run, *words)
        assert (done.code, done.out) == (2, "") and says in plain(done.err), words
    assert toolgrove("calibrate", "nowhere").code == 2
    (run / "verdicts.jsonl").unlink()
    done = toolgrove("calibrate", run)
    assert done.code == 2 and "toolgrove score run" in done.err


def test_another_judge_is_taken_from_the_sample(toolgrove: Run, run: Path) -> None:
    assert toolgrove("score", run, "--judge", "answered").code == 0
    done = toolgrove("calibrate", run, "--judge", "answered")
    assert done.code == 0 and "--judge answered" in done.out
    done = toolgrove("calibrate", run, "--labels", label(run, "Ann"))
    assert done.code == 0 and "judge answered against 1 person" in done.out
