"""What a model that was trained here says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import UsageError
from toolgrove.models.trained import policy_of, trained


def saying(folder: Path, **said: Any) -> Path:
    (folder / "toolgrove.json").write_text(json.dumps(said))
    return folder


def test_a_wrapper_has_the_policy_of_the_model_inside(tmp_path: Path) -> None:
    spec = f"hf:{saying(tmp_path, policy='functions:texts=short')}"
    for each in (spec, f"guarded:({spec})", f"cache:(guarded:({spec}),context=trim)"):
        assert policy_of(each) == "functions:texts=short"
    assert policy_of("guarded:(stumble)") == policy_of("stumble") == ""
    assert policy_of(f"guarded:(toolllama:{tmp_path / 'none'})") == "toolllama"


@pytest.mark.parametrize("calls", ["nonsense", ["lines"], 3, None])
def test_ways_of_calling_that_there_are_not(calls: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="calls is .*, and none of schema, lines, brief, tools"):
        trained(str(saying(tmp_path, calls=calls)))


def test_models_of_before_say_no_way_of_calling(tmp_path: Path) -> None:
    assert trained(str(saying(tmp_path, policy="functions"))) == {"policy": "functions"}
