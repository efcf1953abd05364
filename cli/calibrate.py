"""``toolgrove calibrate``: a page for people to label answers on, then the judge against them."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import UsageError
from .app import app

if TYPE_CHECKING:
    from ..benchmarks.calibration import Calibration, Estimate
    from ..benchmarks.labelling import Labels
    from ..benchmarks.sample import Sample
    from ..benchmarks.scored import ScoredRun

CONTEXT = (
    "for comparison: ToolLLM's authors (arXiv:2307.16789) give for ToolEval 75.8 % agreement with "
    "people, and a variance of 3.47 % for the judge and 3.97 % for people. How these were computed "
    "is not known here: read as a variance of 0/1 decisions they compare with `variance`, read as "
    "the share that changes with `differ`."
)


@app.command()
def calibrate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run directory.")],
    labels: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Labels from the page, a file a person; repeatable."),
    ] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="J", help="Whose verdicts; else the run's own judge's.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(metavar="N", help="Answers on the page; else 100.")
    ] = None,
    repeats: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Of them shown twice; else 0.1.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="K", help="Seed of the draw; else 0.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page; else RUN/calibration/page.html.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON lines.")] = False,
) -> None:
    """Make a page to label answers on, or compare a judge to labels."""
    if not labels:
        _make_page(
            run,
            judge,
            100 if sample is None else sample,
            0.1 if repeats is None else repeats,
            seed or 0,
            out,
            as_json,
        )
        return
    given = {"--sample": sample, "--repeats": repeats, "--seed": seed, "--out": out}
    if wrong := [name for name, value in given.items() if value is not None]:
        raise UsageError(f"{wrong[0]} is for making the page: it does not go with --labels")
    found, scored, drawn, read = _read(run, labels, judge)
    if as_json:
        for record in _records(found, scored, drawn):
            print(json.dumps(record))
    else:
        _print(found, scored, drawn, read)


# The page


def _make_page(
    run: Path,
    judge: str | None,
    size: int,
    repeats: float,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    from ..benchmarks.labelling import page
    from ..benchmarks.sample import FOLDER, draw
    from ..benchmarks.scored import ScoredRun, tasks_of

    scored = ScoredRun(run, judge)
    drawn = draw(scored, size, repeats=repeats, seed=seed, judge=judge)
    folder = run / FOLDER
    name = "sample.json" if out is None else f"sample-{drawn.digest}.json"
    kept, file = folder / name, out or folder / "page.html"
    _check_free(kept, file, drawn)
    text = page(drawn, scored.directory, tasks_of(scored.directory))
    try:
        for path in (kept, file):
            path.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(drawn.to_json(), indent=1) + "\n", "utf-8")
        file.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror or error}") from error
    if as_json:
        told = {
            "kind": "page", "page": str(file), "sample": str(kept), "hash": drawn.digest,
            "answers": len(drawn.answers), "repeats": drawn.repeats, "of": drawn.population,
            "strata": [{**s._asdict(), "name": list(s.name)} for s in drawn.strata],
        }  # fmt: skip
        print(json.dumps(told))
        return
    if drawn.population < size:
        print(f"the run has {drawn.population} judged answers, fewer than {size}: all are shown")
    again = shlex.join(["toolgrove", "calibrate", str(run)])
    more = f" --judge {shlex.quote(judge)}" if judge else ""
    print(
        f"page: {file}\n"
        f"{len(drawn.answers)} of {drawn.population} judged answers, from {len(drawn.strata)} "
        f"strata; {drawn.repeats} of them are shown twice\n"
        f"kept: {kept} (which answers they are: not for those who label)\n"
        f"\nnext:\n"
        f"  1. open the page in a browser, label the answers, and download the labels; a second\n"
        f"     person can do so with a copy of the page\n"
        f"  2. {again} --labels LABELS.json{more}\n"
        f"     (--labels once for each person's file)"
    )


def _check_free(kept: Path, file: Path, drawn: Sample) -> None:
    """See that no other sample's files are there, nor anything else."""
    from ..benchmarks.sample import read_sample

    if kept.exists() and (there := read_sample(kept)).digest != drawn.digest:
        raise UsageError(
            f"{kept} is of another sample ({len(there.answers)} answers, seed {there.seed}), whose "
            f"labels would be lost: give --out FILE for this one, or the same arguments again"
        )
    if file.exists():
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            text = ""
        if f'"sample": "{drawn.digest}"' not in text:
            raise UsageError(f"{file} is there and is not this sample's page: give another --out")


