"""``toolgrove prefer``: win rates, by a model that sees both orders of each pair of answers."""

from __future__ import annotations

import asyncio
import itertools
import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import Budget, UsageError, make
from .app import app
from .bench import parse_budget

if TYPE_CHECKING:
    from ..benchmarks.preference import Preference
    from ..benchmarks.preferring import Pair, Side
    from ..benchmarks.winrate import Bias

Found = dict[tuple[str, str], "list[tuple[Pair, Preference]]"]


@app.command()
def prefer(
    run: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")],
    model: Annotated[str, typer.Option(metavar="M", help="The model that chooses.")],
    planner: Annotated[
        list[str] | None, typer.Option(metavar="P", help="Only this one; may be repeated.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="J", help="Whose verdicts; else the run's own judge's.")
    ] = None,
    votes: Annotated[
        int, typer.Option(metavar="N", help="Rounds on each pair, of two looks each.")
    ] = 1,
    prompts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Texts instead of ours.")
    ] = None,
    budget: Annotated[
        str, typer.Option(metavar="KIND=N,..", help="Caps for all new looks: calls=600,usd=2.")
    ] = "",
    concurrency: Annotated[int, typer.Option(metavar="C", help="Pairs at once.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON lines.")] = False,
) -> None:
    """Say how often one planner's answer is preferred to another's.

    An answer that passed is better than one that failed, and any answer than none; the model is
    asked about the others, in both orders. What it said is kept in the first side's run directory.
    """
    from ..benchmarks.preference import PairJudge
    from ..benchmarks.scored import tasks_of

    if concurrency < 1:
        raise UsageError("--concurrency must be 1 or more")
    caps = parse_budget(budget)
    if wrong := set(caps) - {"calls", "tokens", "usd"}:
        raise UsageError(f"--budget {wrong.pop()}: looks have calls, tokens and usd")
    try:
        pair_judge = PairJudge(make("models", model), votes, prompts)
    except ValueError as error:
        raise UsageError(f"--votes: {error}") from error
    sides = _sides(run, judge, planner or ())
    tasks = {k: v for side in sides for k, v in tasks_of(side.run.directory).items()}
    shared = Budget(**caps)
    found: Found = {}

    async def all_pairs() -> None:
        from ..benchmarks.preferring import Preferring

        for first, second in itertools.combinations(sides, 2):
            one = Preferring(first, second, model, pair_judge, shared)
            told = await one.prefer(tasks, concurrency=concurrency)
            found[first.name, second.name] = told

    asyncio.run(all_pairs())
    owed = _report(found, as_json)
    if owed:
        again = shlex.join(["toolgrove", *sys.argv[1:]])
        print(f"{owed} pairs are owed; the same command completes them: {again}", file=sys.stderr)
        raise typer.Exit(3)


def _sides(
    paths: list[Path], judge: str | None, planners: tuple[str, ...] | list[str]
) -> list[Side]:
    from ..benchmarks.preferring import Side
    from ..benchmarks.scored import ScoredRun

    runs = [ScoredRun(path, judge) for path in paths]
    sides = [
        Side(run, planner)
        for run in runs
        for planner in run.planners
        if not planners or planner in planners
    ]
    known = {planner for run in runs for planner in run.planners}
    if unknown := [planner for planner in planners if planner not in known]:
        raise UsageError(f"no planner {unknown[0]!r} in these runs; of: {', '.join(sorted(known))}")
    if len(sides) < 2:
        raise UsageError("a preference needs two planners, of one run or of several")
    names = [side.name for side in sides]
    if len(set(names)) < len(names):
        raise UsageError("two of the runs have the same folder name and planner: rename a folder")
    return sides


def _report(found: Found, as_json: bool) -> int:
    """The tables, or JSON lines; how many pairs are still to be looked at."""
    try:
        from ..benchmarks.winrate import WinRate, bradley_terry, length_bias, position_bias
    except ModuleNotFoundError as error:
        raise UsageError(
            f"win rates need {error.name}: pip install 'toolgrove[report]'. What the model said "
            f"is kept"
        ) from error
    from .tables import simple, stdout

    told = {names: [preference.choice for _, preference in each] for names, each in found.items()}
    rates = {
        names: WinRate.of(told[names], [pair.first.key[:2] for pair, _ in each])
        for names, each in found.items()
    }
    looked = [
        (pair, preference)
        for each in found.values()
        for pair, preference in each
        if preference.looks
    ]
    place = position_bias([look for _, preference in looked for look in preference.looks])
    length = length_bias([p.choice for _, p in looked], [pair.lengths for pair, _ in looked])
    sides = list(dict.fromkeys(itertools.chain.from_iterable(found)))
    strengths = bradley_terry(told) if len(sides) > 2 else {}
    if as_json:
        for (first, second), rate in rates.items():
            print(
                json.dumps({"kind": "win_rate", "first": first, "second": second, **asdict(rate)})
            )
        for name, bias in (("position", place), ("length", length)):
            print(json.dumps({"kind": "bias", "of": name, **asdict(bias)}))
        for side, (strength, ci95) in strengths.items():
            row: dict[str, Any] = {"kind": "strength", "side": side, "strength": round(strength, 4)}
            print(json.dumps({**row, "ci95": [round(end, 4) for end in ci95]}))
    else:
        console = stdout()
        table = simple(
            "planner", "against", "pairs", "won", "tied", "lost", "unjudged", "win rate", "p"
        )
        for (first, second), rate in rates.items():
            low, high = rate.ci95
            counts = (rate.planned, rate.wins, rate.ties, rate.losses, rate.unjudged)
            shown = f"{100 * rate.rate:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
            table.add_row(first, second, *map(str, counts), shown, f"{rate.p:.3g}")
        console.print(table)
        console.print("\nwin rate: (won + tied / 2) / pairs, 95 % interval; p: exact sign test")
        console.print(
            f"the answer that stood first was preferred in {_words(place)}", soft_wrap=True
        )
        console.print(f"the longer answer was preferred in {_words(length)}", soft_wrap=True)
        if strengths:
            console.print("\nBradley-Terry strengths, log odds, mean 0, 95 % interval:")
            for side, (strength, ends) in sorted(strengths.items(), key=lambda each: -each[1][0]):
                console.print(f"  {strength:+.2f} [{ends[0]:+.2f}, {ends[1]:+.2f}]  {side}")
    owed = [p for each in found.values() for _, p in each if p.choice == "unjudged" and p.looks]
    return len(owed)


def _words(bias: Bias) -> str:
    if not bias.n:
        return "none of 0 looks"
    low, high = bias.ci95
    return (
        f"{100 * bias.share:.0f} % [{100 * low:.0f}, {100 * high:.0f}] of {bias.n} "
        f"(50 % is no bias; p = {bias.p:.2g})"
    )
