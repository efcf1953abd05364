"""Data sets: what is written is what is read, and a changed one is never taken for whole."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.suites import load_suites
from toolgrove.cli.export_training import export_training
from toolgrove.core import API, UsageError
from toolgrove.training.data_card import card, spread
from toolgrove.training.dataset import Dataset, read_dataset
from toolgrove.training.documents import Document, write_documents
from toolgrove.training.export import Recipe, export_dataset


def bench(path: Path, *, suite: str = "hub:i1-inst", limit: int = 12, **options: Any) -> Path:
    given: dict[str, Any] = {"model": "simulated", "env": "", "judge": "", **options}
    plan = Plan(load_suites(suite), ["dfsdt"], limit=limit, **given)
    parts = Parts.of(plan)
    directory = RunDirectory.create(path, describe(plan, parts))
    asyncio.run(Runner(plan, directory, parts=parts).run())
    directory.close()
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bench(tmp_path_factory.mktemp("runs") / "one", faults="mixed")


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher that has to go back: its run gives preference pairs."""
    return bench(tmp_path_factory.mktemp("runs") / "weak", limit=25, model="simulated:weak")


def made(run: Path, out: Path, **recipe: Any) -> Dataset:
    return export_dataset([run], out, Recipe(parquet=False, **recipe))


@pytest.fixture
def data(run: Path, tmp_path: Path) -> Dataset:
    return made(run, tmp_path / "data")


@pytest.mark.parametrize(
    ("recipe", "keys", "learn"),
    [
        ({}, {"id", "conversations"}, "last"),
        ({"per": "path"}, {"id", "conversations"}, "all"),
        ({"shape": "chat"}, {"id", "messages", "tools"}, "last"),
        ({"shape": "chat", "policy": "text"}, {"id", "messages"}, "last"),
        ({"format": "dpo"}, {"id", "prompt", "chosen", "rejected", "tools"}, "preference"),
        ({"profile": "toolbench"}, {"id", "conversations"}, "last"),
    ],
)
def test_written_and_read(
    recipe: Mapping[str, Any], keys: set[str], learn: str, weak: Path, tmp_path: Path
) -> None:
    data = made(weak, tmp_path / "data", **recipe)
    again = read_dataset(tmp_path / "data")
    rows = list(again)
    assert again == data
    assert len(rows) == len(again) == data.info["statistics"]["rows"] > 0
    assert all(set(row) == keys for row in rows)
    assert again.learn == learn
    digest = sha256(again.file.read_bytes()).hexdigest()
    assert again.fingerprint == digest
    [source] = again.info["sources"]
    assert source["used"] + sum(source["left_out"].values()) == source["planned"] == 25
    assert source["judge"] == "truth"
    assert again.info["policy"]["fingerprint"]
    text = (tmp_path / "data/README.md").read_text()
    assert digest in text
    assert "$" not in text.replace("US$", "")
    assert f"| rows | {len(rows):,} |" in text
    assert card(again.info) == text


def test_the_same_again_is_the_same_and_several_runs_are_one_set(run: Path, tmp_path: Path) -> None:
    first = made(run, tmp_path / "a")
    second = made(run, tmp_path / "b")
    assert first.file.read_bytes() == second.file.read_bytes()
    other = bench(tmp_path / "run", suite="hub:i2-inst")
    both = export_dataset([run, other, run], tmp_path / "c", Recipe(parquet=False))
    alone = made(other, tmp_path / "d")
    assert len(both) == len(first) + len(alone)  # equal rows of the third are left out
    stats = both.info["statistics"]
    assert stats["duplicates"] == len(first) + first.info["statistics"]["duplicates"]
    assert both.file.read_bytes() == first.file.read_bytes() + alone.file.read_bytes()
    assert set(stats["levels"]) == {"I1", "I2"}
    assert [source["run"] for source in both.info["sources"]] == [str(run), str(other), str(run)]


def test_which_messages_are_learnt(run: Path, tmp_path: Path) -> None:
    paths = made(run, tmp_path / "paths", per="path", shape="chat")
    turns = made(run, tmp_path / "turns", shape="chat")
    assert sum(len(turns.learnt(row)) for row in turns) == len(turns)
    for row in turns:
        assert turns.learnt(row) == (len(row["messages"]) - 1,)
    count = 0
    for row in paths:
        for i in paths.learnt(row):
            assert row["messages"][i]["role"] == "assistant"
            count += 1
    assert count == paths.info["statistics"]["learnt_turns"]
    assert (
        count == turns.info["statistics"]["learnt_turns"] + turns.info["statistics"]["duplicates"]
    )
    assert (
        paths.info["statistics"]["characters_a_row"]["total"]
        < (turns.info["statistics"]["characters_a_row"]["total"])
    )


