"""Python functions as tools: schemas, calls, results, failures, and where they run."""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
import json
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from toolgrove.core import API, Action, BadArguments, Step, Task, ToolError, UsageError, world
from toolgrove.envs.function_calls import Threads
from toolgrove.envs.function_tools import MARK, Options
from toolgrove.envs.functions import FunctionWorld, Tools, tool
from toolgrove.envs.signatures import Signature
from toolgrove.testing import check_env


class Colour(enum.Enum):
    RED = "red"


class Point(BaseModel):
    x: int
    next: Point | None = None


@dataclass
class Rate:
    currency: str
    at: dt.datetime
    value: Decimal


@tool
def convert(amount: float, currency: Literal["EUR", "USD"], *, digits: int = 2) -> dict[str, Any]:
    """Convert an amount.

    At yesterday's rates.

    Args:
        amount: how much.
        currency: of the amount.

    Returns:
        The amount in Swiss francs.
    """
    return {"chf": round(amount * 0.9, digits), "from": currency}


@tool
async def later(text: str) -> str:
    """Wait a little."""
    await asyncio.sleep(0)
    return text.upper()


def did(made: FunctionWorld, name: str, arguments: Any = None, /, **given: Any) -> tuple[str, Any]:
    """Status, and the response or the refusal's words, of one call in a new episode."""

    async def call() -> Step:
        env = made.env()
        await env.reset(Task("t", "do"), seed=0)
        text = arguments if isinstance(arguments, str) else json.dumps(given)
        return await env.step(Action(name, text))

    try:
        step = asyncio.run(call())
    except ToolError as error:
        return error.status, str(error)
    assert step.info.provenance == "computed"
    body = json.loads(step.observation)
    assert body["error"] == ""
    return step.info.status, body["response"]


def api(made: FunctionWorld) -> API:
    [only] = made.apis
    return only


def test_a_function_is_described_by_its_hints_and_docstring() -> None:
    assert convert(10, "EUR") == {"chf": 9.0, "from": "EUR"}  # as before
    offered = api(FunctionWorld(convert))
    assert (offered.name, offered.tool, offered.api) == ("convert", "test_functions", "convert")
    assert offered.read_only
    assert offered.description == (
        "Convert an amount.\n\nAt yesterday's rates.\n\nReturns: The amount in Swiss francs."
    )
    assert offered.parameters == {
        "type": "object",
        "properties": {
            "amount": {"type": "number", "description": "how much."},
            "currency": {
                "type": "string",
                "enum": ["EUR", "USD"],
                "description": "of the amount.",
            },
            "digits": {"type": "integer", "default": 2},
        },
        "required": ["amount", "currency"],
        "additionalProperties": False,
    }


def numpy_style(a: int) -> None:
    """Do.

    Parameters
    ----------
    a : int
        The first.
    """


def sphinx_style(a: int) -> None:
    """Do.

    :param a: The first.
    """


def google_style(a: int) -> None:
    """Do.

    Args:
        a: The first.
    """


@pytest.mark.parametrize("function", [numpy_style, sphinx_style, google_style])
def test_docstring_styles(function: Any) -> None:
    signature = Signature(function)
    assert signature.description == "Do."
    assert signature.parameters["properties"]["a"]["description"] == "The first."


def everything(
    schema: int,
    _hidden: Annotated[int, "in a hint"],
    model_config: Annotated[list[int], Field(min_length=1, description="of pydantic")],
    day: dt.date,
    colour: Colour,
    point: Point,
    either: int | str,
    maybe: str = None,  # type: ignore[assignment]
    odd: int = "no",  # type: ignore[assignment]
) -> Any:
    """Do."""
    return locals()


