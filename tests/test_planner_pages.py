"""The pages of the planners, their pictures, and the tutorial: all that they say is run."""

from __future__ import annotations

import ast
import dataclasses
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.planner_pictures import (
    SEED,
    SPECS,
    SUITE,
    TASK,
    picture,
    search,
    shown_planner,
)
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.cli import main
from toolgrove.core import make
from toolgrove.core.registry import load, names, parse
from toolgrove.envs.hub.registry import endpoints
from toolgrove.testing import check_planner

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted((DOCS / "planners").glob("*.md"))
OTHERS = {"evaluators", "comparison"}  # not of one planner
PLANNERS = [page for page in PAGES if page.stem not in OTHERS]
TUTORIAL = DOCS / "write-a-planner.md"
PARTS = [
    "Idea", "Picture", "Paper", "Cost", "Parameters", "When to choose it", "Deviations", "Example",
]  # fmt: skip

every_page = pytest.mark.parametrize("page", PLANNERS, ids=lambda page: page.stem)
needs_hub = pytest.mark.skipif(
    "CountryAtlas.country_profile" not in endpoints(), reason="needs the extra hub"
)


def part(page: Path, name: str) -> str:
    """The text below a heading."""
    text = page.read_text("utf-8")
    return text.partition(f"\n## {name}\n")[2].partition("\n## ")[0].strip()


def table(text: str) -> list[list[str]]:
    """The rows of the first table, without its head."""
    first = text[text.index("|") :].partition("\n\n")[0]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in first.splitlines()[2:]]


def commands(text: str) -> list[list[str]]:
    """The words of each command in the code blocks of a text, without ``toolgrove``."""
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)
    rows = [row.removeprefix("$ ") for block in blocks for row in block.splitlines()]
    return [shlex.split(row)[1:] for row in rows if row.startswith("toolgrove ")]


