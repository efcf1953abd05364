"""Retrieval data in ToolBench's layout: a corpus, and queries with the documents they need.

A folder has ``corpus.tsv`` (docid and a JSON document, with a header), and for a split (``train``,
``test``) ``SPLIT.query.txt`` (query id and text) and ``qrels.SPLIT.tsv`` (query id, 0, docid, 1).
``SPLIT.query_group.tsv`` (query id and group) may stand beside them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from io import StringIO
from pathlib import Path
from typing import Any

from ..core import UsageError
from ..core.whole import whole
from ..envs.catalogue import about
from ..envs.toolbench import standardize

Doc = Mapping[str, Any]


@dataclass(frozen=True)
class Split:
    """Queries and what they need.

    Attributes:
        queries: texts by query id, in their order.
        relevant: docids by query id; at least one each.
        groups: of queries, where the data says.
    """

    queries: Mapping[str, str]
    relevant: Mapping[str, frozenset[str]]
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Corpus:
    """Documents by docid, in their order."""

    docs: Mapping[str, Doc]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The docids."""
        return tuple(self.docs)

    @cached_property
    def texts(self) -> list[str]:
        """What is searched of each document: category, tool, API and description."""
        return [about(doc) for doc in self.docs.values()]

    @cached_property
    def tools(self) -> list[tuple[str, str] | None]:
        """The tool of each document, with its category; None where it has none."""
        names = [(str(doc.get("category_name") or ""), str(doc.get("tool_name") or ""))
                 for doc in self.docs.values()]  # fmt: skip
        return [name if name[1] else None for name in names]

    @cached_property
    def digest(self) -> str:
        """Content hash."""
        return _digest([[docid, doc] for docid, doc in self.docs.items()])

    def with_others(self, docs: Sequence[Doc]) -> Corpus:
        """This corpus and the documents of tools that it does not have.

        Names of tools are compared as ToolBench standardises them. The new docids are ``+0``,
        ``+1`` ..: no query needs them.
        """
        tools = {standardize(str(doc.get("tool_name") or "")) for doc in self.docs.values()}
        new = [doc for doc in docs if standardize(str(doc.get("tool_name") or "")) not in tools]
        return Corpus({**self.docs, **{f"+{i}": doc for i, doc in enumerate(new)}})


def digest(corpus: Corpus, split: Split) -> str:
    """Content hash of a corpus with a split of queries."""
    relevant = {query: sorted(docs) for query, docs in split.relevant.items()}
    return _digest([corpus.digest, dict(split.queries), relevant])


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def read_corpus(folder: Path) -> Corpus:
    """The documents of a folder.

    Raises:
        UsageError: there is no ``corpus.tsv``, or a row of it is no document or repeats a docid.
    """
    path, docs = folder / "corpus.tsv", dict[str, Doc]()
    csv.field_size_limit(2**31 - 1)
    for number, row in enumerate(_rows(path), 1):
        if number == 1 and row[:1] == ["docid"]:
            continue
        try:
            docid, text = row
            doc = json.loads(text)
            if not isinstance(doc, dict):
                raise ValueError(f"{type(doc).__name__} in place of an object")
        except ValueError as error:
            raise UsageError(f"{path}: row {number} is no docid and document: {error}") from None
        if docs.setdefault(docid, doc) != doc:  # ToolBench repeats a document for each query
            raise UsageError(f"{path}: row {number}: there is another document {docid!r} already")
    if not docs:
        raise UsageError(f"{path} has no documents")
    return Corpus(docs)


def read_split(folder: Path, name: str, corpus: Corpus) -> Split:
    """The queries of a split. A query without a label is left out, as it cannot be scored.

    Raises:
        UsageError: a file is missing or empty, a row cannot be read, a label names a query or a
            document that is not there, or one query id has two texts.
    """
    path = folder / f"{name}.query.txt"
    queries: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        query, tab, text = line.partition("\t")
        if not tab:
            raise UsageError(f"{path}:{number}: expected a query id, a tab and the query")
        if queries.setdefault(query, text) != text:  # ToolBench repeats a query for each label
            raise UsageError(f"{path}:{number}: there is another query {query!r} already")
    path, labels = folder / f"qrels.{name}.tsv", dict[str, set[str]]()
    for number, line in enumerate(_lines(path), 1):
        parts = line.split("\t")
        if len(parts) != 4:
            raise UsageError(f"{path}:{number}: expected query id, 0, docid and 1, with tabs")
        query, _, docid, label = parts
        if query not in queries or docid not in corpus.docs:
            what = f"query {query!r}" if query not in queries else f"document {docid!r}"
            raise UsageError(f"{path}:{number}: there is no {what}")
        if label.strip() not in ("0", "0.0"):
            labels.setdefault(query, set()).add(docid)
    asked = {query: text for query, text in queries.items() if query in labels}
    if not asked:
        raise UsageError(f"{path} has no labels")
    path, groups = folder / f"{name}.query_group.tsv", dict[str, str]()
    if path.is_file():
        pairs = [line.partition("\t") for line in _lines(path)]
        groups = {query: group for query, _, group in pairs if group and query in asked}
    return Split(asked, {query: frozenset(labels[query]) for query in asked}, groups)


def write_layout(folder: Path, corpus: Corpus, splits: Mapping[str, Split]) -> None:
    """Write a corpus and its splits, once a query; labels in the order of the corpus.

    Raises:
        UsageError: nothing can be written there.
    """
    files = {"corpus.tsv": corpus_text(corpus.docs.items())}
    place = {docid: i for i, docid in enumerate(corpus.docs)}
    for name, split in splits.items():
        rows = [(q, " ".join(text.split())) for q, text in split.queries.items()]
        files[f"{name}.query.txt"] = "".join(f"{q}\t{text}\n" for q, text in rows)
        files[f"qrels.{name}.tsv"] = "".join(
            f"{q}\t0\t{docid}\t1\n"
            for q in split.queries
            for docid in sorted(split.relevant[q], key=lambda d: place[d])
        )
        if split.groups:
            rows = [(q, split.groups.get(q, "")) for q in split.queries]
            files[f"{name}.query_group.tsv"] = "".join(f"{q}\t{group}\n" for q, group in rows)
    write_files(folder, files)


def corpus_text(docs: Iterable[tuple[str, Doc]]) -> str:
    """``corpus.tsv`` as ToolBench writes it: quoted where needed, JSON escaped to ASCII."""
    out = StringIO(newline="")
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    writer.writerow(["docid", "document_content"])
    writer.writerows([[docid, json.dumps(doc)] for docid, doc in docs])
    return out.getvalue()


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write text files into a folder, each whole or not at all.

    Raises:
        UsageError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            with whole(folder / name) as file:
                file.write(text.encode())
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror or error}") from error


def _lines(path: Path) -> Iterator[str]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    return (line for line in text.split("\n") if line.strip())


def _rows(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [row for row in csv.reader(file, delimiter="\t") if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
