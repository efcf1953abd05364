"""The loss of retriever training: other queries' documents are negatives, unless they are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

GROUPS: Final = 4  # of like length, of the texts of a batch


class Row(NamedTuple):
    """One training row: a query, a document that it needs, and some that it does not.

    ``query`` and the documents are numbers, as ``relevant`` of the loss counts them.
    """

    query: int
    positive: int
    negatives: tuple[int, ...]


class MaskedMultipleNegatives(nn.Module):  # type: ignore[misc]  # torch is not followed
    """MultipleNegativesRanking in which no relevant document is ever a negative.

    A row's positive is to be found among all documents of the batch: its own, its hard negatives,
    and those of the other rows. Documents that the row's query needs, too, are masked out; so is
    a second copy of its positive.

    Args:
        model: a model of sentence-transformers.
        rows: the training rows; a batch's labels are their places.
        relevant: the documents that each query needs, by the query's number.
        scale: what cosines are multiplied with.

    Source: Henderson et al., "Efficient Natural Language Response Suggestion for Smart Reply",
    2017, section 4.4; scale as in sentence-transformers. Deviation: the mask.
    """

    def __init__(
        self,
        model: Any,
        rows: Sequence[Row],
        relevant: Mapping[int, frozenset[int]],
        scale: float = 20.0,
    ) -> None:
        super().__init__()
        self.model, self.rows, self.relevant, self.scale = model, rows, relevant, scale

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The mean cross-entropy of the rows whose places ``labels`` has."""
        made = [self._encoded(features) for features in sentence_features]
        vectors = [nn.functional.normalize(each, dim=-1) for each in made]
        scores = self.scale * vectors[0] @ torch.cat(vectors[1:]).T
        rows = [self.rows[place] for place in labels.tolist()]
        masked = torch.from_numpy(mask(rows, self.relevant)).to(scores.device)
        wanted = torch.arange(len(rows), device=scores.device)
        return nn.functional.cross_entropy(scores.masked_fill(masked, -torch.inf), wanted)

    def _encoded(self, features: dict[str, Any]) -> Tensor:
        """One vector a text; texts of like length go together, so that little is padding."""
        shown = features["attention_mask"]
        lengths = shown.sum(dim=1)
        order = lengths.argsort(stable=True)
        made = []
        for some in order.chunk(GROUPS):
            most = shown.shape[1]
            if bool(shown[:, 0].all()):  # padded on the right
                most = int(lengths[some].max())
            part = {
                name: value[some, :most]
                if isinstance(value, Tensor) and value.shape == shown.shape
                else value
                for name, value in features.items()
            }
            made.append(self.model(part)["sentence_embedding"])
        return torch.cat(made)[order.argsort()]


def mask(rows: Sequence[Row], relevant: Mapping[int, frozenset[int]]) -> Any:
    """Which documents of a batch are no negatives of which row; a boolean array.

    Columns are the positives of all rows, then their first negatives, their second, and so on.
    A row's own positive is False.
    """
    import numpy as np

    columns = [row.positive for row in rows]
    for several in zip(*[row.negatives for row in rows], strict=True):
        columns += several
    out = np.array([[doc in relevant[row.query] for doc in columns] for row in rows])
    out[np.arange(len(rows)), np.arange(len(rows))] = False
    return out
