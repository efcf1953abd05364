"""Calls in two lines."""

from __future__ import annotations

import json

import pytest

from toolgrove.core import API, Message, ToolCall
from toolgrove.core.finish import API_DOC
from toolgrove.models import brief
from toolgrove.models.schema import one_call

AREA = API(
    "area for maps",
    "Area of a country.",
    {"properties": {"code": {"type": "string"}, "year": {}}, "required": ["code"]},
)


def test_a_path_takes_few_words() -> None:
    talk = [
        Message("system", "Call one function a turn."),
        Message("user", "How large is Italy?"),
        Message("assistant", "area,\nrank", ((AREA.name, '{"code": "IT"}'),)),
        Message("tool", '{"error": "", "response": {"km2": 301230}}', name=AREA.name),
    ]
    told = brief.messages(talk, (AREA, API_DOC))
    name = told[2]["content"].splitlines()[1].split()[0]
    assert [m["role"] for m in told] == ["system", "user", "assistant", "user"]
    assert told[0]["content"].startswith(
        f"Call one function a turn.\n\nFunctions:\n{name}(code, year?)\nFinish("
    )
    assert told[2]["content"] == f'area, rank\n{name} {{"code": "IT"}}'
    assert told[3]["content"] == '{"km2": 301230}'
    assert brief.messages(talk[1:2], (AREA,))[0]["role"] == "system"  # where the prompt has none
    assert brief.messages(talk[1:2], ()) == [{"role": "user", "content": "How large is Italy?"}]


@pytest.mark.parametrize(
    ("observed", "shown"),
    [
        ('{"error": "", "response": {"a": "é"}}', '{"a": "é"}'),
        ('{"error": "", "response": 0}', "0"),
        ('{"error": "down", "response": ""}', "error: down"),
        ('{"error": "half", "response": [1]}', "error: half\n[1]"),
        ('{"error": "", "response": ""}', ""),
        ('{"error": "", "response": 1, "more": 2}', '{"error": "", "response": 1, "more": 2}'),
        ('{"response": 1}', '{"response": 1}'),
        ("[1]", "[1]"),
        ("cut {", "cut {"),
    ],
)
def test_a_result_loses_its_envelope_alone(observed: str, shown: str) -> None:
    assert brief.result(observed) == shown


def test_what_was_written_is_read_again() -> None:
    given = {"code": 'a "quote"\nand a line', "year": 2}
    said = Message("assistant", "look first", ((AREA.name, json.dumps(given)),))
    text = brief.messages([said], (AREA, API_DOC))[-1]["content"]
    read = brief.read(text, (AREA, API_DOC))
    assert read is not None and read[0] == "look first"
    [(name, arguments)] = read[1]
    assert name == AREA.name and json.loads(arguments) == given


def test_only_a_line_with_a_call_is_one() -> None:
    finish = 'Finish {"return_type": "give_answer", "final_answer": "3"}'
    read = brief.read(f"\n{finish}", (API_DOC,))
    assert read == (None, (ToolCall("Finish", finish.partition(" ")[2]),))
    for text in ("", "Finish", "Finish [1]", 'Finish {"return_type"', 'Other {"a": 1}', "{}"):
        assert brief.read(text, (API_DOC,)) is None


def test_it_is_for_single_calls() -> None:
    assert one_call((AREA, API_DOC)) and not one_call((AREA,)) and not one_call(())
