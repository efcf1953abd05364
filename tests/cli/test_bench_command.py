"""``toolgrove bench``: what it runs, what it says, how it exits, and how it takes mistakes."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.fingerprints import digests

Run = Callable[..., Any]
SHOP = ("bench", "--suite", "shop:n=4")
REACT = (*SHOP, "--planner", "react")

COUNTING = """
from pathlib import Path

from toolgrove.models.stumble import StumblingModel


class Counting(StumblingModel):
    def __init__(self, log: Path) -> None:
        super().__init__()
        self.log = log

    async def complete(self, requests):
        with self.log.open("a") as file:
            file.write("call\\n" * len(requests))
        return await super().complete(requests)


class Broken:
    async def complete(self, requests):
        raise OSError("no network")


class NoJudge:
    pass
"""
CHAIN = """
from dataclasses import dataclass

from toolgrove.core import Planner


@dataclass(frozen=True)
class Chain(Planner):
    steps: int = 3

    async def plan(self, s):
        node = s.root
        while not node.done and node.depth < self.steps:
            [node] = await s.expand(node)
        return node
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    path = tmp_path / "models.py"
    path.write_text(COUNTING)
    return path


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def said(text: str) -> str:
    """The one line of a mistake."""
    [line] = text.splitlines()
    assert line.startswith("toolgrove: ")
    return line.removeprefix("toolgrove: ")


# A run, and the same command again


def test_without_options_the_sample_runs_at_equal_cost(toolgrove: Run) -> None:
    done = toolgrove("bench")
    assert done.code == 0
    for name in ("cot", "react", "react@50", "dfsdt", "(reference)", "n = 20", "grown by dfsdt"):
        assert name in done.out
    [run] = Path("runs").iterdir()
    [again] = [line for line in done.out.splitlines() if line.startswith("again: toolgrove ")]
    tree = toolgrove(*again.removeprefix("again: toolgrove ").split())
    assert tree.code == 0 and tree.out in done.out
    told = json.loads((run / "run.json").read_text())["identity"]
    assert (told["match"], told["reference"]) == ("calls", "dfsdt")


def test_the_same_command_runs_nothing_again(toolgrove: Run, models: Path) -> None:
    words = (*REACT, "--planner", "dfsdt", "--model", f"{models}:Counting,log=calls.log")
    first = toolgrove(*words, "--json", "--out", "run")
    made, kept = lines(Path("calls.log")), lines(Path("run/trials.jsonl"))
    assert first.code == 0 and kept == 8
    assert sum(row["calls"] for row in rows(first.out)) == made
    again = toolgrove(*words, "--json", "--out", "run")
    assert (again.code, again.out) == (0, first.out)
    assert (lines(Path("calls.log")), lines(Path("run/trials.jsonl"))) == (made, kept)
    assert "8 of 8 trials are there already" in again.err


def test_the_same_command_finds_its_own_directory(toolgrove: Run) -> None:
    for _ in range(2):
        assert toolgrove(*REACT).code == 0
    assert toolgrove(*REACT, "--seed", 1).code == 0
    assert len(list(Path("runs").iterdir())) == 2


def test_json_is_rows_on_stdout_and_nothing_else(toolgrove: Run) -> None:
    done = toolgrove(*REACT, "--planner", "dfsdt:width=3", "--json", "--out", "run")
    got = rows(done.out)
    assert [(row["planner"], row["suite"], row["planned"]) for row in got] == [
        ("react", "shop:n=4", 4),
        ("dfsdt:width=3", "shop:n=4", 4),
    ]
    assert got == json.loads(Path("run/summary.json").read_text())["runs"]
    assert set(got[0]) == {
        "planner", "suite", "planned", "passed", "pass_rate", "ci95", "size", "outcomes",
        "calls", "tokens", "steps", "usd", "seconds", "provenance", "simulated",
    }  # fmt: skip
    assert got[0]["provenance"] == {"computed": got[0]["steps"]} and got[0]["simulated"] == 0


def test_progress_is_plain_where_there_is_no_terminal(toolgrove: Run) -> None:
    done = toolgrove(*REACT)
    assert done.err == "4 trials to run\n4 of 4 trials\n"


