"""``toolgrove list`` and ``toolgrove doctor``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import toolgrove as package
from toolgrove.cli.listing import mask
from toolgrove.core.registry import KINDS, names, singular

Run = Callable[..., Any]
KEY = "sk-proj-0123456789abcdefghijXYZ"


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_listed_with_its_packages(toolgrove: Run, kind: str) -> None:
    done, table = toolgrove("list", kind, "--json"), toolgrove("list", kind)
    assert done.code == table.code == 0 and done.err == table.err == ""
    got = {row["name"]: row["package"] for row in rows(done.out)}
    assert got == names(kind)
    for name, where in got.items():
        assert [singular(kind), name, where] in [line.split() for line in table.out.splitlines()]
    if not got:
        assert table.out == f"no {kind} yet\n"


def test_without_a_kind_all_are_listed(toolgrove: Run) -> None:
    got = rows(toolgrove("list", "--json").out)
    assert [row["name"] for row in got] == [name for kind in KINDS for name in names(kind)]
    assert {"name": "dfsdt", "package": "toolgrove", "kind": "planner"} in got
    assert "stumble" in toolgrove("list").out


def test_an_unknown_kind(toolgrove: Run) -> None:
    done = toolgrove("list", "planner")
    assert done.code == 2
    assert done.err.startswith("toolgrove: no kind 'planner' (did you mean 'planners'?); there ar")


def found(toolgrove: Run) -> dict[str, tuple[str, str]]:
    done = toolgrove("doctor", "--json")
    assert done.code == 0
    return {row["what"]: (row["found"], row["advice"]) for row in rows(done.out)}


def test_doctor_says_what_there_is(toolgrove: Run) -> None:
    got = found(toolgrove)
    assert got["toolgrove"] == (package.__version__, "")
    assert "pydantic 2." in got["libraries"][0] and got["libraries"][1] == ""
    assert {"python", "platform", "disk", "extra gym", "extra dev"} < set(got)
    table = toolgrove("doctor").out
    assert all(what in table for what in got) and "…" not in table
    assert max(map(len, table.splitlines())) <= 80


@pytest.mark.parametrize(
    ("origin", "advice"),
    [
        (None, "pip install 'toolgrove[big]'"),
        ('{"url": "file:///my%20clone", "dir_info": {"editable": true}}',
         "pip install -e '/my clone[big]'"),
        ('{"url": "https://example.org/t.whl"}', "pip install 'toolgrove[big]'"),
    ],
)  # fmt: skip
def test_doctor_says_how_to_get_what_is_missing(
    toolgrove: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    origin: str | None,
    advice: str,
) -> None:
    info = tmp_path / "site" / "toolgrove-0.1.0.dist-info"
    info.mkdir(parents=True)
    needs = ["pytest>=8", 'no-such-thing<2,>=1 ; extra == "big"', 'pytest; extra == "big"']
    needs += ["nor_this; extra == 'big'", 'toolgrove[big]; extra == "small"']
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: toolgrove\nVersion: 0.1.0\n"
        + "".join(f"Requires-Dist: {need}\n" for need in needs)
    )
    if origin is not None:
        (info / "direct_url.json").write_text(origin)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    got = found(toolgrove)
    assert got["libraries"] == (f"pytest {pytest.__version__}", "")
    assert got["extra big"] == (
        f"no no-such-thing, no nor_this, pytest {pytest.__version__}",
        advice,
    )


def test_doctor_never_prints_a_key(toolgrove: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("RAPIDAPI_KEY", "short-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://me:hidden@llm.example:8443/v1?key=hidden")
    said = toolgrove("doctor").out + toolgrove("doctor", "--json").out
    for secret in (KEY, KEY[3:], KEY[:-2], "short-secret", "short", "hidden", "me:"):
        assert secret not in said
    got = found(toolgrove)
    assert got["OPENAI_API_KEY"] == ("sk-…YZ (31 characters)", "")
    assert got["RAPIDAPI_KEY"] == ("set", "")
    assert got["OPENAI_BASE_URL"] == ("https://llm.example:8443/v1", "")
    monkeypatch.setenv("OPENAI_BASE_URL", "no address: hidden")
    assert found(toolgrove)["OPENAI_BASE_URL"] == ("set", "")
    monkeypatch.delenv("RAPIDAPI_KEY")
    assert found(toolgrove)["RAPIDAPI_KEY"] == (
        "not set",
        "export RAPIDAPI_KEY=.. (only for live services)",
    )


def test_a_mask_shows_little() -> None:
    for length in range(1, 80):
        shown = mask("x" * length)
        assert shown.count("x") <= max(length // 4, 1) or shown == "set"
