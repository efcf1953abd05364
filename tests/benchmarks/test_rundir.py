"""The run directory: what was written stays, what is torn is owed, and one process writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.judges import Verdict
from toolgrove.benchmarks.rundir import FORMAT, RunDirectory
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import UsageError, run_sync
from toolgrove.core.lines import seal
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.stumble import StumblingModel
from toolgrove.planners import DFSDT

CONFIG = {"identity": {"planners": ["dfsdt"], "seed": 0}}


def trials(n: int = 3) -> Iterator[Trial]:
    for i, task in enumerate(shop_tasks(n)):
        result = run_sync(DFSDT(), task, StumblingModel(0.3), ShopEnv)
        yield Trial.of(Key("shop", task.id, "dfsdt", i), task, i, {"calls": 60}, result)


TRIALS = tuple(trials())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A run of three trials, closed."""
    directory = RunDirectory.create(tmp_path / "run", CONFIG)
    for trial in TRIALS:
        directory.add_trial(trial)
        directory.add_verdict(trial.key, "match", Verdict("passed", "yes"))
    directory.close()
    return tmp_path / "run"


def resumed(path: Path) -> RunDirectory:
    directory = RunDirectory.create(path, CONFIG)
    directory.close()
    return directory


def test_what_was_written_is_there_again(path: Path) -> None:
    directory = RunDirectory(path)
    assert directory.config == {"format": FORMAT, **CONFIG}
    assert list(directory.trials) == [trial.key for trial in TRIALS]
    assert directory.damaged == 0
    for trial in TRIALS:
        assert directory.load(trial.key) == trial and directory.finished(trial.key)
        assert directory.trials[trial.key] == replace(trial, tree_data={})
        assert directory.verdicts["match"][trial.key] == Verdict("passed", "yes")
    with pytest.raises(KeyError):
        directory.load(Key("shop", "nothing", "dfsdt", 0))


def test_trees_stay_on_the_disk(path: Path) -> None:
    directory = RunDirectory.create(path, CONFIG)
    directory.add_trial(TRIALS[0])
    assert not any(trial.tree_data for trial in directory.trials.values())
    assert directory.load(TRIALS[0].key).tree_data == TRIALS[0].tree_data
    directory.close()


@pytest.mark.parametrize("end", ["infra", "cancelled"])
def test_what_broke_is_owed_and_the_last_line_of_a_trial_counts(path: Path, end: str) -> None:
    directory = RunDirectory.create(path, CONFIG)
    key = TRIALS[1].key
    directory.add_trial(replace(TRIALS[1], end=end))
    assert not directory.finished(key) and directory.trials[key].end == end
    directory.close()
    directory = RunDirectory.create(path, CONFIG)
    assert not directory.finished(key) and directory.load(key).end == end
    directory.add_trial(TRIALS[1])
    directory.close()
    assert RunDirectory(path).finished(key) and RunDirectory(path).load(key) == TRIALS[1]


