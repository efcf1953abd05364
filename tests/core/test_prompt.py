"""Prompts: persistent lists whose digest depends on every message and nothing else."""

from __future__ import annotations

import pytest

from toolgrove.core import Message, Prompt

SYSTEM, USER = Message("system", "Be brief."), Message("user", "Hello")
CALL = Message("assistant", None, (("search", '{"q": 1}'),))
TOOL = Message("tool", "found", (), "search")


def test_a_prompt_is_its_parents_messages_and_its_own() -> None:
    start = Prompt([SYSTEM, USER])
    longer = start.then([CALL, TOOL])
    assert list(longer) == [SYSTEM, USER, CALL, TOOL]
    assert (len(start), len(longer)) == (2, 4)
    assert longer.parent is start and longer.added == (CALL, TOOL)
    assert start.then([]) is start
    assert list(start) == [SYSTEM, USER]


def test_equal_messages_in_equal_parts_have_equal_digests() -> None:
    assert Prompt([SYSTEM, USER]).digest == Prompt([SYSTEM, USER]).digest
    assert Prompt([SYSTEM]).then([USER]).digest == Prompt([SYSTEM]).then([USER]).digest
    assert len(Prompt([]).digest) == 16


@pytest.mark.parametrize(
    "other",
    [
        [SYSTEM],
        [USER, SYSTEM],
        [SYSTEM, USER, USER],
        [SYSTEM, USER._replace(content="Hello ")],
        [SYSTEM, USER._replace(content=None)],
        [SYSTEM, USER._replace(content="None")],
        [SYSTEM, USER._replace(role="tool")],
        [SYSTEM, USER._replace(name="x")],
        [SYSTEM, USER._replace(calls=(("f", "{}"),))],
        [SYSTEM, USER._replace(content="Hello\ud800")],
    ],
)
def test_any_other_message_gives_another_digest(other: list[Message]) -> None:
    assert Prompt(other).digest != Prompt([SYSTEM, USER]).digest


def test_messages_cannot_be_mistaken_for_one_another() -> None:
    """What stands in one field cannot be written so that it looks like the next one."""
    digests = {
        Prompt([Message("user", "a', 'b")]).digest,
        Prompt([Message("user", "a"), Message("user", "b")]).digest,
        Prompt([Message("user", "a', (), '')('user', 'b")]).digest,
        Prompt([Message("user", "ab")]).digest,
        Prompt([Message("user", "a", (), "b")]).digest,
    }
    assert len(digests) == 5


def test_a_long_chain_is_read_without_recursion() -> None:
    prompt = Prompt([SYSTEM])
    for _ in range(5000):
        prompt = prompt.then([USER])
    assert len(prompt) == len(list(prompt)) == 5001
