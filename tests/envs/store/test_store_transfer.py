"""Exports are a function of the content; merges do not depend on their order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from toolgrove.core import UsageError
from toolgrove.envs.store.file import Recorded, Response, Store
from toolgrove.envs.store.keys import Call
from toolgrove.envs.store.transfer import export, merge, merged, read_export

responses = st.builds(
    Response,
    st.sampled_from(["a", "b", "\ud800", "é"]),
    st.sampled_from(["ok", "error"]),
    st.sampled_from(["live", "simulated", "imported"]),
    made=st.sampled_from(["", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]),
)
sides = st.builds(
    Recorded,
    st.sampled_from([Call("t", "a", "{}"), Call("t", "b", '{"x":1}', "task:1")]),
    st.lists(responses, min_size=1, max_size=3).map(tuple),
    st.lists(responses, max_size=2).map(tuple),
)


def written(folder: Path, name: str, *parts: list[Recorded]) -> bytes:
    store = Store(folder / f"{name}.db")
    for part in parts:
        merge(part, [], store)
    export(store, folder / f"{name}.jsonl.gz")
    store.close()
    return (folder / f"{name}.jsonl.gz").read_bytes()


@example(
    [Recorded(Call("t", "a", "{}"), (Response("a"),))],
    [
        Recorded(
            Call("t", "a", "{}"),
            (Response("b", provenance="simulated"),),
            (Response("b", provenance="simulated", made="2026-01-01T00:00:00Z"),),
        )
    ],
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(sides, max_size=3), st.lists(sides, max_size=3))
def test_a_merge_does_not_depend_on_the_order(
    tmp_path_factory: pytest.TempPathFactory, one: list[Recorded], other: list[Recorded]
) -> None:
    folder = tmp_path_factory.mktemp("s")
    # each side is a store, so each call is in it once
    one, other = list({r.call: r for r in one}.values()), list({r.call: r for r in other}.values())
    both = written(folder, "ab", one, other)
    assert both == written(folder, "ba", other[::-1], one[::-1])
    assert both == written(folder, "twice", one, other, one, other)
    apis, calls = read_export(folder / "ab.jsonl.gz")
    again = Store(folder / "again.db")
    merge(calls, apis, again)
    export(again, folder / "again.jsonl.gz")
    again.close()
    assert (folder / "again.jsonl.gz").read_bytes() == both


def test_a_live_answer_beats_a_simulated_one_and_nothing_is_lost() -> None:
    call = Call("t", "a", "{}")
    live = Recorded(call, (Response("live", made="2020"),))
    made_up = Recorded(call, (Response("made up", provenance="simulated", made="2026"),))
    both = merged(made_up, live)
    assert both == Recorded(call, live.current, made_up.current)
    newer = Recorded(call, (Response("newer", made="2021"),))
    assert merged(live, newer).current == newer.current


def test_a_secret_refuses_the_export_unless_it_is_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db")
    store.put(Call("t", "a", "{}"), [Response("key AKIAABCDEFGHIJKLMNOP")])
    with pytest.raises(UsageError, match=r"call \w+ holds .*AWS access key \(AKIAAB…\)"):
        export(store, tmp_path / "e.jsonl")
    assert list(tmp_path.glob("e.jsonl*")) == []
    assert export(store, tmp_path / "e.jsonl", redact=True) == 1
    assert b"AKIA" not in (tmp_path / "e.jsonl").read_bytes()


def test_a_bad_line_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db")
    for name in "ab":
        store.put(Call("t", name, "{}"), [Response("x")])
    export(store, tmp_path / "e.jsonl")
    text = (tmp_path / "e.jsonl").read_text()
    head, _, last = text.strip().rpartition("\n")
    (tmp_path / "bad.jsonl").write_text(f"{head}\n{last.replace('{}', '[]')}\n")
    apis, calls = read_export(tmp_path / "bad.jsonl")
    new = Store(tmp_path / "n.db")
    with pytest.raises(UsageError, match=r"bad.jsonl:3 is no recorded call"):
        merge(calls, apis, new)
    assert new.calls() == []
