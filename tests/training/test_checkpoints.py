"""Which checkpoints are whole."""

from __future__ import annotations

from pathlib import Path

from toolgrove.training.checkpoints import whole_checkpoints


def test_torn_and_foreign_ones_are_left_out(tmp_path: Path) -> None:
    for name, state in [("checkpoint-9", '{"step": 9}'), ("checkpoint-10", "{}"),
                        ("checkpoint-11", '{"step": 1'), ("checkpoint-12", None),
                        ("checkpoint-old", "{}")]:  # fmt: skip
        (tmp_path / name).mkdir()
        if state is not None:
            (tmp_path / name / "trainer_state.json").write_text(state)
    names = [path.name for path in whole_checkpoints(tmp_path)]
    assert names == ["checkpoint-9", "checkpoint-10"]
    assert whole_checkpoints(tmp_path / "nowhere") == []
