"""What the files that specs name hold."""

from __future__ import annotations

from pathlib import Path

from toolgrove.benchmarks.fingerprints import digests


def test_every_file_in_a_spec_is_hashed_by_its_name(tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in ("own.py", "calls.jsonl", "words.toml", "deep.py")]
    for name in names:
        Path(name).write_text(name)
    own, calls, words, deep = names
    found = digests([
        f"{own}:Mine,width=3", f"recorded:{calls}", "dfsdt:width=3", f"functions:texts={words}", "",
        f"best_of_n:({deep}:Mine,n=2),n=4",
    ])  # fmt: skip
    assert list(found) == sorted(names) and len(set(found.values())) == 4


def test_another_content_is_another_digest_and_another_name_is_not(tmp_path: Path) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        path.write_text("{}")
    found = digests([f"scripted:{path}" for path in paths])
    assert len(set(found.values())) == 1
    paths[0].write_text("[]")
    assert digests([f"scripted:{paths[0]}"])[str(paths[0])] not in found.values()


def test_what_is_no_file_is_not_there(tmp_path: Path) -> None:
    long = "x" * 5000
    assert digests(["recorded:nowhere/", "scripted:none.json", f"recorded:{long}", "cot"]) == {}


def test_a_folder_is_told_by_what_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.json").write_text("{}")

    def digest() -> str:
        return digests([f"hf:base.gguf,lora={folder}"])[str(folder)]

    first = digest()
    (folder / "checkpoints" / "one.bin").write_text("what a training leaves beside its model")
    assert digest() == first
    (folder / "config.json").write_text("[]")
    assert digest() != first
