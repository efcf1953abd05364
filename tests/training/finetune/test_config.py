"""Recipes: files and flags, and what is refused."""

from __future__ import annotations

import re
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import UsageError
from toolgrove.training.finetune.config import Recipe, as_toml, differs, recipe

GIVEN = {"base": "b", "data": "d", "out": "o"}


def test_a_written_recipe_is_read_back(tmp_path: Path) -> None:
    made = Recipe('b "x\\', "dä", "o", full=True, lr=1e-7, dropout=0.25, bf16=True, steps=3)
    (tmp_path / "t.toml").write_text(as_toml(made), "utf-8")
    assert recipe(tmp_path / "t.toml", {}) == made


def test_flags_win(tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    file.write_text('base = "x"\nsteps = 9\nlora = {r = 4}\nepochs = 3\nlr = 1')
    made = recipe(file, {**GIVEN, "epochs": 1.0, "lora": "r=2,alpha=3,dropout=0.1"})
    assert (made.base, made.steps, made.epochs, made.lr) == ("b", 0, 1.0, 1.0)
    assert (made.rank, made.alpha, made.dropout) == (2, 3, 0.1)
    made = recipe(file, GIVEN)
    assert (made.rank, made.alpha, made.steps) == (4, 8, 9)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"lrr": 1.0}, "no setting 'lrr'; there are: lora, base"),
        ({"batch": 0}, "batch must be 1 or more, not 0"),
        ({"lr": float("inf")}, "lr must be finite, not inf"),
        ({"batch": "4"}, "batch must be int, not '4'"),
        ({"dropout": 1.0}, "dropout is a share"),
        ({"overlong": "split"}, "overlong must be one of drop, cut"),
        ({"lora": "rank=4"}, r"lora is r=16,alpha=32.*\(rank\?\)"),
        ({"lora": "r=x"}, "r must be a number"),
        ({"lora": "r=4", "full": True}, "exclude each other"),
        ({"rope_from": 2048}, "rope_from needs context"),
        ({"rope_from": 2048, "context": 1024}, "longer one"),
        ({"epochs": 0.0}, "nothing would be learnt"),
        ({"out": None}, "no out: give --out"),
    ],
)
def test_mistakes_are_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        recipe(None, {**GIVEN, **given})


def test_only_what_decides_the_weights_must_agree() -> None:
    one = Recipe("b", "d", "o")
    assert differs(one, Recipe("b", "d", "elsewhere", save_every=7, threads=3)) == []
    assert differs(one, Recipe("b", "d", "o", seed=1)) == ["seed = 0, was 1"]


def test_the_examples_are_recipes() -> None:
    folder = files("toolgrove.training.finetune") / "data"
    found = [f for f in folder.iterdir() if f.name.endswith(".toml")]
    assert len(found) >= 3
    for file in found:
        made = recipe(Path(str(file)), GIVEN)
        assert set(re.findall(r"^(\w+) =", file.read_text("utf-8"), re.M)) <= {
            *asdict(made),
            "lora",
        }


def test_our_own_files_are_found_by_their_names(tmp_path: Path) -> None:
    given = {"base": "b", "data": "d", "out": "o"}
    made = recipe(Path("smollm2-hub.toml"), given)
    assert made.full and made.layers == 15 and made.calls == "brief"
    (tmp_path / "smollm2-hub.toml").write_text("steps = 3\n")
    assert recipe(tmp_path / "smollm2-hub.toml", given).steps == 3
    with pytest.raises(UsageError, match="cannot read nothing.toml"):
        recipe(Path("nothing.toml"), given)
