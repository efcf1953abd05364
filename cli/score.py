"""``toolgrove score``: verdicts again, or by another judge, without running anything again."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import Budget, UsageError
from .app import app
from .bench import parse_budget

if TYPE_CHECKING:
    from ..benchmarks.judges import Verdict
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.scored import ScoredRun
    from ..benchmarks.scoring import Scorer
    from ..benchmarks.trial import Key


@app.command()
def score(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The run directory; with --compat, files.")
    ],
    judge: Annotated[
        str | None, typer.Option(metavar="J", help="The judge; else the run's own.")
    ] = None,
    votes: Annotated[
        int | None, typer.Option(metavar="N", help="Votes on each answer, of a model judge.")
    ] = None,
    budget: Annotated[
        str, typer.Option(metavar="KIND=N,..", help="Caps for all judging: calls=600,usd=2.")
    ] = "",
    concurrency: Annotated[int, typer.Option(metavar="C", help="Trials judged at once.")] = 8,
    compat: Annotated[
        str | None,
        typer.Option(
            metavar="UPSTREAM",
            help="Score result files as toolbench or stabletoolbench do, and corrected.",
        ),
    ] = None,
    test_ids: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="test_query_ids: what was planned, with --compat."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON lines.")] = False,
) -> None:
    """Judge a run's answers; only what is missing is judged."""
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.scored import ScoredRun

    if concurrency < 1:
        raise UsageError("--concurrency must be 1 or more")
    if compat is not None:
        for name, value in (("--judge", judge), ("--budget", budget)):
            if value:
                raise UsageError(f"{name} does not go with --compat: the votes are in the files")
        if votes is not None and votes < 1:
            raise UsageError("--votes must be 1 or more")
        _score_files(run, compat, test_ids, votes, as_json)
        return
    if test_ids is not None:
        raise UsageError("--test-ids goes with --compat")
    caps = parse_budget(budget)
    if wrong := set(caps) - {"calls", "tokens", "usd"}:
        raise UsageError(f"--budget {wrong.pop()}: judging has calls, tokens and usd")
    try:
        directory = RunDirectory(run, write=True)
    except OSError as error:
        raise UsageError(f"cannot write to {run}: {error.strerror or error}") from error
    with closing(directory):
        before = ScoredRun(directory)
        specs = {suite: judge or own for suite, own in before.judges.items()}
        scorers = _scorers(directory, specs, votes, Budget(**caps))
        verdicts, owed = asyncio.run(_score(scorers, before, concurrency))
        rows = _rows(before, verdicts)
        own = judge in (None, directory.config["judge"])
        directory.write_summary(rows, None if own else judge)
        _report(rows, specs, verdicts, before.path, as_json)
    if owed:
        again = shlex.join(["toolgrove", *sys.argv[1:]])
        print(
            f"{owed} verdicts are owed; the same command completes them: {again}", file=sys.stderr
        )
        raise typer.Exit(3)


def _score_files(
    path: Path, compat: str, test_ids: Path | None, votes: int | None, as_json: bool
) -> None:
    """Other people's result files: the figure as upstream has it, and the corrected one."""
    from ..benchmarks.tooleval import QUIRKS, scored_files
    from ..benchmarks.tooleval.files import read_json
    from .tables import simple, stdout

    planned = None
    if test_ids is not None:
        files = sorted(test_ids.glob("*.json")) if test_ids.is_dir() else [test_ids]
        if not files:
            raise UsageError(f"--test-ids {test_ids}: no JSON files in it")
        planned = {file.stem: list(read_json(file)) for file in files}
    rows = scored_files(path, compat, planned=planned, votes=votes)
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    console = stdout()
    table = simple("figure", "n", "judged", "upstream", "corrected", "95 %", "bounds")
    for row in rows:
        (low, high), (least, most) = row["ci95"], row["bounds"]
        model = row["model"].replace(" over ", " over\n")
        what = f"{model}\n  {row['figure'].replace('_', ' ')} on {row['test_set']}"
        table.add_row(
            what, str(row["n"]), str(row["judged"]),
            "" if row["upstream"] is None else f"{100 * row['upstream']:.1f}",
            f"{100 * row['corrected']:.1f}", f"{100 * low:.1f}-{100 * high:.1f}",
            f"{100 * least:.1f}-{100 * most:.1f}",
        )  # fmt: skip
    console.print(table)
    if any(row["planned_by"] == "files" for row in rows):
        told = "n: the queries that any of these files has; --test-ids says what was planned"
        console.print(f"\n{told}", soft_wrap=True)
    for name in dict.fromkeys(name for row in rows for name in row["quirks"]):
        quirk = QUIRKS[name]
        text = f"{name}: {compat}: {quirk.upstream}. Corrected: {quirk.corrected}."
        console.print(text, soft_wrap=True)


