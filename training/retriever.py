"""Training a dense retriever: pairs of queries and APIs, hard negatives, a model card.

Each epoch draws, for every query, one of the documents it needs and some that BM25 ranks high and
it does not need. Rows are drawn before training, from the seed: the same data, base and seed give
the same rows, and the trainer the same order.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..core import UsageError
from ..models.retrieval.bm25 import BM25
from ..models.retrieval.dense import load, located, spaced, weights_hash
from .checkpoints import whole_checkpoints
from .retriever_data import Corpus, Split, digest

if TYPE_CHECKING:
    from .retriever_loss import Row

HARDEST: Final = 30  # of BM25's ranking hard negatives are drawn


@dataclass(frozen=True)
class RetrieverTraining:
    """How a retriever is trained.

    Attributes:
        base: where it starts: a folder, or ``minilm``.
        epochs: how often each query comes.
        batch: rows of a step; more rows are more negatives.
        lr: the highest learning rate; it rises over a tenth of the steps and falls to 0.
        negatives: hard negatives of a row.
        seed: of rows, order and dropout.
        steps: at most so many, for a try; 0 is no limit.
        length: tokens of a text, at most.
        scale: what cosines are multiplied with in the loss.
    """

    base: str = "minilm"
    epochs: int = 5
    batch: int = 32
    lr: float = 2e-4
    negatives: int = 1
    seed: int = 0
    steps: int = 0
    length: int = 128
    scale: float = 20.0

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch": 2, "negatives": 0, "steps": 0, "length": 8}
        for name, number in least.items():
            if getattr(self, name) < number:
                raise UsageError(f"{name} must be {number} or more, not {getattr(self, name)}")
        if not 0 < self.lr < 1:
            raise UsageError(f"lr must be between 0 and 1, not {self.lr:g}")


def hard_negatives(corpus: Corpus, split: Split, depth: int = HARDEST) -> dict[str, list[int]]:
    """The documents that BM25 ranks highest for each query, but for those that it needs."""
    place = {docid: i for i, docid in enumerate(corpus.ids)}
    most = max(len(docs) for docs in split.relevant.values())
    rankings = BM25(corpus.texts).rank(list(split.queries.values()), depth + most)
    found = {}
    for query, ranking in zip(split.queries, rankings, strict=True):
        needed = {place[docid] for docid in split.relevant[query]}
        found[query] = [hit.place for hit in ranking if hit.place not in needed][:depth]
    return found


def training_rows(corpus: Corpus, split: Split, how: RetrieverTraining) -> list[Row]:
    """The rows of all epochs; queries count in the split's order."""
    from .retriever_loss import Row

    rng = np.random.default_rng(how.seed)
    place = {docid: i for i, docid in enumerate(corpus.ids)}
    hard = hard_negatives(corpus, split) if how.negatives else {}
    decks: dict[str, list[int]] = {query: [] for query in split.queries}
    rows: list[Row] = []
    queries = list(split.queries)
    for _ in range(how.epochs):
        for number in rng.permutation(len(queries)).tolist():
            query = queries[number]
            needed = {place[docid] for docid in split.relevant[query]}
            if not decks[query]:  # all that it needs come before one comes again
                decks[query] = rng.permutation(sorted(needed)).tolist()
            pool = list(hard.get(query, ()))
            while len(pool) < how.negatives:
                drawn = int(rng.integers(len(place)))
                if drawn not in needed or len(needed) == len(place):
                    pool.append(drawn)
            drawn_ones = rng.choice(len(pool), how.negatives, replace=False) if pool else ()
            negatives = tuple(pool[int(i)] for i in drawn_ones)
            rows.append(Row(number, decks[query].pop(), negatives))
    return rows


