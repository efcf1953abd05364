"""Retrieval data and training: the layout, golden files, figures made elsewhere, a tiny model."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bm25s", reason="BM25 needs bm25s")

from hypothesis import given
from hypothesis import strategies as st

from toolgrove.core import API, Task, UsageError
from toolgrove.envs.catalogue import Catalogue
from toolgrove.models.retrieval.specs import ranker
from toolgrove.training.retriever_data import (
    Corpus,
    Split,
    digest,
    read_corpus,
    read_split,
    write_files,
    write_layout,
)
from toolgrove.training.retriever_metrics import completeness, evaluate, means, ndcg, recall
from toolgrove.training.retriever_sources import (
    from_tasks,
    metatool,
    read_queries,
    seal_tools,
    toolbench_files,
)

WORDS = ("rain", "wind", "goal", "coin", "moon", "song", "bread", "horse")


def small() -> tuple[Corpus, Split]:
    """Eight documents; a query names one by its word, or two."""
    docs = {
        f"d{i}": {"category_name": "All", "tool_name": f"Tool {i // 2}", "api_name": word,
                  "api_description": f"all about {word}"}
        for i, word in enumerate(WORDS)
    }  # fmt: skip
    queries = {f"q{i}": f"tell me of {word}" for i, word in enumerate(WORDS)}
    relevant = {f"q{i}": frozenset({f"d{i}"}) for i in range(8)}
    queries["both"], relevant["both"] = "rain and wind", frozenset({"d0", "d1"})
    return Corpus(docs), Split(queries, relevant, {"both": "two"})


# ---------------------------------------------------------------------- the layout


def test_the_layout_there_and_back(tmp_path: Path) -> None:
    corpus, split = small()
    write_layout(tmp_path, corpus, {"train": split, "test": split})
    again = read_corpus(tmp_path)
    assert again == corpus and read_split(tmp_path, "test", again) == split
    assert digest(again, read_split(tmp_path, "train", again)) == digest(corpus, split)
    other = Split(split.queries, {**split.relevant, "q0": frozenset({"d1"})})
    assert digest(corpus, other) != digest(corpus, split)


def test_toolbenchs_own_files(shared: Path, tmp_path: Path) -> None:
    """Byte for byte what ToolBench's script wrote; a repeated row or line is read once."""
    data = shared / "toolbench_example" / "history_b2384c2" / "data"
    golden = data / "retriever"
    ids = frozenset(json.loads((golden / "G1_instruction_test_ids.json").read_text()))
    files = toolbench_files(read_queries(data / "query" / "queryG1_demo.json"), ids)
    there = {path.name: path.read_bytes() for path in (golden / "G1_demo").iterdir()}
    assert {name: text.encode() for name, text in files.items()} == there
    write_files(tmp_path, files)
    corpus = read_corpus(tmp_path)
    assert len(corpus.docs) == 5
    assert read_split(tmp_path, "test", corpus).relevant == {
        "2": frozenset("12"), "3": frozenset("345")
    }  # fmt: skip


def test_only_relevant_apis_are_labelled() -> None:
    apis = [{"tool_name": "Sky", "api_name": name} for name in ("Now", "Then")]
    query = {"query": "wind\tnow", "query_id": 7, "api_list": apis}
    files = toolbench_files([{**query, "relevant APIs": [["Sky", "Then"]]}], frozenset())
    assert files["qrels.train.tsv"] == "1\t0\t2\t1\n"
    assert files["train.query.txt"] == "1\twind now\n" and files["test.query.txt"] == ""


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("corpus.tsv", "docid\tdocument_content\n", "corpus.tsv has no documents"),
        ("corpus.tsv", "a\t{}\na\n", "row 2 is no docid and document"),
        ("corpus.tsv", 'a\t{}\na\t"{""x"": 1}"\n', "row 2: there is another document 'a'"),
        ("test.query.txt", "q0 no tab\n", ":1: expected a query id, a tab"),
        ("test.query.txt", "q0\ta\nq0\tb\n", ":2: there is another query 'q0'"),
        ("qrels.test.tsv", "q0\t0\td0\n", ":1: expected query id, 0, docid and 1"),
        ("qrels.test.tsv", "q0\t0\td99\t1\n", ":1: there is no document 'd99'"),
        ("qrels.test.tsv", "q99\t0\td0\t1\n", ":1: there is no query 'q99'"),
        ("qrels.test.tsv", "q0\t0\td0\t0\n", "has no labels"),
    ],
)
def test_a_broken_folder(tmp_path: Path, name: str, text: str, says: str) -> None:
    corpus, split = small()
    write_layout(tmp_path, corpus, {"test": split})
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=says):
        read_split(tmp_path, "test", read_corpus(tmp_path))


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read .*corpus.tsv"):
        read_corpus(tmp_path)
    with pytest.raises(UsageError, match="cannot read .*test.query.txt"):
        read_split(tmp_path, "test", small()[0])


