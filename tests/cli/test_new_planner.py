"""``toolgrove new planner``: what it writes passes its own test and runs, wherever it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
ROOT = Path(__file__).resolve().parent.parent.parent
MINE = '[project]\nname = "My-Work"\nversion = "0"\n'
POINTS = '[project.entry-points."toolgrove.planners"]\n'


def points() -> Any:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    return project["entry-points"]["toolgrove.planners"]


def passes(folder: Path, count: int, *words: str, **env: str) -> None:
    """Pytest finds so many tests there, and all pass."""
    given = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    done = subprocess.run(
        given, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0 and f"{count} passed" in said, said


def runs(toolgrove: Run, spec: str) -> None:
    done = toolgrove("bench", "--suite", "shop:n=2", "--planner", spec, "--json")
    assert done.code == 0 and json.loads(done.out)["planner"] == spec


def tried(out: str) -> str:
    """The spec that it says to try."""
    [line] = [line for line in out.splitlines() if line.startswith("try it: toolgrove bench ")]
    return line.split(" --planner ")[1]


def test_anywhere_it_is_two_files(toolgrove: Run, tmp_path: Path) -> None:
    done = toolgrove("new", "planner", "my_search")
    assert done.code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["my_search.py", "test_my_search.py"]
    assert tried(done.out) == "my_search.py:MySearch"
    runs(toolgrove, "my_search.py:MySearch")


def test_in_a_project_it_is_registered(toolgrove: Run) -> None:
    Path("pyproject.toml").write_text(MINE)
    done = toolgrove("new", "planner", "my_search")
    assert done.code == 0
    assert "registered as 'my_search', known once you `pip install -e .`" in done.out
    assert points() == {"my_search": "my_search:MySearch"}
    assert Path("my_search.py").exists() and Path("tests/test_my_search.py").exists()
    runs(toolgrove, tried(done.out))


def test_what_is_generated_passes_its_test_and_runs(toolgrove: Run, tmp_path: Path) -> None:
    for folder, project, package in (
        ("new work/me@home", "", ""),
        ("project", MINE, "src/my_work"),
    ):
        name = folder.split("/")[0].replace(" ", "_")
        (tmp_path / folder / package).mkdir(parents=True)
        if project:
            (tmp_path / folder / "pyproject.toml").write_text(project)
            (tmp_path / folder / package / "__init__.py").touch()
        done = toolgrove("new", "planner", f"{name}_search", "--into", folder)
        code = f"{folder}/{package}/{name}_search.py".replace("//", "/")
        assert tried(done.out).partition(".py:")[0] + ".py" == code
        runs(toolgrove, tried(done.out))
    passes(tmp_path, 2)


@pytest.mark.parametrize("folder", ["my_work", "src/my_work"])
def test_in_a_project_with_a_package_it_goes_there(toolgrove: Run, folder: str) -> None:
    Path("pyproject.toml").write_text(MINE + f'\n{POINTS}zeta = "z:Z"\nalpha = "a:A"\n\n[tool.x]\n')
    Path(folder).mkdir(parents=True)
    Path(folder, "__init__.py").touch()
    done = toolgrove("new", "planner", "my_search")
    assert tried(done.out) == f"{folder}/my_search.py:MySearch"
    assert f'/ "{folder}/my_search.py"' in Path("tests/test_my_search.py").read_text()
    assert points()["my_search"] == "my_work.my_search:MySearch"
    assert list(points()) == ["alpha", "my_search", "zeta"]
    assert Path("pyproject.toml").read_text().endswith('zeta = "z:Z"\n\n[tool.x]\n')
    runs(toolgrove, tried(done.out))


def test_a_pyproject_that_is_no_project_is_left_alone(toolgrove: Run) -> None:
    Path("pyproject.toml").write_text("[tool.ruff]\n")
    assert toolgrove("new", "planner", "my_search").code == 0
    assert Path("pyproject.toml").read_text() == "[tool.ruff]\n"
    assert Path("test_my_search.py").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[project", "pyproject.toml is no TOML"),
        (MINE + '[project.entry-points]\n"toolgrove.planners" = { a = "b:C" }\n',
         "cannot register 'my_search': add my_search = \"my_search:MySearch\" to the entry points"),
    ],
)  # fmt: skip
def test_a_pyproject_that_cannot_be_added_to_stops_it(
    toolgrove: Run, tmp_path: Path, text: str, says: str
) -> None:
    Path("pyproject.toml").write_text(text)
    done = toolgrove("new", "planner", "my_search")
    assert done.code == 2 and says in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["pyproject.toml"]
    assert Path("pyproject.toml").read_text() == text


def test_inside_toolgrove_it_follows_the_house(tmp_path: Path) -> None:
    house = tmp_path / "toolgrove"
    rooms = ("core", "models", "envs", "planners", "benchmarks", "cli", "testing")
    for room in rooms:
        shutil.copytree(ROOT / room, house / room, ignore=shutil.ignore_patterns("__*__", "hub"))
        shutil.copy(ROOT / room / "__init__.py", house / room)
    for file in ("__init__.py", "__main__.py", "pyproject.toml"):
        shutil.copy(ROOT / file, house)
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(*words: str) -> str:
        given = [sys.executable, "-m", "toolgrove", *words]
        done = subprocess.run(given, cwd=house, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    before = tomllib.loads((house / "pyproject.toml").read_text())
    spec = tried(run("new", "planner", "grand_tour"))
    assert spec == "planners/grand_tour.py:GrandTour"
    assert "from ..core import Node" in (house / "planners/grand_tour.py").read_text()
    told = tomllib.loads((house / "pyproject.toml").read_text())
    there = before["project"]["entry-points"]["toolgrove.planners"]
    there["grand_tour"] = "toolgrove.planners.grand_tour:GrandTour"
    assert told == before
    passes(house, 1, "tests/planners", PYTHONPATH=str(tmp_path))
    row = json.loads(run("bench", "--suite", "shop:n=2", "--planner", spec, "--json"))
    assert row["planner"] == spec


def test_a_planner_of_the_house_is_the_same_by_file_and_by_name(toolgrove: Run) -> None:
    from toolgrove.core import make
    from toolgrove.planners import DFSDT

    assert make("planners", f"{ROOT}/planners/dfsdt.py:DFSDT,width=3") == DFSDT(width=3)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("My", "'My': a name is lower case letters, digits and _, as my_planner"),
        ("1st", "a name is lower case letters, digits and _"),
        ("my-search", "a name is lower case letters, digits and _"),
        ("../up", "a name is lower case letters, digits and _"),
        ("", "a name is lower case letters, digits and _"),
        ("class", "'class': Python has a meaning for that name; take another"),
        ("random", "'random': Python has a meaning for that name; take another"),
        ("toolgrove", "'toolgrove': Python has a meaning for that name; take another"),
        ("session", "'session': Session is a word of toolgrove's core; take another"),
        ("dfsdt", "there is a planner 'dfsdt' already"),
    ],
)
def test_bad_names(toolgrove: Run, tmp_path: Path, name: str, says: str) -> None:
    done = toolgrove("new", "planner", name)
    assert done.code == 2 and says in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["my_search.py", "test_my_search.py"])
def test_a_file_that_is_there_is_never_overwritten(
    toolgrove: Run, tmp_path: Path, file: str
) -> None:
    Path(file).write_text("precious")
    done = toolgrove("new", "planner", "my_search")
    assert done.code == 2 and f"{file} exists already" in done.err
    assert [p.name for p in tmp_path.iterdir()] == [file]
    assert Path(file).read_text() == "precious"


def test_a_folder_that_cannot_be_written_to(toolgrove: Run) -> None:
    Path("file").touch()
    done = toolgrove("new", "planner", "my_search", "--into", "file")
    assert done.code == 2 and done.err.startswith("toolgrove: ") and "file" in done.err
    assert len(done.err.splitlines()) == 1
