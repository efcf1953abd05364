"""ToolBench's documents: names, descriptions and parameters as its own code makes them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import API, UsageError
from toolgrove.core.finish import API_DOC
from toolgrove.envs.toolbench import (
    function_name,
    identifier,
    parse_api,
    parse_apis,
    read_catalogue,
    response_schema,
    standardize,
)


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("Get Weather", "get_weather"),
        ("/api/Tracking/{id}", "api_tracking_id"),
        ("a--b  c", "a_b_c"),
        ("__a___b__", "a_b"),
        ("16 Day Forecast", "get_16_day_forecast"),
        ("1", "get_1"),
        ("_1", "get_1"),
        ("天气 API", "天气_api"),
        ("Été", "t"),
        ("a^b", "a^b"),  # its pattern lets the caret through
        ("Ｆｕｌｌ", ""),
        ("***", ""),
        ("", ""),
    ],
)
def test_standard_names(name: str, standard: str) -> None:
    assert standardize(name) == standard


@pytest.mark.parametrize("word", ["from", "class", "return", "false", "true", "id", "and"])
def test_reserved_words_get_a_prefix(word: str) -> None:
    assert identifier(word) == f"is_{word}"
    assert identifier(f" {word.title()}! ") == f"is_{word}"
    assert function_name(word, word) == f"is_{word}_for_{word}"  # but the tool's name does not


def test_other_keywords_stay() -> None:
    assert [identifier(w) for w in ("or", "import", "ids", "class_")] == [
        "or", "import", "ids", "is_class",
    ]  # fmt: skip


def test_long_names_keep_their_last_64_characters() -> None:
    name = function_name("Get all the things that are there", "A tool with a very long name, too")
    whole = "get_all_the_things_that_are_there_for_a_tool_with_a_very_long_name_too"
    assert len(whole) == 70 and name == whole[-64:] and len(name) == 64
    assert function_name("a" * 29, "b" * 30) == "a" * 29 + "_for_" + "b" * 30


DOC = {
    "category_name": "Weather",
    "tool_name": "Big Weather!",
    "api_name": "16 Days",
    "api_description": "  Gives 16 Days of weather. ",
    "required_parameters": [
        {"name": "City", "type": "STRING", "description": "Where", "default": "Köln"},
        {"name": "id", "type": "NUMBER", "description": None, "default": ""},
        {"name": "City", "type": "NUMBER", "description": "again", "default": 1},
    ],
    "optional_parameters": [
        {"name": "lang-code", "type": "ENUM", "default": 0},
        {"name": "hourly", "type": "BOOLEAN", "description": "x" * 300, "default": False},
        {"name": "since", "type": "DATE", "description": "", "default": None},
        {"name": "city", "type": "STRING"},
    ],
    "method": "GET",
}


def test_an_api_document_becomes_a_function() -> None:
    assert parse_api(DOC) == API(
        "get_16_days_for_big_weather",
        'This is the subfunction for tool "big_weather", you can use this tool.The description '
        'of this function is: "Gives get_16_days_for_big_weather of weather."',
        {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where", "example_value": "Köln"},
                "is_id": {"type": "integer", "description": ""},
                "lang_code": {"type": "string", "description": "", "example_value": 0},
                "hourly": {"type": "boolean", "description": "x" * 256, "example_value": False},
                "since": {"type": "string", "description": ""},
            },
            "required": ["city", "is_id"],
            "optional": ["lang_code", "hourly", "since"],
        },
        "Weather",
        "Big Weather!",
        "16 Days",
    )


def test_a_bare_document_becomes_a_function_too() -> None:
    api = parse_api({"tool_name": "T", "api_name": "a", "api_description": None})
    assert api.description == 'This is the subfunction for tool "t", you can use this tool.'
    assert api.parameters == {"type": "object", "properties": {}, "required": [], "optional": []}
    with pytest.raises(KeyError):
        parse_api({"tool_name": "T"})


def test_long_descriptions_are_cut() -> None:
    api = parse_api({"tool_name": "T", "api_name": "zz", "api_description": "y" * 300})
    assert api.description.endswith(f'is: "{"y" * 256}"')


def test_functions_of_one_name_are_told_apart() -> None:
    docs: list[dict[str, Any]] = [
        {"tool_name": tool, "api_name": api}
        for tool, api in (("W", "x"), ("w", "X"), ("W!", "x"), ("W", "x 2"))
    ]
    apis = parse_apis(docs)
    assert [a.name for a in apis] == ["x_for_w", "x_for_w_2", "x_for_w_3", "x_2_for_w"]
    assert [(a.tool, a.api) for a in apis] == [("W", "x"), ("w", "X"), ("W!", "x"), ("W", "x 2")]
    long = {"tool_name": "t" * 40, "api_name": "a" * 40}
    names = [a.name for a in parse_apis([long] * 12)]
    assert len(set(names)) == 12 and max(map(len, names)) == 64
    assert names[1] == names[0][:61] + "_2" and names[11] == names[0][:61] + "_12"


@pytest.mark.parametrize(
    ("template", "schema"),
    [({"a": "str"}, {"a": "str"}), (None, None), ('{"a": "int"}', {"a": "int"}), ("text", "text")],
)
def test_response_schemas_may_be_json_in_a_string(template: object, schema: object) -> None:
    assert response_schema({"template_response": template}) == schema
    assert response_schema({}) is None


# Against the functions that stand in real answers


def test_functions_equal_those_that_toolbench_recorded(shared: Path) -> None:
    """All of 134 queries in 402 answers: names, descriptions, parameters.

    Two things are done otherwise on purpose: where no parameter is required ToolBench leaves
    the optional ones out, and it gives two functions one name (here the second gets ``_2``).
    """
    queries = {
        str(query["query_id"]): query["api_list"]
        for path in sorted((shared / "tooldec_traces/query").glob("*.json"))
        for query in json.loads(path.read_text())
    }
    counts = Counter[str]()
    for path in sorted((shared / "tooldec_traces/output").rglob("*.json")):
        *recorded, finish = json.loads(path.read_text())["answer_generation"]["function"]
        apis = parse_apis(queries[path.name.partition("_")[0].removesuffix(".json")])
        assert finish["name"] == API_DOC.name
        assert len(recorded) == len(apis)
        counts["answers"] += 1
        for api, function in zip(apis, recorded, strict=True):
            made = {"name": api.name, "description": api.description, "parameters": api.parameters}
            if made == function:
                counts["equal"] += 1
            elif api.name != function["name"]:
                assert api.name == function["name"] + "_2"
                assert {**made, "name": function["name"]} == function
                counts["second of a name"] += 1
            else:
                assert api.parameters["optional"] and not api.parameters["required"]
                bare = {"type": "object", "properties": {}, "required": [], "optional": []}
                assert {**made, "parameters": bare} == function
                counts["nothing required"] += 1
    assert counts == {
        "answers": 402,
        "equal": 2238,
        "nothing required": 330,
        "second of a name": 6,
    }


def test_the_catalogue_loads(shared: Path) -> None:
    apis = read_catalogue(shared / "toolenv" / "catalogue.jsonl")
    assert len(apis) == 16_345
    assert len({api.category for api in apis}) == 49
    assert max(len(api.name) for api in apis) == 64
    assert all(api.name and api.api for api in apis)
    assert [api.name for api in apis if not api.tool] == ["get_1_for_"]  # so it is released


@pytest.mark.parametrize("line", ["{", "5", "[]", '{"tool_name": "T"}', '{"api_name": "a"}'])
def test_a_line_that_is_no_document_is_told_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "catalogue.jsonl"
    path.write_text(json.dumps(DOC) + "\n" + line + "\n")
    with pytest.raises(UsageError, match="catalogue.jsonl:2 is no API document"):
        read_catalogue(path)


def test_a_catalogue_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the catalogue .*: No such file"):
        read_catalogue(tmp_path / "none.jsonl")
