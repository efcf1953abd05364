"""``toolgrove retrieve``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bm25s", reason="BM25 needs bm25s")

Run = Callable[..., Any]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    rows = [
        {"category_name": "Weather", "tool_name": "Sky", "api_name": "Forecast", "api_description":
            "[b]Rain[/b] and wind of the next days"},
        {"category_name": "Sports", "tool_name": "Ball", "api_name": "Scores", "api_description":
            "Results of matches"},
        {"category_name": "Weather", "tool_name": "Sky", "api_name": "Now", "api_description":
            "Wind at this moment"},
    ]  # fmt: skip
    (tmp_path / "catalogue.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "catalogue.jsonl"


def test_a_table(toolgrove: Run, index: Path) -> None:
    done = toolgrove("retrieve", "rain and wind", "--index", index)
    assert done.code == 0 and done.err == ""
    first = next(line for line in done.out.splitlines() if "Sky" in line).split()
    assert first[1:] == ["Weather", "Sky", "Forecast", "forecast_for_sky"]
    assert "Ball" not in done.out


def test_json_lines(toolgrove: Run, index: Path) -> None:
    done = toolgrove("retrieve", "wind", "--index", index.parent, "-k", "1", "--json")
    [row] = [json.loads(line) for line in done.out.splitlines()]
    assert (row["rank"], row["tool"], row["api"], row["function"]) == (
        1, "Sky", "Now", "now_for_sky",
    )  # fmt: skip
    assert row["score"] > 0 and "Wind at this moment" in row["description"]


def test_nothing_found(toolgrove: Run, index: Path) -> None:
    done = toolgrove("retrieve", "[opera]", "--index", index)
    assert done.code == 0 and done.out == "none of 3 APIs has a word of '[opera]'\n"
    done = toolgrove("retrieve", "opera", "--index", index, "--json")
    assert done.code == 0 and done.out == ""


def test_mistakes(toolgrove: Run, index: Path) -> None:
    done = toolgrove("retrieve", " ", "--index", index)
    assert done.code == 2 and done.err.startswith("toolgrove: the query is empty")
    done = toolgrove("retrieve", "wind", "--index", "absent.jsonl")
    assert done.code == 2 and done.err.startswith("toolgrove: cannot read the catalogue absent")
    assert toolgrove("retrieve", "wind").code == 2
    assert toolgrove("retrieve", "wind", "--index", index, "-k", "0").code == 2


def test_an_index_is_kept_and_searched(toolgrove: Run, index: Path) -> None:
    done = toolgrove("retrieve", "--index", index, "--save", "kept")
    assert done.code == 0 and done.out == "3 APIs: kept\n"
    asked = ("retrieve", "rain", "--json", "--index")
    assert toolgrove(*asked, "kept").out == toolgrove(*asked, index).out != ""
    done = toolgrove("retrieve", "rain", "--index", "kept", "--retriever", "bm25")
    assert done.code == 2 and "kept is an index" in done.err
    Path("kept/documents.jsonl").write_text("")
    done = toolgrove("retrieve", "rain", "--index", "kept")
    assert done.code == 2 and "the documents of the index kept changed" in done.err


def test_a_table_of_data_collect(toolgrove: Run, tmp_path: Path) -> None:
    rows = [{"api": {"name": "now_for_sky", "description": "Wind at this moment", "tool": "Sky"}}]
    (tmp_path / "table.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = toolgrove("retrieve", "wind", "--index", "table.jsonl", "--json")
    assert json.loads(done.out)["function"] == "now_for_sky"
