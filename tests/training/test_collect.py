"""Collecting: each kind of source, what is merged and dropped, and what bad input says."""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.core import API, UsageError
from toolgrove.envs.toolbench import function_name
from toolgrove.training.collect import collect, merged, read_source, write
from toolgrove.training.collect_toolbench import Dropped
from toolgrove.training.documents import Document, read_documents, write_documents


@pytest.fixture
def toolgrove(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command line in this process; gives its exit code, output and errors."""
    import toolgrove.cli.app
    import toolgrove.cli.data_collect  # noqa: F401
    from toolgrove.cli import main

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["toolgrove", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def tool(folder: Path, category: str, name: str, *apis: dict[str, Any], **more: Any) -> Path:
    file = folder / "tools" / category / f"{name.lower().replace(' ', '_')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"tool_name": name, "api_list": list(apis), **more}))
    return file


def line(tool: str, api: str, category: str = "Weather", **more: Any) -> str:
    return json.dumps({"category_name": category, "tool_name": tool, "api_name": api, **more})


# ------------------------------------------------------------------ real data


def test_toolbench_tools_come_with_their_examples_and_schemas(shared: Path) -> None:
    tools = shared / "toolbench_example/history_b2384c2/toolenv/tools"
    found = collect([f"toolbench:{tools}"], licence="Apache-2.0")
    love, success, motivation = found.documents
    assert love.api.name == function_name("Love Quote", "Olato Quotes")
    assert (love.api.category, love.api.tool, love.api.api) == (
        "Social", "Olato Quotes", "Love Quote",
    )  # fmt: skip
    assert love.api.parameters["properties"]["quotes"]["example_value"] == "random quotes"
    assert json.loads(love.examples[0])["quote"].endswith("-Audrey Hepburn")
    assert love.licence == "Apache-2.0" and love.extra["score"]["avgLatency"] == 689
    assert love.extra["url"] == "https://olato-quotes.p.rapidapi.com/love"
    assert success.returns == {"quote": "str"} and motivation.api.read_only
    assert "code" not in json.dumps(love.extra)


def test_the_whole_catalogue_and_a_tool_of_it(shared: Path, tmp_path: Path) -> None:
    tools = shared / "toolbench_example/history_b2384c2/toolenv/tools"
    sources = [f"toolbench:{tools}", f"catalogue:{shared / 'toolenv/catalogue.jsonl'}"]
    found = collect(sources)
    first, second = found.sources
    assert (first.found, first.new) == (3, 3)
    assert second.found == 16_345 == second.new + second.merged + sum(second.dropped.values())
    assert dict(second.dropped) == {"no_tool": 1}
    # The catalogue writes olato_quotes and love_quote: they are the APIs that are there.
    assert [d.api.tool for d in found.documents[:4]].count("Olato Quotes") == 3
    assert found.documents[0].extra["sources"] == sources
    names = [document.api.name for document in found.documents]
    assert len(set(names)) == len(names) == first.new + second.new
    assert all(0 < len(name) <= 64 for name in names)
    assert sum(document.returns is not None for document in found.documents) > 8_000
    kinds = {p["type"] for d in found.documents for p in d.api.parameters["properties"].values()}
    assert kinds == {"string", "integer", "boolean"}

    write(found, tmp_path / "apis.jsonl")
    assert read_documents(tmp_path / "apis.jsonl") == list(found.documents)


def test_query_files_give_each_api_once(shared: Path, tmp_path: Path) -> None:
    folder = shared / "stabletoolbench/solvable_queries/test_instruction"
    found = collect([f"toolbench:{folder / 'G3_instruction.json'}"])
    [counts] = found.sources
    places = {(d.api.category, d.api.tool, d.api.api) for d in found.documents}
    assert counts.new == len(places) == len(found.documents) and counts.merged > 0
    queries = json.loads((folder / "G3_instruction.json").read_text())
    assert counts.found == sum(len(query["api_list"]) for query in queries)
    assert any(isinstance(document.returns, dict) for document in found.documents)
    report = write(found, tmp_path / "a" / "apis.jsonl")
    again = write(collect([counts.source]), tmp_path / "b" / "apis.jsonl")
    assert report["sha256"] == again["sha256"], "the same sources give the same bytes"
    assert not list(tmp_path.rglob("*.new"))


def test_openapi_documents_need_no_host(shared: Path) -> None:
    pytest.importorskip("jsonschema")
    file = shared / "openapi/oai_examples/v3.0/petstore-expanded.json"
    found = collect([f"openapi:{file}"], category="Animals")
    assert {d.api.api: d.api.read_only for d in found.documents} == {
        "findPets": True, "addPet": False, "find pet by id": True, "deletePet": False,
    }  # fmt: skip
    assert {d.licence for d in found.documents} == {"Apache 2.0"}
    first = found.documents[0]
    assert (first.api.category, first.extra["method"], first.extra["path"]) == (
        "Animals", "GET", "/pets",
    )  # fmt: skip
    assert first.returns["type"] == "array" and "name" in json.dumps(first.returns)


def test_a_folder_of_openapi_documents(shared: Path) -> None:
    pytest.importorskip("jsonschema")
    folder = shared / "openapi/oai_examples"
    [counts] = collect([f"openapi:{folder}"]).sources
    assert counts.new == 20 and counts.found == counts.new + counts.merged + counts.dropped.total()
    assert set(counts.dropped) == {"unreadable"}
    assert all(str(folder) in place for place in counts.places["unreadable"])


def test_openapi_examples_are_taken(tmp_path: Path) -> None:
    pytest.importorskip("jsonschema")
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    answer = {
        "application/json": {"example": {"a": 1}, "schema": {"$ref": "#/components/schemas/A"}}
    }
    other = {"application/json": {"examples": {"x": {"value": [1]}, "y": {"value": [2]}}}}
    document = {
        "openapi": "3.0.0",
        "info": {"title": "Two", "version": "1"},
        "paths": {
            "/one": {"get": {"responses": {200: {"description": "", "content": answer}}}},
            "/two": {"get": {"responses": {"default": {"description": "", "content": other}}}},
            "/bad": {"get": {"responses": {"200": {"$ref": "#/nowhere"}}}},
        },
        "components": {"schemas": {"A": schema}},
    }  # fmt: skip
    file = tmp_path / "two.json"
    file.write_text(json.dumps(document))
    one, two, bad = collect([f"openapi:{file}"]).documents
    assert one.examples == ('{"a": 1}',) and one.returns["properties"]["a"]["type"] == "integer"
    assert two.examples == ("[1]", "[2]") and two.returns is None
    assert (bad.examples, bad.returns) == ((), None)


def test_mcp_servers_are_asked_for_their_tools() -> None:
    pytest.importorskip("mcp")
    pytest.importorskip("mcp_server_time")
    source = f'mcp:"{sys.executable} -m mcp_server_time --local-timezone UTC"'
    found = collect([source], licence="MIT")
    assert {document.api.api for document in found.documents} == {
        "get_current_time", "convert_time",
    }  # fmt: skip
    assert {(d.source, d.licence) for d in found.documents} == {(source, "MIT")}


def test_the_hub_gives_real_answers_as_examples() -> None:
    for entry in islice(read_source("hub"), 3):
        assert isinstance(entry, Document)
        assert json.loads(entry.examples[0])["error"] == "" and entry.licence
        assert entry.returns and entry.extra["api_description"]


# ------------------------------------------------------------------ merging


def test_one_api_from_two_sources_is_merged_and_two_are_not(tmp_path: Path) -> None:
    tool(tmp_path, "Weather", "City Box", {"name": "By City"}, {"name": "By City (2)"},
         {"name": "By City 2", "description": "Another."})  # fmt: skip
    lines = tmp_path / "catalogue.jsonl"
    lines.write_text("\n".join([
        line("city_box", "by_city", api_description="Told.", optional_parameters=[
            {"name": "q", "type": "str", "default": 3}]),
        line("city_box", "by_city", "Sports"),
        line("CITY BOX", "by_city"),
    ]))  # fmt: skip
    found = collect([f"toolbench:{tmp_path / 'tools'}", f"catalogue:{lines}"])
    assert [(c.new, c.merged, c.renamed) for c in found.sources] == [(3, 0, 1), (1, 2, 1)]
    one, two, three, sports = found.documents
    assert (one.api.api, one.api.tool) == ("By City", "City Box")
    assert "Told." in one.api.description and list(one.api.parameters["properties"]) == ["q"]
    # Their function names are alike: ToolBench could not have called the second of them.
    assert [two.api.api, three.api.api] == ["By City (2)", "By City 2"]
    assert three.api.name == f"{two.api.name}_2" and three.extra["function"] == two.api.name
    assert sports.api.category == "Sports" and sports.extra["function"] == one.api.name


NAMES = st.sampled_from(["By City", "by_city", "By-City", "Поиск", "検索", "!", "A" * 70, "from"])


@given(st.lists(st.tuples(NAMES, NAMES, st.booleans()), min_size=1, max_size=12))
def test_counts_add_up_and_names_are_unique(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, bool]]
) -> None:
    file = tmp_path_factory.mktemp("t") / "catalogue.jsonl"
    file.write_text("\n".join(line(t, a if there else "") for t, a, there in rows))
    try:
        found = collect([f"catalogue:{file}"])
    except UsageError as error:
        assert "no API is left" in str(error) and not any(there for *_, there in rows)
        return
    [counts] = found.sources
    assert counts.found == len(rows) == counts.new + counts.merged + counts.dropped["no_name"]
    names = [document.api.name for document in found.documents]
    assert len(set(names)) == len(names) == counts.new
    wanted = {(t, a) for t, a, there in rows if there}
    assert {(d.api.tool, d.api.api) for d in found.documents} <= wanted
    again = file.with_name("again.jsonl")
    write(found, again)
    assert collect([f"table:{again}"]).documents == found.documents


def test_what_the_first_lacks_is_the_seconds() -> None:
    first = Document(API("f", "", tool="T", api="a"), ("1",), None, "", "x", {"method": "GET"})
    second = Document(
        API("g", "Told.", {"type": "object", "properties": {"q": {}}}, tool="T", api="a",
            read_only=False),
        ("1", "2", "3", "4"), {"a": "int"}, "MIT", "y", {"method": "POST", "api_description": "T"},
    )  # fmt: skip
    both = merged(first, second)
    assert (both.api.name, both.api.description, both.api.read_only) == ("f", "Told.", False)
    assert both.api.parameters == second.api.parameters and both.returns == {"a": "int"}
    assert both.examples == ("1", "2", "3") and (both.source, both.licence) == ("x", "MIT")
    assert both.extra == {"method": "GET", "api_description": "T", "sources": ["x", "y"]}
    assert merged(both, second) == both


# ------------------------------------------------------------------ bad input


def test_what_is_dropped_is_counted_and_named(tmp_path: Path, toolgrove: Any) -> None:
    file = tool(tmp_path, "Weather", "Box", {"name": "good"}, {"name": " "}, "what",  # type: ignore[arg-type]
                {"name": "odd", "required_parameters": [{"type": "STRING"}]})  # fmt: skip
    (file.parent / "other.json").write_text('{"some": "thing"}')
    out = tmp_path / "apis.jsonl"
    words = ("data", "collect", f"toolbench:{tmp_path / 'tools'}", "--out", out)
    code, said, _ = toolgrove(*words, "--json")
    report = json.loads(said)
    assert code == 0 and report == json.loads((tmp_path / "apis.jsonl.report.json").read_text())
    [counts] = report["sources"]
    assert counts["dropped"] == {
        "no_name": 1, "not_an_object": 1, "bad_parameters": 1, "no_api_list": 1,
    }  # fmt: skip
    assert counts["places"]["no_name"] == [f"{file}: API 2"]
    assert len(read_documents(out)) == report["apis"] == 1
    code, said, _ = toolgrove(*words)
    assert code == 0 and "1 no_name" in said and "1 APIs of 1 tools" in said


def test_what_cannot_be_read_is_named_by_file_and_line(tmp_path: Path, toolgrove: Any) -> None:
    (tmp_path / "tools/Weather").mkdir(parents=True)
    torn = tmp_path / "tools/Weather/torn.json"
    torn.write_text('{\n"tool_name": "T",\n"api_list": [\n')
    lines = tmp_path / "lines.jsonl"
    lines.write_text(line("t", "a") + "\nnonsense\n")
    table = tmp_path / "table.jsonl"
    write_documents([Document(API("f"))], table)
    table.write_text(table.read_text() + '{"api"')
    query = tmp_path / "query.json"
    query.write_text('[{"api_list": []}, {"query": "x"}]')
    empty = tmp_path / "empty"
    empty.mkdir()
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"path": "Weather/t.json", "content": {"api_list": []}}\n{"path": 3}\n')
    good = tmp_path / "good.jsonl"
    good.write_text(line("t", "a"))
    for source, said in (
        (f"toolbench:{tmp_path / 'tools'}", f"{torn}:4 is no JSON"),
        (f"toolbench:{query}", f"{query}: query 2 has no api_list"),
        (f"toolbench:{empty}", "has no *.json file"),
        (f"toolbench:{tmp_path / 'none'}", "there is no"),
        ("toolbench", "lacks a path"),
        (f"catalogue:{lines}", f"{lines}:2 is no API document"),
        (f"catalogue:{good},responses={answers}", f"{answers}:2 has no path and content"),
        (f"catalogue:{good},limit=3", "beside its path catalogue takes responses=PATH"),
        (f"table:{table}", f"{table}:2 is no API document"),
        (str(good), "says not what it is"),
        ("replay", "lists no functions"),
        ("hib", "did you mean 'hub'"),
    ):
        out = tmp_path / "out.jsonl"
        code, _, err = toolgrove("data", "collect", source, "--out", out)
        assert code == 2 and said in err, (source, err)
        assert not out.exists() and not list(tmp_path.glob("out*"))
    code, _, err = toolgrove("data", "collect", f"catalogue:{good}", "--out", good / "x.jsonl")
    assert code == 2 and "cannot write" in err


def test_only_entries_without_names_leave_no_table(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.jsonl"
    file.write_text(line("", "a"))
    assert isinstance(next(iter(read_source(f"catalogue:{file}"))), Dropped)
    with pytest.raises(UsageError, match="no API is left: 1 no_tool"):
        collect([f"catalogue:{file}"])
