"""ToolBench's and StableToolBench's scoring of their result files, beside the corrected figure.

Upstream's figures are given as upstream makes them (toolbench/tooleval/eval_pass_rate.py and
eval_preference.py of both; pass_rate.py of 2023-07; fac_eval.py). The corrected figure has the
queries planned below the line, half a point for a tie, and nothing for what is not judged; how far
it may be off for that is told by its bounds. What differs is named: see :data:`QUIRKS`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from ...core import UsageError
from ..statistics import wilson
from .files import Judged, Preferred, read_json, read_pass_rates, read_preferences, read_table
from .quirks import QUIRKS, Quirk

__all__ = ["QUIRKS", "Compat", "Figure", "Quirk", "fac_parse", "fac_rate", "finish_2023_07"]
__all__ += ["pass_rate", "scored_files", "solve_rate", "win_rate"]


Compat = Literal["toolbench", "stabletoolbench"]


@dataclass(frozen=True)
class Figure:
    """One figure, both ways.

    Attributes:
        name: ``pass_rate``, ``solve_rate``, ``win_rate`` or ``fac``.
        upstream: as upstream has it, from 0 to 1; None where it has none (no queries).
        corrected: over the planned.
        ci95: Wilson's interval of it.
        bounds: of the corrected, were all that is unjudged failed, and were it passed.
        planned, judged: queries.
        quirks: names of those that changed the figure, or that were seen at work.
        std: of StableToolBench's solve rate over its votes; None elsewhere.
    """

    name: str
    upstream: float | None
    corrected: float
    ci95: tuple[float, float]
    bounds: tuple[float, float]
    planned: int
    judged: int
    quirks: tuple[str, ...]
    std: float | None = None


class _Worth(NamedTuple):
    """What one query counts: the least, and the most it could; judged or not."""

    least: float
    most: float
    judged: bool = True


_UNJUDGED = _Worth(0.0, 1.0, False)


def _figure(
    name: str,
    upstream: float | None,
    worth: Mapping[str, _Worth],
    planned: Collection[str],
    quirks: Iterable[str],
    std: float | None = None,
) -> Figure:
    ids = set(planned)
    counted = [worth.get(number, _UNJUDGED) for number in ids]
    names = list(quirks)
    if ids != set(worth):
        names.append("judged_denominator")
    n = len(ids)
    least, most = (math.fsum(w[i] for w in counted) for i in (0, 1))
    return Figure(
        name,
        upstream,
        least / n if n else 0.0,
        wilson(least, n),
        (least / n, most / n) if n else (0.0, 1.0),
        n,
        sum(w.judged for w in counted),
        tuple(q for q in QUIRKS if q in names),
        std,
    )


def pass_rate(
    results: Mapping[str, Judged],
    compat: Compat,
    planned: Collection[str] | None = None,
    votes: int | None = None,
) -> Figure:
    """The pass rate of a file's counts of votes.

    Args:
        results: the file.
        compat: whose rule for ties.
        planned: ids of the queries planned; by default those in the file.
        votes: asked of each query; by default as many as the query with most has.

    Raises:
        UsageError: a query has no counts.
    """
    counts: dict[str, tuple[int, int]] = {}
    for number, judged in results.items():
        if judged.passed is None or judged.failed is None:
            raise UsageError(
                f"query {number} has no passed and failed counts: the file is StableToolBench's "
                "(use --compat stabletoolbench, which gives the solve rate)"
            )
        counts[number] = (judged.passed, judged.failed)
    asked = votes or max((p + f for p, f in counts.values()), default=0)
    score = 0.0
    worth: dict[str, _Worth] = {}
    quirks: set[str] = set()
    for number, (passed, failed) in counts.items():
        judged = results[number]
        tied = passed == failed
        if tied:
            quirks.add("tie_coin" if compat == "toolbench" else "tie_passes")
        score += (0.5 if compat == "toolbench" else 1.0) if tied else float(passed > failed)
        last = judged.status or _last(judged.votes)
        if judged.fields.get("reason") == "No answer":
            quirks.add("no_finish_fails")
        if passed + failed < asked:
            quirks.add("partial_votes")
            worth[number] = _UNJUDGED
        elif passed and judged.solvable == "Unsolvable" and last != "Solved":
            quirks.add("unsolvable_passes")
            worth[number] = _Worth(0.0, 1.0)
        else:
            value = 0.5 if tied else float(passed > failed)
            worth[number] = _Worth(value, value)
    upstream = score / len(counts) if counts else None
    ids = results if planned is None else planned
    return _figure("pass_rate", upstream, worth, ids, quirks)


def _last(votes: Mapping[int, str]) -> str:
    return list(votes.values())[-1] if votes else ""


_VALUE = {"Solved": 1.0, "Unsure": 0.5, "Unsolved": 0.0}


def solve_rate(
    results: Mapping[str, Judged],
    planned: Collection[str] | None = None,
    votes: int | None = None,
) -> Figure:
    """StableToolBench's solvable pass rate: the mean over votes of Solved 1, Unsure 1/2.

    Arguments as of :func:`pass_rate`. Upstream prints it in per cent, with the standard deviation
    over votes (population), which says how steady the judge is and nothing of the queries.
    """
    asked = votes or max((max(j.votes, default=-1) + 1 for j in results.values()), default=0)
    by_vote = [0.0] * asked
    worth: dict[str, _Worth] = {}
    quirks: set[str] = set()
    for number, judged in results.items():
        known = {k: _VALUE[v] for k, v in judged.votes.items() if 0 <= k < asked}
        for k, value in known.items():
            by_vote[k] += value
        if len(known) == asked and asked:
            mean = math.fsum(known.values()) / asked
            worth[number] = _Worth(mean, mean)
        else:
            quirks |= {"missing_vote_is_zero", "partial_votes"}
            worth[number] = _UNJUDGED
        if "'name': 'Finish'" not in str(judged.fields.get("final_step", "'name': 'Finish'")):
            quirks.add("no_finish_fails")
    upstream, std = None, None
    if results and asked:
        scores = [score / len(results) for score in by_vote]
        upstream = math.fsum(scores) / asked
        std = math.sqrt(math.fsum((s - upstream) ** 2 for s in scores) / asked)
    ids = results if planned is None else planned
    return _figure("solve_rate", upstream, worth, ids, quirks, std)


def win_rate(
    preferences: Mapping[str, Preferred],
    models: tuple[str, str],
    planned: Collection[str] | None = None,
    votes: int | None = None,
) -> Figure:
    """The second model's rate of wins over the first; both upstreams score it alike.

    Args:
        preferences: the file.
        models: the reference and the model compared with it.
        planned: ids of the queries planned; by default those in the file.
        votes: rounds asked of each query; by default as many as any query has.
    """
    reference, output = models
    asked = votes or max((max(p.rounds, default=-1) + 1 for p in preferences.values()), default=0)
    wins = 0
    worth: dict[str, _Worth] = {}
    quirks: set[str] = {"one_order"} if preferences else set()
    for number, preferred in preferences.items():
        ahead = preferred.wins[output] - preferred.wins[reference]
        wins += ahead > 0
        if sum(preferred.rounds.values()) < max(asked, 1):
            quirks.add("missing_answer_loses" if any(preferred.wins.values()) else "partial_votes")
            worth[number] = _UNJUDGED
            continue
        if not ahead:
            quirks.add("ties_are_no_wins")
        value = 0.5 if not ahead else float(ahead > 0)
        worth[number] = _Worth(value, value)
    upstream = wins / len(preferences) if preferences else None
    ids = preferences if planned is None else planned
    return _figure("win_rate", upstream, worth, ids, quirks)


APOLOGIES: Final = ("sorry", "apologize", "apology", "unfortunately", "couldn't")


def finish_2023_07(answer: Mapping[str, Any]) -> bool:
    """Whether a raw answer file passed in July 2023: a candidate's Finish without an apology.

    The words are looked for in the whole Action Input of each of ``compare_candidates``, so an
    answer that quotes one of them fails, and one good candidate is enough.

    Raises:
        UsageError: it is no answer file.
    """
    try:
        inputs = [str(chain[-1]["description"]).lower() for chain in answer["compare_candidates"]]
    except (KeyError, TypeError, IndexError) as error:
        raise UsageError(f"no ToolBench answer: its compare_candidates: {error!r}") from error
    return any(not any(word in text for word in APOLOGIES) for text in inputs)


def fac_parse(text: str) -> int:
    """FAC's reading of a reply: 0 with "unsolved" in it, 1 with "solved", else 0."""
    low = text.lower()
    return int("solved" in low and "unsolved" not in low)


