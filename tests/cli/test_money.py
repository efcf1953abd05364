"""``toolgrove bench`` and money: what it may cost at most, budgets of dollars, a response cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
SHOP = ("bench", "--suite", "shop:n=2", "--planner", "react")
LOOK = {"calls": [["view_cart", {}]], "tokens": 7, "usd": 0.01}

PRICED = """
from toolgrove.core import Completion


class Priced:
    max_tokens = 100

    def __init__(self, model: str = "mine", usd: float = 0.001, context: int | None = 1000) -> None:
        self.model, self.usd, self.context = model, usd, context
        self.max_batch = 4

    async def complete(self, requests):
        return [Completion("hm", (), 50, 1, self.usd / 2) for _ in requests]

    def bound(self, request):
        words = sum(len((m.content or "").split()) for m in request.messages)
        return words + 100, self.usd
"""


@pytest.fixture
def priced(tmp_path: Path) -> str:
    path = tmp_path / "priced.py"
    path.write_text(PRICED)
    return f"{path}:Priced"


@pytest.fixture
def looking(tmp_path: Path) -> str:
    """A model that looks into the cart, for a cent a look, and never ends."""
    path = tmp_path / "look.json"
    path.write_text(json.dumps({"default": LOOK}))
    return f"scripted:{path}"


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def plan(done: Any) -> dict[str, Any]:
    [said] = rows(done.out)
    assert done.code == 0
    return dict(said)


# What it may cost at most


def test_calls_that_fill_the_window_are_a_loose_bound(toolgrove: Run, priced: str) -> None:
    words = (*SHOP, "--trials", 3, "--model", priced, "--budget", "calls=5", "--dry-run")
    told = plan(toolgrove(*words, "--json"))
    assert told["at_most"] == {"calls": 30, "tokens": 30_000, "usd": 0.03}
    loose = "every call fills the context window (1,000 tokens): loose, as few prompts do"
    assert told["bound"] == loose
    lines = toolgrove(*words).out.splitlines()
    assert "at_most: calls=30, tokens=30000, usd=0.03" in lines and f"bound: {loose}" in lines


def test_caps_on_tokens_and_dollars_are_bounds_themselves(toolgrove: Run, priced: str) -> None:
    budget = "calls=5,tokens=600,usd=0.5"
    told = plan(toolgrove(*SHOP, "--model", priced, "--budget", budget, "--dry-run", "--json"))
    assert told["at_most"] == {"calls": 10, "tokens": 1200, "usd": 0.01}


def test_without_a_cap_on_calls_it_says_how_to_give_one(toolgrove: Run, priced: str) -> None:
    words = (*SHOP, "--model", priced, "--dry-run")
    done = toolgrove(*words)
    assert "at_most: no cap" in done.out
    assert "bound: no cap on calls: give --budget calls=" in done.out
    assert plan(toolgrove(*words, "--json", "--budget", "usd=1"))["at_most"] == {"usd": 2}


def test_what_is_missing_for_a_bound_is_said(toolgrove: Run, priced: str) -> None:
    words = (*SHOP, "--budget", "calls=5", "--dry-run", "--json", "--model")
    told = plan(toolgrove(*words, f"{priced},context=none"))
    assert told["at_most"] == {"calls": 10}
    assert told["bound"] == (
        "calls only: no context window is known for mine: give prices=FILE with its window"
    )
    told = plan(toolgrove(*words, f"{priced},usd=0"))
    assert told["at_most"] == {"calls": 10, "tokens": 10_000, "usd": 0}
    assert "no price is known: dollars count 0; give prices=FILE" in told["bound"]


def test_a_hosted_model_by_the_price_table(
    toolgrove: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    model = "openai:gpt-4o-mini,base_url=http://127.0.0.1:9/v1,calls=tools,max_tokens=1000"
    words = (*SHOP, "--budget", "calls=10", "--dry-run", "--json", "--model")
    most = plan(toolgrove(*words, model))["at_most"]
    # 20 calls of 128,000 tokens: 127,000 at 0.15, 1,000 at 0.60 dollars a million, and a little
    assert 20 * 128_000 <= most["tokens"] < 1.15 * 20 * 128_000
    assert 0.393 <= most["usd"] < 1.15 * 0.393
    wrapped = f"guarded:({model}),context=trim"
    assert plan(toolgrove(*words, wrapped))["at_most"]["tokens"] <= most["tokens"]


# Budgets of dollars


def test_a_budget_of_dollars_ends_a_trial(toolgrove: Run, looking: str) -> None:
    words = (*SHOP, "--model", looking, "--json", "--out", "run", "--budget")
    [row] = rows(toolgrove(*words, "usd=0.05").out)
    assert (row["calls"], row["tokens"], row["usd"]) == (10, 70, pytest.approx(0.10))
    assert row["outcomes"] == {"limit": 2}
    trials = rows(Path("run/trials.jsonl").read_text())
    assert [(t["limit"], t["spent"]["usd"]) for t in trials] == [("usd", 0.05)] * 2


def test_a_bound_keeps_a_budget_of_dollars_from_being_overrun(toolgrove: Run, priced: str) -> None:
    words = (*SHOP, "--model", f"{priced},usd=0.01", "--budget", "usd=0.022", "--json")
    [row] = rows(toolgrove(*words).out)
    assert (row["calls"], row["usd"]) == (6, 0.03)  # a fourth might have cost a cent


def test_a_budget_of_dollars_needs_a_price(toolgrove: Run, priced: str) -> None:
    done = toolgrove(*SHOP, "--model", f"{priced},usd=0", "--budget", "usd=1")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "toolgrove: no price is known for mine, so a budget of dollars would never end: give "
        "prices=FILE (docs/models.md), or a budget of calls or tokens\n"
    )


# The cache


def test_a_run_made_again_is_all_hits(toolgrove: Run, looking: str) -> None:
    words = (*SHOP, "--model", looking, "--cache", "replies.sqlite", "--budget", "calls=6")
    first = toolgrove(*words, "--json", "--out", "a")
    assert "cache replies.sqlite: 0 replies were there, 12 were made\n" in first.err
    again = toolgrove(*words, "--json", "--out", "b")
    assert "12 replies were there ($0.1200 saved), 0 were made\n" in again.err
    [one], [two] = rows(first.out), rows(again.out)
    assert (one["calls"], one["tokens"], one["usd"]) == (12, 84, pytest.approx(0.12))
    assert (two["calls"], two["tokens"], two["usd"]) == (12, 84, 0)
    assert one["outcomes"] == two["outcomes"]


def test_a_cache_in_the_spec_does_not_keep_a_run_from_being_resumed(
    toolgrove: Run, looking: str
) -> None:
    model = f"cache:({looking}),file=replies.sqlite"
    words = (*SHOP, "--model", model, "--budget", "calls=3", "--json", "--out", "run")
    first = toolgrove(*words)
    assert first.code == 0 and Path("replies.sqlite").exists()
    assert toolgrove(*words).out == first.out
    plain = toolgrove(*SHOP, "--model", looking, "--budget", "calls=3", "--out", "r2")
    with_flag = toolgrove(
        *SHOP, "--model", looking, "--budget", "calls=3", "--out", "r2", "--cache", "c.sqlite"
    )
    assert plain.code == with_flag.code == 0  # the flag is no part of what a run is


def test_a_dry_run_makes_no_cache(toolgrove: Run, looking: str) -> None:
    done = toolgrove(*SHOP, "--model", looking, "--cache", "replies.sqlite", "--dry-run")
    assert done.code == 0 and not Path("replies.sqlite").exists()


def test_a_cache_that_is_none_stops_the_run_before_it_costs(toolgrove: Run, looking: str) -> None:
    Path("notes.txt").write_text("not a cache")
    done = toolgrove(*SHOP, "--model", looking, "--cache", "notes.txt", "--out", "run")
    assert done.code == 2 and not Path("run").exists()
    assert "notes.txt is no response cache, or is damaged" in done.err
    assert Path("notes.txt").read_text() == "not a cache"
    nameless = toolgrove("bench", "--suite", "shop:n=2", "--planner", "react", "--model", "replay",
                         "--cache", "replies.sqlite")  # fmt: skip
    assert nameless.code == 2 and "ReplayModel has no `identity`" in nameless.err