def test_names_and_types_of_every_kind() -> None:
    signature = Signature(everything)
    schema = signature.parameters
    Draft202012Validator.check_schema(schema)
    properties = schema["properties"]
    assert list(properties) == list(everything.__annotations__)[:-1]
    assert properties["_hidden"]["description"] == "in a hint"
    assert properties["model_config"]["description"] == "of pydantic"
    assert "default" not in properties["odd"]  # it does not fit its own hint
    args, kwargs = signature.bind(
        {"schema": "5", "_hidden": 1, "model_config": [2], "day": "2024-02-29", "colour": "red",
         "point": {"x": 1, "next": {"x": 2}}, "either": "5", "maybe": None}
    )  # fmt: skip
    assert args == []
    assert kwargs["schema"] == 5 and kwargs["either"] == "5" and kwargs["maybe"] is None
    assert kwargs["day"] == dt.date(2024, 2, 29) and kwargs["colour"] is Colour.RED
    assert kwargs["point"].next.x == 2
    assert "odd" not in kwargs  # the function's own default holds


def positional(a: int, b: int = 2, c: int = 3, /, d: int = 4) -> tuple[int, ...]:
    return a, b, c, d


def test_arguments_by_position() -> None:
    args, kwargs = Signature(positional).bind({"a": 1, "d": 9})
    assert positional(*args, **kwargs) == (1, 2, 3, 9)
    with pytest.raises(BadArguments, match="'c' needs 'b'"):
        Signature(positional).bind({"a": 1, "c": 2})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "argument 'amount' is missing; argument 'currency' is missing"),
        ({"amount": "much", "currency": "EUR"}, "argument 'amount': .*valid number.*'much'"),
        ({"amount": 1, "currency": "CHF"}, "argument 'currency': .*'EUR' or 'USD'"),
        ({"amount": 1, "currency": "EUR", "digit": 1}, "no argument 'digit'.*digits"),
        ({"amount": 1, "currency": "EUR", "digits": 1.5}, "argument 'digits'"),
        ({"amount": [[[]]], "currency": None, "digits": {}, "x": 1}, r"and 1 more"),
    ],
)
def test_arguments_that_do_not_fit(arguments: Any, said: str) -> None:
    status, words = did(FunctionWorld(convert), "convert", json.dumps(arguments))
    assert status == "bad_arguments"
    assert re.search(said, words)


def test_calls() -> None:
    made = FunctionWorld([convert, later])
    assert made.fork == "free"
    assert did(made, "convert", amount="10", currency="EUR") == ("ok", {"chf": 9.0, "from": "EUR"})
    assert did(made, "later", text="é") == ("ok", "É")
    assert did(made, "nothing") == ("no_such_api", "No such function name: nothing")
    check_env(made.env, Task("t", "do", made.apis))


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


def numbers() -> Iterator[int]:
    while True:
        yield 1


RESULTS: dict[str, Any] = {
    "rate": Rate("EUR", dt.datetime(2024, 1, 2, 3, 4), Decimal("1.10")),
    "point": Point(x=1, next=Point(x=2)),
    "colours": [Colour.RED, {1}, None, (b"x", Path("a"))],
    "numbers": {1: float("nan"), 2: float("inf")},
    "cycle": CYCLE,
    "deep": None,
    "object": object(),
    "text": "\ud800",
    "long": "x" * 2000,
}
for _ in range(100_000):
    RESULTS["deep"] = [RESULTS["deep"]]


@tool
def result(which: str) -> Any:
    """Give something."""
    return numbers() if which == "generator" else RESULTS[which]


@pytest.mark.parametrize(
    ("which", "body"),
    [
        ("rate", {"currency": "EUR", "at": "2024-01-02T03:04:00", "value": "1.10"}),
        ("point", {"x": 1, "next": {"x": 2, "next": None}}),
        ("colours", ["red", [1], None, ["x", "a"]]),
        ("numbers", {"1": "NaN", "2": "Infinity"}),
    ],
)
def test_results(which: str, body: Any) -> None:
    assert did(FunctionWorld(result), "result", which=which) == ("ok", body)


