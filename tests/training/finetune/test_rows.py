"""Rows become the tokens of inference, with a loss on what the assistant says."""

# ruff: noqa: E402 - they skip before they import torch
from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra hf is not installed")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "models" / "hf")]

import parts
import tiny
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.core import API, Message, Prompt, Request, UsageError
from toolgrove.core.finish import API_DOC
from toolgrove.models import chat
from toolgrove.models.hf.model import HFModel
from toolgrove.training.finetune.rows import open_rows, read_row
from toolgrove.training.finetune.tokens import IGNORED, Tokeniser, Tokens, mark_of

CHATML = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.saved(tmp_path_factory.mktemp("tiny"), CHATML)


def tokeniser(folder: Path, format: Any, context: int = 4096, overlong: str = "drop") -> Tokeniser:
    return Tokeniser(HFModel(str(folder), format=format, context=context), [2], context, overlong)


@pytest.mark.parametrize("shape", ["toolllama", "chat"])
@pytest.mark.parametrize("turns", [1, 2, 4])
def test_tokens_are_those_of_inference(folder: Path, shape: Any, turns: int) -> None:
    """For each learnt turn: encode(request), then the reply, then the end, and nothing else."""
    raw = parts.said(3, turns) if shape == "toolllama" else parts.talked(3, turns)
    row = read_row(raw, shape, None, "r")
    made = tokeniser(folder, shape)
    model = HFModel(str(folder), format=shape)
    wanted = []
    for place in row.learnt:
        request = Request(Prompt(row.messages[:place]), row.apis)
        reply = made._format.reply(row.messages[place], request)
        tokens = list(model._tokenizer(reply, add_special_tokens=False)["input_ids"])
        wanted.append((model.encode(request), [*tokens, 2]))
        # What inference reads of these tokens is what the row says.
        content, calls = made._format.read(model._decode(tokens), request)
        assert (content or "") == (row.messages[place].content or "").strip()
        assert [tuple(c) for c in calls] == list(row.messages[place].calls)
    sequences = made.row(row)
    assert len(sequences) == (turns if shape == "toolllama" else 1)
    found = []
    for sequence in sequences:
        assert len(sequence.ids) == len(sequence.labels)
        at = 0
        while at < len(sequence.ids):
            if sequence.labels[at] == IGNORED:
                at += 1
                continue
            to = at
            while to < len(sequence.ids) and sequence.labels[to] != IGNORED:
                assert sequence.labels[to] == sequence.ids[to]
                to += 1
            found.append((list(sequence.ids[:at]), list(sequence.ids[at:to])))
            at = to
    assert found == wanted


def test_the_chat_shape_is_read_back() -> None:
    """Messages as the export writes them come back as the messages of inference."""
    api = API("add", "Adds.", parts.PARAMETERS)
    messages = [
        Message("system", "s"),
        Message("user", "u"),
        Message("assistant", None, (("add", '{"a": 1}'),)),
        Message("tool", "2", (), "add"),
        Message("assistant", "t", (("add", '{"a": 2}'),)),
    ]
    raw = {"id": "x", "messages": chat.messages(messages), "tools": chat.tools([api])}
    row = read_row(raw, "chat", None, "x")
    assert row.messages == messages and row.apis == (api,) and row.learnt == (2, 4)


def test_weight_0_is_history(folder: Path) -> None:
    raw = parts.talked(1, 3)
    raw["messages"][2]["weight"] = 0
    row = read_row(raw, "chat", None, "r")
    assert row.learnt == (4, 6)
    [sequence] = tokeniser(folder, "chat").row(row)
    text = tiny.tokenizer().decode([i for i in sequence.labels if i != IGNORED])
    assert "turn 1" not in text and "turn 2" in text and "turn 3" in text


def test_a_pair_of_a_row_learns_the_last_turn_only(folder: Path) -> None:
    row = read_row(parts.said(2, 3), "toolllama", [6], "r")
    [sequence] = tokeniser(folder, "toolllama").row(row)
    assert (
        sum(label != IGNORED for label in sequence.labels)
        == len('Thought: turn 2.\nAction: add\nAction Input: {"a": 2}') + 1
    )


def test_long_rows_are_dropped_or_cut_and_counted(folder: Path, tmp_path: Path) -> None:
    rows = [parts.talked(n) for n in range(3)]
    rows[1]["messages"][3]["content"] = "x" * 3000
    file = open_rows(parts.written(tmp_path / "r.jsonl", rows))
    dropped = tokeniser(folder, "chat", 1000).all(file)
    assert (dropped.rows, dropped.dropped, dropped.cut, len(dropped.sequences)) == (3, 1, 0, 2)
    assert dropped.longest > 3000
    cut = tokeniser(folder, "chat", 1000, "cut").all(file)
    assert (cut.rows, cut.dropped, cut.cut, len(cut.sequences)) == (3, 0, 1, 3)
    assert max(len(s.ids) for s in cut.sequences) <= 1000
    assert "[cut: " in tiny.tokenizer().decode(cut.sequences[1].ids)
    with pytest.raises(UsageError, match="none of the 3 rows .* fits the context of 50"):
        tokeniser(folder, "chat", 50, "cut").all(file)