def test_tasks_as_queries() -> None:
    now, then = API("now_for_sky", "Wind now", tool="Sky", api="Now"), API("then")
    tasks = [Task("t1", "the wind", (now,), ("now_for_sky",), group="I1"), Task("t2", "?", (now,))]
    corpus, splits = from_tasks({"test": tasks}, [then])
    assert splits["test"].queries == {"t1": "the wind"} and splits["test"].groups == {"t1": "I1"}
    assert splits["test"].relevant == {"t1": frozenset({"2"})}
    assert corpus.docs["2"]["function"] == "now_for_sky"
    assert corpus.texts == ["  then ", " Sky Now Wind now"]
    with pytest.raises(UsageError, match="no task for train says"):
        from_tasks({"train": tasks[1:]}, [])


def test_a_document_of_a_malformed_schema() -> None:
    odd = API("odd", parameters={"properties": {"a": True, "b": {"type": 3}}, "required": True})
    tasks = [Task("t", "the odd", (odd,), ("odd",))]
    doc = from_tasks({"test": tasks}, [])[0].docs["1"]
    assert [p["name"] for p in doc["optional_parameters"]] == ["a", "b"]


# ---------------------------------------------------------------------- figures


def test_figures_by_hand() -> None:
    found = [True, False, True, False]
    assert ndcg(found, 3, 1) == 1.0
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert ndcg(found, 3, 5) == pytest.approx((1 + 1 / 2) / ideal)
    assert (recall(found, 3, 1), recall(found, 3, 4)) == (1 / 3, 2 / 3)
    assert (completeness(found, 2, 2), completeness(found, 2, 3)) == (0.0, 1.0)
    assert ndcg([], 2, 5) == recall([], 2, 5) == completeness([], 2, 5) == 0.0


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 4), st.integers(1, 12))
def test_figures_keep_their_bounds(found: list[bool], more: int, k: int) -> None:
    relevant = max(1, sum(found) + more)
    values = [figure(found, relevant, k) for figure in (ndcg, recall, completeness)]
    assert all(0 <= value <= 1 + 1e-9 for value in values)
    first = sorted(found, reverse=True)
    assert ndcg(first, relevant, k) >= values[0] - 1e-9
    assert recall(found, relevant, k + 1) >= values[1]


def figures(corpus: Corpus, split: Split) -> dict[str, float]:
    return means(evaluate(ranker("bm25", corpus.texts), corpus, split))


def test_bm25_on_toolbench(shared: Path) -> None:
    """The figures of the data's README, with the small corpus and the large one."""
    folder = shared / "retrieval" / "toolbench"
    corpus = read_corpus(folder)
    split = read_split(folder, "test", corpus)
    names = ("ndcg@1", "ndcg@3", "ndcg@5", "recall@10")
    got = figures(corpus, split)
    assert len(split.queries) == 279
    assert [got[n] for n in names] == pytest.approx([0.552, 0.477, 0.524, 0.637], abs=0.001)
    large = corpus.with_others(Catalogue.read(shared / "toolenv" / "catalogue.jsonl").docs)
    assert 14_000 < len(large.docs) < 15_000
    got = figures(large, split)
    assert [got[n] for n in names] == pytest.approx([0.448, 0.393, 0.432, 0.543], abs=0.002)


def test_bm25_elsewhere(shared: Path) -> None:
    corpus, splits = seal_tools(shared / "retrieval" / "seal_tools")
    rows = evaluate(ranker("bm25", corpus.texts), corpus, splits["test"])
    for group, count, wanted in (("in_domain", 486, 0.866), ("out_domain", 436, 0.881)):
        own = [row for row in rows if row.group == group]
        assert len(own) == count and means(own)["ndcg@1"] == pytest.approx(wanted, abs=0.001)
    corpus, splits = metatool(shared / "retrieval" / "metatool")
    rows = evaluate(ranker("bm25", corpus.texts), corpus, splits["test"])
    own = [row for row in rows if row.group == "single"]
    assert len(own) == 13_803 and len(rows) == 13_803 + 342
    assert means(own)["ndcg@1"] == pytest.approx(0.270, abs=0.001)
    assert means(own)["ndcg@5"] == pytest.approx(0.358, abs=0.001)


# ---------------------------------------------------------------------- the commands