@pytest.mark.parametrize("which", ["cycle", "deep", "object", "text", "generator", "long"])
def test_results_that_are_no_json(which: str) -> None:
    status, words = did(FunctionWorld(result, largest=1000), "result", which=which)
    assert status == "error" and words.startswith("result gave ")
    assert len(words) < 500


class Rude(Exception):
    def __str__(self) -> str:
        raise ValueError


@tool
def fail(how: str) -> None:
    """Fail."""
    if how == "refuse":
        raise ToolError("not today", "unauthorised")
    if how == "recurse":
        fail(how)
    if how == "cancel":
        raise asyncio.CancelledError
    raise {"rude": Rude(), "stop": StopIteration(), "own": TimeoutError("its own"),
           "long": KeyError("x" * 9999)}[how]  # fmt: skip


@tool
async def fail_later(how: str) -> None:
    """Fail."""
    await asyncio.sleep(0)
    fail(how)


@tool(run="inline")
def fail_here(how: str) -> None:
    """Fail."""
    fail(how)


@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("refuse", "unauthorised", "not today"),
        ("recurse", "error", "RecursionError: "),
        ("rude", "error", "Rude"),
        ("own", "error", "TimeoutError: its own"),
        ("cancel", "error", "RuntimeError: it cancelled itself"),
        ("stop", "error", ""),
        ("long", "error", "KeyError: 'xxx"),
    ],
)
def test_failures_reach_the_model_without_a_traceback(how: str, status: str, words: str) -> None:
    made = FunctionWorld([fail, fail_later, fail_here])
    for name in ("fail", "fail_later", "fail_here"):
        got, said = did(made, name, how=how)
        assert got == status and said.startswith(words)
        assert "Traceback" not in said and len(said) < 2100


def test_the_log_has_the_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "toolgrove"):
        did(FunctionWorld(fail), "fail", how="own")
    assert "Traceback" in caplog.text and "its own" in caplog.text


@tool
def leave(how: str) -> None:
    """Leave."""
    raise SystemExit(3) if how == "exit" else KeyboardInterrupt


@tool(name="leave_here", run="inline")
def leave_inline(how: str) -> None:
    """Leave."""
    leave(how)


@pytest.mark.parametrize("name", ["leave", "leave_here"])
def test_exits_and_interrupts_pass(name: str) -> None:
    made = FunctionWorld([leave, leave_inline])
    with pytest.raises(SystemExit):
        did(made, name, how="exit")
    with pytest.raises(KeyboardInterrupt):
        did(made, name, how="interrupt")


def test_a_thread_that_hangs_is_left_alone() -> None:
    go, ended = threading.Event(), threading.Event()

    @tool(timeout=0.05)
    def hang() -> None:
        """Hang."""
        go.wait(30)
        ended.set()

    hang.__annotations__ = {}
    assert did(FunctionWorld(hang), "hang") == ("timeout", "hang did not answer within 0.05 s")
    go.set()
    assert ended.wait(10)


def test_threads_are_counted() -> None:
    go = threading.Event()
    few = Threads(2)

    async def fill() -> list[Any]:
        hanging = [few.run(lambda: go.wait(30), 0.05, "hang") for _ in range(4)]
        return await asyncio.gather(*hanging, return_exceptions=True)

    got = asyncio.run(fill())
    assert [type(e).__name__ for e in got] == ["Overdue", "Overdue", "ToolError", "ToolError"]
    assert got[2].status == "unavailable" and few.running == 2
    go.set()
    while few.running:
        time.sleep(0.01)
    assert asyncio.run(few.run(lambda: 5, 10, "five")) == 5


@tool(timeout=0.05)
async def hang_later() -> None:
    """Hang."""
    await asyncio.sleep(30)


def test_a_coroutine_that_hangs_is_cancelled() -> None:
    assert did(FunctionWorld(hang_later), "hang_later")[0] == "timeout"


