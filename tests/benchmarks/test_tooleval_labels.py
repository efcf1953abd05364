"""Labels in judges' texts, against those recorded upstream."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from toolgrove.benchmarks.tooleval.labels import (
    STATUSES,
    parse_status,
    parse_toolalpaca,
    toolalpaca_statistics,
)

STYLES = (
    "Answer Status\n{label}\nReason\n{reason}",
    "Answer Status: {label}\nReason: {reason}",
    "**Answer Status**: **{label}**\n\n{reason}",
    "Reason\n{reason}\n\nAnswer Status\n{label}",
    "{label}\n{reason}",
    "{label}. {reason}",
    "{reason}\n\n**{label}**",
    "{reason} So the status is {label}.",
)


@pytest.mark.parametrize("style", [*STYLES, "json"])
def test_anytool_labels_are_read(shared: Path, style: str) -> None:
    """The recorded labels and reasons, 622, worded as judges do: their own texts are not kept."""
    recorded = json.loads((shared / "anytool/misc/solved_dict.json").read_text("utf-8"))
    labels = [entry["solved"] for entry in recorded.values()]
    assert Counter(labels) == {"Solved": 521, "Unsolved": 72, "Unsure": 29}
    agreed = 0
    for entry in recorded.values():
        label, reason = entry["solved"], entry["reason"]
        told = {"answer_status": label, "reason": reason}
        text = json.dumps(told) if style == "json" else style.format(label=label, reason=reason)
        agreed += parse_status(text) == label
    assert agreed == 622


def alpaca(shared: Path, size: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    file = shared / f"toolalpaca/evalution_outputs/ToolAlpaca{size}.json"
    data = json.loads(file.read_text("utf-8"))
    statistics = data.pop("statistics")
    return statistics, [entry for entries in data.values() for entry in entries]


@pytest.mark.parametrize(("size", "asked"), [("7b", 43), ("13b", 42)])
def test_toolalpaca_labels_are_read(shared: Path, size: str, asked: int) -> None:
    whole, entries = alpaca(shared, size)
    judged = [entry for entry in entries if entry["output"]]
    assert len(judged) == asked
    for entry in judged:
        recorded = entry["process_correctness"], entry["final_response_correctness"]
        assert parse_toolalpaca(entry["output"]) == recorded
    counted = toolalpaca_statistics(entries)
    assert (counted["num"], counted["unread"]) == (43, 0)
    assert counted["error_num"] == 43 - asked
    # The file's own figures are over all APIs, these over the part that is here.
    assert sum(whole["process"].values()) + whole["error_num"] == whole["num"] == 100
    recorded_yes = sum(e["process_correctness"] == "Yes" for e in judged)
    assert counted["process"]["Yes"] == recorded_yes


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("", ""),
        ("I cannot say.", ""),
        ("Solved or Unsolved?", ""),
        ("Answer Status: Solved\n...\nAnswer Status: Unsolved", ""),
        ("It is not solved.", ""),
        ("The query isn't fully Solved", ""),
        ("Solved\nReason: no part is left unsolved, I think.", "Solved"),
        ("The query was solved by the answer.", "Solved"),
        ("Answer Status (Solved/Unsolved/Unsure): Unsure", "Unsure"),
        ('```json\n{"answer_status": "AnswerStatus.Unsolved"}\n```', "Unsolved"),
        ('{"answer_status": "perhaps", "reason": "Solved"}', ""),
        ("resolved", ""),
    ],
)
def test_nothing_is_guessed(text: str, label: str) -> None:
    assert parse_status(text) == label
    assert label in ("", *STATUSES)


def test_two_parts_that_disagree_are_none() -> None:
    text = "## Results\nProcess Correctness: Yes\nProcess Correctness: No"
    assert parse_toolalpaca(text) == ("", "")
    assert parse_toolalpaca("Process Correctness: Maybe") == ("", "")
