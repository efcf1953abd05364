"""``toolgrove data annotate``: solution paths by search, and training data of them."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import UsageError
from .bench import given_or_own, parse_budget
from .data import data

if TYPE_CHECKING:
    from ..benchmarks.runner import Runner
    from ..training.annotate import Meter
    from ..training.export import Recipe

FORMATS = ("sft", "dpo")


@data.command()
def annotate(
    suite: Annotated[list[str], typer.Option(metavar="S[,S]", help="Suites of tasks.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where run and data sets go.")],
    planner: Annotated[
        list[str] | None, typer.Option(metavar="P", help="What searches; may be repeated.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="M", help="The teacher.")] = None,
    env: Annotated[str | None, typer.Option(metavar="E", help="The environment.")] = None,
    policy: Annotated[
        str,
        typer.Option(metavar="Y", help="What words the prompts; else what the teacher learnt."),
    ] = "",
    evaluator: Annotated[str | None, typer.Option(metavar="V", help="What scores nodes.")] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="J", help="What decides which paths are kept.")
    ] = None,
    faults: Annotated[
        str | None, typer.Option(metavar="F", help="Faults of the environment, as mixed.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="First so many tasks of a suite.")
    ] = None,
    trials: Annotated[int, typer.Option(metavar="T", help="Searches of each task.")] = 1,
    seed: Annotated[int, typer.Option(metavar="K", help="Seed of the first search.")] = 0,
    budget: Annotated[
        str, typer.Option(metavar="KIND=N,..", help="Caps for each search: calls=60,usd=0.2.")
    ] = "",
    total: Annotated[
        str, typer.Option(metavar="KIND=N,..", help="Caps for the whole run: usd=20,calls=5000.")
    ] = "",
    wanted: Annotated[
        int | None, typer.Option(metavar="N", help="Stop when so many paths were found.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep replies there, and pay them once.")
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="C", help="Searches at once.")] = 8,
    executor: Annotated[
        str, typer.Option(metavar="X", help="Where searches run: local, ray, ray:address=auto.")
    ] = "local",
    workers: Annotated[int, typer.Option(metavar="W", help="Processes of Ray.")] = 2,
    format: Annotated[str, typer.Option(metavar="F[,F]", help="Data sets: sft, dpo.")] = "sft,dpo",
    shape: Annotated[str, typer.Option(help="Of sft rows: toolllama or chat.")] = "toolllama",
    words: Annotated[
        str, typer.Option(metavar="Y", help="What words the rows; else what belongs to the shape.")
    ] = "",
    per: Annotated[str, typer.Option(help="A row a turn, or a path.")] = "turn",
    offer: Annotated[
        str, typer.Option(metavar="A-B", help="Functions that a row offers; else all.")
    ] = "",
    parquet: Annotated[bool, typer.Option(help="Write Parquet, too (needs pyarrow).")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="The report as a JSON line.")] = False,
) -> None:
    """Search for solution paths and keep what a judge passes; the same command resumes."""
    from ..benchmarks.executors import executor as executor_of
    from ..benchmarks.plan import Parts, Plan, describe
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.runner import Runner
    from ..benchmarks.suites import load_suites
    from ..training.annotate import Meter, failures, places, report
    from ..training.writing import write_lines

    formats = [each for each in format.split(",") if each]
    if bad := next((each for each in formats if each not in FORMATS), None):
        raise UsageError(f"--format {bad!r}: expected {', '.join(FORMATS)}")
    if not formats:
        raise UsageError("--format names no data set: sft, dpo, or both")
    if concurrency < 1:
        raise UsageError("--concurrency must be 1 or more")
    place = places(out)
    recipes = _recipes(formats, place, shape, words, per=per, offer=offer, parquet=parquet)
    suites = [s for text in suite for s in load_suites(text)]
    plan = Plan(
        suites=suites,
        planners=planner or ["dfsdt"],
        model=given_or_own(model, "model", suites),
        env=given_or_own(env, "env", suites),
        judge=given_or_own(judge, "judge", suites),
        policy=policy,
        evaluator=evaluator,
        trials=trials,
        seed=seed,
        limit=limit,
        budget=parse_budget(budget),
        faults=faults,
        cache=cache,
    )
    parts = Parts.of(plan)
    where = executor_of(executor, plan, workers)
    directory = RunDirectory.create(place["run"], describe(plan, parts))
    try:
        with closing(directory):
            runner = Runner(plan, directory, parts=parts, executor=where)
            meter = Meter(parse_budget(total), wanted, lambda: setattr(runner, "paused", True))
            judges = {suite.name: plan.spec("judge", suite) for suite in suites}
            meter.carry(directory, judges.__getitem__)
            directory.heard = meter.effect
            asyncio.run(_annotate(runner, meter, concurrency))
            failed = list(failures(directory, plan.keys(), judges.__getitem__))
            write_lines(place["failures"], failed)
            told = report(directory, plan.keys(), judges.__getitem__, failed, meter)
            write_lines(place["report"], [told])
    except BrokenPipeError:
        raise
    except OSError as error:  # a full disk, or workers that cannot live
        print(f"toolgrove: {error}; the same command resumes {out}", file=sys.stderr)
        raise typer.Exit(3) from error
    if told["solved"]:
        told["data"] = _export(recipes, place)
    if as_json:
        print(json.dumps(told))
    else:
        _say(told, place)
    if told["owed"] and meter.reached != "wanted":
        again = shlex.join(["toolgrove", *sys.argv[1:]])
        more = f", with a higher --total {meter.reached}=" if meter.reached else ""
        print(f"{told['owed']} searches are owed; the same command resumes{more}: {again}",
              file=sys.stderr)  # fmt: skip
        raise typer.Exit(3)
    if not told["solved"]:
        raise UsageError(f"no solution path was found: {place['failures']} says why")


async def _annotate(runner: Runner, meter: Meter, concurrency: int) -> None:
    from ..training.annotate import Metered
    from .progress import Progressing
    from .stopping import STOPPED, interruptible
    from .tables import stderr

    progress = Progressing(stderr())
    try:
        with interruptible(runner, progress.say):
            await runner.run(concurrency=concurrency, observer=Metered(meter, progress))
    except asyncio.CancelledError:
        progress.say(STOPPED)
        raise typer.Exit(3) from None
    finally:
        progress.stop()


def _recipes(
    formats: list[str], place: dict[str, Path], shape: str, words: str, **more: Any
) -> dict[str, Recipe]:
    """How data sets are made; what is wrong with that is told before anything is paid for."""
    from ..core import make
    from ..training.dataset import arrow, check_place
    from ..training.export import Recipe
    from ..training.sft import POLICIES

    made = {"sft": Recipe("sft", shape=shape, policy=words, **more)}
    own = {key: value for key, value in more.items() if key != "per"}  # dpo: worded as the rows are
    made["dpo"] = Recipe("dpo", policy=words or POLICIES[made["sft"].shape], **own)
    if more["parquet"]:
        arrow()
    for name in formats:
        make("policies", made[name].policy)
        check_place(place[name])
    return {name: made[name] for name in formats}


def _export(recipes: dict[str, Recipe], place: dict[str, Path]) -> dict[str, int]:
    """Make the data sets; a format that the paths give no row of is left out, and said."""
    from ..training.export import NoRows, export_dataset

    made: dict[str, int] = {}
    for name, recipe in recipes.items():
        try:
            made[name] = len(export_dataset([place["run"]], place[name], recipe))
        except NoRows as error:
            print(f"no {name} rows: {error}", file=sys.stderr)
    return made


def _say(told: dict[str, Any], place: dict[str, Path]) -> None:
    failed = ", ".join(f"{count} {why}" for why, count in told["failed"].items()) or "none"
    print(f"{told['solved']} of {told['planned']} searches found a solution path")
    print(
        f"failed: {failed}: {place['failures']}" + (f"; owed: {told['owed']}" * (told["owed"] > 0))
    )
    print("spent: " + ", ".join(f"{amount:g} {kind}" for kind, amount in told["spent"].items()))
    for name, rows in told.get("data", {}).items():
        print(f"{name}: {rows} rows: {place[name]}")
    print(f"run directory: {place['run']}")
    if "sft" in told.get("data", {}):
        words = ["toolgrove", "train", "toolllama", "--data", str(place["sft"]), "--base", "MODEL"]
        print(f"next: {shlex.join(words)} --out DIR")