def test_only_turns_that_are_too_long_are_lost(folder: Path, tmp_path: Path) -> None:
    """Where each turn is a sequence of its own, the others of the row stay."""
    rows = [parts.said(n, 3) for n in range(3)]
    rows[1]["conversations"][5]["value"] = "x" * 3000  # what the last turn reads
    rows[2]["conversations"][0]["value"] = "x" * 3000  # what all turns read, and nothing may cut
    file = open_rows(parts.written(tmp_path / "r.jsonl", rows))
    made = tokeniser(folder, "toolllama", 1000).all(file)
    assert (made.rows, made.dropped, made.partly, made.cut) == (3, 1, 1, 0)
    assert [s.row for s in made.sequences] == ["t0"] * 3 + ["t1"] * 2
    assert made.tokens == sum(len(s.ids) for s in made.sequences)
    assert made.learnt == sum(i != IGNORED for s in made.sequences for i in s.labels)
    cut = tokeniser(folder, "toolllama", 1000, "cut").all(file)
    assert (cut.rows, cut.dropped, cut.partly, cut.cut) == (3, 1, 0, 1)
    assert [s.row for s in cut.sequences] == ["t0"] * 3 + ["t1"] * 3
    assert cut.sequences[:5] == made.sequences, "turns that fit are left as they were"
    assert max(len(s.ids) for s in cut.sequences) <= 1000


@given(st.lists(st.integers(3, 49_000), min_size=1), st.data())
def test_tokens_keep_their_labels(ids: list[int], data: st.DataObject) -> None:
    learnt = data.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    labels = [i if yes else IGNORED for i, yes in zip(ids, learnt, strict=True)]
    made = Tokens.of(ids, labels, "r")
    assert list(made.ids) == ids and made.labels == labels and made.targets == sum(learnt)
    assert made.ids.itemsize == made.learnt.itemsize == 4
    assert mark_of([made]) == mark_of([Tokens.of(ids, labels, "s")])
    other = [IGNORED if labels[0] != IGNORED else ids[0], *labels[1:]]
    assert mark_of([made]) != mark_of([Tokens.of(ids, other, "r")])


def test_bad_rows_are_named(tmp_path: Path) -> None:
    good = parts.said(1)
    silent = {"id": "quiet", "conversations": good["conversations"][:2]}
    with pytest.raises(UsageError, match="row 'quiet' has no turn of the assistant's"):
        list(open_rows(parts.written(tmp_path / "a", [good, silent])))
    torn = parts.written(tmp_path / "b", [good, good])
    torn.write_bytes(torn.read_bytes()[:-20])
    with pytest.raises(UsageError, match="b:2 is torn"):
        open_rows(torn)
    with pytest.raises(UsageError, match="c:2 is no row"):
        open_rows(parts.written(tmp_path / "c", [good, parts.talked(1)]))
    (tmp_path / "d").write_text("\n")
    with pytest.raises(UsageError, match="has no rows"):
        open_rows(tmp_path / "d")
    with pytest.raises(UsageError, match="no data set"):
        open_rows(tmp_path / "nowhere")
    odd = replace(open_rows(parts.written(tmp_path / "e", [{"conversations": [{"from": "x"}]}])))
    with pytest.raises(UsageError, match="row 'line 1' is none of shape toolllama"):
        list(odd)


@pytest.mark.parametrize(
    ("calls", "told"),
    [("lines", "area_for_maps(code): Area of a country.\n"), ("brief", "area_for_maps(code)\n")],
)
def test_short_functions_are_told_as_inference_tells_them(
    folder: Path, calls: Any, told: str
) -> None:
    """A row knows no tool of its functions, a benchmark does: the prompts are equal."""
    api = API(
        "area_for_maps",
        "Area of a country. (Tool maps: what maps show.)",
        {"properties": {"code": {"type": "string"}}, "required": ["code"]},
        tool="maps",
    )
    talk = [
        Message("user", "How large is Italy?"),
        Message("assistant", "Look.", ((api.name, '{"code": "IT"}'),)),
    ]
    raw = {"messages": chat.messages(talk), "tools": chat.tools((api, API_DOC))}
    row = read_row(raw, "chat", None, "r")
    model = HFModel(str(folder), calls=calls)
    made = Tokeniser(model, [2], 4096, "drop").row(row)
    prompt = model.encode(Request(Prompt(talk[:1]), (api, API_DOC)))
    assert list(made[0].ids[: len(prompt)]) == prompt
    assert told in model._decode(prompt)
    if calls == "brief":
        reply = list(made[0].ids[len(prompt) :])
        assert model._decode(reply) == 'Look.\narea_for_maps {"code": "IT"}'
