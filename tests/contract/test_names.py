"""What a search is told by: two parts that were made alike have one name, in every process."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import make
from toolgrove.core.registry import names
from toolgrove.envs.shop import APIS

EVALUATORS = {
    "judge": ["judge:(sopr:(scripted))", "judge:(tooleval:(stumble),votes=1)", "judge:(truth)"],
    "preference": ["preference:(scripted),votes=2"],
    "ranking": ["ranking", "ranking:all_pairs=true"],
    "scorer": ["scorer:FOLDER/score.py:score"],
    "self_consistency": ["self_consistency"],
    "truth": ["truth:scale=remaining"],
    "value": ["value", "value:scale=words,n=3"],
    "vote": ["vote:n=3"],
}


def planners() -> list[str]:
    """Every spec that the contract tests run."""
    source = Path(__file__).with_name("test_everything.py").read_text("utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PLANNERS":
            return [spec for specs in ast.literal_eval(node.value).values() for spec in specs]
    raise AssertionError("no PLANNERS")


def check(kind: str, spec: str) -> str:
    one, other = make(kind, spec), make(kind, spec)
    assert one is not other and repr(one) == repr(other)
    assert not re.search(r" at 0x|object at", repr(one))
    return repr(one)


@pytest.mark.parametrize("spec", planners())
def test_planners(spec: str) -> None:
    check("planners", spec)


def test_planners_differ_where_their_specs_do() -> None:
    told = [check("planners", spec) for spec in planners()]
    assert len(set(told)) == len(told)


def test_another_process_has_the_same_names() -> None:
    specs = [*planners(), "best_of_n@2:(react),evaluator=(judge:(sopr:(scripted)))"]
    code = (
        "import json, sys; from toolgrove.core import make\n"
        "print(json.dumps([repr(make('planners', spec)) for spec in json.loads(sys.argv[1])]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, json.dumps(specs)], capture_output=True, text=True, check=True
    )
    assert json.loads(told.stdout) == [repr(make("planners", spec)) for spec in specs]


@pytest.mark.parametrize("spec", [spec for specs in EVALUATORS.values() for spec in specs])
def test_evaluators(spec: str, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def score(task, nodes):\n    return [0 for _ in nodes]\n")
    spec = spec.replace("FOLDER", str(tmp_path))
    check("evaluators", spec)
    check("planners", f"best_of_n@2:(react),evaluator=({spec})")


def test_no_evaluator_is_left_out() -> None:
    assert set(EVALUATORS) == set(names("evaluators"))


def test_retrievers(tmp_path: Path) -> None:
    pytest.importorskip("bm25s")
    from toolgrove.models.retrieval.index import write_index

    told: list[str] = []
    choices: list[tuple[str, Any]] = [("a", APIS), ("b", APIS[1:]), ("c", APIS)]
    for name, apis in choices:
        write_index(tmp_path / name, apis, "bm25:k1=2" if name == "c" else "bm25")
        told.append(check("retrievers", f"index:{tmp_path / name}"))
        check("planners", f"anytool:(react),retriever=(index:{tmp_path / name})")
    assert len(set(told)) == 3
    assert set(names("retrievers")) == {"index"}
