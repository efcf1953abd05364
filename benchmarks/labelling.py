"""The page on which people label answers, and the files of labels that come from it.

One HTML file that works without a network. People see the instruction, the calls and the answer;
not the judge's verdict, not the planner, and not which answers are shown twice. All of it was
written by models and tools: it goes into the page as JSON whose ``<`` is escaped, and the page
shows it as text only.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from ..core import Task, UsageError
from .rundir import RunDirectory
from .sample import Sample
from .trial import Trial

Label = Literal["passed", "failed", "cannot say"]
KIND: Final = "toolgrove labels"
ARGUMENTS, RESULT, ANSWER = 2_000, 4_000, 30_000  # characters shown of each


@dataclass(frozen=True)
class Labels:
    """What one person said.

    Attributes:
        rater: the name they gave.
        sample: the hash of the sample they looked at.
        given: by place on the page.
        notes: likewise, where one was written.
        path: the file.
    """

    rater: str
    sample: str
    given: Mapping[str, Label]
    notes: Mapping[str, str]
    path: Path


def page(sample: Sample, directory: RunDirectory, tasks: Mapping[tuple[str, str], Task]) -> str:
    """The page as text; the same sample gives the same text.

    Args:
        sample: what to show.
        directory: the run it was drawn from.
        tasks: the run's, by suite and id.

    Raises:
        UsageError: a task is not there any more, or is another now.
    """
    shown = []
    for place, index in sample.ids.items():
        trial = directory.load(sample.answers[index].key)
        key = trial.key
        task = tasks.get((key.suite, key.task))
        if task is None or task.digest != trial.digest:
            raise UsageError(
                f"the task {key.task} of {key.suite} is not what it was when {directory.path} was "
                f"run: people would judge another question"
            )
        shown.append({"id": place, **_seen(task, trial)})
    return rendered({"sample": sample.digest, "items": shown})


def rendered(data: Mapping[str, Any]) -> str:
    """The template with the data in it, and a policy that lets in its own script and style only."""
    template = (files(__package__) / "data" / "labelling.html").read_text("utf-8")
    policy = (
        f"default-src 'none'; style-src {_hash(template, 'style')}; "
        f"script-src {_hash(template, 'script')}; base-uri 'none'; form-action 'none'"
    )
    # Pure ASCII, and nothing in it that HTML reads as markup, whatever a model wrote.
    text = json.dumps(data).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return template.replace("%POLICY%", policy, 1).replace("%DATA%", text, 1)


def read_labels(path: Path) -> Labels:
    """The labels in a file, which may have been sent from anywhere.

    Raises:
        UsageError: it cannot be read, is torn, or holds something else.
    """
    try:
        told = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} is torn or no JSON ({error}): download the labels from the page again"
        ) from error
    if not isinstance(told, dict) or told.get("kind") != KIND or told.get("format") != 1:
        raise UsageError(f"{path} holds no labels: `download labels` on the page makes such a file")
    rater, sample, labels = (told.get(what) for what in ("rater", "sample", "labels"))
    if not isinstance(rater, str) or not rater.strip():
        raise UsageError(f"{path} does not say whose labels it holds: it has no rater's name")
    if not isinstance(sample, str) or not isinstance(labels, dict):
        raise UsageError(f"{path} is no whole file of labels: download it from the page again")
    given: dict[str, Label] = {}
    notes: dict[str, str] = {}
    for place, entry in labels.items():
        label = entry.get("label") if isinstance(entry, dict) else None
        note = entry.get("note", "") if isinstance(entry, dict) else ""
        if label not in (None, *get_args(Label)) or not isinstance(note, str):
            raise UsageError(
                f"{path}: the label of item {place!r} is {label!r}; expected one of "
                f"{', '.join(get_args(Label))}"
            )
        if label is not None:
            given[place] = cast(Label, label)
        if note:
            notes[place] = note
    return Labels(" ".join(rater.split()), sample, given, notes, path)


def check_labels(all_labels: list[Labels], sample: Sample) -> None:
    """See that files of labels belong to the sample and to different people.

    Raises:
        UsageError: they do not.
    """
    raters: dict[str, Path] = {}
    for labels in all_labels:
        if labels.sample != sample.digest:
            raise UsageError(
                f"{labels.path} belongs to another sample ({labels.sample}) than "
                f"{all_labels[0].path} ({sample.digest}): one calibration reads one sample"
            )
        if unknown := sorted(set(labels.given) - set(sample.ids)):
            raise UsageError(
                f"{labels.path} has a label for item {unknown[0]!r}, which the sample has not: its "
                f"items are 001 to {len(sample.shown):03}"
            )
        name = labels.rater.casefold()
        if name in raters:
            raise UsageError(
                f"{raters[name]} and {labels.path} are both by {labels.rater!r}: give one file a "
                f"person, and different names to different people"
            )
        raters[name] = labels.path


def _seen(task: Task, trial: Trial) -> dict[str, Any]:
    """What people see of a trial."""
    winner = trial.tree.find(trial.tree.winner) if trial.tree.winner else None
    calls = [
        {
            "api": node.action.api,
            "arguments": _cut(node.action.arguments, ARGUMENTS),
            "result": _cut(node.observation, RESULT),
        }
        for node in (winner.path() if winner else ())
        if node.action is not None and not node.solved
    ]
    answer = _cut(trial.answer or "", ANSWER)
    return {"instruction": task.instruction, "calls": calls, "answer": answer}


def _cut(text: str, limit: int) -> dict[str, Any]:
    """The text's beginning, and how many characters are not shown."""
    return {"text": text[:limit], "more": max(0, len(text) - limit)}


def _hash(template: str, tag: str) -> str:
    """What a content security policy calls an inline text by."""
    found = re.search(rf"<{tag}>(.*?)</{tag}>", template, re.DOTALL)
    assert found is not None
    return f"'sha256-{b64encode(sha256(found[1].encode()).digest()).decode()}'"
