"""``toolgrove new planner``: a file and a test to start from."""

from __future__ import annotations

import keyword
import re
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from ..core import UsageError
from ..core.registry import names
from .app import app

PLANNER = '''\
"""{cls}: say in a sentence what the search does.

Cite the paper and section here, and list where this differs from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from {core} import Node, Planner, Session


@dataclass(frozen=True)
class {cls}(Planner):
    """What it does.

    Args:
        max_steps: model turns on a path, at most.
    """

    max_steps: int = 12

    @property
    def branches(self) -> bool:
        """Whether the search ever goes back to a node; a chain does not."""
        return False

    async def plan(self, s: Session) -> Node | None:
        """Search, and return the node to answer with."""
        node = s.root
        while not node.done and node.depth < self.max_steps:
            [node] = await s.expand(node)
        return node
'''
TEST = """\
from toolgrove.planners.{name} import {cls}
from toolgrove.testing import check_planner


def test_{name}_keeps_the_contract() -> None:
    check_planner({cls}())
"""
# Outside the package the file is loaded by its path: the test needs no installation.
TEST_OF_FILE = """\
from pathlib import Path

from toolgrove.core import make
from toolgrove.testing import check_planner

FILE = Path(__file__).resolve().parent{file}


def test_{name}_keeps_the_contract() -> None:
    check_planner(make("planners", f"{{FILE}}:{cls}"))
"""

new = typer.Typer(
    help="Start a component of your own.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(new, name="new")


class Place(NamedTuple):
    """Where a planner and its test go, and what entry point makes its name known."""

    code: Path
    test: Path
    target: str | None = None
    inside: bool = False


@new.command()
def planner(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, as in --planner NAME.")],
    into: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")] = Path(),
) -> None:
    """Write a planner and its test, registered where there is a project to register in."""
    cls = _class_of(name)
    project = into / "pyproject.toml"
    place = _place(name, cls, into, _read_project(project))
    for path in (place.code, place.test):
        if path.exists():
            raise UsageError(f"{path} exists already")
    registered = _registered(project, name, place.target) if place.target else None
    for path in (place.code, place.test):
        path.parent.mkdir(parents=True, exist_ok=True)
    core = "..core" if place.inside else "toolgrove.core"
    _write_new(place.code, PLANNER.format(cls=cls, core=core))
    test = TEST if place.inside else TEST_OF_FILE
    up = "" if place.test.parent == into else ".parent"
    file = f'{up} / "{place.code.relative_to(into).as_posix()}"'
    _write_new(place.test, test.format(name=name, cls=cls, file=file))
    print(f"{place.code}: the planner\n{place.test}: its test")
    if registered is not None:
        project.write_text(registered, "utf-8")
        print(f"{project}: registered as {name!r}, known once you `pip install -e {into}`")
    spec = f"{place.code.as_posix()}:{cls}"
    print(f"try it: toolgrove bench --suite shop --planner {spec} --planner dfsdt")


def _class_of(name: str) -> str:
    """The class's name.

    Raises:
        UsageError: a module of that name would not work, or hide another.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(f"{name!r}: a name is lower case letters, digits and _, as my_planner")
    cls = "".join(part.capitalize() for part in name.split("_"))
    if keyword.iskeyword(name) or name in sys.stdlib_module_names or name == "toolgrove":
        raise UsageError(f"{name!r}: Python has a meaning for that name; take another")
    if cls in ("Node", "Planner", "Session"):
        raise UsageError(f"{name!r}: {cls} is a word of toolgrove's core; take another")
    if name in names("planners"):
        raise UsageError(f"there is a planner {name!r} already")
    return cls


def _read_project(project: Path) -> dict[str, Any] | None:
    """The project table, or None where there is none to register in."""
    if not project.exists():
        return None
    try:
        table = tomllib.loads(project.read_text("utf-8")).get("project")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{project} is no TOML: {error}") from error
    return table if isinstance(table, dict) and "name" in table else None


def _place(name: str, cls: str, into: Path, project: dict[str, Any] | None) -> Place:
    """Inside toolgrove by its layout; in a project in its package, if it has one; else here."""
    code, test = into / f"{name}.py", into / f"test_{name}.py"
    if project is None:
        return Place(code, test)
    if project["name"] == "toolgrove":
        code, test = into / "planners" / code.name, into / "tests" / "planners" / test.name
        return Place(code, test, f"toolgrove.planners.{name}:{cls}", True)
    package = re.sub(r"[-.]+", "_", str(project["name"])).lower()
    test = into / "tests" / test.name
    for folder in (into / "src" / package, into / package):
        if (folder / "__init__.py").exists():
            return Place(folder / code.name, test, f"{package}.{name}:{cls}")
    return Place(code, test, f"{name}:{cls}")


def _registered(project: Path, name: str, target: str) -> str:
    """The text of pyproject.toml with the entry point in it, in the order of names.

    Raises:
        UsageError: the file is written in a way that this does not know how to add to.
    """
    text = project.read_text("utf-8")
    head = '[project.entry-points."toolgrove.planners"]\n'
    line = f'{name} = "{target}"\n'
    before, found, after = text.partition(head)
    if found:
        there = re.match(r"(?:[\w-]+ *=.*\n)*", after)
        own = there[0] if there else ""
        lines = sorted([*own.splitlines(keepends=True), line])
        text = before + head + "".join(lines) + after[len(own) :]
    else:
        text = f"{text.rstrip()}\n\n{head}{line}"
    try:
        points = tomllib.loads(text)["project"]["entry-points"]["toolgrove.planners"]
        written = points[name] == target
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        written = False
    if not written:
        where = f"the entry points 'toolgrove.planners' in {project}"
        raise UsageError(f"cannot register {name!r}: add {line.strip()} to {where} yourself")
    return text


def _write_new(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