# The labels


def _read(
    run: Path, files: list[Path], judge: str | None
) -> tuple[Calibration, ScoredRun, Sample, list[Labels]]:
    from ..benchmarks.labelling import check_labels, read_labels
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.sample import check_unchanged, find_sample
    from ..benchmarks.scored import ScoredRun

    try:
        from ..benchmarks.calibration import calibrate as compared
    except ModuleNotFoundError as error:
        raise UsageError(
            f"`toolgrove calibrate --labels` needs {error.name}: pip install 'toolgrove[report]'"
        ) from error
    directory = RunDirectory(run)
    read = [read_labels(path) for path in files]
    drawn = find_sample(run, read[0].sample)
    check_labels(read, drawn)
    scored = ScoredRun(directory, judge or drawn.judge)
    check_unchanged(drawn, scored)
    return compared(drawn, scored, read), scored, drawn, read


def _figures(found: Calibration) -> list[tuple[str, Estimate, str]]:
    of = found.agreement
    return [
        ("agreement", of.agreement, "answers on which the judge and people agree"),
        ("kappa", of.kappa, "the same beyond chance (Cohen)"),
        ("sensitivity", of.sensitivity, "of what people pass, passed by the judge"),
        ("specificity", of.specificity, "of what people fail, failed by the judge"),
    ]


def _records(found: Calibration, run: ScoredRun, drawn: Sample) -> Iterator[dict[str, Any]]:
    """One object a line: what was labelled, figures, repeats, rates, the paper's."""
    from ..benchmarks.calibration import PAPER

    of = found.agreement
    yield {
        "kind": "labels",
        "sample": drawn.digest,
        "judges": run.judges,
        "shown": found.shown,
        "labelled": dict(found.labelled),
        "agreement_with": {name: _told(value) for name, value in found.each.items()},
        "answers": len(drawn.answers),
        "left_out": dict(found.left_out),
        "passed_by": {
            "both": of.both, "judge": of.judge_only, "people": of.people_only, "neither": of.neither
        },
    }  # fmt: skip
    for name, estimate, _ in _figures(found):
        yield {"kind": "figure", "name": name, **_told(estimate)}
    for repeat in found.repeats:
        yield {
            "kind": "repeats",
            "of": repeat.of,
            "variance": None if repeat.variance is None else round(repeat.variance, 4),
            **_told(repeat.differ),
        }
    for rate in found.rates:
        yield {
            "kind": "rate",
            "planner": rate.planner,
            "planned": rate.planned,
            "judged": rate.judged,
            "passed": rate.passed,
            "unjudged": rate.unjudged,
            "unknown": rate.unknown,
            "pass_rate": round(rate.rate, 4),
            "corrected": _told(rate.corrected),
        }
    yield {"kind": "paper", "source": "arXiv:2307.16789", **PAPER}


def _told(estimate: Estimate) -> dict[str, Any]:
    ends = (estimate.low, estimate.high)
    return {
        "value": None if estimate.value is None else round(estimate.value, 4),
        "ci95": None if None in ends else [round(end, 4) for end in ends if end is not None],
        "answers": estimate.answers,
        "effective": round(estimate.size, 1),
        "why": estimate.why,
    }