def test_trials_limit_and_seed(toolgrove: Run) -> None:
    words = ("bench", "--suite", "shop", "--planner", "react", "--json")
    [three] = rows(toolgrove(*words, "--limit", 3, "--trials", 2, "--out", "a").out)
    assert three["planned"] == 6
    seeds = [json.loads(line)["seed"] for line in Path("a/trials.jsonl").read_text().splitlines()]
    assert sorted(seeds) == [0, 0, 0, 1, 1, 1]
    [other] = rows(toolgrove(*words, "--limit", 3, "--seed", 1, "--out", "b").out)
    seeds = [json.loads(line)["seed"] for line in Path("b/trials.jsonl").read_text().splitlines()]
    assert seeds == [1, 1, 1] and other["planned"] == 3


def test_a_budget_caps_every_trial(toolgrove: Run) -> None:
    [row] = rows(toolgrove(*REACT, "--budget", "calls=2", "--json").out)
    assert row["outcomes"] == {"limit": 4} and row["calls"] == 8


def test_others_get_what_the_reference_spent(toolgrove: Run) -> None:
    words = ("--planner", "react@50", "--match", "calls", "--reference", "dfsdt")
    done = toolgrove(*SHOP, "--planner", "dfsdt", *words, "--out", "run", "--json")
    assert done.code == 0
    spent = {}
    for line in Path("run/trials.jsonl").read_text().splitlines():
        trial = json.loads(line)
        spent[trial["task"], trial["planner"]] = (trial["spent"]["calls"], trial["budget"])
    for (task, planner), (calls, caps) in spent.items():
        if planner == "react@50":
            assert caps == {"calls": spent[task, "dfsdt"][0]} and calls <= caps["calls"]


# Exit codes


def test_missing_and_broken_trials_exit_with_3(toolgrove: Run, models: Path) -> None:
    done = toolgrove(*REACT, "--model", f"{models}:Broken", "--out", "run")
    assert done.code == 3
    assert done.err.count("no network") == 2  # when it first happened, and in the end
    assert "4 infra, such as shop-000, react: ModelError: Broken.complete raised" in done.err
    assert "4 trials are owed; the same command resumes: toolgrove bench --suite" in done.err
    assert "4 infra" in done.out


def test_below_a_rate_exits_with_4_and_says_which(toolgrove: Run) -> None:
    words = (*SHOP, "--planner", "react", "--planner", "dfsdt", "--fail-under", 1)
    done = toolgrove(*words, "--budget", "calls=2", "--out", "a")
    assert done.code == 4
    assert done.err.count("below --fail-under 1: ") == 2
    assert "below --fail-under 1: react on shop:n=4, 0\n" in done.err
    assert toolgrove(*REACT, "--fail-under", 0).code == 0


def test_a_full_disk_is_said_and_the_run_goes_on_later(toolgrove: Run, tmp_path: Path) -> None:
    def shrink() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    words = [sys.executable, "-m", "toolgrove", *REACT, "--planner", "dfsdt", "--json"]
    words += ["--out", "run", "--concurrency", "1"]
    full = subprocess.run(words, cwd=tmp_path, preexec_fn=shrink, capture_output=True, text=True)
    assert full.returncode == 3 and "Traceback" not in full.stderr
    assert "toolgrove: [Errno " in full.stderr and "the same command resumes run" in full.stderr
    done = toolgrove(*REACT, "--planner", "dfsdt", "--json", "--out", "run")
    whole = toolgrove(*REACT, "--planner", "dfsdt", "--json", "--out", "other")
    assert done.code == 0
    assert [{**row, "seconds": 0} for row in rows(done.out)] == [
        {**row, "seconds": 0} for row in rows(whole.out)
    ]


