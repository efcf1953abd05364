"""The loss of retriever training: other queries' documents are negatives, unless they are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from ..models.retrieval.dense import SENTENCES, sentences, spaced

GROUPS: Final = 8  # of like length, of the texts of a batch


class Row(NamedTuple):
    """One training row: a query, the documents that it needs, and some that it does not.

    ``query`` and the documents are numbers: places in the lists that the loss has.
    """

    query: int
    positives: tuple[int, ...]
    negatives: tuple[int, ...]


class MaskedMultipleNegatives(nn.Module):  # type: ignore[misc]  # torch is not followed
    """MultipleNegativesRanking in which no relevant document is ever a negative.

    Each document that a row needs is to be found among all documents of the batch that its query
    does not need: its hard negatives, and the documents of the other rows. A query scores a
    document as :class:`.Dense` does: with its whole and with its best sentence. Each text of a
    batch is encoded once.

    Args:
        model: a model of sentence-transformers.
        rows: the training rows; a batch's labels are their places.
        queries: texts.
        docs: texts.
        relevant: the documents that each query needs: none of them is its negative.
        scale: what scores are multiplied with.
        share: of the best sentence.

    Source: Henderson et al., "Efficient Natural Language Response Suggestion for Smart Reply",
    2017, section 4.4. Deviations: the mask, several positives of a row, the sentences.
    """

    def __init__(
        self,
        model: Any,
        rows: Sequence[Row],
        queries: Sequence[str],
        docs: Sequence[str],
        relevant: Sequence[frozenset[int]],
        scale: float = 20.0,
        share: float = SENTENCES,
    ) -> None:
        super().__init__()
        self.model, self.rows, self.queries, self.docs = model, rows, queries, docs
        self.relevant, self.scale, self.share = relevant, scale, share

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The mean cross-entropy of the rows whose places ``labels`` has.

        The features are not used: which texts a batch needs, each once, is only known here.
        """
        rows = [self.rows[place] for place in labels.tolist()]
        docs = sorted({doc for row in rows for doc in (*row.positives, *row.negatives)})
        parts = [[q, *(sentences(q) if self.share else [])]
                 for q in (self.queries[row.query] for row in rows)]  # fmt: skip
        texts = [text for own in parts for text in own]
        made = self._encoded([*texts, *(self.docs[doc] for doc in docs)])
        cosines = made[: len(texts)] @ made[len(texts) :].T
        scores, at = [], 0
        for own in parts:
            whole, some = cosines[at], cosines[at + 1 : at + len(own)]
            at += len(own)
            if len(some):
                whole = (whole + self.share * some.amax(dim=0)) / (1 + self.share)
            scores.append(whole)
        return ranking_loss(self.scale * torch.stack(scores), rows, docs, self.relevant)

    def _encoded(self, texts: Sequence[str]) -> Tensor:
        """One vector of length 1 a text; texts of like length go together: little is padding."""
        features = self.model.preprocess([spaced(text) for text in texts])
        shown = features["attention_mask"]
        lengths = shown.sum(dim=1)
        order = lengths.argsort(stable=True)
        made = []
        for some in order.chunk(GROUPS):
            most = shown.shape[1]
            if bool(shown[:, 0].all()):  # padded on the right
                most = int(lengths[some].max())
            part = {
                name: value[some, :most].to(self.model.device)
                if isinstance(value, Tensor) and value.shape == shown.shape
                else value
                for name, value in features.items()
            }
            made.append(self.model(part)["sentence_embedding"])
        return nn.functional.normalize(torch.cat(made)[order.argsort()], dim=-1)


def ranking_loss(
    scores: Tensor,
    rows: Sequence[Row],
    docs: Sequence[int],
    relevant: Sequence[frozenset[int]],
) -> Tensor:
    """Cross-entropy of each needed document against all that are not needed; the mean of the rows.

    Args:
        scores: of the documents of a batch, shape (rows, documents).
        rows: what each needs; each row counts the same.
        docs: which documents these are.
        relevant: what is no negative, by query.
    """
    column = {doc: at for at, doc in enumerate(docs)}
    costs = []
    for row, own in zip(rows, scores, strict=True):
        others = [at for at, doc in enumerate(docs) if doc not in relevant[row.query]]
        wanted = own[[column[doc] for doc in row.positives]]
        against = own[others].logsumexp(dim=0)
        costs.append((torch.logaddexp(wanted, against) - wanted).mean())
    return torch.stack(costs).mean()