@pytest.fixture
def toolgrove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Sequence[str]], str]:
    """Runs a command in an empty folder, 100 columns wide; what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(words: Sequence[str]) -> str:
        monkeypatch.setattr(sys, "argv", ["toolgrove", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert not ended.value.code, err
        return "\n".join(row.rstrip() for row in out.splitlines()).rstrip()

    return run


# The pages


def test_every_planner_has_a_page() -> None:
    assert {page.stem for page in PLANNERS} == set(names("planners")) | {"toolbench-profile"}


@every_page
def test_a_page_has_its_parts_in_order(page: Path) -> None:
    heads = re.findall(r"^## (.*)$", page.read_text("utf-8"), re.M)
    assert [head for head in heads if head in PARTS] == PARTS


@every_page
def test_the_idea_is_told_in_three_sentences(page: Path) -> None:
    assert len(re.findall(r"\.(?=\s|$)", part(page, "Idea"))) == 3


@pytest.mark.parametrize("name", names("planners"))
def test_the_parameters_are_those_of_the_class(name: str) -> None:
    told = table(part(DOCS / "planners" / f"{name}.md", "Parameters"))
    cls: Any = load("planners", parse(name))[0]
    fields = dataclasses.fields(cls)
    assert [row[:2] for row in told] == [[f"`{f.name}`", shown(f.default)] for f in fields]
    assert all(len(row) == 3 and row[2] for row in told)


def shown(default: Any) -> str:
    """A default as a spec has it; "" for a parameter that must be given."""
    if default is dataclasses.MISSING:
        return ""
    return str(default).lower() if default is None or isinstance(default, bool) else str(default)


def test_every_evaluator_is_on_its_page() -> None:
    page = (DOCS / "planners" / "evaluators.md").read_text("utf-8")
    told = {re.split(r"[:`]", row[0].strip("`"))[0] for row in table(page)}
    assert told == set(names("evaluators"))


# The pictures


@needs_hub
@pytest.mark.parametrize("name", SPECS)
def test_a_picture_is_that_of_the_search(name: str) -> None:
    made = picture(name)
    assert made.result.error is None
    file = DOCS / "pictures" / "planners" / f"{name}.svg"
    assert made.drawn() == file.read_text("utf-8"), "make pictures"
    assert file.stat().st_size < 40_000
    told = re.compile(
        rf"\(\.\./pictures/planners/{name}\.svg\)\n\n`([^`]+)`: (\d+) calls, (\d+) nodes\."
    )
    [[spec, calls, nodes]] = told.findall("\n".join(page.read_text("utf-8") for page in PLANNERS))
    assert spec == SPECS[name]
    assert (int(calls), int(nodes)) == (made.result.spent["calls"], len(made.order))
    for node in made.result.tree.walk():
        numbers = [made.order[child.id] for child in node.children]
        assert numbers == sorted(numbers)


def test_the_index_says_what_the_pictures_cost() -> None:
    told = [(row[0], row[3]) for row in table((DOCS / "planners.md").read_text("utf-8"))]
    for spec, calls in told:
        [page] = re.findall(r"\((planners/[\w-]+\.md)\)", spec)
        text = (DOCS / page).read_text("utf-8")
        assert re.search(rf"^`[^`]+`: {calls}, \d+ nodes\.", text, re.M), spec
    assert len(told) == len(SPECS)


def test_every_picture_is_shown() -> None:
    shown = {
        path.name
        for page in [*PAGES, TUTORIAL]
        for path in map(Path, re.findall(r"pictures/planners/[\w.]+", page.read_text("utf-8")))
    }
    assert shown == {path.name for path in (DOCS / "pictures" / "planners").iterdir()}


@needs_hub
def test_bench_grows_the_trees_of_the_pictures(tmp_path: Path, toolgrove: Any) -> None:
    [bench, draw] = commands(part(DOCS / "planners.md", "The pictures"))
    assert bench[bench.index("--suite") + 1] == SUITE and SEED == 0
    toolgrove(bench)
    directory = RunDirectory(tmp_path / "small")
    for key in directory.trials:
        name = {spec: name for name, spec in SPECS.items()}[key.planner]
        assert directory.load(key).tree.shape() == picture(name).result.tree.shape()
    assert {key.task for key in directory.trials} == {TASK}
    toolgrove(draw)
    assert (tmp_path / "dfsdt.svg").read_text("utf-8").startswith("<svg")


# The examples


@needs_hub
@pytest.mark.parametrize(
    "page", [*PLANNERS, DOCS / "planners" / "evaluators.md"], ids=lambda page: page.stem
)
def test_the_examples_work(page: Path, toolgrove: Any) -> None:
    examples = commands(part(page, "Example"))
    assert examples
    if page.stem == "anytool":
        pytest.importorskip("bm25s")
    for words in examples:
        said = toolgrove(words)
        for spec in (words[i + 1] for i, word in enumerate(words) if word == "--planner"):
            assert spec.partition(":")[0] in said


# The tutorial


def code_of(cls: str) -> str:
    """The block of the tutorial with a class."""
    blocks = re.findall(r"^```python\n(.*?)^```$", TUTORIAL.read_text("utf-8"), re.M | re.S)
    [code] = [block for block in blocks if f"class {cls}(Planner)" in block]
    return str(code)


def test_the_new_planner_has_at_most_30_lines() -> None:
    tree = ast.parse(code_of("Undo"))
    for node in ast.walk(tree):  # without what it says about itself
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            assert ast.get_docstring(node)
            del node.body[0]
    assert len(ast.unparse(tree).replace("\n\n", "\n").strip().splitlines()) <= 30


@pytest.mark.parametrize("cls", ["Undo", "Wide"])
def test_what_the_tutorial_shows_keeps_the_contract(cls: str, tmp_path: Path) -> None:
    file = tmp_path / f"{cls.lower()}.py"
    file.write_text(code_of(cls), "utf-8")
    check_planner(make("planners", f"{file}:{cls}"))


@needs_hub
def test_the_picture_of_the_tutorial() -> None:
    file = DOCS / "pictures" / "planners" / "undo.svg"
    assert search(shown_planner(TUTORIAL)).drawn() == file.read_text("utf-8"), "make pictures"


@needs_hub
def test_the_tutorial_says_what_its_commands_say(tmp_path: Path, toolgrove: Any) -> None:
    """From the first to the last; the planner replaces the file that the first one wrote."""
    blocks = re.findall(r"^```\n\$ (toolgrove .*?)^```$", TUTORIAL.read_text("utf-8"), re.M | re.S)
    assert [block.split()[1] for block in blocks] == ["new", "bench", "tree"]
    for block in blocks:
        command, _, output = block.partition("\n")
        assert toolgrove(shlex.split(command)[1:]) == output.rstrip()
        if command.startswith("toolgrove new"):
            test = (tmp_path / "test_undo.py").read_text("utf-8")
            assert f"```python\n{test}```" in TUTORIAL.read_text("utf-8")
            (tmp_path / "undo.py").write_text(code_of("Undo"), "utf-8")