# Mistakes


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--suite shpo", "no suite 'shpo' (did you mean 'shop'?); there are: "),
        ("--planner raect", "no planner 'raect' (did you mean 'react'?); there are: "),
        ("--planner dfsdt:widht=3", "planner 'dfsdt' has no parameter 'widht' (did you mean 'wid"),
        ("--planner dfsdt:width=x", "width='x' in 'dfsdt:width=x': expected int"),
        ("--env shpo", "no env 'shpo' (did you mean 'shop'?); there are: "),
        ("--model stumbel", "no model 'stumbel' (did you mean 'stumble'?); there are: "),
        ("--judge mtach", "no judge 'mtach' (did you mean 'match'?); there are: "),
        ("--policy function", "no policy 'function' (did you mean 'functions'?); there are: "),
        ("--evaluator x", "no evaluator 'x'"),
        ("--planner react", "planner 'react' is given twice"),
        ("--suite shop,shop", "suite 'shop' is given twice"),
        ("--planner dfsdt --env shop:fork=never", "'dfsdt' branches, and environment 'shop:fork"),
        ("--match call --reference react", "--match 'call': expected calls, tokens or usd"),
        ("--match calls", "--match and --reference go together"),
        ("--reference react", "--match and --reference go together"),
        ("--match usd --reference cot", "--reference 'cot' is none of the planners: react"),
        ("--budget call=3", "--budget 'call=3': expected one of calls, tokens, usd, steps, nodes"),
        ("--budget calls", "--budget 'calls': '' is no number"),
        ("--budget calls=x", "--budget 'calls=x': 'x' is no number"),
        ("--budget calls=-1", "--budget 'calls=-1': the cap must be 0 or more"),
        ("--budget calls=nan", "the cap must be 0 or more"),
        ("--budget calls=1.5", "--budget 'calls=1.5': the cap must be a whole number"),
        ("--budget calls=1,calls=2", "--budget 'calls=1,calls=2': calls is given twice"),
        ("--limit 0", "--trials and --limit must be 1 or more"),
        ("--trials 0", "--trials and --limit must be 1 or more"),
        ("--concurrency 0", "--concurrency must be 1 or more"),
        ("--fail-under 90", "--fail-under 90: a rate is from 0 to 1, as 0.8"),
        ("--suite nope.jsonl", "no file nope.jsonl"),
        ("--suite toolbench:nope", "no file or folder nope"),
        ("--model models.py:NoJudge", "no model, but a NoJudge, which has no 'complete'"),
        ("--env models.py:NoJudge", "'models.py:NoJudge' is no ToolEnv, but a NoJudge"),
        ("--judge models.py:NoJudge", "is no judge, but a NoJudge, which has no '__call__'"),
        ("--policy models.py:NoJudge", "is no policy, but a NoJudge, which has no 'start'"),
        ("--planner models.py:NoJudge", "'models.py:NoJudge' is no Planner, but a NoJudge"),
        ("--suite models.py:NoJudge", "'models.py:NoJudge' did not give a Suite, but NoJudge"),
        ("--planner models.py:Other", "models.py has no 'Other'; there are: Counting, Broken"),
        ("--out /dev/null/run", "cannot write to /dev/null/run: Not a directory"),
        ("--out models.py", "models.py exists and is no run directory: give another --out"),
        ("--out .", ". exists and is no run directory: give another --out"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_exit_code_2(
    toolgrove: Run, models: Path, words: str, says: str
) -> None:
    given = words.split()
    base = [] if "--suite" in given else ["--suite", "shop:n=1"]
    done = toolgrove("bench", *base, "--planner", "react", *given)
    assert (done.code, done.out) == (2, "")
    assert says in said(done.err)
    assert not Path("runs").exists()


@pytest.mark.parametrize("words", ["--suit shop", "--limit x", "--suite"])
def test_what_is_no_command_line_is_told_so(toolgrove: Run, words: str) -> None:
    done = toolgrove("bench", *words.split())
    assert done.code == 2 and done.out == ""
    assert "Error: " in done.err and "python" not in done.err


def test_another_configuration_in_the_same_directory_is_refused(toolgrove: Run) -> None:
    assert toolgrove(*REACT, "--out", "run").code == 0
    before = Path("run/run.json").read_text()
    for words, says in {
        ("--suite", "shop:n=3", "--planner", "react"): "suites was shop:n=4, now shop:n=3",
        (*REACT[1:], "--planner", "cot"): "planners was react, now react, cot",
        (*REACT[1:], "--budget", "calls=3"): "budget was not given, now calls=3",
        (*REACT[1:], "--model", "stumble:rate=0"): "model was stumble, now stumble:rate=0",
        (*REACT[1:], "--limit", "1"): "limit was not given, now 1",
    }.items():
        done = toolgrove("bench", *words, "--out", "run")
        assert done.code == 2
        text = f"run holds another run ({says}). Give another --out, or the same command to resume"
        assert said(done.err).startswith(text)
    assert Path("run/run.json").read_text() == before
    assert toolgrove(*REACT, "--judge", "answered", "--out", "run").code == 0  # judged again


def test_a_tasks_file_that_changed_is_another_run(toolgrove: Run) -> None:
    file = Path("own.jsonl")
    words = ("bench", "--suite", file, "--planner", "react", "--model", "scripted", "--env", "shop")
    file.write_text('{"id": 1, "instruction": "Go."}\n')
    assert toolgrove(*words, "--out", "run").code == 0
    file.write_text('{"id": 1, "instruction": "Stop."}\n')
    assert "what is in own.jsonl has changed" in said(toolgrove(*words, "--out", "run").err)


def test_files_that_specs_name_are_part_of_what_a_run_is(toolgrove: Run) -> None:
    script = Path("script.json")
    words = (*REACT, "--model", "scripted:script.json", "--out", "run")
    script.write_text('{"default": "Hm."}')
    assert toolgrove(*words).code == 0
    script.write_text('{"default": "Well."}')
    assert "what is in script.json has changed" in said(toolgrove(*words).err)
    specs = ["dfsdt:width=3", "best_of_n:(own.py:Mine,texts=script.json),n=4", "hub", ""]
    Path("own.py").touch()
    assert set(digests(specs)) == {"own.py", "script.json"}


def test_a_directory_that_is_written_is_left_to_its_writer(toolgrove: Run) -> None:
    from toolgrove.benchmarks.rundir import RunDirectory

    assert toolgrove(*REACT, "--out", "run").code == 0
    writer = RunDirectory(Path("run"), write=True)
    done = toolgrove(*REACT, "--out", "run")
    assert done.code == 2 and "run is being written by another process (pid " in said(done.err)
    writer.close()


# What would run


def test_a_dry_run_says_what_would_run_and_runs_nothing(toolgrove: Run) -> None:
    words = (*REACT, "--trials", 3, "--budget", "calls=5", "--out", "run")
    done = toolgrove(*words, "--dry-run")
    assert done.code == 0 and done.err == "" and not Path("run").exists()
    assert done.out.splitlines() == [
        "trials: 12", "finished: 0", "tasks: 4", "suites: shop:n=4", "planners: react",
        "model: stumble", "env: shop", "judge: match", "at_most: calls=60",
        "bound: calls only: stumble has no bound of a call's tokens and dollars", "out: run",
    ]  # fmt: skip
    toolgrove(*words)
    [plan] = rows(toolgrove(*words, "--dry-run", "--json").out)
    assert (plan["trials"], plan["finished"], plan["at_most"]) == (12, 12, {"calls": 60})
    other = toolgrove(*REACT, "--out", "run", "--dry-run")
    assert other.code == 2 and "holds another run" in said(other.err)


# Planners in files


def test_a_planner_in_a_file(toolgrove: Run) -> None:
    Path("own").mkdir()
    Path("own/chain.py").write_text(CHAIN)
    done = toolgrove(*SHOP, "--planner", "own/chain.py:Chain,steps=2", "--json", "--out", "run")
    [row] = rows(done.out)
    assert (done.code, row["planner"], row["calls"]) == (0, "own/chain.py:Chain,steps=2", 8)


def test_a_planner_that_was_edited_does_not_go_on_with_its_old_results(toolgrove: Run) -> None:
    Path("chain.py").write_text(CHAIN)
    words = (*SHOP, "--planner", "chain.py:Chain")
    assert toolgrove(*words, "--out", "run").code == toolgrove(*words).code == 0
    Path("chain.py").write_text(CHAIN + "\n# better\n")
    assert "what is in chain.py has changed" in said(toolgrove(*words, "--out", "run").err)
    assert toolgrove(*words).code == 0  # a directory of its own
    assert len(list(Path("runs").iterdir())) == 2


def test_a_planner_file_with_a_mistake_in_it(toolgrove: Run) -> None:
    Path("broken.py").write_text("class Mine(:\n")
    done = toolgrove(*SHOP, "--planner", "broken.py:Mine")
    assert done.code == 2
    text = said(done.err)
    assert text.startswith("broken.py cannot be loaded: SyntaxError: invalid syntax")
    assert "broken.py, line 1" in text
    Path("broken.py").write_text("import nothing_of_that_name\n")
    assert "ModuleNotFoundError: No module named" in said(
        toolgrove(*SHOP, "--planner", "broken.py:Mine").err
    )


def test_a_planner_that_breaks_spares_the_others(toolgrove: Run) -> None:
    Path("chain.py").write_text(CHAIN.replace("node = s.root\n", "node = 1 / 0\n"))
    done = toolgrove(*REACT, "--planner", "chain.py:Chain", "--json")
    assert done.code == 3 and "ZeroDivisionError: division by zero" in done.err
    assert [row["outcomes"].get("infra", 0) for row in rows(done.out)] == [0, 4]


# Suites


def test_a_suite_that_names_an_unknown_task(toolgrove: Run, shared: Path) -> None:
    queries = shared / "stabletoolbench/solvable_queries/test_instruction/G1_tool.json"
    suite = f"toolbench:{queries},ids=394+1+2"
    done = toolgrove("bench", "--suite", suite, "--planner", "react")
    assert done.code == 2
    assert f"{queries} has no task 1, 2 (2 of the 3 ids named by 394+1+2)" in said(done.err)


def test_a_file_that_is_no_suite_is_told_how_to_be_one(toolgrove: Run, shared: Path) -> None:
    path = shared / "toolbench_example/answer"
    done = toolgrove("bench", "--suite", path, "--planner", "react")
    assert said(done.err).endswith(f"is no suite: for ToolBench's files write toolbench:{path}")


def test_queries_need_a_model_and_an_environment(toolgrove: Run, shared: Path) -> None:
    queries = shared / "stabletoolbench/solvable_queries/test_instruction/G1_tool.json"
    words = ["bench", "--suite", f"shop,toolbench:{queries}", "--planner", "react"]
    assert said(toolgrove(*words).err).startswith(f"--model is needed for toolbench:{queries}: see")
    words += ["--model", "stumble"]
    assert said(toolgrove(*words).err).startswith(f"--env is needed for toolbench:{queries}: see")


def test_each_suite_brings_its_own_model_environment_and_judge(
    toolgrove: Run, shared: Path
) -> None:
    traces = f"toolbench:{shared}/toolbench_example/answer"
    words = ("bench", "--suite", f"shop:n=4,{traces}", "--planner", "dfsdt:profile=toolbench")
    done = toolgrove(*words, "--out", "both", "--json")
    both = {row["suite"]: {**row, "seconds": 0} for row in rows(done.out)}
    alone: dict[str, dict[str, Any]] = {}
    for i, suite in enumerate(("shop:n=4", traces)):
        out = toolgrove("bench", "--suite", suite, *words[3:], "--out", i, "--json").out
        alone |= {row["suite"]: {**row, "seconds": 0} for row in rows(out)}
    assert both == alone and both[traces]["passed"] == 5
    told = json.loads(Path("both/run.json").read_text())
    assert told["identity"]["env"] == {"shop:n=4": "shop", traces: "replay"}
    assert told["judge"] == {"shop:n=4": "match", traces: "answered"}
    table = toolgrove(*words, "--out", "both")
    assert table.code == 0 and "judge: match (shop:n=4), answered (toolbench:" in table.out
    assert "2 env_miss, such as " in table.err


def test_one_judge_for_all_where_one_is_given(toolgrove: Run, shared: Path) -> None:
    traces = f"toolbench:{shared}/toolbench_example/answer"
    words = ("bench", "--suite", f"shop:n=2,{traces}", "--planner", "dfsdt:profile=toolbench")
    got = rows(toolgrove(*words, "--judge", "match", "--json").out)
    assert [row["outcomes"].get("unjudged", 0) for row in got] == [0, 5]


@pytest.mark.parametrize(
    ("run", "spec", "passed", "planned"),
    [
        ("chatgpt_i2_cat_cot_18", "react:profile=toolbench,max_steps=18", 29, 63),
        ("toolllama_i3_inst_cot_18", "react:profile=toolbench,max_steps=18", 26, 71),
    ],
)
def test_real_traces_pass_as_they_did(
    toolgrove: Run, shared: Path, run: str, spec: str, passed: int, planned: int
) -> None:
    suite = f"toolbench:{shared}/tooldec_traces/output/{run}"
    [row] = rows(toolgrove("bench", "--suite", suite, "--planner", spec, "--json").out)
    assert (row["passed"], row["planned"]) == (passed, planned)


def test_signals_are_handed_back(toolgrove: Run) -> None:
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in watched]
    toolgrove(*REACT)
    assert [signal.getsignal(number) for number in watched] == before
