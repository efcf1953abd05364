"""Checkpoints of transformers' trainer: which of them are whole."""

from __future__ import annotations

import json
from pathlib import Path


def whole_checkpoints(folder: Path) -> list[Path]:
    """The whole ones, the latest last.

    Their state is written after all else, and not at once: one without it, or with a torn one,
    was cut off by a kill, and the one before it is taken.
    """
    found = [p for p in folder.glob("checkpoint-*") if p.name.rpartition("-")[2].isdigit()]
    kept = [path for path in found if _is_whole(path / "trainer_state.json")]
    return sorted(kept, key=lambda path: int(path.name.rpartition("-")[2]))


def _is_whole(state: Path) -> bool:
    try:
        return isinstance(json.loads(state.read_text("utf-8")), dict)
    except (OSError, ValueError):
        return False
