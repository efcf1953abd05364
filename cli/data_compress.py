"""``toolgrove data compress``: which keys of each API's responses are worth keeping."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from ..core import UsageError, make
from .data import data

if TYPE_CHECKING:
    from ..benchmarks.runner import Runner
    from ..training.compress import Compressor

EVERY = 5.0  # seconds between lines that say how far it is


@data.command("compress")
def compress(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="What `data collect` wrote.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The keep-file: NAME.json.")],
    model: Annotated[
        str | None, typer.Option(metavar="M", help="The teacher; without one, rules choose.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=32, help="Tokens that a response may have.")
    ] = 2048,
    every: Annotated[
        bool, typer.Option("--all", help="Also APIs whose examples are within the limit.")
    ] = False,
    check: Annotated[
        str | None, typer.Option(metavar="S[,S]", help="Suites whose answers must survive.")
    ] = None,
    env: Annotated[
        str | None, typer.Option(metavar="E", help="Where they are solved; else the suite's own.")
    ] = None,
    counter: Annotated[str, typer.Option(help="Of tokens: auto, cl100k or estimate.")] = "auto",
    attempts: Annotated[
        int, typer.Option(metavar="N", min=1, help="Replies asked for, until one can be used.")
    ] = 3,
    concurrency: Annotated[int, typer.Option(metavar="C", min=1, help="Requests at once.")] = 4,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds for one request.")] = 120.0,
    prompts: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Texts in place of the built-in ones.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep replies there, and pay them once.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Choose the keys worth keeping of each API's responses; the same command resumes."""
    from ..envs.observations import counter as counter_of
    from ..training.compress import Compressor, claim
    from ..training.compress_prompt import Prompts, subjects
    from ..training.compress_report import checked, examples_of, saved
    from ..training.compress_rules import Takers
    from ..training.documents import read_documents
    from ..training.writing import write_json

    if out.suffix != ".json":
        raise UsageError(f"--out {out}: a keep-file's name ends in .json, for `trimmed` to read it")
    if cache is not None and model is None:
        raise UsageError("--cache keeps a teacher's replies: name one with --model")
    if counter not in ("auto", "cl100k", "estimate"):
        raise UsageError(f"--counter {counter!r}: it is auto, cl100k or estimate")
    name = cast(Literal["auto", "cl100k", "estimate"], counter)
    try:
        _, count = counter_of(name)
    except LookupError as error:
        raise UsageError(str(error)) from None
    documents = read_documents(table)
    known = _suites(check, env)  # before anything is paid
    found, left = subjects(documents, limit, count, every=every)
    with claim(out, documents):
        err, begun, last = sys.stderr, time.monotonic(), time.monotonic()

        def told() -> None:
            nonlocal last
            if time.monotonic() - last > EVERY:
                last = time.monotonic()
                print(f"{len(work.owed)} of {len(found)} APIs to go", file=err)

        work = Compressor(
            found, Takers(documents), out, _teacher(model, cache), count,
            prompts=Prompts(prompts), attempts=attempts, concurrency=concurrency, timeout=timeout,
            told=told,
        )  # fmt: skip
        asyncio.run(_run(work))
        write_json(out, work.keep())
        report: dict[str, Any] = {"out": str(out), "table": str(table), **work.report()}
        report["left_out"] = dict(left)
        report["tokens_of_examples"] = saved(examples_of(documents), out, limit, name)
        if known is not None:
            tasks, world = known
            report["facts"] = asyncio.run(
                checked(tasks, world, limit, out, work.by_rules(), name)
            )  # fmt: skip
        report["seconds"] = round(time.monotonic() - begun, 3)
        write_json(out.with_name(out.name + ".report.json"), report)
    if as_json:
        print(json.dumps(report))
    else:
        _print(report, out)
    if report["owed"]:
        raise typer.Exit(3)


def _teacher(spec: str | None, cache: Path | None) -> Any:
    if spec is None:
        return None
    from ..models.cache import Cached

    model = make("models", spec)
    return model if cache is None else Cached(model, cache)


def _suites(check: str | None, env: str | None) -> Any:
    """The tasks to check with, and their world; None without any."""
    if check is None:
        if env is not None:
            raise UsageError("--env is where the tasks of --check are solved: name a suite, too")
        return None
    from ..benchmarks.suites import load_suites
    from ..core.world import world
    from ..training.compress_facts import solved_tasks

    suites = load_suites(check)
    tasks = solved_tasks(task for suite in suites for task in suite.tasks)
    where = env or next((suite.env for suite in suites if suite.env), "")
    if not where:
        raise UsageError(f"--check {check}: the suite names no environment; say --env")
    return tasks, world(where)


async def _run(work: Compressor) -> None:
    from .stopping import STOPPED, interruptible

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    try:
        with interruptible(cast("Runner", work), say):  # it only asks for `paused`
            await work.run()
    except asyncio.CancelledError:
        say(STOPPED)


def _print(report: Mapping[str, Any], out: Path) -> None:
    from .tables import simple, stdout

    console = stdout()

    def line(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False)

    by = ", ".join(f"{count} by {who}" for who, count in report["by"].items())
    left = ", ".join(f"{count} {why}" for why, count in report["left_out"].items())
    line(f"{out}: keys of {report['apis']} APIs: {by or 'none has to be shortened'}")
    line(f"left out: {left or 'none'}")
    if report["teacher"] is not None:
        line(
            f"{report['replies']} replies, {report['asked_now']} of them now: {report['nonsense']} "
            f"nonsense, {report['invented']} keys invented; {report['tokens']} tokens, "
            f"${report['usd']:.4f}"
        )
    for name in report["fallbacks"][:10]:
        line(f"fallback: {name}")
    told = report["tokens_of_examples"]
    line(
        f"{told['examples']} examples, {told['over']} over {told['limit']} tokens "
        f"({told['counter']}): {told['before']} tokens, {told['keys']} with these keys, "
        f"{told['after']} cut as well ({told['cut']} if only cut); {told['still_cut']} still cut"
    )
    if "facts" in report:
        table = simple("observations", "answers kept", "of tasks", "share")
        for name in ("whole", "cut", "rules", "keep"):
            facts = report["facts"][name]
            share = f"{facts['share']:.1%}"
            table.add_row(name, str(facts["kept"]), str(facts["tasks"]), share)
        console.print(table)
    for name, why in list(report["failed"].items())[:5]:
        line(f"failed: {name}: {why}")
    if report["owed"]:
        line(f"{report['owed']} APIs are owed (rules stand in): the same command asks them")
