"""How the program starts: help, version, ``python -m``, and what it does not load."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import toolgrove as package

Run = Callable[..., Any]
COMMANDS = (
    "bench", "calibrate", "compare", "doctor", "export", "import", "list", "new", "prefer",
    "report", "retrieve", "score", "serve", "solve", "store", "tree", "view",
)  # fmt: skip
HEAVY = {"rich", "typer", "pydantic", "gymnasium", "numpy", "torch", "httpx"}


def loaded(code: str) -> set[str]:
    """The modules that are there after the code ran in a new interpreter."""
    code += "\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_without_arguments_it_shows_its_help(toolgrove: Run) -> None:
    bare, asked = toolgrove(), toolgrove("--help")
    assert bare == asked and bare.code == 0 and bare.err == ""
    for command in COMMANDS:
        assert f"\n  {command} " in bare.out
    assert "..." not in bare.out.partition("Commands:")[2]  # every line is said to its end


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(toolgrove: Run, command: str) -> None:
    done = toolgrove(command, "--help")
    assert done.code == 0 and done.out.startswith(f"Usage: toolgrove {command} ")


def test_version(toolgrove: Run) -> None:
    assert toolgrove("--version") == (0, f"toolgrove {package.__version__}\n", "")


def test_an_unknown_command_is_told_so(toolgrove: Run) -> None:
    done = toolgrove("bnech")
    assert done.code == 2 and "No such command 'bnech'. Did you mean 'bench'?" in done.err


def test_python_m_toolgrove_is_the_same_program(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "toolgrove", "bnech"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("Usage: toolgrove [OPTIONS]")


def test_import_toolgrove_loads_nothing_heavy() -> None:
    assert loaded("import toolgrove").isdisjoint(HEAVY)


def test_help_loads_little_more_than_typer() -> None:
    code = (
        "import sys\nsys.argv = ['toolgrove', '--help']\nfrom toolgrove.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    modules = loaded(code)
    assert modules.isdisjoint(HEAVY - {"typer", "rich"} | {"rich.console", "typer.rich_utils"})
    assert not any(name.startswith("toolgrove.benchmarks") for name in modules)
