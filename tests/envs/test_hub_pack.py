"""The data pack: every table is the one that the manifest says, under a free licence."""

from __future__ import annotations

import gzip
import hashlib
from importlib.resources import files

from toolgrove.envs.hub.pack import columns, manifest, table

FREE = {"CC0-1.0", "CC-BY-2.0", "CC-BY-4.0", "CC-BY-3.0-IGO", "BSD-3-Clause", "public domain"}
DATA = files("toolgrove.envs.hub") / "data"


def test_tables_are_those_of_the_manifest() -> None:
    there = {f.name.removesuffix(".json.gz") for f in DATA.iterdir() if f.name.endswith(".gz")}
    assert there == set(manifest())
    for name, about in manifest().items():
        raw = gzip.decompress((DATA / f"{name}.json.gz").read_bytes())
        assert hashlib.sha256(raw).hexdigest() == about["sha256"], name
        assert len(table(name)) == about["rows"]
        assert {len(row) for row in table(name)} == {len(columns(name))}


def test_every_table_has_a_free_licence_and_a_credit() -> None:
    notice = (DATA / "NOTICE").read_text("utf-8")
    for name, about in manifest().items():
        assert about["licence"] in FREE and about["source"]
        assert f"{name}: {about['credit']}. {about['licence']}." in notice