def fac_rate(
    replies: Mapping[str, str],
    labels: Mapping[str, str],
    planned: Collection[str] | None = None,
) -> Figure:
    """FAC's success rate.

    Args:
        replies: the judge's text by query; upstream's rows (it puts a made-up Unsolved where the
            final answer is empty).
        labels: what :func:`.labels.parse_status` reads in each; "" is unjudged.
        planned: ids of the queries planned; by default those with a reply.
    """
    worth: dict[str, _Worth] = {}
    quirks: set[str] = set()
    passed = 0
    for number, text in replies.items():
        passed += fac_parse(text)
        label = labels.get(number, "")
        value = float(label == "Solved")
        worth[number] = _Worth(value, value) if label in ("Solved", "Unsolved") else _UNJUDGED
        if worth[number] != _Worth(float(fac_parse(text)), float(fac_parse(text))):
            quirks.add("fac_default")
    upstream = passed / len(replies) if replies else None
    ids = replies if planned is None else planned
    return _figure("fac", upstream, worth, ids, quirks)


_SET = re.compile(r"(G[123]_(?:instruction|category|tool))_(.+)")


class _Result(NamedTuple):
    path: Path
    test_set: str
    model: str
    kind: Literal["pass", "preference"]


def scored_files(
    path: Path,
    compat: str,
    *,
    planned: Mapping[str, Collection[str]] | None = None,
    votes: int | None = None,
) -> list[dict[str, Any]]:
    """Figures of a result file, or of every result file below a folder.

    A table stands in only where its JSON is missing. Where nothing is planned, a test set's
    queries are those that any of its files has, which cannot know what all of them lack.

    Args:
        path: a file, ``pass_rate_results``, ``preference_results`` or a folder above them.
        compat: ``toolbench`` or ``stabletoolbench``.
        planned: query ids by test set (as ``test_query_ids``); a model without a file for a test
            set that others have gets a row of nothing judged.
        votes: asked of each query.

    Returns:
        A row a figure: ``file, test_set, model, figure, upstream, corrected, ci95, bounds, n,
        judged, quirks, std, planned_by``; rates from 0 to 1.

    Raises:
        UsageError: nothing there, a torn or a foreign file, no such ``compat``.
    """
    if compat not in ("toolbench", "stabletoolbench"):
        raise UsageError(f"no scoring {compat!r}: toolbench or stabletoolbench")
    rule: Compat = "toolbench" if compat == "toolbench" else "stabletoolbench"
    found = _results(path)
    passes = {r: read_pass_rates(r.path) for r in found if r.kind == "pass"}
    pairs = {r: read_preferences(r.path) for r in found if r.kind == "preference"}
    seen: dict[str, set[str]] = {}
    for result, judged in passes.items():
        seen.setdefault(result.test_set, set()).update(judged)
    for result, (_, preferences) in pairs.items():
        seen.setdefault(result.test_set, set()).update(preferences)
    rows: list[dict[str, Any]] = []

    def add(result: _Result, figures: Sequence[Figure]) -> None:
        by = "given" if planned is not None and result.test_set in planned else "files"
        rows.extend(_row(result, figure, by) for figure in figures)

    def plan(test_set: str) -> Collection[str]:
        return (planned or {}).get(test_set, seen.get(test_set, ()))

    for result, judged in passes.items():
        ids = plan(result.test_set)
        try:
            add(result, _figures(judged, rule, ids, votes))
        except UsageError as error:
            raise UsageError(f"{result.path}: {error}") from error
    have = {(r.test_set, r.model) for r in passes}
    for model in dict.fromkeys(r.model for r in passes):
        for test_set in planned or ():
            if (test_set, model) not in have:
                name = "pass_rate" if rule == "toolbench" else "solve_rate"
                empty = _figure(name, None, {}, plan(test_set), ())
                add(_Result(Path(), test_set, model, "pass"), [empty])
    for result, (models, preferences) in pairs.items():
        figure = win_rate(preferences, models, plan(result.test_set), votes)
        add(result._replace(model=f"{models[1]} over {models[0]}"), [figure])
    return rows


