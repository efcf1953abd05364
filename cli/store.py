"""``toolgrove store``: recorded calls moved, checked, saved, and recorded."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import FINISH, UsageError
from .app import app

if TYPE_CHECKING:
    from ..core import Action
    from ..envs.store.world import StoreWorld

store = typer.Typer(help="Stores of recorded calls.", no_args_is_help=True)
app.add_typer(store, name="store")

File = Annotated[Path, typer.Argument(help="The store.", metavar="FILE")]
STEP_SECONDS = 120.0  # for one call of `record`, its tries included
Json = Annotated[bool, typer.Option("--json", help="JSON.")]


@store.command()
def export(
    file: File,
    out: Annotated[Path, typer.Option(help="JSON lines; .gz compresses them.")],
    redact: Annotated[bool, typer.Option(help="Replace what looks like a secret.")] = False,
) -> None:
    """Write a store as canonical JSON lines: the same content gives the same bytes."""
    from ..envs.store.file import Store
    from ..envs.store.transfer import export as write

    if out.resolve() == file.resolve():
        raise UsageError(f"{out} is the store itself: name another file")
    source = Store(file, readonly=True)
    try:
        count = write(source, out, redact=redact)
    finally:
        source.close()
    print(f"{out}" + (f": {count} texts redacted" if redact else ""))


@store.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="An export, a store, or ToolBench's calls.")],
    out: Annotated[Path, typer.Option(help="The store to add them to; made if not there.")],
    as_json: Json = False,
) -> None:
    """Merge an export, another store or recorded calls in ToolBench's form into a store."""
    from ..envs.store.file import Store
    from ..envs.store.toolbench import read_calls
    from ..envs.store.transfer import kind_of, merge, read_export

    if out.resolve() == source.resolve():
        raise UsageError(f"{out} is both the source and the store: name another file")
    kind, notes = kind_of(source), {}
    other = Store(source, readonly=True) if kind == "store" else None
    if other is not None:
        apis, calls = list(other.apis()), other.everything()
    elif kind == "export":
        apis, calls = read_export(source)
    else:
        found = read_calls(source)
        apis, calls = found.apis, iter(found.calls)
        notes = {"rows": found.rows, "finish": found.finish, "not_offered": found.unknown,
                 "broken": found.broken}  # fmt: skip
    into = Store(out)
    try:
        said = merge(calls, apis, into)
    finally:
        into.close()
        if other is not None:
            other.close()
    if as_json:
        print(json.dumps({**asdict(said), **notes}))
        return
    print(f"{out}: {said.new} new calls, {said.changed} changed, {said.same} as they were")
    if notes:
        print(
            f"{notes['rows']} rows taken; left out: {notes['finish']} of Finish, "
            f"{notes['not_offered']} of functions that were not offered"
        )
        if broken := found.broken:
            print(f"arguments that are no JSON object, kept as text: {', '.join(broken[:20])}")


