"""The labelling page holds hostile text as text, and files of labels are read with suspicion."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.benchmarks.labelling import KIND, Labels, check_labels, read_labels, rendered
from toolgrove.benchmarks.sample import Drawn, Sample, Stratum
from toolgrove.benchmarks.trial import Key
from toolgrove.core import UsageError

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "]]><svg onload=alert(1)>",
    "%DATA% %POLICY% \u2028 \ud800 &lt;/script&gt;",
)


class Elements(HTMLParser):
    """Every tag with its attributes, and the text of the data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.data, self._inside = "", False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag == "script" and ("id", "data") in attrs

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.data += data


def shown(text: str) -> dict[str, Any]:
    part = {"text": text, "more": 0}
    call = {"api": text, "arguments": part, "result": part}
    return {
        "sample": "x",
        "items": [{"id": "001", "instruction": text, "calls": [call], "answer": part}],
    }


@given(st.text() | st.sampled_from(HOSTILE))
def test_no_text_breaks_out(text: str) -> None:
    page = Elements(rendered(shown(text)))
    plain = Elements(rendered(shown("plain")))
    assert page.found == plain.found
    assert json.loads(page.data) == shown(text)


def test_it_loads_nothing_and_runs_only_its_own() -> None:
    page = rendered(shown(HOSTILE[0]))
    elements = Elements(page)
    for tag, attributes in elements.found:
        assert tag not in ("link", "img", "iframe", "base", "form")
        assert not {"src", "href", "style", "action"} & set(attributes), tag
        assert not [name for name in attributes if name.startswith("on")]
    [policy] = [a["content"] for t, a in elements.found if "http-equiv" in a]
    assert policy is not None and policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy and "http" not in policy
    for tag in ("style", "script"):
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" in policy
        assert "innerHTML" not in text and "http" not in text


def test_everything_that_is_filled_in_has_a_label() -> None:
    elements = Elements(rendered(shown("")))
    named = {a.get("for") for t, a in elements.found if t == "label"}
    for tag, attributes in elements.found:
        if tag in ("input", "textarea"):
            assert attributes["id"] in named or "aria-label" in attributes


SAMPLE = Sample(
    (Drawn(Key("s", "t", "p", 0), 2.0, "c"), Drawn(Key("s", "u", "p", 0), 2.0, "c")),
    (0, 1, 0),
    (Stratum(("passed",), 4, 2),),
    None,
    2,
    0,
)


def told(**changes: Any) -> dict[str, Any]:
    labels = {"001": {"label": "passed", "note": "n"}, "002": {"label": None, "note": "later"}}
    whole = {
        "kind": KIND,
        "format": 1,
        "sample": SAMPLE.digest,
        "rater": " Ann  B ",
        "labels": labels,
    }
    return {**whole, **changes}


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(told()))
    found = read_labels(path)
    assert found == Labels(
        "Ann B", SAMPLE.digest, {"001": "passed"}, {"001": "n", "002": "later"}, path
    )
    check_labels([found], SAMPLE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps(told())[:-20], "is torn or no JSON"),
        ("[" * 100_000, "is torn or no JSON"),
        ("[]", "holds no labels"),
        (json.dumps(told(kind="x")), "holds no labels"),
        (json.dumps(told(rater=" ")), "does not say whose"),
        (json.dumps(told(labels=[])), "no whole file"),
        (json.dumps(told(labels={"001": "passed"})), None),
        (json.dumps(told(labels={"001": {"label": "good"}})), "'001' is 'good'; expected one of"),
        (json.dumps(told(labels={"001": {"label": ["passed"]}})), "expected one of"),
    ],
)
def test_files_that_are_not_whole(tmp_path: Path, text: str, says: str | None) -> None:
    path = tmp_path / "labels.json"
    path.write_text(text)
    if says is None:
        assert read_labels(path).given == {}
        return
    with pytest.raises(UsageError, match=re.escape(says)):
        read_labels(path)
    with pytest.raises(UsageError, match="cannot read"):
        read_labels(tmp_path / "none.json")


def test_labels_that_do_not_go_together() -> None:
    one = Labels("Ann", SAMPLE.digest, {"001": "passed"}, {}, Path("one"))
    for other, says in (
        (Labels("ann", SAMPLE.digest, {}, {}, Path("two")), "one and two are both by 'ann'"),
        (Labels("Bo", "f00", {}, {}, Path("two")), "two belongs to another sample"),
        (Labels("Bo", SAMPLE.digest, {"004": "failed"}, {}, Path("two")), "label for item '004'"),
    ):
        with pytest.raises(UsageError, match=says):
            check_labels([one, other], SAMPLE)