def _figures(
    judged: Mapping[str, Judged], compat: Compat, ids: Collection[str], votes: int | None
) -> list[Figure]:
    figures = []
    counted = [j for j in judged.values() if j.passed is not None]
    voted = [j for j in judged.values() if j.votes]
    if counted or compat == "toolbench" or not voted:
        figures.append(pass_rate(judged, compat, ids, votes))
    if compat == "stabletoolbench" and voted:
        figures.append(solve_rate(judged, ids, votes))
    return figures


def _row(result: _Result, figure: Figure, by: str) -> dict[str, Any]:
    return {
        "file": "" if result.path == Path() else str(result.path),
        "test_set": result.test_set,
        "model": result.model,
        "figure": figure.name,
        "upstream": figure.upstream,
        "corrected": figure.corrected,
        "ci95": list(figure.ci95),
        "bounds": list(figure.bounds),
        "n": figure.planned,
        "judged": figure.judged,
        "quirks": list(figure.quirks),
        "std": figure.std,
        "planned_by": by,
    }


def _results(path: Path) -> list[_Result]:
    """The result files of a path; other JSON below a folder is passed over."""
    if path.is_file():
        result = _result(path)
        if result is None:
            raise UsageError(f"{path} is neither a pass-rate file nor a preference file")
        return [result]
    if not path.is_dir():
        raise UsageError(f"no file or folder {path}")
    files = sorted(path.rglob("*.json"))
    named = {file.with_suffix("") for file in files}
    files += [f for f in sorted(path.rglob("*.csv")) if f.with_suffix("") not in named]
    found = [r for f in files if f.is_file() and (r := _result(f)) is not None]
    if not found:
        raise UsageError(f"{path} holds no pass-rate and no preference files")
    return found


def _result(path: Path) -> _Result | None:
    kind: Literal["pass", "preference"]
    if path.suffix == ".csv":
        columns = read_table(path).columns
        if "preference_label" in columns:
            kind = "preference"
        elif "is_solved" in columns:
            kind = "pass"
        else:
            return None
    else:
        first = next(iter(read_json(path).values()), None)
        if not isinstance(first, Mapping):
            return None
        if "is_solved" in first:
            kind = "pass"
        elif any(name.startswith("round_") for name in first):
            kind = "preference"
        else:
            return None
    stem, model = path.stem, path.parent.name
    if kind == "pass" and stem.endswith(f"_{model}"):
        return _Result(path, stem.removesuffix(f"_{model}"), model, kind)
    if match := _SET.fullmatch(stem):
        return _Result(path, match[1], match[2], kind)
    return _Result(path, stem, "", kind)