def train_retriever(
    corpus: Corpus, split: Split, out: Path, how: RetrieverTraining, resume: bool = True
) -> Mapping[str, Any]:
    """Train, and write the model with its card; what the card says.

    A run that was cut off goes on from its last checkpoint, where data and options are the same;
    one that ended is not made again.

    Args:
        corpus: all documents.
        split: the training queries.
        out: the folder of the model.
        how: base and options.
        resume: take up a checkpoint that is there.

    Raises:
        UsageError: a library or the base is missing, or the folder has a model of other data.
    """
    folder = located(how.base)
    model = load(folder)
    try:
        import datasets
        import transformers
        from sentence_transformers import SentenceTransformerTrainer
        from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
    except ImportError as error:
        text = f"training a retriever needs {error.name}: pip install 'toolgrove[train]'"
        raise UsageError(text) from None
    from .retriever_loss import MaskedMultipleNegatives

    base = weights_hash(Path(folder)) if Path(folder).is_dir() else ""
    card = {**asdict(how), "base_hash": base, "data_hash": digest(corpus, split)}
    card |= {"documents": len(corpus.docs), "queries": len(split.queries)}
    if (before := _begin(out, card)) is not None:
        return before
    rows = training_rows(corpus, split, how)
    place = {docid: i for i, docid in enumerate(corpus.ids)}
    texts = [spaced(text) for text in corpus.texts]
    queries = [spaced(text) for text in split.queries.values()]
    relevant = {
        number: frozenset(place[docid] for docid in split.relevant[query])
        for number, query in enumerate(split.queries)
    }
    model.max_seq_length = min(how.length, model.max_seq_length or how.length)
    columns: dict[str, Sequence[Any]] = {
        "query": [queries[row.query] for row in rows],
        "positive": [texts[row.positive] for row in rows],
    }
    for k in range(how.negatives):
        columns[f"negative_{k + 1}"] = [texts[row.negatives[k]] for row in rows]
    columns["label"] = list(range(len(rows)))
    arguments = Arguments(
        output_dir=str(out / "checkpoints"),
        num_train_epochs=1,  # the rows hold all epochs
        max_steps=how.steps or -1,
        per_device_train_batch_size=how.batch,
        learning_rate=how.lr,
        warmup_steps=0.1,
        lr_scheduler_type="linear",
        weight_decay=0.01,
        seed=how.seed,
        save_steps=50,
        save_total_limit=1,
        logging_steps=10,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    transformers.utils.logging.disable_progress_bar()
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=datasets.Dataset.from_dict(columns),
        loss=MaskedMultipleNegatives(model, rows, relevant, how.scale),
    )
    trainer.remove_callback(transformers.PrinterCallback)  # stdout is the command's
    kept = whole_checkpoints(out / "checkpoints") if resume else []
    done = trainer.train(resume_from_checkpoint=str(kept[-1]) if kept else None)
    model.save_pretrained(str(out), create_model_card=False)
    card |= {"rows": len(rows), "trained_steps": done.global_step}
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    card |= {"mean_loss": round(sum(losses) / len(losses), 4) if losses else None}
    (out / "training.json").write_text(json.dumps(card, indent=1) + "\n", "utf-8")
    (out / "README.md").write_text(_card_text(card), "utf-8")
    shutil.rmtree(out / "checkpoints", ignore_errors=True)  # nothing is left to take up
    return card


def _begin(out: Path, card: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Note what is trained in the folder; its card where the same was trained there before."""
    noted = out / "training.json"
    if noted.is_file():
        try:
            before = json.loads(noted.read_text("utf-8"))
        except (OSError, ValueError):
            before = {}
        other = [name for name, value in card.items() if before.get(name) != value]
        if other:
            raise UsageError(
                f"{out} has a retriever of another training (other: {', '.join(other)}): "
                f"name another folder"
            )
        return before if "trained_steps" in before else None
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there and holds something else: name another folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        noted.write_text(json.dumps(card, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror or error}") from error
    return None


def _card_text(card: Mapping[str, Any]) -> str:
    lines = "".join(f"| {name} | {value} |\n" for name, value in card.items())
    return (
        "---\nlibrary_name: sentence-transformers\ntags: [tool-retrieval]\n---\n"
        "# A retriever of APIs\n\nTrained by `toolgrove train retriever` with "
        "MultipleNegativesRanking, false negatives masked, hard negatives from BM25.\n\n"
        f"| | |\n|---|---|\n{lines}"
    )
