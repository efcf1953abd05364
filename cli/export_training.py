"""``toolgrove export RUN --format sft|dpo``: training data from runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import UsageError

if TYPE_CHECKING:
    from ..training.dataset import Dataset

FORMATS = ("sft", "dpo")


def export_training(
    runs: Sequence[Path],
    out: Path,
    format: str,
    *,
    documents: Path | None = None,
    as_json: bool = False,
    **recipe: Any,
) -> None:
    """Write a data set and say what is in it.

    Args:
        runs: run directories.
        out: the folder.
        format: ``sft`` or ``dpo``.
        documents: a table of API documents, for their licences.
        as_json: print ``data.json`` on one line.
        recipe: fields of :class:`~toolgrove.training.export.Recipe`; None leaves its default.

    Raises:
        UsageError: an option is wrong, or the runs give no data.
    """
    from ..training.documents import read_documents
    from ..training.export import Recipe, export_dataset

    if format not in FORMATS:
        raise UsageError(f"no training format {format!r}; there are: {', '.join(FORMATS)}")
    licences = None
    if documents is not None:
        licences = {d.api.name: d.licence for d in read_documents(documents)}
    given = {name: value for name, value in recipe.items() if value is not None}
    made = export_dataset(
        runs, out, Recipe("dpo" if format == "dpo" else "sft", **given), licences=licences
    )
    print(json.dumps(made.info, ensure_ascii=False) if as_json else _said(made))


def _said(made: Dataset) -> str:
    stats = made.info["statistics"]
    lines = [f"{len(made)} rows from {stats['paths']} paths: {made.file}"]
    if stats["duplicates"]:
        lines.append(f"{stats['duplicates']} equal rows left out")
    for source in made.info["sources"]:
        left = ", ".join(f"{count} {reason}" for reason, count in source["left_out"].items())
        lines.append(
            f"{source['run']}: {source['used']} of {source['planned']} trials used"
            + (f"; left out: {left}" if left else "")
            + (f"; {source['damaged']} torn lines" if source["damaged"] else "")
        )
    return "\n".join(lines)
