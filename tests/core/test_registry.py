"""Specs: how they are read, what they make, and what a wrong one is answered with."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from toolgrove.core import UsageError, bind, make
from toolgrove.core.registry import KINDS, Spec, load, names, parse, singular, split, unquote
from toolgrove.envs import RecordedEnv, ShopEnv
from toolgrove.models import ScriptedModel
from toolgrove.models.stumble import StumblingModel
from toolgrove.planners import DFSDT, CoT, ReACT


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("openai:llama3:8b,calls=schema",
         Spec("openai", None, "llama3:8b", (("calls", "schema"),))),
        ("react@5", Spec("react", 5)),
        ("react@5:max_steps=3", Spec("react", 5, None, (("max_steps", "3"),))),
        ("best_of_n:(dfsdt:width=3),n=4",
         Spec("best_of_n", None, "(dfsdt:width=3)", (("n", "4"),))),
        ("a:(b:x=1,y=(c:z=2)),k=(d:e=(f))",
         Spec("a", None, "(b:x=1,y=(c:z=2))", (("k", "(d:e=(f))"),))),
        ("  dfsdt  ", Spec("dfsdt")),
        ("dfsdt:", Spec("dfsdt")),
        ("path/to/file.py:Mine,n=1", Spec("path/to/file.py", None, "Mine", (("n", "1"),))),
        ("a:'x,y=1'", Spec("a", None, "x,y=1")),
        ('a:k="x, (y"', Spec("a", None, None, (("k", "x, (y"),))),
        ("a:k='',j=", Spec("a", None, None, (("k", ""), ("j", "")))),
        ("a:it's", Spec("a", None, "it's")),
        ("a:x=b=c", Spec("a", None, None, (("x", "b=c"),))),
        ("a:http://host:80/v1?q=1", Spec("a", None, "http://host:80/v1?q=1")),
    ],
)  # fmt: skip
def test_a_spec_is_read(text: str, spec: Spec) -> None:
    assert parse(text) == spec


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no name in the spec '': write NAME"),
        (":width=3", "no name in the spec"),
        ("@5", "no name in the spec"),
        ("react@", "'react@': after @ comes a number from 1"),
        ("react@0", "after @ comes a number from 1"),
        ("react@-1", "after @ comes a number from 1"),
        ("react@x", "after @ comes a number from 1"),
        ("react@" + "9" * 5000, "after @ comes a number from 1"),
        ("a:b,c", r"'c' in 'a:b,c' is not key=value \(only the first may be bare\)"),
        ("a:b=1,", "'' in 'a:b=1,' is not key=value"),
        ("a:(b", r"a quote or parenthesis is not closed in 'a:\(b'"),
        ("a:b)", "is not closed"),
        ("a:)b(", "is not closed"),
        ("a:k='x", "is not closed"),
    ],
)
def test_what_is_no_spec_is_said(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse(text)


def test_split_and_unquote() -> None:
    assert split("a,'b,c',(d,e),f(g,h)") == ["a", "'b,c'", "(d,e)", "f(g,h)"]
    assert split("") == [""]
    assert [unquote(t) for t in ("'a'", '"a"', "'a\"", "'", "''", "a")] == [
        "a", "a", "'a\"", "'", "", "a",
    ]  # fmt: skip


def test_specs_make_components() -> None:
    assert make("planners", "dfsdt") == DFSDT()
    assert make("planners", "dfsdt:width=3,ranked=yes,profile=toolbench") == DFSDT(
        width=3, ranked=True, profile="toolbench"
    )
    assert make("planners", "dfsdt:3") == DFSDT(width=3)
    assert make("planners", "react@5:max_steps=4") == ReACT(n=5, max_steps=4)
    assert make("planners", "cot:0") == CoT(max_calls=0)
    stumble = make("models", "stumble:rate=1,notice=0.25")
    assert isinstance(stumble, StumblingModel) and (stumble.rate, stumble.notice) == (1.0, 0.25)
    shop = make("envs", "shop:fork=replay")
    assert isinstance(shop, ShopEnv) and shop.fork == "replay"
    assert isinstance(make("envs", "recorded"), RecordedEnv)


def test_the_main_argument_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"default": "hello"}')
    model = make("models", f"scripted:{script}")
    assert isinstance(model, ScriptedModel) and model.default is not None


def test_bind_makes_a_new_one_each_time() -> None:
    made = bind("envs", "shop")
    assert made() is not made()


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("planners", "dfsd", r"no planner 'dfsd' \(did you mean 'dfsdt'\?\); there are: .*cot, "),
        ("planners", "zzzzz", "no planner 'zzzzz'; there are: .*cot, .*dfsdt, .*react"),
        ("policies", "function",
         r"no policy 'function' \(did you mean 'functions'\?\); there are: .*functions, "),
        ("planners", "dfsdt:widht=3",
         r"planner 'dfsdt' has no parameter 'widht' \(did you mean 'width'\?\); it takes: width, "),
        ("planners", "cot:zzz=3", "planner 'cot' has no parameter 'zzz'; it takes: max_calls"),
        ("planners", "dfsdt:width=two", "width='two' in 'dfsdt:width=two': expected int"),
        ("planners", "dfsdt:width=2.5", "expected int"),
        ("planners", "dfsdt:ranked=maybe", "ranked='maybe' in .*: expected bool"),
        ("planners", "dfsdt:profile=tb", "profile='tb' in .*: expected 'default' or 'toolbench'"),
        ("planners", "dfsdt:3,width=2", "'width' is given twice in 'dfsdt:3,width=2'"),
        ("planners", "dfsdt:width=1,width=2", "'width' is given twice"),
        ("planners", "react@2:n=3", "'n' is given twice"),
        ("planners", "dfsdt@3", r"planner 'dfsdt' has no @N \('dfsdt@3'\)"),
        ("planners", "dfsdt:width=0", "'dfsdt:width=0': width must be 1 or more, not 0"),
        ("models", "stumble:rate=nan", "rate must be from 0 to 1, not nan"),
        ("models", "replay:x", r"model 'replay' takes no argument \('x'\)"),
        ("envs", "shop:fork=fee", "expected 'free' or 'snapshot' or 'replay' or 'never'"),
        ("gardens", "x", "no kind of component 'gardens'; there are: planners, models, envs"),
        ("planners", "nowhere.py:P", "no file 'nowhere.py' to take the planner from"),
    ],
)  # fmt: skip
def test_a_wrong_spec_is_answered_with_what_to_do(kind: str, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make(kind, text)


def test_names_come_with_their_package_and_load_nothing() -> None:
    found = names("planners")
    assert {found[name] for name in ("cot", "dfsdt", "react")} == {"toolgrove"}
    assert list(found) == sorted(found)
    assert [singular(kind) for kind in KINDS] == [
        "planner", "model", "env", "policy", "evaluator", "retriever", "judge", "suite",
    ]  # fmt: skip


def test_where_nothing_is_registered_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: [])
    with pytest.raises(UsageError, match="no evaluator 'x': none is registered. Is toolgrove inst"):
        make("evaluators", "x")


def test_a_plugin_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("gone", "toolgrove_gone:Gone", "toolgrove.planners")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: [point])
    with pytest.raises(UsageError, match="planner 'gone' cannot be loaded: No module named"):
        load("planners", parse("gone"))


# A file of one's own

PLANNER = '''
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from toolgrove.core import Node, Planner, Session

VALUE = 5

@dataclass(frozen=True)
class Mine(Planner):
    """Takes everything that a spec can say."""

    label: str
    inner: Planner | None = None
    limit: int | None = None
    share: float | None = 0.5
    either: int | str = 0
    where: Path = Path()
    mode: Literal["fast", "slow"] = "fast"
    loose: bool = False
    anything: Any = None

    async def plan(self, s: Session) -> Node | None:
        return None


def factory(*, depth: int = 1, **rest: object) -> int:
    return depth


def plain(word):
    return word
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_planners.py"
    path.write_text(PLANNER)
    return path


@pytest.mark.parametrize(
    ("items", "field", "value"),
    [
        ("limit=3", "limit", 3),
        ("limit=none", "limit", None),
        ("limit=None", "limit", None),
        ("share=1", "share", 1.0),
        ("share=1e-3", "share", 0.001),
        ("either=7", "either", 7),
        ("either=seven", "either", "seven"),
        ("where=a/b.json", "where", Path("a/b.json")),
        ("mode=slow", "mode", "slow"),
        ("loose=TRUE", "loose", True),
        ("loose=1", "loose", True),
        ("loose=no", "loose", False),
        ("loose=0", "loose", False),
        ("anything=42", "anything", "42"),
        ("inner=(dfsdt:width=3)", "inner", DFSDT(width=3)),
        ("inner=(react@2:max_steps=1)", "inner", ReACT(n=2, max_steps=1)),
        ("label='a, b=(c'", "label", "a, b=(c"),
    ],
)
def test_values_take_the_type_of_the_parameter(
    file: Path, items: str, field: str, value: object
) -> None:
    made = make("planners", f"{file}:Mine,{items}", label="context")
    got = getattr(made, field)
    assert (got, type(got)) == (value, type(value))


def test_what_is_not_given_takes_its_default(file: Path) -> None:
    made = make("planners", f"{file}:Mine,label=x")
    assert (made.inner, made.limit, made.share, made.either) == (None, None, 0.5, 0)


def test_context_fills_in_what_the_spec_leaves_out(file: Path) -> None:
    assert make("planners", f"{file}:Mine,label=spec", label="context").label == "spec"
    assert make("planners", f"{file}:Mine", label="context", unknown=1).label == "context"


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("", "say which class of it, as in .*my_planners.py:MyPlanner"),
        (":Yours", "my_planners.py has no 'Yours'; there are: Mine, factory, plain"),
        (":VALUE", "my_planners.py has no 'VALUE'"),
        (":Mine", "lacks label"),
        (":Mine,label=x,mode=medium", "expected 'fast' or 'slow'"),
        (":Mine,label=x,limit=x", "expected int or NoneType"),
        (":plain", "lacks word"),
        (":factory,width=1", "has no parameter 'width' .*; it takes: depth"),
    ],
)
def test_a_file_is_used_wrongly(file: Path, rest: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make("planners", f"{file}{rest}")


def test_functions_of_a_file_make_components_too(file: Path) -> None:
    assert make("planners", f"{file}:factory,depth=3") == 3
    assert make("planners", f"{file}:plain,word=so") == "so"


def test_a_file_that_does_not_load_is_an_error_with_its_cause(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_that_name\n")
    for _ in range(2):
        with pytest.raises(UsageError, match="cannot be loaded: ModuleNotFoundError: No module"):
            make("planners", f"{broken}:P")


def test_files_whose_paths_look_alike_are_two(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one, two = tmp_path / "a" / "b.py", tmp_path / "a_b.py"
    one.write_text("def made() -> int:\n    return 1\n")
    two.write_text("def made() -> int:\n    return 2\n")
    assert [make("planners", f"{path}:made") for path in (one, two)] == [1, 2]


def test_a_class_loaded_twice_is_one_class(file: Path) -> None:
    first, second = (load("planners", parse(f"{file}:Mine"))[0] for _ in range(2))
    assert first is second


def test_what_the_factory_raises_is_a_usage_error_only_where_it_is_about_values(
    tmp_path: Path,
) -> None:
    path = tmp_path / "raising.py"
    path.write_text(
        "def made(how: str) -> None:\n    raise {'v': ValueError, 'k': KeyError}[how]('x')\n"
    )
    with pytest.raises(UsageError, match="raising.py:made,how=v': x"):
        make("planners", f"{path}:made,how=v")
    with pytest.raises(KeyError):
        make("planners", f"{path}:made,how=k")