Run = Callable[[list[str]], Any]


@pytest.fixture
def command() -> Run:
    """Runs a command line in this process."""
    from typer.testing import CliRunner

    from toolgrove.cli.app import app

    for name in ("data_retrieval", "train_retriever"):  # they register themselves
        importlib.import_module(f"toolgrove.cli.{name}")

    return lambda words: CliRunner().invoke(app, words)


def test_evaluate_prints_one_object(command: Run, tmp_path: Path) -> None:
    corpus, split = small()
    write_layout(tmp_path / "data", corpus, {"test": split})
    rows = tmp_path / "rows.jsonl"
    done = command(["train", "retriever", "--evaluate", "bm25", "--data", str(tmp_path / "data"),
                    "--out", str(rows), "--json"])  # fmt: skip
    assert done.exit_code == 0, done.output
    got = json.loads(done.stdout)
    assert got["ndcg@1"] == got["ndcg@5"] == got["recall@10"] == 1.0 and got["queries"] == 9
    assert got["groups"]["two"]["completeness@1"] == 0.0
    assert [json.loads(line)["query"] for line in rows.read_text().splitlines()][-1] == "both"


def test_extra_documents_are_of_other_tools(command: Run, tmp_path: Path) -> None:
    corpus, split = small()
    write_layout(tmp_path / "data", corpus, {"test": split})
    more = [{"tool_name": name, "api_name": "rain"} for name in ("tool_0", "Other", "Third")]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in more))
    done = command(["train", "retriever", "--evaluate", "bm25", "--data", str(tmp_path / "data"),
                    "--extra-documents", str(tmp_path / "c.jsonl"), "--json"])  # fmt: skip
    got = json.loads(done.stdout)
    assert got["documents"] == 10 and got["ndcg@1"] < 1.0


