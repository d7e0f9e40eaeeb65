"""1-NN: the report of the most similar training image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.baselines.retrieval import Retriever, TrainingImages

BATCH = 512


class NearestNeighbour(Retriever):
    """The training image with the largest cosine similarity of mean region features; exact, in batches."""

    def choose(self, training: TrainingImages, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the row of the nearest training image of each test image; of equally near ones the first."""
        known = normalised(training.features)
        nearest = [
            (normalised(features[start : start + BATCH]) @ known.T).argmax(axis=1)
            for start in range(0, len(features), BATCH)
        ]
        return np.concatenate(nearest) if nearest else np.zeros(0, dtype=np.int64)


def normalised(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row to length one; a row of zeros stays."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = features / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled
