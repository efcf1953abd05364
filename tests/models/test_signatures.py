"""Functions in one line."""

from __future__ import annotations

from toolgrove.core import API, Message
from toolgrove.core.finish import API_DOC
from toolgrove.models import schema
from toolgrove.models.signatures import signature


def test_a_line_has_names_marks_and_what_it_gives() -> None:
    api = API(
        "fly to!",
        "Books  a\nflight. (Tool air: all about planes.)",
        {
            "properties": {
                "to": {"type": "string"},
                "seats": {"type": "integer"},
                "class": {"enum": ["first", "second"]},
                "odd": 3,
            },
            "required": ["to", "class"],
        },
    )
    assert signature(api).endswith(
        '(to, seats?: int, class: "first" | "second", odd?): Books a flight.'
    )
    assert signature(api).startswith("fly_to__f29b6af5(")


def test_functions_without_words_or_parameters() -> None:
    assert signature(API("now")) == "now()"
    assert signature(API("now", "", {"properties": [1], "required": None})) == "now()"
    told = signature(API_DOC)
    assert told == 'Finish(return_type: "give_answer" | "give_up_and_restart", final_answer?)'


def test_a_prompt_tells_its_functions_in_lines_or_as_json() -> None:
    api = API("now", "The time.", {"type": "object", "properties": {"zone": {"type": "string"}}})
    talk = [Message("system", "Be good."), Message("user", "What time is it?")]
    lines = schema.messages(talk, (api, API_DOC), lines=True)
    whole = schema.messages(talk, (api, API_DOC))
    assert "\nnow(zone?): The time.\nFinish(" in lines[0]["content"]
    assert '{"name": "now", "description": "The time.", "parameters"' in whole[0]["content"]
    assert lines[0]["content"].splitlines()[-1] == whole[0]["content"].splitlines()[-1]
    assert lines[1:] == whole[1:]
    assert len(lines[0]["content"]) < len(whole[0]["content"]) / 2
