"""Retrieval data out of other people's files: ToolBench's queries, MetaTool, Seal-Tools, suites."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..core import API, Task, UsageError
from ..models.retrieval import about as about_api
from ..models.signatures import parameters
from .retriever_data import Corpus, Doc, Split, corpus_text

TOOLBENCH_SEED: Final = 42  # of the order of labels in ToolBench's own files


def toolbench_files(queries: Sequence[Doc], test_ids: frozenset[str]) -> dict[str, str]:
    """What ToolBench's ``preprocess_retriever_data.py`` writes for queries, byte for byte.

    Query ids count from 1, those of the training queries first; docids count documents as they
    come up. Labels are in a shuffled order; a query stands once for each of its labels, a document
    once for each query that lists it: readers must take both. Where a query has ``relevant APIs``
    only these are labelled, else all of its ``api_list``.

    Args:
        queries: ToolBench's query records.
        test_ids: the ``query_id`` of those that go into the test split.

    Raises:
        UsageError: a record is no query.
    """
    parts = {
        "train": [q for q in queries if str(q.get("query_id")) not in test_ids],
        "test": [q for q in queries if str(q.get("query_id")) in test_ids],
    }
    docs: list[tuple[str, Doc]] = []
    numbers: dict[str, int] = {}
    files: dict[str, str] = {}
    count = 0
    for name, records in parts.items():
        labels: list[tuple[int, str, int]] = []
        for record in records:
            count += 1
            text = str(record.get("query", ""))
            wanted = _relevant(record)
            for doc in _api_list(record):
                key = json.dumps(doc)
                number = numbers.setdefault(key, len(numbers) + 1)
                docs.append((str(number), doc))
                if wanted is None or (doc.get("tool_name"), doc.get("api_name")) in wanted:
                    labels.append((count, text, number))
        order = np.arange(len(labels))
        np.random.RandomState(TOOLBENCH_SEED).shuffle(order)  # as scikit-learn's `shuffle` does
        shuffled = [labels[i] for i in order]
        files[f"{name}.query.txt"] = "".join(f"{q}\t{_line(text)}\n" for q, text, _ in shuffled)
        files[f"qrels.{name}.tsv"] = "".join(f"{q}\t0\t{d}\t1\n" for q, _, d in shuffled)
        files[f"{name}.json"] = json.dumps(records)
    return {"corpus.tsv": corpus_text(docs), **files}


def _line(text: str) -> str:
    return re.sub(r"[\t\r\n]+", " ", text)


def _api_list(record: Doc) -> list[Doc]:
    listed = record.get("api_list")
    if not isinstance(listed, list) or not all(isinstance(doc, dict) for doc in listed):
        raise UsageError(f"query {record.get('query_id')!r} has no api_list")
    return listed


def _relevant(record: Doc) -> set[tuple[Any, Any]] | None:
    named = record.get("relevant APIs")
    return None if named is None else {(pair[0], pair[1]) for pair in named}


def read_queries(path: Path) -> list[Doc]:
    """The records of ToolBench's query file, or of all those in a folder.

    Raises:
        UsageError: there are none, or a file is no list of queries.
    """
    paths = sorted(path.glob("*.json")) if path.is_dir() else [path]
    records: list[Doc] = []
    for each in paths:
        found = _json(each)
        if not isinstance(found, list) or not all(
            isinstance(q, dict) and "query" in q and "api_list" in q for q in found
        ):
            raise UsageError(f"{each} is no list of ToolBench's queries (query, api_list)")
        records += found
    if not records:
        raise UsageError(f"{path} has no queries")
    return records


def metatool(folder: Path) -> tuple[Corpus, dict[str, Split]]:
    """MetaTool's plugins, queries that need one of them and queries that need two: all for test.

    A document is a plugin's name and description. Groups are ``single`` and ``two``.

    Raises:
        UsageError: a file is missing, or names a plugin that there is not.
    """
    known: Mapping[str, str] = _json(folder / "plugin_des.json")
    docs = {
        str(i): _doc(tool=name, description=text) for i, (name, text) in enumerate(known.items(), 1)
    }
    ids = {name: str(i) for i, name in enumerate(known, 1)}
    asked = [("single", row["Query"], [row["Tool"]]) for row in _csv(folder / "all_clean_data.csv")]
    asked += [
        ("two", q["query"], q["tool"]) for q in _json(folder / "multi_tool_query_golden.json")
    ]
    rows = [(str(n), *row) for n, row in enumerate(asked, 1)]
    return Corpus(docs), {"test": _split(rows, ids, folder)}


def seal_tools(folder: Path) -> tuple[Corpus, dict[str, Split]]:
    """Seal-Tools' tools and its two test sets; groups are ``in_domain`` and ``out_domain``.

    A document is a tool's name, taken apart at its capitals, and its description.

    Raises:
        UsageError: a file is missing, or names a tool that there is not.
    """
    tools = list(_json_lines(folder / "tool.jsonl"))
    ids = {tool["api_name"]: str(i) for i, tool in enumerate(tools, 1)}
    docs = {ids[t["api_name"]]: _doc(api=_apart(t["api_name"]), description=t["api_description"])
            for t in tools}  # fmt: skip
    rows = [
        (str(q["id"]), group, q["query"], [call["api"] for call in q["calling"]])
        for group in ("in_domain", "out_domain")
        for q in _json_lines(folder / f"test_{group}.jsonl")
    ]
    return Corpus(docs), {"test": _split(rows, ids, folder)}


def from_tasks(
    splits: Mapping[str, Sequence[Task]], apis: Sequence[API]
) -> tuple[Corpus, dict[str, Split]]:
    """Tasks as queries: the APIs that they need are relevant.

    Args:
        splits: tasks by split; one that names no relevant API is left out.
        apis: the corpus; APIs that tasks offer beside these are added to it.

    Raises:
        UsageError: no task of a split says which APIs it needs.
    """
    own = {api.name: api for api in apis}
    for tasks in splits.values():
        for task in tasks:
            for api in task.apis:
                own.setdefault(api.name, api)
    ids = {name: str(i) for i, name in enumerate(own, 1)}
    docs = {ids[name]: document(api) for name, api in own.items()}
    made = {}
    for split, tasks in splits.items():
        rows = [(t.id, t.group, t.instruction, list(t.relevant)) for t in tasks if t.relevant]
        if not rows:
            raise UsageError(f"no task for {split} says which APIs it needs")
        made[split] = _split(rows, ids, split)
    return Corpus(docs), made


def document(api: API) -> dict[str, Any]:
    """An API as a document of ToolBench's layout; ``function`` is what a model calls it."""
    name = api.api or api.name
    text = about_api(api)[len(f"{api.category} {api.tool} {name}") + 1 :]
    doc = _doc(api.category, api.tool, name, text)
    for key, required, shape in parameters(api.parameters):
        group = "required_parameters" if required else "optional_parameters"
        kind, told = shape.get("type", ""), shape.get("description", "")
        doc[group].append({"name": key, "type": kind, "description": told})
    return {**doc, "function": api.name}


def _doc(
    category: str = "", tool: str = "", api: str = "", description: str = ""
) -> dict[str, Any]:
    named = {"category_name": category, "tool_name": tool, "api_name": api}
    lists: dict[str, Any] = {"required_parameters": [], "optional_parameters": []}
    return {**named, "api_description": description, **lists}


def _split(
    rows: Sequence[tuple[str, str, str, Sequence[str]]], ids: Mapping[str, str], source: object
) -> Split:
    unknown = {name for *_, names in rows for name in names} - set(ids)
    if unknown:
        raise UsageError(f"{source} has no tool {sorted(unknown)[0]!r}, which a query needs")
    relevant = {query: frozenset(ids[name] for name in names) for query, _, _, names in rows}
    return Split(
        {q: text for q, _, text, _ in rows}, relevant, {q: group for q, group, _, _ in rows}
    )


def _apart(name: str) -> str:
    return re.sub(r"([A-Z])", r" \1", name).strip()


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def _json_lines(path: Path) -> Iterator[Any]:
    try:
        for line in path.read_text("utf-8").split("\n"):
            if line.strip():
                yield json.loads(line)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def _csv(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
