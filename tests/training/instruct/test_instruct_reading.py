"""Replies: as asked for, as models write them, and nonsense."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.training.instruct.prompts import read_wording
from toolgrove.training.instruct.reading import Item, read_reply

ONE = '{"instruction": "Is it dry in Bergen?", "relevant APIs": [["Sky", "forecast"]]}'
ITEM = Item("Is it dry in Bergen?", (("Sky", "forecast"),))


@pytest.mark.parametrize(
    "reply",
    [
        f"[{ONE}]",
        f"```json\n[{ONE}]\n```\nI hope this helps!",
        f"Here you are:\n[{ONE}]",
        f"<think>[1, 2] or so?</think>\n[{ONE}]",
        f'{{"instructions": [{ONE}]}}',
        ONE,
        "[{'instruction': 'Is it dry in Bergen?', 'relevant APIs': [['Sky', 'forecast']]},]",
        '[{"query": "Is it dry  in\\nBergen?", "related_apis": [["Weather", "Sky", "forecast"]]}]',
        '[{"Instruction": "Is it dry in Bergen?", "relevant_apis": ["Sky", "forecast"]}]',
        '[{"instruction": "Is it dry in Bergen?", "apis": [{"tool": "Sky", "api": "forecast"}]}]',
        f"[{ONE}, {{'instruction': 'Cut off he",
    ],
)
def test_one_instruction_in_many_dresses(reply: str) -> None:
    assert read_reply(reply).items == [ITEM]


def test_what_is_malformed_is_counted() -> None:
    reply = json.dumps(
        [
            json.loads(ONE),
            "text",
            {"relevant APIs": [["a", "b"]]},
            {"instruction": " ", "relevant APIs": [["a", "b"]]},
            {"instruction": "Hm?"},
            {"instruction": "Hm?", "relevant APIs": [["a", 3]]},
            json.loads(ONE),
        ]
    )
    read = read_reply(reply, most=1)
    assert read.items == [ITEM]
    assert read.malformed == {
        "not_an_object": 1, "no_instruction": 2, "no_relevant": 1, "bad_relevant": 1, "surplus": 1,
    }  # fmt: skip


@pytest.mark.parametrize("reply", ["", "Certainly!", "[[[[", "{}", "[]", "null", "3", "[" * 30_000])
def test_nonsense_has_no_items(reply: str) -> None:
    assert read_reply(reply).items == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["instruction", "relevant APIs", "tool", "api", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.text(max_size=200) | JSON.map(json.dumps))
def test_reading_never_raises(reply: str) -> None:
    for item in read_reply(reply).items:
        assert item.instruction.strip() and item.pairs
        item.instruction.encode()


def test_the_pools_have_the_papers_sizes_and_every_example_is_sound() -> None:
    wording = read_wording()
    assert (len(wording.single), len(wording.several)) == (12, 36)
    for pool, several in ((wording.single, False), (wording.several, True)):
        assert len({seed.instruction for seed in pool}) == len(pool)
        for seed in pool:
            assert set(seed.relevant) <= set(seed.offered)
            assert (len({tool for tool, _ in seed.offered}) > 1) == several
            assert (len({tool for tool, _ in seed.relevant}) > 1) == several