def test_statistics(run: Path, tmp_path: Path) -> None:
    data = made(run, tmp_path / "data", shape="chat", per="path")
    stats = data.info["statistics"]
    rows = list(data)
    assert stats["paths"] == len(rows) + stats["duplicates"] == data.info["sources"][0]["used"]
    lengths = sorted(len(row["messages"]) for row in rows)
    assert stats["messages_a_row"]["max"] == lengths[-1]
    assert stats["messages_a_row"]["total"] == sum(lengths)
    assert stats["messages_a_row"]["p50"] == lengths[(len(lengths) + 1) // 2 - 1]
    turns = [sum(m["role"] == "assistant" for m in row["messages"]) for row in rows]
    assert stats["turns_a_path"]["total"] == sum(turns)
    assert stats["calls"]["Finish"] == len(rows)
    assert list(stats["calls"].values()) == sorted(stats["calls"].values(), reverse=True)
    assert 0 < stats["paths_with_recovery"] < len(rows)
    assert stats["tokens"]["min"] > 100
    assert stats["tokens"]["counter"]
    assert stats["levels"] == {"I1": len(rows)}


@given(st.lists(st.integers(0, 60), min_size=1))
def test_percentiles_are_nearest_ranks(values: list[int]) -> None:
    counts = {value: values.count(value) for value in values}
    told, ordered = spread(counts), sorted(values)
    assert told["total"] == sum(values)
    assert (told["min"], told["max"]) == (ordered[0], ordered[-1])
    for p in (50, 90, 95, 99):
        rank = next(k for k in range(1, len(values) + 1) if 100 * k >= p * len(values))
        assert told[f"p{p}"] == ordered[rank - 1]
    assert spread({}) == {}


@pytest.fixture(scope="module")
def lasting(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return made(run, tmp_path_factory.mktemp("lasting") / "data", per="path")


@settings(max_examples=60)
@given(at=st.integers(0, 10**6), byte=st.integers(1, 255), cut=st.booleans())
def test_any_change_of_the_rows_is_seen(lasting: Dataset, at: int, byte: int, cut: bool) -> None:
    whole = lasting.file.read_bytes()
    at %= len(whole)
    changed = bytes([whole[at] ^ byte]) + whole[at + 1 :]
    lasting.file.write_bytes(whole[:at] + (b"" if cut else changed))
    try:
        with pytest.raises(UsageError, match=r"sft\.jsonl"):
            read_dataset(lasting.folder)
    finally:
        lasting.file.write_bytes(whole)
    assert len(read_dataset(lasting.folder)) == len(lasting)


def test_a_torn_line_is_named(data: Dataset) -> None:
    lines = data.file.read_bytes().splitlines(keepends=True)
    data.file.write_bytes(b"".join([*lines[:4], lines[4][:50]]))
    with pytest.raises(UsageError, match=r"sft\.jsonl:5 is torn"):
        read_dataset(data.folder)
    data.file.write_bytes(b"".join([*lines[:2], b'{"id": "x"}\n', *lines[3:]]))
    with pytest.raises(UsageError, match=r"sft\.jsonl:3 is torn or no row of shape toolllama"):
        read_dataset(data.folder)


def test_rows_that_are_whole_but_others(data: Dataset) -> None:
    lines = data.file.read_bytes().splitlines(keepends=True)
    data.file.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(UsageError, match=f"it has {len(lines) - 1} rows of {len(lines)}, and its"):
        read_dataset(data.folder)
    data.file.unlink()
    with pytest.raises(UsageError, match="cannot read"):
        read_dataset(data.folder)


def test_what_is_no_data_set(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no data set"):
        read_dataset(tmp_path / "nowhere")
    place = data.folder / "data.json"
    info = json.loads(place.read_text())
    for change, told in (
        ({"shape": "alpaca"}, "no rows are called sft of shape alpaca"),
        ({"learn": "first"}, "learnt first"),
        ({"version": 99}, "version 99"),
        ({"rows": None}, "damaged"),
    ):
        place.write_text(json.dumps({**info, **change}))
        with pytest.raises(UsageError, match=told):
            read_dataset(data.folder)
    place.write_text('{"version": 1,')
    with pytest.raises(UsageError, match="damaged"):
        read_dataset(data.folder)
    place.unlink()
    with pytest.raises(UsageError, match=r"no data\.json"):
        read_dataset(data.folder)


def test_an_older_data_set_is_replaced_and_nothing_else_is(
    run: Path, weak: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    made(run, out)
    made(run, out, shape="chat", per="path")
    assert read_dataset(out).shape == "chat"
    made(weak, out, format="dpo")
    assert sorted(p.name for p in out.iterdir()) == ["README.md", "data.json", "dpo.jsonl"]
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds notes\.txt"):
        made(run, out)
    assert read_dataset(out).format == "dpo"


def test_a_run_that_gives_nothing_says_why(tmp_path: Path) -> None:
    run = bench(tmp_path / "run", limit=3, budget={"calls": 1})
    with pytest.raises(
        UsageError, match=r"no row to write: .*run has 3 planned trials \(3 limit\)"
    ):
        made(run, tmp_path / "data")
    assert not list((tmp_path / "data").glob("*"))
    unjudged = bench(tmp_path / "two", limit=3)
    (unjudged / "verdicts.jsonl").write_text("")
    with pytest.raises(UsageError, match=r"3 unjudged\); `toolgrove score"):
        made(unjudged, tmp_path / "data")
    assert len(made(unjudged, tmp_path / "data", keep="all")) > 3
    with pytest.raises(UsageError, match="no run directory"):
        made(tmp_path / "nowhere", tmp_path / "data")


def test_a_torn_run_gives_what_is_whole(run: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    shutil.copytree(run, torn)
    lines = (torn / "trials.jsonl").read_bytes().splitlines(keepends=True)
    lines[3] = lines[3][: len(lines[3]) // 2] + b"\n"
    (torn / "trials.jsonl").write_bytes(b"".join(lines)[:-40])
    data = made(torn, tmp_path / "data", per="path")
    [source] = data.info["sources"]
    assert source["damaged"] == 2
    assert source["left_out"]["missing"] == 2
    assert source["used"] + sum(source["left_out"].values()) == 12
    (torn / "trials.jsonl").write_bytes(b"".join(line[:-9] + b"\n" for line in lines))
    with pytest.raises(UsageError, match=r"12 missing.* and 12 torn lines; the command"):
        made(torn, tmp_path / "data")
    assert read_dataset(tmp_path / "data") == data  # the older one is still there


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({"shape": "alpaca"}, "no shape 'alpaca' for sft; there are: toolllama, chat"),
        ({"format": "dpo", "shape": "toolllama"}, "no shape 'toolllama' for dpo"),
        ({"per": "word"}, "--per 'word'"),
        ({"profile": "toolbench", "shape": "chat"}, "--profile toolbench is --format sft"),
        ({"profile": "toolbench", "policy": "text"}, "no --policy"),
        ({"profile": "mine"}, "--profile 'mine'"),
        ({"most": 0}, "--pairs must be 1"),
        ({"keep": "some"}, "keep='some'"),
        ({"policy": "nope"}, "no policy 'nope'"),
        ({"policy": "functions"}, "no place for function calls"),
    ],
)
def test_wrong_options(recipe: Any, told: str, run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=told):
        made(run, tmp_path / "data", **recipe)
    assert not list((tmp_path / "data").glob("*"))


def test_licences_come_from_a_table_of_documents(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = made(run, tmp_path / "data").info["statistics"]["calls"]
    known = [name for name in calls if name != "Finish"][:2]
    table = tmp_path / "documents.jsonl"
    write_documents([Document(API(name), licence="CC0-1.0") for name in known], table)
    out = tmp_path / "data"
    export_training(
        [run], out, "sft", documents=table, as_json=True, parquet=False, licences=("CC BY | 4.0",)
    )
    info = json.loads(capsys.readouterr().out)
    assert info["statistics"]["licences"] == {"unknown": len(calls) - 3, "CC0-1.0": 2}
    assert "| licences | CC BY \\| 4.0, unknown, CC0-1.0 |" in (out / "README.md").read_text()
    export_training([run], out, "sft", parquet=False, per=None)
    said = capsys.readouterr().out
    assert f"{len(read_dataset(out))} rows from" in said
    assert "of 12 trials used; left out: " in said
    with pytest.raises(UsageError, match="no training format 'csv'"):
        export_training([run], out, "csv")


def test_parquet_holds_the_same(weak: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="no pyarrow: Parquet is an extra")
    recipes: list[dict[str, Any]] = [
        {}, {"per": "path", "shape": "chat"}, {"format": "dpo"}, {"shape": "chat", "policy": "text"}
    ]  # fmt: skip
    for recipe in recipes:
        data = export_dataset([weak], tmp_path / "data", Recipe(**recipe))
        path = data.file.with_suffix(".parquet")
        rows = [_plain(row) for row in parquet.read_table(path).to_pylist()]
        for row in rows:
            if "tools" in row:
                row["tools"] = json.loads(row["tools"])
        assert rows == [_plain(row) for row in data]
        assert data.info["parquet_sha256"] == sha256(path.read_bytes()).hexdigest()


def _plain(value: Any) -> Any:
    """Without what is None: Parquet has every column in every row."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def test_without_pyarrow_parquet_is_a_clear_error(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"toolgrove\[annotate\].*--no-parquet"):
        export_dataset([run], tmp_path / "data", Recipe())
    assert not (tmp_path / "data").exists()
