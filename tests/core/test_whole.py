"""Files that are there whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from toolgrove.core.whole import whole

KILLED = """
import os, sys
from pathlib import Path
from toolgrove.core.whole import whole
with whole(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
"""


def test_it_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for text in (b"one", b"two"):
        with whole(path) as file:
            file.write(text)
        assert path.read_bytes() == text
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_what_was_there_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    with pytest.raises(KeyError), whole(path) as file:
        file.write(b"half")
        raise KeyError
    assert path.read_bytes() == b"one" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError), whole(tmp_path / "nowhere" / "a"):
        pass


def test_a_kill_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)])
    assert done.returncode == -9 and path.read_bytes() == b"one"
    with whole(path) as file:  # over the draft that was left
        file.write(b"two")
    assert path.read_bytes() == b"two" and list(tmp_path.iterdir()) == [path]
