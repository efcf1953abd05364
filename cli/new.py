"""``toolgrove new planner``: a file and a test to start from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from ..core import UsageError
from ..core.registry import names
from .app import app

PLANNER = '''\
"""{title}: say in a sentence what the search does.

Cite the paper and section here, and list where this differs from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolgrove.core import Node, Planner, Session


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
from toolgrove.core import make
from toolgrove.testing import check_planner


def test_{name}_keeps_the_contract() -> None:
    check_planner(make("planners", {spec!r}))
"""

new = typer.Typer(help="Start a component of your own.", no_args_is_help=True)
app.add_typer(new, name="new")


@new.command()
def planner(
    name: Annotated[str, typer.Argument(help="Its name, as in --planner NAME.")],
    into: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
) -> None:
    """Write a planner, its test, and register it where there is a pyproject.toml."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(f"{name!r}: a name is lower case letters, digits and _, as my_planner")
    if name in names("planners"):
        raise UsageError(f"there is a planner {name!r} already")
    project = into / "pyproject.toml"
    inside = project.exists() and 'name = "toolgrove"' in project.read_text("utf-8")
    code = into / "planners" / f"{name}.py" if inside else into / f"{name}.py"
    test = into / "tests" / "planners" / f"test_{name}.py" if inside else into / f"test_{name}.py"
    cls = "".join(part.capitalize() for part in name.split("_"))
    for path in (code, test):
        if path.exists():
            raise UsageError(f"{path} exists already")
    source = PLANNER.format(title=cls, cls=cls)
    if inside:
        source = source.replace("from toolgrove.core import", "from ..core import")
    code.parent.mkdir(parents=True, exist_ok=True)
    test.parent.mkdir(parents=True, exist_ok=True)
    spec = name if project.exists() else f"{code.as_posix()}:{cls}"
    code.write_text(source, "utf-8")
    test.write_text(TEST.format(name=name, spec=spec), "utf-8")
    print(f"{code}: the planner\n{test}: its test")
    if project.exists():
        _register(project, name, f"toolgrove.planners.{name}:{cls}" if inside else f"{name}:{cls}")
        print(f"{project}: registered as {name!r}; `pip install -e .` makes the name known")
    print(f"try it: toolgrove bench --suite shop --planner {spec} --planner dfsdt")


def _register(project: Path, name: str, target: str) -> None:
    text = project.read_text("utf-8")
    head = '[project.entry-points."toolgrove.planners"]\n'
    line = f'{name} = "{target}"\n'
    if head in text:
        text = text.replace(head, head + line, 1)
    else:
        text = text.rstrip("\n") + f"\n\n{head}{line}"
    project.write_text(text, "utf-8")
