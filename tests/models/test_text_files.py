"""A policy's words from a file of one's own, and what is said about a wrong one."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from toolgrove.core import API, Siblings, Task, UsageError, make
from toolgrove.core.tree import Node
from toolgrove.models import FunctionPolicy, ToolLLaMAPolicy
from toolgrove.models.policies import BUILTIN_TEXTS, load_texts

TASK = Task("t", "Go.", (API("f", tool="T"),))


def written(folder: Path, text: str) -> str:
    path = folder / "words.toml"
    path.write_text(text)
    return str(path)


def test_what_a_file_leaves_out_is_toolgroves(tmp_path: Path) -> None:
    own = load_texts(written(tmp_path, 'user = "Please: $instruction"'))
    base = load_texts("toolgrove")
    assert own == {**base, "user": "Please: $instruction"}
    policy = FunctionPolicy(written(tmp_path, 'user = "Please: $instruction ($$5) $unknown"'))
    [system, user] = policy.start(TASK, TASK.apis, "")
    assert system.content == base["system"]
    assert user.content == "Please: Go. ($5) $unknown"
    assert policy.fingerprint != FunctionPolicy().fingerprint


def test_values_are_not_filled_in_again(tmp_path: Path) -> None:
    policy = FunctionPolicy(written(tmp_path, 'user = "$instruction"'))
    task = Task("t", "$instruction ${observation} $$", ())
    assert policy.start(task, (), "")[1].content == "$instruction ${observation} $$"


def test_questions_of_ones_own_may_be_added(tmp_path: Path) -> None:
    policy = FunctionPolicy(written(tmp_path, 'ask_mood = "How is $a about $instruction?"'))
    [message] = policy.ask("mood", (Node("0"),), TASK)
    assert message.content == "How is (nothing yet) about Go.?"


@pytest.mark.parametrize("name", BUILTIN_TEXTS)
def test_a_copy_of_a_built_in_file_is_that_file(tmp_path: Path, name: str) -> None:
    """The way to change a few of the words is to copy the file and edit it."""
    text = (files("toolgrove.models") / "data" / f"{name}.toml").read_text("utf-8")
    copy = written(tmp_path, text)
    assert load_texts(copy) == {**load_texts("toolgrove"), **load_texts(name)}
    for policy in (FunctionPolicy, ToolLLaMAPolicy):
        assert policy(copy).fingerprint == policy(name).fingerprint


def test_the_text_policys_own_words_may_be_changed(tmp_path: Path) -> None:
    own = written(tmp_path, 'system = "S$format"\nformat = "F"\nfunctions = "|$functions"')
    [system, _] = ToolLLaMAPolicy(own).start(TASK, (), "")
    assert system.content == "SF|[]"


def test_the_words_for_siblings_may_be_changed(tmp_path: Path) -> None:
    own = written(tmp_path, 'attempts = "Not again: $attempts$again"')
    node = Node("0.0", Node("0"))
    node.thought = "x"
    [message] = FunctionPolicy(own).hint(Siblings((node,)), Node("0"))
    assert message.content == 'Not again: [\n  {\n    "text": "x"\n  }\n]'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("user = ", "words.toml is not TOML: Invalid value"),
        ("user = 5", "words.toml: user must be a text, not int"),
        ("[user]\nname = 'x'", "words.toml: user must be a text, not dict"),
        ("usr = 'x'", "no text is called 'usr'; there are: system, user, observation, "),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        load_texts(written(tmp_path, text))


def test_a_file_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    path.write_bytes(b"user = '\xff'")
    with pytest.raises(UsageError, match="words.toml is not TOML: 'utf-8' codec"):
        load_texts(str(path))
    with pytest.raises(
        UsageError,
        match="no texts 'toolbunch': give a TOML file, or one of toolgrove, short, toolbench",
    ):
        load_texts("toolbunch")


def test_a_spec_names_the_file(tmp_path: Path) -> None:
    own = written(tmp_path, 'user = "U"')
    assert make("policies", f"functions:texts={own}").texts["user"] == "U"
    assert make("policies", f"toolllama:{own}").texts["user"] == "U"
