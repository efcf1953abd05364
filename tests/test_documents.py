"""The documents: what they link to, name and show exists and works."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from toolgrove.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
FENCE = re.compile(r"^(?P<mark>`{3,})(?P<lang>\w*)[^\n]*\n(?P<code>.*?)^(?P=mark)\s*$", re.M | re.S)
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?(?P<to>[^)\s>]+)")


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=shown)


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and code of every fenced block."""
    return [(found["lang"], found["code"]) for found in FENCE.finditer(text)]


def prose(page: Path) -> str:
    """The text without its code."""
    return re.sub(r"`[^`\n]*`", "`code`", FENCE.sub("", page.read_text("utf-8")))


# The planner of the README


def readme_planner() -> str:
    found = blocks((ROOT / "README.md").read_text("utf-8"))
    return next(code for lang, code in found if lang == "python" and "(Planner)" in code)


def test_the_planner_of_the_readme_keeps_the_contract(tmp_path: Path) -> None:
    code = readme_planner()
    [name] = re.findall(r"^class (\w+)\(Planner\)", code, re.M)
    (tmp_path / "own.py").write_text(code, "utf-8")
    check = (
        "from toolgrove.core import make\n"
        "from toolgrove.testing import check_planner\n"
        f"check_planner(make('planners', 'own.py:{name}'))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", check], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_the_planner_of_the_readme_is_as_short_as_it_says() -> None:
    body = readme_planner().partition("@dataclass")[2]
    assert len([row for row in body.splitlines() if row.strip()]) <= 15


def test_python_in_the_documents_is_python() -> None:
    for page in PAGES:
        for lang, code in blocks(page.read_text("utf-8")):
            if lang == "python":
                compile(code, shown(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


# Links


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    heads = re.findall(r"^#+ +(.*?)\s*$", FENCE.sub("", page.read_text("utf-8")), re.M)
    words = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head).lower() for head in heads]
    return {re.sub(r"[^\w\- ]", "", word).replace(" ", "-") for word in words}


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for found in LINK.finditer(prose(page)):
        to, _, anchor = found["to"].partition("#")
        if re.match(r"[a-z][a-z+.-]*:", to):
            continue
        target = (page.parent / to).resolve() if to else page
        inside = target.is_relative_to(ROOT) and target.exists()
        if not inside or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            wrong.append(found["to"])
    assert wrong == []


def test_every_page_of_the_documents_is_linked() -> None:
    linked = {
        (page.parent / found["to"].partition("#")[0]).resolve()
        for page in PAGES
        for found in LINK.finditer(prose(page))
        if ":" not in found["to"]
    }
    assert [shown(p) for p in PAGES if p.parent != ROOT and p not in linked] == []


# Commands


def commands(code: str) -> Iterator[list[str]]:
    """The words after ``toolgrove`` of each command line in a block."""
    for row in code.replace("\\\n", " ").splitlines():
        row = row.strip().removeprefix("$ ")
        try:
            words = shlex.split(row, comments=True)
        except ValueError:  # a drawing, or output
            continue
        while words:
            cut = next((i for i, w in enumerate(words) if w in ("&&", "||", "|", ";", "&")), None)
            part, words = (words, []) if cut is None else (words[:cut], words[cut + 1 :])
            while part and re.fullmatch(r"[A-Z_]+=.*|uv|uvx|run|-m|time|(.*/)?python3?", part[0]):
                part = part[1:]
            if part and re.fullmatch(r"(\S*/)?toolgrove", part[0]):
                yield part[1:]


def mistakes(words: list[str], command: Any) -> list[str]:
    """What a command line asks for that the command does not have."""
    wrong = []
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return [words[0]]
        command, words = command.commands[words[0]], words[1:]
    known = {opt for p in command.params for opt in (*p.opts, *p.secondary_opts)} | {"--help"}
    for word in words:
        if word.startswith("--") and word.partition("=")[0] not in known:
            wrong.append(word)
    return wrong


def test_commands_are_found_where_they_stand() -> None:
    code = (
        "$ toolgrove bench --suite shop \\\n  --nonsense=1\n"
        "python3 -m venv .venv && .venv/bin/toolgrove nonsense\n"
        "uv run toolgrove tree RUN TASK | less  # toolgrove comment\n"
        "toolgrove: no planner 'x'\nit's toolgrove\n"
    )
    found = list(commands(code))
    assert [words[:1] for words in found] == [["bench"], ["nonsense"], ["tree"]]
    root = typer.main.get_command(app)
    assert [mistakes(words, root) for words in found] == [["--nonsense=1"], ["nonsense"], []]


@every_page
def test_commands_in_code_blocks_exist_with_their_options(page: Path) -> None:
    root = typer.main.get_command(app)
    wrong = [
        f"toolgrove {shlex.join(words)}: {' '.join(bad)}"
        for lang, code in blocks(page.read_text("utf-8"))
        if lang in ("", "sh", "bash", "shell", "console", "text")
        for words in commands(code)
        if (bad := mistakes(words, root))
    ]
    assert wrong == []


def test_every_command_is_documented() -> None:
    told = "\n".join(page.read_text("utf-8") for page in PAGES)
    root: Any = typer.main.get_command(app)
    missing = []
    for name, command in root.commands.items():
        for path in [f"{name} {sub}" for sub in getattr(command, "commands", ())] or [name]:
            if f"toolgrove {path}" not in told:
                missing.append(path)
    assert missing == []


# Components and tests


def test_tests_that_are_named_are_there() -> None:
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.M)
    }
    files = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    told = "\n".join(page.read_text("utf-8") for page in PAGES)
    named = set(re.findall(r"`(test_\w+)`", told)) - {"test_instruction", "test_query_ids"}
    assert sorted(named - there - files) == []  # those two are folders of ToolBench


@pytest.mark.parametrize("kind", ["planners", "models", "envs", "policies", "judges", "suites"])
def test_every_registered_name_is_documented(kind: str) -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    told = "\n".join(p.read_text("utf-8") for p in PAGES if p.is_relative_to(ROOT / "docs"))
    spans = re.findall(r"`[^`\n]+`", told) + [code for _, code in blocks(told)]
    code = "\n".join(spans)
    missing = [
        name
        for name in config["project"]["entry-points"][f"toolgrove.{kind}"]
        if not re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", code)
    ]
    assert missing == []
