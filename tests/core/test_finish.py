"""The Finish function: codes and texts are ToolBench's, for every way of calling it."""

from __future__ import annotations

import pytest

from toolgrove.core import CODES, STATUS_OF_CODE, Action
from toolgrove.core.finish import API_DOC, finish

ANSWERED = '{"response":"successfully giving the final answer."}'
GAVE_UP = '{"response":"chose to give up and restart"}'
NO_TYPE = '{error:"must have "return_type""}'
BAD_TYPE = '{error:""return_type" is not a valid choice"}'
NO_ANSWER = '{error:"must have "final_answer""}'


@pytest.mark.parametrize(
    ("arguments", "observation", "status"),
    [
        ('{"return_type": "give_answer", "final_answer": "x"}', ANSWERED, "answered"),
        ('{"return_type": "give_answer", "final_answer": ""}', ANSWERED, "answered"),
        ('{"return_type": "give_answer", "final_answer": "a\nb"}', ANSWERED, "answered"),
        ('{"return_type": "give_answer", "final_answer": {"a": 1}}', ANSWERED, "answered"),
        ('{"return_type": "give_up_and_restart"}', GAVE_UP, "gave_up"),
        ('{"return_type": "give_up_and_restart", "final_answer": "x"}', GAVE_UP, "gave_up"),
        ('{"return_type": "give_answer"}', NO_ANSWER, "bad_finish"),
        ('{"return_type": "give answer", "final_answer": "x"}', BAD_TYPE, "bad_finish"),
        ('{"return_type": null, "final_answer": "x"}', BAD_TYPE, "bad_finish"),
        ('{"return_type": ["give_answer"], "final_answer": "x"}', BAD_TYPE, "bad_finish"),
        ('{"final_answer": "x"}', NO_TYPE, "bad_finish"),
        ("{}", NO_TYPE, "bad_finish"),
        ("", NO_TYPE, "bad_finish"),
        ('["return_type"]', NO_TYPE, "bad_finish"),
        ('"give_answer"', NO_TYPE, "bad_finish"),
        ("[" * 100_000, NO_TYPE, "bad_finish"),
        # broken JSON, read by what is quoted in it
        ('{"return_type": "give_answer", "final_answer": "x', ANSWERED, "answered"),
        ('{"return_type": "give_answer", "final_answer": "a "b" c"}', ANSWERED, "answered"),
        ('{"return_type": "give_up_and_restart", ', GAVE_UP, "gave_up"),
        ('{"return_type": "give_answer", ', NO_ANSWER, "bad_finish"),
        ('{"return_type": "later", "final_answer": "', BAD_TYPE, "bad_finish"),
        ('{"return_type":"give_answer", "final_answer": "x', NO_TYPE, "bad_finish"),
    ],
)
def test_every_case(arguments: str, observation: str, status: str) -> None:
    step = finish(Action("Finish", arguments))
    assert (step.observation, step.info.status) == (observation, status)
    assert step.terminated == (status in ("answered", "gave_up"))
    assert (step.reward, step.truncated, step.info.provenance) == (0.0, False, "computed")


def test_what_the_model_is_told() -> None:
    assert API_DOC.name == "Finish"
    properties = API_DOC.parameters["properties"]
    assert properties["return_type"]["enum"] == ["give_answer", "give_up_and_restart"]
    assert API_DOC.parameters["required"] == ["return_type"]


def test_codes_and_words_are_one_to_one_but_for_bad_arguments() -> None:
    assert sorted(STATUS_OF_CODE) == [-1, *range(13)]
    assert all(STATUS_OF_CODE[CODES[status]] == status for status in STATUS_OF_CODE.values())
    assert STATUS_OF_CODE[CODES["bad_arguments"]] == "error"
    assert (CODES["answered"], CODES["gave_up"]) == (3, 4)
