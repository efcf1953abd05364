"""Prices: what is built in, what a file of one's own changes, and what it must not hold."""

from __future__ import annotations

import tomllib
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from toolgrove.core import UsageError
from toolgrove.models.prices import Price, find, own_file


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def price_file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_every_entry_that_is_built_in_has_its_date_and_source() -> None:
    data = tomllib.loads((files("toolgrove.models") / "data" / "prices.toml").read_text("utf-8"))
    assert len(data) > 5
    for model in data:
        price = find(model)
        assert price is not None and price.model == model
        assert price.date is not None and date(2025, 6, 1) <= price.date
        assert price.source.startswith("https://")
        assert price.window is not None and price.window >= 128_000
        assert 0 < price.input < price.output
        assert price.cached is None or 0 < price.cached < price.input


def test_a_call_by_hand() -> None:
    price = Price("m", input=2.0, output=8.0, cached=0.5)
    assert price.cost(1_000_000, 0) == 2.0
    assert price.cost(0, 1_000_000) == 8.0
    assert price.cost(1000, 100) == pytest.approx(0.0028)
    assert price.cost(1000, 100, cached=800) == pytest.approx(0.0016)
    assert price.cost(1000, 0, cached=5000) == price.cost(1000, 0, cached=1000)
    assert Price("m", 2.0, 8.0).cost(1000, 100, cached=800) == pytest.approx(0.0028)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),  # the first one was dearer
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("gpt-4.1-nano-latest", "gpt-4.1-nano"),
    ],
)
def test_dated_snapshots_are_their_model(asked: str, found: str) -> None:
    price = find(asked)
    assert price is not None and price.model == found


@pytest.mark.parametrize(
    "model",
    ["gpt-4o-audio-preview", "gpt-4.1-2", "gpt-4", "gpt-5-nano-pro", "claude-opus-5-7",
     "openai/gpt-4o", "ft:gpt-4o-mini:me", "", "GPT-4o"],
)  # fmt: skip
def test_another_model_gets_no_price(model: str) -> None:
    assert find(model) is None


def test_a_file_of_ones_own_lies_over_what_is_built_in(tmp_path: Path) -> None:
    assert own_file() == tmp_path / "config" / "toolgrove" / "prices.toml"
    price_file(own_file(), '["gpt-4o"]\ninput = 1\noutput = 2\n[mine]\ninput = 3\noutput = 4.5')
    assert find("gpt-4o") == Price("gpt-4o", 1, 2)
    assert find("mine-2026-01-31") == Price("mine", 3, 4.5)
    assert find("gpt-4o-mini") is not None
    named = price_file(tmp_path / "p.toml", "[mine]\ninput = 0\noutput = 0\nwindow = 8192\n")
    assert find("mine", named) == Price("mine", 0, 0, window=8192)
    assert find("gpt-4o", named) == Price("gpt-4o", 1, 2)
    price_file(named, "[mine]\ninput = 7\noutput = 70\nsource = 'a bill'\ndate = 2026-11-25")
    assert find("mine", named) == Price("mine", 7, 70, None, None, date(2026, 11, 25), "a bill")


def test_home_without_a_config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert own_file() == tmp_path / ".config" / "toolgrove" / "prices.toml"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("m = 3", r'p.toml: m must be a table, as \["m"\], not int'),
        ("[m]\ninput = 1", r'p.toml, \["m"\] lacks output: US dollars per million tokens'),
        ("[m]\noutput = 1", r'p.toml, \["m"\] lacks input'),
        ("[m]\ninput = -1\noutput = 1", "input must be dollars per million tokens, not -1"),
        ("[m]\ninput = nan\noutput = 1", "input must be dollars per million tokens, not nan"),
        ("[m]\ninput = inf\noutput = 1", "input must be dollars per million tokens, not inf"),
        ("[m]\ninput = true\noutput = 1", "input must be dollars per million tokens, not True"),
        ("[m]\ninput = '1'\noutput = 1", "input must be dollars per million tokens, not '1'"),
        ("[m]\ninput = 1\noutput = 1\nwindow = 0", "window must be a number of tokens from 1"),
        ("[m]\ninput = 1\noutput = 1\nwindow = 8e3", "window must be a number of tokens from 1"),
        ("[m]\ninput = 1\noutput = 1\ndate = '2026'", "date must be a day, as 2026-11-25"),
        ("[m]\ninput = 1\noutput = 1\nsource = 5", "source must be a text, not int"),
        ("[m]\ninput = 1\noutput = 1\ncahced = 1", "no field is called 'cahced'; there are: input"),
        ("[gpt-4.1]\ninput = 1\noutput = 1", r'\["gpt-4"\]: 1 is a table; a name with dots is'),
        ("[m", "p.toml is not TOML: "),
    ],
)
def test_what_is_wrong_in_a_file_is_said(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        find("m", price_file(tmp_path / "p.toml", text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the prices .*none.toml: No such file"):
        find("m", tmp_path / "none.toml")
