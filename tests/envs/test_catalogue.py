"""The catalogue: its counts, names, and what is no catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolgrove.core import UsageError
from toolgrove.envs.catalogue import Catalogue, about
from toolgrove.envs.toolbench import read_catalogue


@pytest.fixture(scope="module")
def catalogue(shared: Path) -> Catalogue:
    return Catalogue.read(shared / "toolenv" / "catalogue.jsonl")


def test_it_has_toolbenchs_apis(catalogue: Catalogue) -> None:
    assert len(catalogue) == 16_345
    categories = catalogue.categories()
    assert len(categories) == 49 and sum(categories.values()) == 16_345
    tools = catalogue.tools()
    assert len(tools) == 3_450 and sum(map(len, tools.values())) == 16_345


def test_apis_are_those_of_the_documents(catalogue: Catalogue, shared: Path) -> None:
    assert list(catalogue.apis) == read_catalogue(shared / "toolenv" / "catalogue.jsonl")


def test_apis_are_made_when_they_are_asked_for(shared: Path) -> None:
    fresh = Catalogue.read(shared / "toolenv" / "catalogue.jsonl")
    assert [fresh.api(i).api for i in (5, 7, 5)] == [fresh.docs[i]["api_name"] for i in (5, 7, 5)]
    assert len(fresh._made) == 2


def test_by_function(catalogue: Catalogue) -> None:
    [api] = catalogue.by_function("live_aircraft_by_icao_for_fachaapi")
    assert (api.tool, api.api) == ("fachaapi", "live_aircraft_by_icao")
    assert catalogue.by_function("absent") == ()
    names = {api.name for api in catalogue.apis}
    assert len(names) == 16_181
    assert all(a.name == n for n in sorted(names)[:500] for a in catalogue.by_function(n))
    assert sum(len(catalogue.by_function(name)) for name in names) == 16_345


def write(path: Path, *names: tuple[str, str], text: str = "the same words") -> Path:
    rows = [{"tool_name": t, "api_name": a, "api_description": text} for t, a in names]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_words_of_a_document() -> None:
    doc = {"tool_name": "Sky", "api_name": "Now", "api_description": None, "method": "GET"}
    assert about(doc) == " Sky Now "


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("{\n", ":1 is no API document: Expecting"),
        ('{"tool_name": "a", "api_name": "b"}\n[1]\n', ":2 is no API document: it must be an obj"),
        ('{"tool_name": "a"}', ":1 is no API document"),
    ],
)
def test_a_broken_catalogue(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "c.jsonl").write_text(text)
    with pytest.raises(UsageError, match=says):
        Catalogue.read(tmp_path / "c.jsonl")


def test_a_missing_catalogue(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the catalogue .*absent.jsonl"):
        Catalogue.read(tmp_path / "absent.jsonl")
    with pytest.raises(UsageError, match=r"has no catalogue.jsonl and no corpus.tsv"):
        Catalogue.read(tmp_path)
    write(tmp_path / "catalogue.jsonl", ("a", "b"))
    assert len(Catalogue.read(tmp_path)) == 1