def _scorers(
    directory: RunDirectory, specs: dict[str, str], votes: int | None, budget: Budget
) -> dict[str, Scorer]:
    from ..benchmarks.judges import ModelJudge
    from ..benchmarks.scoring import Scorer
    from ..core import make

    made: dict[str, Scorer] = {}
    for spec in set(specs.values()):
        judge = make("judges", spec)
        if not callable(judge):
            raise UsageError(f"{spec!r} is no judge, but a {type(judge).__name__}")
        if votes is not None:
            if not isinstance(judge, ModelJudge):
                raise UsageError(f"--votes: the judge {spec!r} asks no model, so it has no votes")
            if votes < 1:
                raise UsageError("--votes must be 1 or more")
            judge.votes = votes
        seed = int(directory.config["identity"]["seed"])
        made[spec] = Scorer(directory, spec, judge, budget, seed)
    return {suite: made[spec] for suite, spec in specs.items()}


async def _score(
    scorers: dict[str, Scorer], run: ScoredRun, concurrency: int
) -> tuple[dict[Key, Verdict], int]:
    from ..benchmarks.judges import ModelJudge
    from ..benchmarks.scored import tasks_of
    from ..benchmarks.scoring import score_run

    keys = [item.key for item in run.items]
    before = [key for key in keys if scorers[key.suite].owes(key)]
    tasks = tasks_of(run.directory) if before else {}
    found = await score_run(scorers, tasks, keys, concurrency=concurrency)
    incomplete = [
        key
        for key in before
        if not found[key].complete
        and (found[key].votes or isinstance(scorers[key.suite].judge, ModelJudge))
    ]
    return found, len(incomplete)


def _rows(run: ScoredRun, verdicts: dict[Key, Verdict]) -> list[dict[str, Any]]:
    from ..benchmarks.summary import summarise

    return summarise([item.key for item in run.items], run.directory.trials, verdicts)


def _report(
    rows: list[dict[str, Any]],
    specs: dict[str, str],
    verdicts: dict[Key, Verdict],
    path: Path,
    as_json: bool,
) -> None:
    from ..benchmarks.scoring import spent_on
    from .tables import print_summary, stderr, stdout

    if as_json:
        for row in rows:
            print(json.dumps({**row, "judge": specs[row["suite"]]}))
    else:
        console = stdout()
        names = ", ".join(dict.fromkeys(specs.values()))
        console.print(f"pass rate, 95 % interval; judge: {names}\n", soft_wrap=True)
        print_summary(rows, console)
    err, spent = stderr(), spent_on(verdicts)
    if spent["calls"]:
        cost = f", ${spent['usd']:.4f}" if spent["usd"] else ""
        err.print(
            f"judging took {spent['calls']:,} calls, {spent['tokens']:,} tokens{cost}; "
            f"{spent['missing_votes']} votes are missing",
            soft_wrap=True,
        )
    reasons = Counter(v.reason for v in verdicts.values() if v.decision == "unjudged")
    for reason, count in reasons.most_common(3):
        err.print(f"{count} unjudged: {reason}", soft_wrap=True)
    err.print(f"run directory: {path}", soft_wrap=True)
