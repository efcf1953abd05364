"""Options that ``bench`` and ``sweep`` share: what is run, on what, and where to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Suites = Annotated[
    list[str] | None, typer.Option(metavar="S[,S]", help="Suites of tasks; may be repeated.")
]
ModelSpec = Annotated[str | None, typer.Option(metavar="M", help="The model.")]
EnvSpec = Annotated[str | None, typer.Option(metavar="E", help="The environment.")]
PolicySpec = Annotated[
    str,
    typer.Option(metavar="Y", help="What words the prompts; else what the model learnt from."),
]
EvaluatorSpec = Annotated[str | None, typer.Option(metavar="V", help="What scores nodes.")]
JudgeSpec = Annotated[str | None, typer.Option(metavar="J", help="What decides whether it passed.")]
Faults = Annotated[
    str | None, typer.Option(metavar="F", help="Faults of the environment, as mixed.")
]
Apis = Annotated[
    str,
    typer.Option(metavar="A", help="What tasks offer: given, or retrieve:k=5[,by=R|,index=D]."),
]
Limit = Annotated[int | None, typer.Option(metavar="N", help="First so many tasks of a suite.")]
Trials = Annotated[int, typer.Option(metavar="T", help="Repetitions, each with its own seed.")]
Seed = Annotated[int, typer.Option(metavar="K", help="Seed of the first trial.")]
Caps = Annotated[
    str, typer.Option(metavar="KIND=N,..", help="Caps for each trial: calls=60,tokens=9000.")
]
MatchKind = Annotated[
    str | None, typer.Option(metavar="KIND", help="Equal cost in calls, tokens or usd.")
]
Reference = Annotated[str | None, typer.Option(metavar="P", help="The planner whose cost it is.")]
CacheFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keep replies there, and pay them once.")
]
Concurrency = Annotated[int, typer.Option(metavar="C", help="Trials at once.")]
ExecutorSpec = Annotated[
    str, typer.Option(metavar="X", help="Where trials run: local, ray, ray:address=auto.")
]
Workers = Annotated[int, typer.Option(metavar="W", help="Processes of Ray.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="The run directory.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would run.")]
AsJson = Annotated[bool, typer.Option("--json", help="Rows as JSON lines.")]