def test_data_retrieval_of_queries(command: Run, tmp_path: Path) -> None:
    apis = [{"tool_name": "Sky", "api_name": "Now"}]
    asked = [{"query": f"wind {i}", "query_id": i, "api_list": apis} for i in range(10)]
    (tmp_path / "q.json").write_text(json.dumps(asked))
    out = tmp_path / "out"
    done = command(["data", "retrieval", str(tmp_path / "q.json"), "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"out": str(out), "documents": 1, "train": 8, "test": 2}
    done = command(["data", "retrieval", str(tmp_path / "absent"), "--out", str(out)])
    assert isinstance(done.exception, UsageError) and "is no source" in str(done.exception)


# ---------------------------------------------------------------------- training


def test_rows_are_of_the_seed_and_never_wrong() -> None:
    pytest.importorskip("torch", reason="training needs torch")
    from toolgrove.training.retriever import RetrieverTraining, training_rows

    corpus, split = small()
    how = RetrieverTraining(epochs=3, negatives=2, seed=4)
    rows = training_rows(corpus, split, how)
    assert rows == training_rows(corpus, split, how) and len(rows) == 27
    assert rows != training_rows(corpus, split, RetrieverTraining(epochs=3, negatives=2, seed=5))
    queries = list(split.queries)
    for row in rows:
        own = split.relevant[queries[row.query]]
        assert {corpus.ids[doc] for doc in row.positives} == own and len(row.negatives) <= 2
        assert not {corpus.ids[doc] for doc in row.negatives} & own
    for epoch in (rows[:9], rows[9:18], rows[18:]):  # each query once
        assert sorted(row.query for row in epoch) == list(range(9))


def test_a_copy_of_a_needed_document_is_no_negative() -> None:
    pytest.importorskip("torch", reason="training needs torch")
    from toolgrove.training.retriever import RetrieverTraining, needed, training_rows

    corpus, split = small()
    corpus = Corpus({**corpus.docs, "copy": corpus.docs["d0"]})
    relevant = needed(corpus, split)
    assert relevant[0] == {0, 8} and relevant[8] == {0, 1, 8} and relevant[2] == {2}
    rows = training_rows(corpus, split, RetrieverTraining(epochs=9, negatives=5))
    assert all(8 not in row.positives for row in rows)  # it has no label
    assert all(not relevant[row.query] & set(row.negatives) for row in rows)
    one = Corpus({"d0": corpus.docs["d0"]})
    only = Split({"q0": "rain"}, {"q0": frozenset({"d0"})})
    assert [row.negatives for row in training_rows(one, only, RetrieverTraining())] == [()] * 5


def test_the_loss_by_hand() -> None:
    torch = pytest.importorskip("torch", reason="training needs torch")
    from toolgrove.training.retriever_loss import Row, ranking_loss

    scores = torch.tensor([[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, -1.0]])
    rows = [Row(0, (5, 6), ()), Row(1, (8,), (5,))]
    relevant = [frozenset({5, 6, 9}), frozenset({7, 8})]
    got = ranking_loss(scores, rows, [5, 6, 7, 8], relevant)
    others = math.log(math.exp(1) + math.exp(0))  # what the first query does not need
    each = [math.log(math.exp(own) + math.exp(others)) - own for own in (3, 2)]
    second = math.log(math.exp(-1) + math.exp(0) + math.exp(1)) + 1  # not against document 7
    assert float(got) == pytest.approx((sum(each) / 2 + second) / 2)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers over whole words, as a model of sentence-transformers."""
    pytest.importorskip("torch", reason="training needs torch")
    pytest.importorskip("datasets", reason="training needs datasets")
    st_ = pytest.importorskip("sentence_transformers", reason="needs sentence-transformers")
    import torch
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    folder = tmp_path_factory.mktemp("tiny")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, "tell", "me", "of", "and", "all",
                  "about", "tool"]  # fmt: skip
    ids = {word: i for i, word in enumerate(vocabulary)}
    words = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    words.normalizer, words.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    words.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    )
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(
        vocab_size=len(ids), intermediate_size=64, max_position_embeddings=32, **shape
    )
    transformers.BertModel(config).save_pretrained(folder / "bert")
    wrapped.save_pretrained(folder / "bert")
    made = st_.SentenceTransformer(str(folder / "bert"), device="cpu")
    made.save(str(folder / "base"))
    return folder / "base"


@pytest.mark.filterwarnings("default")  # torch's and the trainer's own
def test_a_tiny_model_learns_and_is_evaluated(tiny: Path, tmp_path: Path) -> None:
    from toolgrove.training.retriever import RetrieverTraining, train_retriever

    corpus, split = small()
    how = RetrieverTraining(str(tiny), epochs=20, batch=9, lr=1e-2, negatives=1, layers=0)
    out = tmp_path / "out"
    card = train_retriever(corpus, split, out, how)
    assert card["trained_steps"] == 20 and card["data_hash"] == digest(corpus, split)
    assert f"| data_hash | {card['data_hash']} |" in (out / "README.md").read_text()
    assert not (out / "checkpoints").exists()

    def score(model: Path) -> float:
        found = evaluate(ranker(f'dense:"{model}"', corpus.texts), corpus, split)
        return means(found)["ndcg@1"]

    assert score(out) > score(tiny)
    before = (out / "model.safetensors").stat().st_mtime_ns
    assert train_retriever(corpus, split, out, how) == card  # it is there: not made again
    assert (out / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(UsageError, match=r"another training \(other: seed\)"):
        train_retriever(
            corpus, split, out, RetrieverTraining(str(tiny), 20, 9, 1e-2, 1, seed=2, layers=0)
        )


@pytest.mark.filterwarnings("default")
def test_a_killed_training_goes_on(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolgrove.training.retriever import RetrieverTraining, train_retriever
    from toolgrove.training.retriever_loss import MaskedMultipleNegatives

    forward, calls = MaskedMultipleNegatives.forward, [0]

    def counted(self: Any, *given: Any) -> Any:
        calls[0] += 1
        if calls[0] == 60:
            raise KeyboardInterrupt
        return forward(self, *given)

    monkeypatch.setattr(MaskedMultipleNegatives, "forward", counted)
    corpus, split = small()
    how = RetrieverTraining(str(tiny), epochs=70, batch=9, lr=1e-2, layers=1)
    with pytest.raises(KeyboardInterrupt):
        train_retriever(corpus, split, tmp_path / "out", how)
    assert [path.name for path in (tmp_path / "out" / "checkpoints").iterdir()] == ["checkpoint-50"]
    card = train_retriever(corpus, split, tmp_path / "out", how)
    assert calls[0] == 60 + 20 and card["trained_steps"] == card["rows"] // 9 == 70
    found = evaluate(ranker(f'dense:"{tmp_path / "out"}"', corpus.texts), corpus, split)
    assert means(found)["ndcg@1"] > 0.5


def test_wrong_options(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs torch")
    from toolgrove.training.retriever import RetrieverTraining, train_retriever

    with pytest.raises(UsageError, match="lr must be between 0 and 1, not 3"):
        RetrieverTraining(lr=3)
    with pytest.raises(UsageError, match="batch must be 2 or more, not 1"):
        RetrieverTraining(batch=1)
    with pytest.raises(UsageError, match="there is no folder ./absent"):
        train_retriever(*small(), tmp_path / "out", RetrieverTraining("./absent"))
