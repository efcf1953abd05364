"""Files of checksummed lines: what is whole is read, what is torn is noticed, nothing is lost."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from toolgrove.core.lines import LineFile, read_lines, scan, seal, unseal

RECORDS: list[dict[str, Any]] = [
    {"n": 1},
    {"n": 2, "text": "line\nbreak, \u2028 and \ud800 and \x00"},
    {"n": 3, "list": [None, True, 1.5, {"a": "ü"}]},
]


def written(path: Path, records: list[dict[str, Any]]) -> Path:
    file = LineFile(path)
    for record in records:
        file.append(record)
    file.close()
    return path


def test_a_line_is_json_with_a_checksum_of_the_rest() -> None:
    line = seal({"a": 1})
    checksum = f"{crc32(b'{' + line[18:].encode()):08x}"
    assert line == f'{{"crc":"{checksum}","a":1}}'
    assert json.loads(line)["a"] == 1
    assert unseal(line) == {"a": 1}


@pytest.mark.parametrize("record", [{}, {"crc": "x"}, *RECORDS])
def test_unseal_is_the_inverse_of_seal(record: dict[str, Any]) -> None:
    line = seal(record)
    assert "\n" not in line and line.isascii()
    assert unseal(line) == record
    assert json.loads(line).keys() == {"crc"} | record.keys()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        '{"a":1}',
        '{"crc":"',
        '{"crc":"00000000"}',
        '{"crc":"00000000","a":1}',
        "[1]",
        "not json",
        seal({"a": 1})[:-1],
        seal({"a": 1}) + " ",
        " " + seal({"a": 1}),
        seal({"a": 1}).replace("1}", "2}"),
        seal({"a": 1}).replace("crc", "CRC"),
    ],
)
def test_what_was_not_sealed_or_was_changed_is_nothing(line: str) -> None:
    assert unseal(line) is None


def test_a_line_with_the_right_checksum_must_also_be_an_object() -> None:
    for body in ("{1}", '{"a":}'):
        assert unseal(f'{{"crc":"{crc32(body.encode()):08x}",{body[1:]}') is None


def test_records_are_read_back_in_order(tmp_path: Path) -> None:
    path = written(tmp_path / "new" / "folder" / "lines.jsonl", RECORDS)
    assert read_lines(path) == (RECORDS, 0)
    assert read_lines(tmp_path / "missing") == ([], 0)


def test_append_tells_the_offset_and_scan_starts_there(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    file = LineFile(path)
    offsets = [file.append(record) for record in RECORDS]
    assert offsets[0] == 0
    assert [offset for offset, _ in scan(path)] == offsets
    assert [record for _, record in scan(path, offsets[1])] == RECORDS[1:]
    file.close()
    file.close()
    again = LineFile(path)
    assert again.append({"n": 4}) == path.stat().st_size - len(seal({"n": 4})) - 1
    again.close()


def test_a_torn_tail_is_owed_again_and_never_overwritten(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", RECORDS).read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last + 1, len(whole) - 1):
        path = tmp_path / "torn"
        path.write_bytes(whole[:cut])
        assert read_lines(path) == (RECORDS[:2], 1)
        written(path, [{"n": 4}])
        assert path.read_bytes().startswith(whole[:cut] + b"\n")
        assert read_lines(path) == ([*RECORDS[:2], {"n": 4}], 1)


def test_a_line_that_lacks_only_its_newline_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "lines", RECORDS)
    path.write_bytes(path.read_bytes()[:-1])
    assert read_lines(path) == (RECORDS, 0)
    written(path, [{"n": 4}])
    assert read_lines(path) == ([*RECORDS, {"n": 4}], 0)


def test_damage_in_the_middle_costs_that_line_only(tmp_path: Path) -> None:
    path = written(tmp_path / "lines", RECORDS)
    first, second, third, _ = path.read_bytes().split(b"\n")
    for damaged in (b"\x00" * len(second), second[:-3], b"\xff\xfe" + second, second[:9] + second):
        path.write_bytes(b"\n".join([first, damaged, third, b""]))
        assert read_lines(path) == ([RECORDS[0], RECORDS[2]], 1)


def test_blank_lines_are_neither_records_nor_damage(tmp_path: Path) -> None:
    path = written(tmp_path / "lines", RECORDS)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\n\n"))
    assert read_lines(path) == (RECORDS, 0)


def test_opening_without_appending_leaves_a_sound_file_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "lines", RECORDS)
    before = path.read_bytes()
    LineFile(path).close()
    assert path.read_bytes() == before


def test_records_that_end_together_share_a_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync

    def fsync(number: int) -> None:
        synced.append(number)
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)
    file = LineFile(tmp_path / "lines")

    async def keep(i: int) -> None:
        file.append({"i": i})
        await file.synced()

    async def all_at_once() -> None:
        await asyncio.gather(*map(keep, range(50)))

    asyncio.run(all_at_once())
    assert len(synced) <= 2
    file.close()
    assert len(synced) <= 2  # nothing is left to sync
    assert [r["i"] for r in read_lines(tmp_path / "lines")[0]] == list(range(50))


def test_a_full_disk_is_an_error_and_the_next_record_stands_where_it_says(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "lines")
    file.append({"a": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, hard))
    try:
        with pytest.raises(OSError):
            file.append({"b": "x" * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    file.close()
    again = LineFile(tmp_path / "lines")
    offset = again.append({"c": 3})
    again.close()
    assert [r for _, r in scan(tmp_path / "lines")] == [{"a": 1}, None, {"c": 3}]
    assert next(scan(tmp_path / "lines", offset)) == (offset, {"c": 3})