FILE = '''
import os, subprocess, sys, time
from toolgrove.envs.functions import Tools, tool

@tool(run="process", timeout=20)
def apart(text: str) -> dict:
    """Run apart."""
    print("noise")
    return {"text": text, "pid": os.getpid()}

@tool(run="process", timeout=20)
async def apart_later(days: int) -> int:
    return days + 1

@tool(run="process", timeout=20)
def fall(how: str) -> str:
    if how == "die":
        os._exit(7)
    if how == "exit":
        sys.exit(4)
    if how == "long":
        return "x" * 5_000_000
    raise ValueError(how)

@tool(run="process", timeout=3)
def hang(file: str) -> None:
    child = subprocess.Popen(["sleep", "600"])
    with open(file, "w") as out:
        out.write(f"{os.getpid()} {child.pid}")
    time.sleep(600)

def helper(x):
    return x

class Bank(Tools):
    @tool(effect="write")
    def pay(self, amount: int) -> int:
        return amount

several = [apart, Bank]
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_process_is_killed_when_it_is_late(file: Path, tmp_path: Path) -> None:
    made = world(f"functions:{file}:hang")
    assert isinstance(made, FunctionWorld)
    note = tmp_path / "pids"
    assert did(made, "hang", file=str(note)) == ("timeout", "hang did not answer within 3 s")
    pids = [int(pid) for pid in note.read_text().split()]
    assert len(pids) == 2
    for _ in range(500):
        if all(gone(pid) for pid in pids):
            break
        time.sleep(0.01)
    assert all(gone(pid) for pid in pids)


def test_calls_in_a_process(file: Path) -> None:
    made = world(f"functions:{file}")
    calls = [
        ("apart", {"text": "é"}),
        ("apart_later", {"days": "1"}),
        ("apart_later", {"days": "one"}),
        ("fall", {"how": "me"}),
        ("fall", {"how": "exit"}),
        ("fall", {"how": "die"}),
        ("fall", {"how": "long"}),
    ]

    async def all_of_them() -> Any:
        env = made.env()
        await env.reset(Task("t", "do"), seed=0)
        steps = [env.step(Action(name, json.dumps(given))) for name, given in calls]
        return await asyncio.gather(*steps, return_exceptions=True)

    apart, days, *refused = asyncio.run(all_of_them())
    got = json.loads(apart.observation)["response"]
    assert got["text"] == "é" and got["pid"] != os.getpid()
    assert days.observation == '{"error":"","response":2}'
    assert [(error.status, str(error).partition(", ")[0]) for error in refused] == [
        ("bad_arguments", refused[0].args[0].partition(", ")[0]),
        ("error", "ValueError: me"),
        ("error", "SystemExit: 4"),
        ("error", "the process of fall ended without a result (exit 7)"),
        ("error", "fall gave 5000002 characters of JSON"),
    ]


def test_specs(file: Path) -> None:
    names = {
        f"functions:{file}": ["apart", "apart_later", "fall", "hang", "pay"],
        f"functions:{file}:Bank": ["pay"],
        f"functions:{file}:several": ["apart", "pay"],
        f"functions:{file}:apart,largest=10": ["apart"],
    }
    for spec, expected in names.items():
        assert [each.name for each in world(spec).apis] == expected
    assert world(f"functions:{file}").fork == "never"  # Bank writes and cannot go back
    assert world(f"functions:{file},fork=replay").fork == "replay"
    mark = world(f"functions:{file}").fingerprints()
    file.write_text(FILE + "\n")
    assert world(f"functions:{file}").fingerprints() != mark


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("functions:nowhere.py", "no file 'nowhere.py'"),
        ("functions:{file}:Bonk", "no 'Bonk'.*did you mean 'Bank'"),
        ("functions:{file}:helper", "helper is no tool"),
        ("functions:json:dumps", "dumps is no tool"),
        ("functions:no_such_module:x", "cannot be loaded: ModuleNotFoundError"),
        ("functions:a/b:x", "say functions:"),
        ("functions:json", "json has no tools"),
        ("functions:{file},largest=0", "largest"),
        ("functions", "lacks tools"),
        ("functions:{file}:apart,fork=snapshot", ""),
    ],
)
def test_specs_that_are_wrong(file: Path, spec: str, said: str) -> None:
    if not said:
        world(spec.format(file=file))
        return
    with pytest.raises(UsageError, match=said):
        world(spec.format(file=file))


def starred(*numbers: int) -> None: ...
def double_starred(**numbers: int) -> None: ...
def unhinted(a) -> None: ...  # type: ignore[no-untyped-def]
def unreadable(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037
def unspeakable(a: threading.Lock) -> None: ...


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (starred, r"\*numbers has no schema"),
        (double_starred, r"\*\*numbers has no schema"),
        (unhinted, "'a' has no type hint"),
        (unreadable, "cannot be read: NameError"),
        (unspeakable, "no JSON Schema"),
    ],
)
def test_functions_that_cannot_be_offered(function: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        FunctionWorld(tool(function))


def test_mistakes_in_decorating() -> None:
    for options in ({"effect": "rite"}, {"run": "fork"}, {"timeout": 0}, {"timeout": float("nan")}):
        with pytest.raises(UsageError, match="@tool"):
            tool(**options)
    with pytest.raises(UsageError, match="not int"):
        tool(3)  # type: ignore[call-overload]
    with pytest.raises(UsageError, match="called 'convert'"):
        FunctionWorld([convert, convert])
    with pytest.raises(UsageError, match="called functions by|call functions by"):
        FunctionWorld(tool(name="Finish")(lambda: None))
    with pytest.raises(UsageError, match="top of a module"):
        FunctionWorld(tool(run="process", name="inner")(lambda: None))

    class Apart(Tools):
        @tool(run="process")
        def go(self) -> None: ...

    with pytest.raises(UsageError, match="for functions"):
        FunctionWorld(Apart)


HINTS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers(-(10**12), 10**12)),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (bool, st.booleans()),
    (str, st.text()),
    (list[int], st.lists(st.integers(-9, 9), max_size=3)),
    (dict[str, bool], st.dictionaries(st.text(max_size=3), st.booleans(), max_size=3)),
    (Literal["a", "b"], st.sampled_from(["a", "b"])),
    (int | None, st.none() | st.integers(-9, 9)),
    (Any, st.none() | st.text() | st.booleans()),
]
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not __import__("keyword").iskeyword(name)
)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_what_fits_the_schema_arrives(data: st.DataObject) -> None:
    names = data.draw(st.lists(NAMES, unique=True, max_size=5))
    picked = [data.draw(st.sampled_from(HINTS)) for _ in names]
    optional = [data.draw(st.booleans()) for _ in names]
    listed = ", ".join(f"{n}=None" if o else n for n, o in zip(names, optional, strict=True))
    scope: dict[str, Any] = {}
    exec(f"def made({'*, ' if names else ''}{listed}): return dict(locals())", scope)
    made = scope["made"]
    made.__annotations__ = {n: hint for n, (hint, _) in zip(names, picked, strict=True)}
    signature = Signature(made)
    schema = signature.parameters
    Draft202012Validator.check_schema(schema)
    given_ = {
        name: data.draw(values)
        for name, (_, values), leave_out in zip(names, picked, optional, strict=True)
        if not (leave_out and data.draw(st.booleans()))
    }
    assert Draft202012Validator(schema).is_valid(json.loads(json.dumps(given_)))
    args, kwargs = signature.bind(json.loads(json.dumps(given_)))
    assert made(*args, **kwargs) == {**dict.fromkeys(names), **given_}
    for name in (n for n, o in zip(names, optional, strict=True) if not o):
        less = {k: v for k, v in given_.items() if k != name}
        assert not Draft202012Validator(schema).is_valid(less)
        with pytest.raises(BadArguments, match="is missing"):
            signature.bind(less)


def test_options_stand_on_the_function() -> None:
    assert getattr(convert, MARK) == Options()
