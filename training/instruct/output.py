"""What a folder of instructions holds: suites, what they hold out, and a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from ...benchmarks.suites import task_to_json
from ...core import Task
from ..documents import Document
from ..writing import write_json, write_lines
from .held import Held
from .toolbench import write_queries

Format = Literal["toolgrove", "toolbench"]
FORMATS: Final[tuple[Format, ...]] = ("toolgrove", "toolbench")
SETS: Final = (
    "train-i1", "train-i2", "train-i3",
    "i1-inst", "i1-tool", "i1-cat", "i2-inst", "i2-cat", "i3-inst",
)  # fmt: skip


def write_folder(
    folder: Path,
    sets: Mapping[str, Sequence[Task]],
    held: Held,
    seed: int,
    report: Mapping[str, Any],
    documents: Iterable[Document] = (),
    formats: Sequence[Format] = ("toolgrove",),
) -> dict[str, int]:
    """Write it all, each file whole or not at all; how many tasks each suite has.

    Suites: ``SET.jsonl``, and with the format ``toolbench`` also ``toolbench/SET.json``. A suite
    without tasks is no file. What an earlier command left and this one does not write is removed,
    so that all files of a folder hold the same tasks.
    """
    listed = list(documents)
    for name in SETS:
        files = {
            "toolgrove": folder / f"{name}.jsonl",
            "toolbench": folder / "toolbench" / f"{name}.json",
        }
        tasks = sets.get(name, ())
        for format, file in files.items():
            if tasks and format == "toolgrove":
                write_lines(file, map(task_to_json, tasks))
            elif tasks and format in formats:
                write_queries(tasks, file, listed)
            else:
                file.unlink(missing_ok=True)
    if (rest := folder / "toolbench").is_dir() and not any(rest.iterdir()):
        rest.rmdir()
    counts = {name: len(sets[name]) for name in SETS if sets.get(name)}
    splits = {"held": held.to_json(), "seed": seed, "sets": counts}
    write_json(folder / "splits.json", splits)
    write_json(folder / "report.json", {**report, "sets": counts})
    return counts