@store.command()
def verify(
    file: File,
    salvage: Annotated[
        Path | None, typer.Option(metavar="NEW", help="Save what can be read to this new file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Hash everything again, follow every reference, look for secrets; exit 1 on a finding."""
    from ..envs.store.salvage import salvage as save
    from ..envs.store.verify import Report
    from ..envs.store.verify import verify as check

    try:
        report = check(file)
    except UsageError as error:
        if salvage is None or not file.is_file():
            raise
        report = Report([str(error)])
    saved = None if salvage is None else save(file, salvage)
    if as_json:
        print(json.dumps({**asdict(report), "salvaged": None if saved is None else asdict(saved)}))
    else:
        by = ", ".join(f"{count} {kind}" for kind, count in report.answers.items())
        print(f"{report.calls} calls; answers: {by or 'none'}")
        for finding in report.findings:
            print(finding)
        if report.more:
            print(f"and {report.more} more")
        if saved is not None:
            print(
                f"saved to {salvage}: {saved.calls} calls, {saved.answers} answers, "
                f"{saved.bodies} bodies; known to be lost: {saved.lost_calls} calls, "
                f"{saved.lost_answers} answers; {saved.damaged} rows whose hash does not fit"
            )
    if not report.sound:
        raise typer.Exit(1)


@store.command()
def misses(
    file: File,
    as_json: Json = False,
    clear: Annotated[bool, typer.Option(help="Begin the list anew.")] = False,
) -> None:
    """List calls that were asked for and are not there, with the nearest that is."""
    from ..envs.store.file import Store
    from ..envs.store.nearest import nearest, shown

    reading = Store(file, readonly=True)
    for call, times, last in reading.misses():
        near = nearest(reading, call)
        if as_json:
            row = {f: getattr(call, f) for f in ("tool", "api", "arguments", "scope")}
            print(json.dumps({**row, "times": times, "last": last, "nearest": near}))
        else:
            print(f"{times}x {shown(call)}: {near}")
    reading.close()
    if clear:
        writing = Store(file)
        writing.forget_misses()
        writing.close()


@store.command()
def record(
    file: File,
    env: Annotated[str, typer.Option(help="The environment that answers.")],
    calls: Annotated[
        Path | None, typer.Option(help="JSON lines of function and arguments.")
    ] = None,
    missing: Annotated[bool, typer.Option("--misses", help="The store's misses.")] = False,
    run: Annotated[
        Path | None, typer.Option(metavar="RUN", help="The calls of a run's trees.")
    ] = None,
    mode: Annotated[str, typer.Option(help="record-missing, refresh, ..")] = "record-missing",
    concurrency: Annotated[int, typer.Option(min=1, help="Calls at once.")] = 8,
) -> None:
    """Make calls in an environment and keep the answers; exit 3 if some could not be kept."""
    if (calls is not None) + missing + (run is not None) != 1:
        raise UsageError(
            "say which calls to record: --misses, --calls FILE.jsonl or --run RUN, one of them"
        )
    made, kept, failed = asyncio.run(_record(file, env, calls, run, mode, concurrency))
    print(f"{made} calls made, {kept} kept, {len(failed)} not recorded")
    for text in failed[:50]:
        print(text)
    if failed:
        raise typer.Exit(3)


def _calls_of(run: Path) -> list[tuple[str, str]]:
    """The calls in the trees of a run, each once: the function, and its arguments as text."""
    from ..benchmarks.rundir import RunDirectory
    from ..core.pool import reached

    directory = RunDirectory(run)
    found: dict[tuple[str, str], None] = {}
    for key in directory.trials:
        for node in directory.load(key).tree.walk():
            if node.action is not None and (node.step is None or reached(node)):
                found[node.action.api, node.action.arguments] = None
    return [call for call in found if call[0] != FINISH]


def _wanted(
    world: StoreWorld, env: str, calls: Path | None, run: Path | None, failed: list[str]
) -> list[Action]:
    """The calls to make; why some cannot be made goes to ``failed``."""
    from ..core import Action
    from ..envs.store.keys import as_given, call_of
    from ..envs.store.nearest import shown

    wanted: list[Action] = []
    by_name = {(call_of(a, {}).tool, call_of(a, {}).api): a.name for a in world.apis}
    if run is not None:
        for called, given in _calls_of(run):
            if world.apis and called not in by_name.values():
                failed.append(f"{called}: {env} has no such function")
            else:
                wanted.append(Action(called, given))
    elif calls is None:
        for call, _, _ in world.store.misses():
            name = by_name.get((call.tool, call.api))
            if name is None or call.scope:
                why = "needs the path that led to it" if name else "has no such function"
                failed.append(f"{shown(call)}: {env} {why}")
            elif "<secret" in call.arguments:
                failed.append(f"{shown(call)}: what was secret in it was not kept")
            else:
                wanted.append(Action(name, json.dumps(as_given(json.loads(call.arguments)))))
    else:
        from ..envs.store.transfer import lines_of

        for number, text in lines_of(calls):
            try:
                row = json.loads(text)
                given = row["arguments"]
                given = given if isinstance(given, str) else json.dumps(given)
                name = str(row["function"])
            except (ValueError, TypeError, KeyError) as error:
                raise UsageError(f"{calls}:{number} is no call: {error!r}") from error
            if world.apis and name not in by_name.values():
                failed.append(f"{name}: {env} has no such function")
            else:
                wanted.append(Action(name, given))
    return wanted


async def _record(
    file: Path, env: str, calls: Path | None, run: Path | None, mode: Any, concurrency: int
) -> tuple[int, int, list[str]]:
    from ..core import Task, ToolError
    from ..core.deadline import within
    from ..core.world import world as open_world
    from ..envs.store.world import PASSING, StoreWorld

    failed: list[str] = []
    if mode == "replay":
        raise UsageError("mode=replay records nothing")
    world = StoreWorld(file, open_world(env), mode, keep="lasting")
    if not world.stateless:
        raise UsageError(
            f"{env} has a state, so what a call gets depends on those before it: run the tasks "
            f"with --env 'store:{file},env=({env}),mode=record-missing'"
        )
    wanted = _wanted(world, env, calls, run, failed)
    limit, kept = asyncio.Semaphore(concurrency), 0

    async def one(action: Action) -> None:
        nonlocal kept
        async with limit:
            episode = world.env()
            try:
                await episode.reset(Task("record", "", world.apis), seed=0)
                step = await within(STEP_SECONDS, episode.step(action))
                status = step.info.status
            except UsageError:
                raise
            except Exception as error:
                kind = error.status if isinstance(error, ToolError) else type(error).__name__
                failed.append(f"{action.api}({action.arguments:.200}): {kind}: {error}")
                return
            finally:
                await episode.close()
            if status in PASSING:
                failed.append(f"{action.api}({action.arguments:.200}): {status}")
            else:
                kept += 1

    try:
        await asyncio.gather(*[one(action) for action in wanted])
    finally:
        await world.close()
    return len(wanted), kept, failed