def _print(found: Calibration, run: ScoredRun, drawn: Sample, read: list[Labels]) -> None:
    from ..benchmarks.calibration import SPLIT
    from .tables import simple, stdout

    console = stdout()
    names = ", ".join(dict.fromkeys(run.judges.values()))
    console.print(
        f"judge {names} against {len(read)} {'person' if len(read) == 1 else 'people'}\n",
        soft_wrap=True,
    )
    for rater, count in found.labelled.items():
        own, low_high = _cells(found.each[rater], True)
        console.print(
            f"{_plain(rater)}: {count} of {found.shown} labelled; agrees with the judge on {own} "
            f"[{low_high}]",
            soft_wrap=True,
        )
    for reason, count in found.left_out.items():
        console.print(f"{count} of {len(drawn.answers)} answers left out: {reason}")
    if SPLIT in found.left_out:
        console.print(
            "what follows is of answers on which people agree, where a judge has it easier than on "
            "all: a third person's labels would settle the others"
        )
    of = found.agreement
    counts = simple("answers", "people passed", "people failed")
    counts.add_row("judge passed", str(of.both), str(of.judge_only))
    counts.add_row("judge failed", str(of.people_only), str(of.neither))
    console.print()
    console.print(counts)
    console.print()
    table = simple("", "estimate", "95 %", "answers", "what")
    for name, estimate, what in _figures(found):
        percent = name != "kappa"
        table.add_row(name, *_cells(estimate, percent), str(estimate.answers), what)
    console.print(table)
    console.print(
        f"\nweighted to stand for all {drawn.population} judged answers; intervals: Wilson's, of "
        f"kappa Fleiss, Cohen and Everitt's"
    )
    for name, estimate, _ in _figures(found):
        if estimate.why:
            console.print(f"{name}: {estimate.why}")
    table = simple("decisions by", "differ", "95 %", "variance", "answers")
    for repeat in found.repeats:
        variance = "–" if repeat.variance is None else f"{100 * repeat.variance:.2f} %"
        differ = repeat.differ
        table.add_row(repeat.of, *_cells(differ, True, 2), variance, str(differ.answers))
    console.print()
    console.print(table)
    console.print(
        "\ndiffer: the chance that two decisions on one answer differ, a mean over answers with "
        "two or more (votes of the judge, a person's second look, two persons); variance: of "
        "decisions as 0 and 1 within an answer, which is half of it"
    )
    for repeat in found.repeats:
        if repeat.differ.why:
            console.print(f"{repeat.of}: {repeat.differ.why}")
    console.print(CONTEXT)
    _print_rates(found)
    sys.stdout.flush()


def _print_rates(found: Calibration) -> None:
    from ..benchmarks.labels import labels
    from .tables import broken, simple, stdout

    console = stdout()
    table = simple("pass rate of", "planned", "judged", "unjudged", "by judge", "corrected", "95 %")
    shown = labels(rate.planner for rate in found.rates if rate.planner)
    for rate in found.rates:
        name = broken(shown[rate.planner], 24, ":,") if rate.planner else "all planners"
        table.add_row(
            name, str(rate.planned), str(rate.judged), str(rate.unjudged),
            f"{100 * rate.rate:.1f} %", *_cells(rate.corrected, True),
        )  # fmt: skip
    console.print()
    console.print(table)
    console.print(
        "\ncorrected: what would pass without the judge's errors (Rogan and Gladen 1978; interval "
        "of Lang and Reiczigel 2014), if it errs as often on each planner; over the trials planned"
    )
    for why in dict.fromkeys(r.corrected.why for r in found.rates if r.corrected.why):
        console.print(f"not corrected: {why}")
    total = found.rates[0]
    if total.unjudged or total.unknown:
        console.print(
            f"{total.unjudged} answers unjudged, {total.unknown} trials of which nothing is known: "
            f"counted as not passed, and not corrected"
        )


def _cells(estimate: Estimate, percent: bool, places: int = 1) -> tuple[str, str]:
    """The value and its interval."""

    def said(value: float) -> str:
        return f"{100 * value:.{places}f}" if percent else f"{value:.2f}"

    if estimate.value is None:
        return "–", "–"
    value = said(estimate.value) + (" %" if percent else "")
    if estimate.low is None or estimate.high is None:
        return value, "–"
    return value, f"{said(estimate.low)}–{said(estimate.high)}"


def _plain(text: str) -> str:
    from ..benchmarks.drawing import plain

    return plain(text)
