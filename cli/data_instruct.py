"""``toolgrove data instruct``: a teacher writes instructions for sampled APIs."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ..core import Budget, UsageError
from .bench import parse_budget
from .data import data

if TYPE_CHECKING:
    from ..benchmarks.runner import Runner
    from ..training.instruct.generate import Outcome
    from ..training.instruct.held import Held
    from ..training.instruct.pipeline import Pipeline, Wanted
    from ..training.instruct.sampling import Level

EVERY = 5.0  # seconds between lines that say how far it is


@data.command("instruct")
def instruct(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where suites and replies go.")],
    table: Annotated[
        Path | None, typer.Argument(metavar="TABLE", help="What `data collect` wrote.")
    ] = None,
    level: Annotated[
        list[str] | None, typer.Option(metavar="I1[,I2,I3]", help="Levels; may be repeated.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="M", help="The teacher.")] = None,
    source: Annotated[
        str, typer.Option(metavar="S", help="table, or hub: its own tasks, without a teacher.")
    ] = "table",
    calls: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Calls a level; else one for each tool."),
    ] = None,
    tasks: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Tasks a level that pass the filters.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="K", help="Of samples, examples and splits.")] = 0,
    tools: Annotated[
        str, typer.Option(metavar="A-B", help="Tools that a call of I2 or I3 shows.")
    ] = "2-5",
    apis_per_tool: Annotated[
        int, typer.Option(metavar="N", min=1, help="APIs of each of these tools, at most.")
    ] = 3,
    per_call: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="Instructions a call.")
    ] = 10,
    attempts: Annotated[
        int, typer.Option(metavar="N", min=1, help="Replies until one can be read.")
    ] = 3,
    held: Annotated[
        str,
        typer.Option(metavar="H", help="What is held out: an earlier splits.json, or hub."),
    ] = "",
    texts: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Texts of prompts that differ.")
    ] = None,
    seeds: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Seed examples in place of ours.")
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="C", min=1, help="Calls at once.")] = 4,
    budget: Annotated[
        str, typer.Option(metavar="KIND=N,..", help="Caps for the folder: usd=5,calls=200.")
    ] = "",
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds for one reply.")] = 600.0,
    format: Annotated[
        str, typer.Option(metavar="F", help="toolgrove; toolbench writes query files, too.")
    ] = "toolgrove",
    as_json: Annotated[bool, typer.Option("--json", help="The report as a JSON line.")] = False,
) -> None:
    """Ask a teacher for instructions, filter and split them; the same command resumes."""
    from ..training.instruct.output import FORMATS, write_folder

    if format not in FORMATS:
        raise UsageError(f"--format {format!r}: expected {' or '.join(FORMATS)}")
    formats = FORMATS if format == "toolbench" else ("toolgrove",)
    levels = _levels(level)
    if calls is not None and tasks is not None:
        raise UsageError("--calls and --tasks: give one of them")
    if source == "hub":
        from ..training.instruct.hub import hub_held, hub_sets

        if table is not None or model or calls is not None or held or budget or texts or seeds:
            raise UsageError(
                "--source hub takes --tasks, --level and --seed: it has no table, no teacher"
            )
        sets = hub_sets(levels, tasks or 100, seed)
        told: dict[str, Any] = {"teacher": "hub", "complete": True, "stopped": ""}
        with _begun(out, {"source": "hub", "levels": levels, "tasks": tasks, "seed": seed}):
            told["sets"] = write_folder(out, sets, hub_held(), seed, told, (), formats)
        _say(told, out, as_json)
        return
    if source != "table":
        raise UsageError(f"--source {source!r}: expected table or hub")
    if table is None or not model:
        raise UsageError("a teacher needs a table of APIs and a --model; or say --source hub")
    from ..core import make
    from ..models.identity import name_of
    from ..training.documents import read_documents
    from ..training.instruct.generate import Order, Teacher
    from ..training.instruct.pipeline import Pipeline, Wanted, manifest_of
    from ..training.instruct.prompts import read_wording
    from ..training.instruct.sampling import Recipe, Sampler
    from .tables import stderr

    documents = read_documents(table)
    recipe = Recipe(seed, *_range(tools), apis_per_tool)
    keep_out = _held(held, documents, seed)
    sampler = Sampler(documents, recipe, keep_out)
    wording, caps = read_wording(texts, seeds), parse_budget(budget)
    teacher_model = make("models", model)
    order = Order(per_call, seed, attempts, timeout)
    asked = {"per_call": per_call, "attempts": attempts, "wording": wording.fingerprint}
    manifest = manifest_of(table, teacher_model, levels, recipe, keep_out, asked)
    with _begun(out, manifest):
        err, last = stderr(), time.monotonic()
        done = 0

        def heard(outcome: Outcome) -> None:
            nonlocal done, last
            done += 1
            if time.monotonic() - last > EVERY:
                last = time.monotonic()
                err.print(f"{done} calls done", soft_wrap=True)

        teacher = Teacher(teacher_model, wording, order, out, Budget(**caps), heard)
        name = name_of(teacher_model) or type(teacher_model).__name__
        with closing(teacher):
            pipeline = Pipeline(documents, sampler, teacher, name, seed)
            asyncio.run(_run(pipeline, levels, Wanted(calls, tasks), concurrency, err.print))
            told = pipeline.report()
            told["made"] = teacher.made
            told["sets"] = write_folder(
                out, pipeline.sets(), keep_out, seed, pipeline.report(), documents, formats
            )
    _say(told, out, as_json)
    if not told["complete"]:
        _resumes(told)
        raise typer.Exit(3)
    if not told["sets"]:
        raise UsageError(f"no instruction passed the filters: {out / 'report.json'} says why")


async def _run(
    pipeline: Pipeline, levels: list[Level], wanted: Wanted, concurrency: int, say: Any
) -> None:
    from .stopping import STOPPED, interruptible

    teacher = pipeline.teacher
    try:
        with interruptible(cast("Runner", teacher), say):  # it only asks for `paused`
            await pipeline.run(levels, wanted, concurrency)
    except asyncio.CancelledError:
        say(STOPPED)
        raise typer.Exit(3) from None
    finally:
        if (close := getattr(teacher.model, "close", None)) is not None:
            closed = close()
            if asyncio.iscoroutine(closed):
                await closed


def _levels(given: list[str] | None) -> list[Level]:
    from ..training.instruct.sampling import LEVELS

    named = [part.strip().upper() for text in given or ["I1"] for part in text.split(",")]
    if wrong := next((each for each in named if each not in LEVELS), None):
        raise UsageError(f"--level {wrong!r}: expected {', '.join(LEVELS)}")
    return [level for level in LEVELS if level in named]


def _range(text: str) -> tuple[int, int]:
    read = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", text)
    if read is None:
        raise UsageError(f"--tools {text!r}: expected two numbers, as 2-5")
    low, high = int(read[1]), int(read[2] or read[1])
    if not 2 <= low <= high:
        raise UsageError(f"--tools {text!r}: expected at least 2, and the smaller number first")
    return low, high


def _held(text: str, documents: Any, seed: int) -> Held:
    from ..training.instruct.held import Held, choose

    if text == "hub":
        return Held.of_hub([document.api for document in documents])
    return Held.read(Path(text)) if text else choose(documents, seed)


def _begun(out: Path, manifest: dict[str, Any]) -> Any:
    from ..training.instruct.pipeline import begin

    return begin(out, manifest)


def _resumes(told: dict[str, Any]) -> None:
    from ..core.budget import KINDS

    again = shlex.join(["toolgrove", *sys.argv[1:]])
    why, owed = told["stopped"], sum(each["owed"] for each in told["levels"].values())
    more = f", with a higher --budget {why}=" if why in KINDS else ""
    said = f"the budget of {why} is spent" if why in KINDS else why or "some calls failed"
    print(f"{said}: {owed} calls are owed; the same command resumes{more}: {again}",
          file=sys.stderr)  # fmt: skip
    for error, count in list(told["errors"].items())[:3]:
        print(f"{count} times: {error}", file=sys.stderr)


def _say(told: dict[str, Any], out: Path, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"out": str(out), **told}))
        return
    from .tables import simple, stdout

    console = stdout()
    if "levels" in told:
        table = simple("level", "calls", "replies", "instructions", "malformed", "failed", "kept")
        for level, row in told["levels"].items():
            cells = (row["calls"], row["replies"], row["instructions"],
                     sum(row["malformed"].values()), len(row["failed"]), row["kept"])  # fmt: skip
            table.add_row(level, *map(str, cells))
        console.print(table)
        dropped = told["filters"]["dropped"]
        said = ", ".join(f"{count} {name}" for name, count in dropped.items() if count)
        console.print(f"dropped: {said or 'none'}", soft_wrap=True)
        spent = ", ".join(f"{amount:g} {kind}" for kind, amount in told["spent"].items())
        console.print(f"spent: {spent}; {told['made']} calls now", soft_wrap=True)
    for name, count in told["sets"].items():
        console.print(f"{out / name}.jsonl: {count} tasks", soft_wrap=True, markup=False)