def test_a_torn_tail_is_owed_again_and_never_overwritten(path: Path) -> None:
    file = path / "trials.jsonl"
    whole = file.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for cut in [*range(last + 1, len(whole) - 1, (len(whole) - last) // 6), len(whole) - 2]:
        file.write_bytes(whole[:cut])
        directory = RunDirectory.create(path, CONFIG)
        assert directory.damaged == 1
        assert [directory.finished(trial.key) for trial in TRIALS] == [True, True, False]
        directory.add_trial(TRIALS[2])
        assert directory.load(TRIALS[2].key) == TRIALS[2]
        directory.close()
        assert file.read_bytes() == whole[:cut] + b"\n" + whole[last:]
        assert RunDirectory(path).damaged == 1
        assert [RunDirectory(path).load(trial.key) for trial in TRIALS] == list(TRIALS)


def test_a_line_that_lacks_only_its_end_is_whole(path: Path) -> None:
    file = path / "trials.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert resumed(path).damaged == 0 and resumed(path).finished(TRIALS[2].key)
    assert file.read_bytes() == whole


def test_a_damaged_line_costs_that_trial_only(path: Path) -> None:
    file = path / "trials.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    for i in range(3):
        for changed in (lines[i].replace(b'"calls":60', b'"calls":61'), b"\xff\0\n", b"{}\n"):
            assert changed != lines[i]
            file.write_bytes(b"".join([*lines[:i], changed, *lines[i + 1 :]]))
            directory = resumed(path)
            assert directory.damaged == 1
            found = [directory.finished(trial.key) for trial in TRIALS]
            assert found == [j != i for j in range(3)]
            for j in {0, 1, 2} - {i}:
                assert directory.load(TRIALS[j].key) == TRIALS[j]


def test_a_damaged_verdict_is_given_again(path: Path) -> None:
    file = path / "verdicts.jsonl"
    file.write_bytes(file.read_bytes()[:-9])
    directory = resumed(path)
    assert directory.damaged == 1
    assert set(directory.verdicts["match"]) == {trial.key for trial in TRIALS[:2]}


def test_a_later_verdict_counts_and_judges_do_not_mix(path: Path) -> None:
    directory = RunDirectory.create(path, CONFIG)
    key = TRIALS[0].key
    directory.add_verdict(key, "match", Verdict("failed", "no"))
    directory.add_verdict(key, "answered", Verdict("unjudged"))
    directory.close()
    verdicts = RunDirectory(path).verdicts
    assert verdicts["match"][key] == Verdict("failed", "no")
    assert verdicts["answered"] == {key: Verdict("unjudged")}


# Whose directory it is


@pytest.mark.parametrize(
    ("identity", "says"),
    [
        ({"planners": ["react"], "seed": 0}, "planners was dfsdt, now react"),
        ({"planners": ["dfsdt"], "seed": 1}, "seed was 0, now 1"),
        ({"planners": ["dfsdt"]}, "seed was 0, now not given"),
        ({"planners": ["dfsdt"], "seed": 0, "limit": 3}, "limit was not given, now 3"),
    ],
)
def test_another_run_is_not_mixed_in(path: Path, identity: dict[str, Any], says: str) -> None:
    before = {p: p.read_bytes() for p in path.iterdir() if p.is_file()}
    with pytest.raises(UsageError) as caught:
        RunDirectory.create(path, {"identity": identity})
    assert f"{path} holds another run ({says})" in str(caught.value)
    assert "Give another --out" in str(caught.value)
    assert {p: p.read_bytes() for p in path.iterdir() if p.is_file()} == before


def test_the_changed_one_of_several_suites_is_named(tmp_path: Path) -> None:
    suites = {"a": {"digest": "1"}, "b": {"digest": "2"}}
    RunDirectory.create(tmp_path / "run", {"identity": {"suites": suites}}).close()
    changed = {**suites, "b": {"digest": "3"}}
    with pytest.raises(UsageError, match="what is in b has changed"):
        RunDirectory.create(tmp_path / "run", {"identity": {"suites": changed}})


def test_an_equal_identity_is_the_same_run_whatever_else_changed(path: Path) -> None:
    written = (path / "run.json").read_bytes()
    RunDirectory.create(path, {**CONFIG, "command": ["other"], "git": "1234"}).close()
    assert (path / "run.json").read_bytes() == written


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is no run directory: give another --out"):
        RunDirectory.create(tmp_path, CONFIG)
    with pytest.raises(UsageError, match="exists and is no run directory"):
        RunDirectory.create(tmp_path / "notes.txt", CONFIG)
    with pytest.raises(UsageError, match="is no run directory: it has no run.json"):
        RunDirectory(tmp_path)
    with pytest.raises(UsageError, match="no run directory .*/nowhere"):
        RunDirectory(tmp_path / "nowhere")
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write to .*/file/run: Not a directory"):
        RunDirectory.create(tmp_path / "file" / "run", CONFIG)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "run.json is damaged: Expecting value"),
        ('{"format": 1, "iden', "run.json is damaged"),
        ("[]", "run.json is no run of this version"),
        ('{"format": 99}', r"run.json is no run of this version \(format 1\)"),
    ],
)
def test_a_wrong_run_json_is_named(path: Path, text: str, says: str) -> None:
    (path / "run.json").write_text(text)
    for open_it in (RunDirectory, lambda p: RunDirectory.create(p, CONFIG)):
        with pytest.raises(UsageError, match=says):
            open_it(path)


@pytest.mark.parametrize("left", [[], ["run.json.new"], ["run.json.new", ".lock"]])
def test_a_run_that_was_killed_as_it_began_can_begin_again(tmp_path: Path, left: list[str]) -> None:
    path = tmp_path / "run"
    path.mkdir()
    for name in left:
        (path / name).write_text('{"format": 1, "id')
    RunDirectory.create(path, CONFIG).close()
    assert RunDirectory(path).config["identity"] == CONFIG["identity"]
    assert (path / "journal").is_dir()


# One writer


def test_a_second_writer_is_refused_and_readers_are_not(path: Path) -> None:
    writer = RunDirectory.create(path, CONFIG)
    with pytest.raises(UsageError, match=f"is being written by another process .pid {os.getpid()}"):
        RunDirectory.create(path, CONFIG)
    writer.add_trial(replace(TRIALS[0], answer="new"))
    assert RunDirectory(path).load(TRIALS[0].key).answer == "new"
    writer.close()
    RunDirectory.create(path, CONFIG).close()


def test_the_second_of_two_that_begin_at_once_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    writer = RunDirectory.create(path, CONFIG)
    with pytest.raises(UsageError, match="is being written by another process"):
        RunDirectory.create(path, CONFIG)
    writer.close()


HOLD = """
import sys
from pathlib import Path
from toolgrove.benchmarks.rundir import RunDirectory
directory = RunDirectory.create(Path(sys.argv[1]), {"identity": {"planners": ["dfsdt"], "seed": 0}})
print("held", flush=True)
sys.stdin.read()
"""


def test_the_lock_of_another_process_ends_with_it(path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=rf"another process \(pid {process.pid}\)"):
            RunDirectory.create(path, CONFIG)
        process.send_signal(signal.SIGKILL)
        process.wait()
    RunDirectory.create(path, CONFIG).close()


# What is written whole or not at all


def test_a_summary_replaces_the_one_before(path: Path) -> None:
    directory = RunDirectory.create(path, CONFIG)
    for n in (1, 2):
        directory.write_summary([{"planner": "é", "n": n}])
    directory.close()
    assert json.loads((path / "summary.json").read_text("utf-8"))["runs"][0]["n"] == 2
    assert not (path / "summary.json.new").exists()


def test_lines_are_sealed_and_journals_are_beside_them(path: Path) -> None:
    directory = RunDirectory.create(path, CONFIG)
    key = TRIALS[0].key
    journal = directory.journal(key)
    journal.append({"key": "0:propose:0", "asked": "a", "got": {}, "at": 0.0})
    journal.close()
    directory.close()
    assert (path / "journal" / key.file).is_file()
    first = (path / "trials.jsonl").read_text().splitlines()[0]
    assert first == seal(TRIALS[0].to_json())
    directory.close()  # closing twice does nothing
