"""``toolgrove data probe``: call each API of a table, and keep those that pass."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ..core import World
from .data import data

if TYPE_CHECKING:
    from ..benchmarks.runner import Runner
    from ..training.probe import Prober
    from ..training.probe_subjects import Call

EVERY = 5.0  # seconds between lines that say how far it is


@data.command("probe")
def probe(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="What `data collect` wrote.")],
    env: Annotated[str, typer.Option(metavar="E", help="The environment that is called.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where calls and reports are kept.")],
    config: Annotated[
        Path | None, typer.Option(metavar="TOML", help="Limits and thresholds that differ.")
    ] = None,
    calls: Annotated[int | None, typer.Option(metavar="N", help="Calls of each API.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(metavar="C", help="APIs called at once.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="R", help="Calls a second to one host; 0: no limit.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", help="Seconds for one call.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the first N APIs.")
    ] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Also call APIs that change something.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
) -> None:
    """Call each API several times; report and keep those that pass. The same command resumes."""
    from ..core.world import world as open_world
    from ..training.documents import read_documents
    from ..training.probe import Prober, begin
    from ..training.probe_config import read_config
    from ..training.probe_filter import write
    from ..training.probe_subjects import subjects
    from .tables import stderr

    settings = read_config(
        config, per_api=calls, concurrency=concurrency, rate=rate, timeout=timeout
    )
    documents = read_documents(table)[:limit]
    world = open_world(env)
    with begin(out, table, env):
        err, started, last = stderr(), time.monotonic(), time.monotonic()
        done, total = 0, 0

        def told(call: Call) -> None:
            nonlocal done, last
            done += 1
            if time.monotonic() - last > EVERY:
                last = time.monotonic()
                err.print(f"{done} of {total} calls", soft_wrap=True)

        prober = Prober(subjects(documents, world, unsafe=unsafe), world, out, settings, told)
        there = sum(len(subject.calls) for subject in prober.subjects)
        total = prober.owed
        err.print(f"{total} calls to make" + (f", {there} are there" if there else ""))
        try:
            asyncio.run(_run(prober, world, err.print))
        finally:
            summary = write(prober)
    summary["made"], summary["seconds"] = done, round(time.monotonic() - started, 3)
    if as_json:
        print(json.dumps({"out": str(out), **summary}))
    else:
        _print(summary, out)
    if not summary["complete"]:
        raise typer.Exit(3)


async def _run(prober: Prober, world: World, say: Any) -> None:
    from .stopping import STOPPED, interruptible

    try:
        with interruptible(cast("Runner", prober), say):  # it only asks for `paused`
            await prober.run()
    except asyncio.CancelledError:
        say(STOPPED)
    finally:
        await world.close()


def _print(summary: Mapping[str, Any], out: Path) -> None:
    from .tables import simple, stdout

    console = stdout()
    table = simple("stage", "APIs left", "tools left", "dropped")
    for row in summary["stages"]:
        dropped = ", ".join(f"{count} {reason}" for reason, count in row["dropped"].items())
        table.add_row(row["stage"], str(row["apis"]), str(row["tools"]), dropped)
    console.print(table)
    latency = summary["latency"]
    console.print(
        f"{summary['calls']} calls, {summary['made']} of them now in {summary['seconds']:.1f} s; "
        f"latency p50 {latency['p50']:.3g} s, p95 {latency['p95']:.3g} s",
        soft_wrap=True,
    )
    for name in ("statuses", "quality"):
        said = ", ".join(f"{count} {key}" for key, count in summary[name].items())
        console.print(f"{name}: {said or 'none'}", soft_wrap=True)
    for name, why in summary["delayed"].items():
        console.print(f"left for later: {name}: {why}", soft_wrap=True)
    if summary["complete"]:
        console.print(f"{out / 'apis.jsonl'}: the APIs that pass", soft_wrap=True)
    else:
        console.print(f"{summary['owed']} calls are owed: the same command goes on", soft_wrap=True)
