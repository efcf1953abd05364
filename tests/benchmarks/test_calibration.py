"""Samples that stand for all answers, and figures of agreement worked by hand."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks.calibration import (
    Estimate,
    Pair,
    agreement,
    calibrate,
    corrected,
    repeats,
)
from toolgrove.benchmarks.judges.verdict import Verdict, Vote
from toolgrove.benchmarks.labelling import Label, Labels
from toolgrove.benchmarks.sample import Sample, allocated, check_unchanged, draw, judged
from toolgrove.benchmarks.scored import Item, ScoredRun
from toolgrove.benchmarks.statistics import wilson
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.core import UsageError


class Run:
    """As much of a ScoredRun as a calibration reads."""

    def __init__(self, outcomes: dict[tuple[str, str], list[str]], votes: str = "") -> None:
        self.path = Path("run")
        self.planners = list(dict.fromkeys(planner for planner, _ in outcomes))
        self.items = [
            item(planner, suite, number, outcome, votes)
            for (planner, suite), found in outcomes.items()
            for number, outcome in enumerate(found)
        ]

    def __getitem__(self, key: Key) -> Item:
        return next(each for each in self.items if each.key == key)

    def of(self, planner: str) -> list[Item]:
        return [each for each in self.items if each.key.planner == planner]


def item(planner: str, suite: str, number: int, outcome: str, votes: str = "") -> Item:
    """One trial; votes are told as ``ppf``."""
    key = Key(suite, f"t{number}", planner, 0)
    answered = outcome in ("passed", "failed", "unjudged")
    trial = Trial(key, "d", 0, "answered" if answered else outcome, f"a{number}", {}, {})
    value = None if outcome in ("unjudged", "infra") else float(outcome == "passed")
    said = tuple(Vote("passed" if vote == "p" else "failed") for vote in votes)
    verdict = Verdict(outcome, votes=said) if answered else None  # type: ignore[arg-type]
    return Item(key, f"{suite}/{number}", outcome, value, trial, verdict)


def drawn(run: Run, *words: Any, **more: Any) -> Sample:
    return draw(run, *words, **more)  # type: ignore[arg-type]


RUN = {
    ("a", "s1"): ["passed"] * 60 + ["failed"] * 20 + ["gave_up"] * 9,
    ("a", "s2"): ["passed"] * 3 + ["failed"] * 47 + ["unjudged"] * 5,
    ("b", "s1"): ["passed"] * 30 + ["failed"] * 1 + ["infra"],
}


def test_every_stratum_is_there_and_weights_stand_for_all() -> None:
    sample = drawn(Run(RUN), 40)
    sizes = {stratum.name: (stratum.size, stratum.drawn) for stratum in sample.strata}
    assert {name: size for name, (size, _) in sizes.items()} == {
        ("a", "s1", "passed"): 60, ("a", "s1", "failed"): 20, ("a", "s2", "passed"): 3,
        ("a", "s2", "failed"): 47, ("b", "s1", "passed"): 30, ("b", "s1", "failed"): 1,
    }  # fmt: skip
    assert all(count >= 1 for _, count in sizes.values())
    assert len(sample.answers) == 40 and len({a.key for a in sample.answers}) == 40
    assert sum(a.weight for a in sample.answers) == pytest.approx(161) == sample.population
    for size, count in sizes.values():
        assert abs(count - 40 * size / 161) < 1 or count == 1


def test_the_same_arguments_give_the_same_sample() -> None:
    first, again = drawn(Run(RUN), 40, seed=3), drawn(Run(RUN), 40, seed=3)
    assert first == again and first.digest == again.digest
    assert drawn(Run(RUN), 40, seed=4).digest != first.digest
    assert Sample.from_json(json.loads(json.dumps(first.to_json()))) == first
    changed = first.to_json()
    changed["answers"][0]["weight"] = 99.0
    with pytest.raises(ValueError, match="hash"):
        Sample.from_json(changed)


def test_some_are_shown_twice_never_running() -> None:
    sample = drawn(Run(RUN), 50, repeats=0.2)
    counts = Counter(sample.shown)
    assert sample.repeats == 10 and sorted(counts.values()) == [1] * 40 + [2] * 10
    assert all(a != b for a, b in zip(sample.shown, sample.shown[1:], strict=False))
    decisions = [sample.answers[i].key.planner for i in sample.shown]
    assert decisions != sorted(decisions), "the order tells the strata"


def test_fewer_answers_than_strata_or_than_asked() -> None:
    few = drawn(Run(RUN), 3)
    assert len(few.answers) == 3 and {len(s.name) for s in few.strata} == {1}
    assert sum(a.weight for a in few.answers) == pytest.approx(161)
    everything = drawn(Run(RUN), 500)
    assert len(everything.answers) == 161 and {a.weight for a in everything.answers} == {1.0}


def test_nothing_judged() -> None:
    with pytest.raises(UsageError, match="toolgrove score run"):
        drawn(Run({("a", "s"): ["unjudged", "gave_up"]}))


def test_only_judged_answers_are_shown() -> None:
    run: Any = Run(RUN)
    assert Counter(each.outcome for each in judged(run)) == {"passed": 93, "failed": 68}


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.data())
def test_allocation(sizes: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, sum(sizes)))
    found = allocated(sizes, count)
    assert sum(found) == count
    assert all(0 <= n <= size for n, size in zip(found, sizes, strict=True))
    if count >= len(sizes):
        assert min(found) >= 1


def table(both: int, judge: int, people: int, neither: int) -> list[Pair]:
    return (
        [Pair(True, True)] * both
        + [Pair(True, False)] * judge
        + [Pair(False, True)] * people
        + [Pair(False, False)] * neither
    )


def test_kappa_sensitivity_specificity_by_hand() -> None:
    # Both say yes 20 times, no 15; 5 and 10 they differ: po = 35/50 = .7. The marginals are 25/25
    # and 30/20: pe = .5 * .6 + .5 * .4 = .5, kappa = .2/.5 = .4.
    found = agreement(table(20, 5, 10, 15))
    assert found.agreement.value == pytest.approx(0.7)
    assert found.kappa.value == pytest.approx(0.4)
    # Fleiss, Cohen and Everitt: A = sum pii (1 - (pi. + p.i)(1 - k))^2
    #   = .4 (1 - 1.1 * .6)^2 + .3 (1 - .9 * .6)^2 = .04624 + .06348 = .10972
    # B = (1 - k)^2 sum pij (p.i + pj.)^2, i != j: p(judge yes, people no) = .1 with
    #   (p.yes + pno. = .6 + .5)^2 = 1.21, the other .2 with (.4 + .5)^2 = .81: .36 * .283 = .10188
    # C = (k - pe (1 - k))^2 = (.4 - .3)^2 = .01; var = (A + B - C) / ((1 - pe)^2 n)
    error = math.sqrt((0.10972 + 0.10188 - 0.01) / (0.25 * 50))
    assert found.kappa.low == pytest.approx(0.4 - 1.959964 * error, abs=1e-5)
    assert found.kappa.high == pytest.approx(0.4 + 1.959964 * error, abs=1e-5)
    assert found.sensitivity[:3] == pytest.approx((20 / 30, *wilson(20, 30)), abs=1e-4)
    assert found.specificity[:3] == pytest.approx((15 / 20, *wilson(15, 20)), abs=1e-4)
    assert (found.both, found.judge_only, found.people_only, found.neither) == (20, 5, 10, 15)


def test_weights_by_hand() -> None:
    # Of what people pass the judge passes weight 3 of 3 + 1; the squared sum 16 over 9 + 1.
    found = agreement([Pair(True, True, 3.0), Pair(False, True, 1.0), Pair(False, False, 2.0)])
    assert found.sensitivity.value == 0.75 and found.sensitivity.size == pytest.approx(1.6)
    assert found.agreement.value == pytest.approx(5 / 6)


def test_figures_that_are_not_there() -> None:
    found = agreement(table(5, 0, 0, 0))
    assert found.kappa.value is None and "alike" in found.kappa.why
    assert found.specificity.value is None and "failed no answer" in found.specificity.why
    assert agreement([]).agreement.value is None
    constant = agreement(table(5, 2, 0, 0)).kappa  # the judge passes everything: pe = po
    assert (constant.value, constant.low) == (0.0, None) and "one side" in constant.why
    opposed = agreement(table(0, 3, 0, 0)).kappa
    assert opposed.value == 0.0
    perfect = agreement(table(5, 0, 0, 5)).kappa
    assert (perfect.value, perfect.low) == (1.0, None)


def sure(value: float, size: float = 100.0) -> Estimate:
    return Estimate(value, 0.0, 1.0, int(size), size)


def test_rogan_gladen_by_hand() -> None:
    # 52 of 100 pass; (.52 + .9 - 1) / (.8 + .9 - 1) = .42 / .7 = .6
    items = [item("a", "s", n, "passed" if n < 52 else "failed") for n in range(100)]
    found = corrected(items, sure(0.8), sure(0.9))
    assert found.rate == 0.52 and found.corrected.value == pytest.approx(0.6)
    # Lang and Reiczigel: z^2 = 3.8415; q' = (52 + 1.92073) / 103.8415 = .519260,
    # Se' = 81/102 = .794118, Sp' = 91/102 = .892157, gain .686275,
    # p' = .411417 / .686275 = .599493; Se'(1-Se')/102 = .0016029, Sp'(1-Sp')/102 = .00094325;
    # var = .519260 * .480740 / 103.8415 + .359392 * .0016029 + .160406 * .00094325 = .0031313,
    # half = 1.96 * .055958 / .686275 = .159813;
    # shift = 2 z^2 (.599493 * .0016029 - .400507 * .00094325) = .0044798
    low, high = 0.599493 + 0.0044798 - 0.159813, 0.599493 + 0.0044798 + 0.159813
    assert (found.corrected.low, found.corrected.high) == pytest.approx((low, high), abs=2e-4)


def test_what_was_not_answered_stays_failed() -> None:
    # .26 of 1 pass where half was answered: (.26 - .5 * .1) / .7 = .3
    items = [item("a", "s", n, "passed" if n < 26 else "failed") for n in range(50)]
    items += [item("a", "s", n, "gave_up") for n in range(50, 90)]
    items += [item("a", "s", n, "unjudged") for n in range(90, 97)]
    items += [item("a", "s", n, "infra") for n in range(97, 100)]
    found = corrected(items, sure(0.8), sure(0.9))
    assert found.corrected.value == pytest.approx(0.3)
    assert (found.judged, found.unjudged, found.unknown) == (50, 7, 3)
    assert found.corrected.high is not None and found.corrected.high <= 0.5


def test_no_correction() -> None:
    items = [item("a", "s", n, "passed") for n in range(9)]
    assert "no correction is possible" in corrected(items, sure(0.5), sure(0.5)).corrected.why
    assert corrected(items, Estimate(None, why="none"), sure(0.5)).corrected.why == "none"
    assert corrected(items, sure(0.9), sure(0.9)).corrected.value == 1.0  # clipped
    nothing = corrected([item("a", "s", 0, "limit")], sure(1), sure(1))
    assert nothing.corrected.why == "no answer was judged"


def test_trials_of_one_task_are_not_many() -> None:
    alone = [item("a", "s", n, "passed" if n % 2 else "failed") for n in range(40)]
    again = [each._replace(key=each.key._replace(trial=t)) for each in alone for t in range(5)]
    one, five = (corrected(each, sure(0.9), sure(0.9)).corrected for each in (alone, again))
    assert one.value == five.value and one.size == 40
    assert five.size == pytest.approx(40, rel=0.03)


def test_repeats_by_hand() -> None:
    # ppf: of three pairs of votes two differ; pp: none; pf: the one there is. (2/3 + 0 + 1) / 3
    found = repeats("x", [[True, True, False], [True, True], [True, False], [True]], "none")
    assert found.differ.value == pytest.approx(5 / 9) and found.differ.answers == 3
    # The variance of 1, 1, 0 is 1/3, of 1, 0 is 1/2 (n - 1 below): (1/3 + 0 + 1/2) / 3
    assert found.variance == pytest.approx(5 / 18)
    assert repeats("x", [[True]], "none").differ.why == "none"


def labelled(sample: Sample, rater: str, said: list[Label | None]) -> Labels:
    given = {p: label for p, label in zip(sample.ids, said, strict=True) if label is not None}
    return Labels(rater, sample.digest, given, {}, Path(f"{rater}.json"))


def test_people_and_judge_together() -> None:
    run: Any = Run({("a", "s"): ["passed"] * 6 + ["failed"] * 6}, votes="ppf")
    sample = drawn(run, 12, repeats=0.25)
    truth: list[Label | None] = []
    for index in sample.shown:
        truth.append("passed" if run[sample.answers[index].key].outcome == "passed" else "failed")
    second = max(i for i, index in enumerate(sample.shown) if sample.shown.count(index) == 2)
    once = next(i for i, index in enumerate(sample.shown) if sample.shown.count(index) == 1)
    one, two = list(truth), list(truth)
    one[second] = "failed" if one[second] == "passed" else "passed"  # a second look changes
    two[once] = "cannot say"
    found = calibrate(sample, run, [labelled(sample, "A", one), labelled(sample, "B", two)])
    assert found.agreement.agreement.value == 1.0 and found.agreement.agreement.answers == 12
    assert found.left_out == {} and found.labelled == {"A": 15, "B": 15}
    judge, same, between = found.repeats
    assert judge.differ.value == pytest.approx(2 / 3) and judge.differ.answers == 12
    assert same.differ.value == pytest.approx(1 / 6)  # one of A's three and B's three
    assert (between.differ.value, between.differ.answers) == (0.0, 11)
    alone = calibrate(sample, run, [labelled(sample, "B", two)])
    assert alone.left_out == {"people cannot say": 1}
    assert alone.agreement.agreement.answers == 11
    other = list(truth)
    other[once] = "failed" if truth[once] == "passed" else "passed"
    split = calibrate(sample, run, [labelled(sample, "A", truth), labelled(sample, "B", other)])
    assert split.left_out == {"people disagree evenly": 1}
    assert split.each["B"].value == pytest.approx(11 / 12) and split.each["A"].value == 1.0
    none = calibrate(sample, run, [labelled(sample, "A", [None] * 15)])
    assert none.left_out == {"nobody labelled it": 12} and none.rates[0].corrected.value is None


def test_answers_that_changed_are_noticed() -> None:
    run: Any = Run(RUN)
    sample = drawn(run, 10)
    check_unchanged(sample, run)
    run.items = [each._replace(digest="other") for each in run.items]
    with pytest.raises(UsageError, match="run again since"):
        check_unchanged(sample, run)


def test_a_scored_run_has_what_the_stand_in_has() -> None:
    assert {"of", "__getitem__"} <= set(dir(ScoredRun))
