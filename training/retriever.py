"""Training a dense retriever: queries and the APIs they need, hard negatives, a model card.

Each epoch has a row for every query: all documents it needs, and some that look like them and that
it does not need: those that BM25 ranks high, and other APIs of the same tools. Rows are drawn
before training, from the seed: the same data, base and seed give the same rows, and the trainer
the same order.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..core import UsageError
from ..models.retrieval.bm25 import BM25
from ..models.retrieval.dense import load, located, weights_hash
from .checkpoints import whole_checkpoints
from .retriever_data import Corpus, Split, digest

if TYPE_CHECKING:
    from .retriever_loss import Row

HARDEST: Final = 30  # of BM25's ranking hard negatives are drawn
SIBLINGS: Final = 0.3  # of the hard negatives are other APIs of a needed one's tool


@dataclass(frozen=True)
class RetrieverTraining:
    """How a retriever is trained.

    Attributes:
        base: where it starts: a folder, or ``minilm``.
        epochs: how often each query comes.
        batch: queries of a step.
        lr: the highest learning rate; it rises over a tenth of the steps and falls to 0.
        negatives: hard negatives of a query.
        seed: of rows, order and dropout.
        steps: at most so many, for a try; 0 is no limit.
        layers: how many layers are trained, from the top; 0 is all, with the embeddings.
        length: tokens of a text, at most.
        scale: what scores are multiplied with in the loss.
    """

    base: str = "minilm"
    epochs: int = 5
    batch: int = 32
    lr: float = 1e-4
    negatives: int = 1
    seed: int = 0
    steps: int = 0
    layers: int = 0
    length: int = 128
    scale: float = 20.0

    def __post_init__(self) -> None:
        least: dict[str, int] = {"epochs": 1, "batch": 2, "negatives": 0, "steps": 0, "layers": 0}
        least["length"] = 8
        for name, number in least.items():
            if getattr(self, name) < number:
                raise UsageError(f"{name} must be {number} or more, not {getattr(self, name)}")
        if not 0 < self.lr < 1:
            raise UsageError(f"lr must be between 0 and 1, not {self.lr:g}")


def needed(corpus: Corpus, split: Split) -> list[frozenset[int]]:
    """The documents that each query needs, as places: also those that say the same as one."""
    same: dict[str, list[int]] = {}
    for number, text in enumerate(corpus.texts):
        same.setdefault(text, []).append(number)
    place = {docid: i for i, docid in enumerate(corpus.ids)}
    labels = [[place[docid] for docid in split.relevant[query]] for query in split.queries]
    return [frozenset(n for doc in docs for n in same[corpus.texts[doc]]) for docs in labels]


def training_rows(corpus: Corpus, split: Split, how: RetrieverTraining) -> list[Row]:
    """The rows of all epochs; queries count in the split's order."""
    from .retriever_loss import Row

    rng = np.random.default_rng(how.seed)
    place = {docid: i for i, docid in enumerate(corpus.ids)}
    queries, relevant = list(split.queries), needed(corpus, split)
    depth = HARDEST + max(map(len, relevant))
    asked = list(split.queries.values())
    rankings = BM25(corpus.texts).rank(asked, depth) if how.negatives else [[] for _ in asked]
    tools: dict[tuple[str, str] | None, list[int]] = {}
    for number, tool in enumerate(corpus.tools):
        tools.setdefault(tool, []).append(number)
    tools.pop(None, None)
    hard, siblings = [], []
    for own, ranking in zip(relevant, rankings, strict=True):
        hard.append([hit.place for hit in ranking if hit.place not in own][:HARDEST])
        beside = {doc for number in own for doc in tools.get(corpus.tools[number], ())}
        siblings.append(sorted(beside - own))
    rows: list[Row] = []
    for _ in range(how.epochs):
        for number in rng.permutation(len(queries)).tolist():
            negatives = set[int]()
            for _ in range(how.negatives):
                pool = siblings[number] if rng.random() < SIBLINGS else hard[number]
                drawn = int(rng.choice(pool or hard[number] or len(place)))
                if drawn not in relevant[number]:
                    negatives.add(drawn)
            positives = sorted(place[docid] for docid in split.relevant[queries[number]])
            rows.append(Row(number, tuple(positives), tuple(sorted(negatives))))
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
    from .finetune.base import freeze
    from .retriever_loss import MaskedMultipleNegatives

    base = weights_hash(Path(folder)) if Path(folder).is_dir() else ""
    card = {**asdict(how), "base_hash": base, "data_hash": digest(corpus, split)}
    card |= {"documents": len(corpus.docs), "queries": len(split.queries)}
    if (before := _begin(out, card)) is not None:
        return before
    rows = training_rows(corpus, split, how)
    queries = list(split.queries.values())
    model.max_seq_length = min(how.length, model.max_seq_length or how.length)
    freeze(model, how.layers)
    relevant = needed(corpus, split)
    loss = MaskedMultipleNegatives(model, rows, queries, corpus.texts, relevant, how.scale)
    columns = {"query": [queries[row.query] for row in rows], "label": list(range(len(rows)))}
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
        loss=loss,
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
        "MultipleNegativesRanking, false negatives masked, hard negatives from BM25 and the same "
        "tools.\n\n"
        f"| | |\n|---|---|\n{lines}"
    )
