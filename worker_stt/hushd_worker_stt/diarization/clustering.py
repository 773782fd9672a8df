"""Clusters voice embeddings by speaker: average linkage of cosines, with bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy.typing as npt

    from hushd_worker_stt.engine import Samples

    Numbers: TypeAlias = npt.NDArray[np.intp]

MAX_EMBEDDINGS = 1000  # compared at once, each with each: 8 MB
_NOBODY = -2.0  # cosine below every other
# Chosen on conversations of nine German, Spanish and French readers: the mean cosine of two clusters of the same
# speaker was 0.5 and above, of two people mostly below 0.4.
_SAME_SPEAKER = 0.42
_MIN_CLUSTER_S = 1.5  # seconds of a single voice: an embedding of less is too uncertain to start a cluster
_SPEAKER_S = 1.5  # seconds of speech in all that make a speaker; less speech is assigned to another speaker


def cluster(
    embeddings: Samples, weights: Samples, threshold: float, count: int = 0, check: Callable[[], None] = lambda: None
) -> Numbers:
    """Labels `embeddings` by cluster, with numbers from 0 without gaps.

    Merges the two clusters with the highest mean cosine, until that is below `threshold` or `count` clusters are left.
    More than `MAX_EMBEDDINGS` embeddings are first merged with neighbours down to a quarter, as often as necessary.

    Args:
        embeddings: n by d, rows of length 1.
        weights: n weights.
        threshold: the lowest cosine for a merge.
        count: the number of clusters; 0: as many as `threshold` leaves. With fewer embeddings each is a cluster.
        check: called from time to time; its exceptions end the clustering.
    """
    labels = np.arange(len(embeddings))
    # The mean cosine between two clusters is the dot product of their means, so a cluster is its mean and its weight.
    means, sizes = embeddings, weights
    while len(means) > MAX_EMBEDDINGS:
        batches, first = [], 0
        for start in range(0, len(means), MAX_EMBEDDINGS):
            check()
            end = min(start + MAX_EMBEDDINGS, len(means))
            merged = _merge(means[start:end], sizes[start:end], _NOBODY, max((end - start) // 4, 1), check)
            batches.append(merged + first)
            first += int(np.max(merged)) + 1
        labels, means, sizes = _regroup(labels, np.concatenate(batches), means, sizes)
    merged = _merge(means, sizes, _NOBODY if count else threshold, count or 1, check)
    labels, means, sizes = _regroup(labels, merged, means, sizes)
    return labels


def people(
    embeddings: Samples, seconds: Samples, count: int = 0, share: float = 1.0, check: Callable[[], None] = lambda: None
) -> Samples:
    """Returns the centroid of each speaker, in rows.

    Args:
        embeddings: n by d, rows of length 1; n is at least 1.
        seconds: n, the seconds of speech in each.
        count: the number of speakers; 0: unknown.
        share: the share of the seconds that belongs to no other embedding.
        check: as in `cluster`.
    """
    sure = seconds >= _MIN_CLUSTER_S
    if sure.sum() < max(count, 1):
        sure[:] = True
    embeddings, seconds = embeddings[sure], seconds[sure]
    labels = cluster(embeddings, seconds, _SAME_SPEAKER, count, check)
    voices = centroids(embeddings, seconds, labels)
    if count == 0:
        spoken = np.bincount(labels, weights=seconds) * share
        voices = voices[(spoken >= _SPEAKER_S) | (spoken == np.max(spoken))]
    return voices


def centroids(embeddings: Samples, weights: Samples, labels: Numbers) -> Samples:
    """Returns the centroid of each cluster, k by d, rows of length 1."""
    sums = _sums(labels, embeddings, weights)
    norms = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    centres: Samples = (sums / norms).astype(np.float32, copy=False)
    return centres


def assign(embeddings: Samples, centres: Samples) -> Numbers:
    """Assigns each of `embeddings` to a row of `centres`, to different rows if there are enough.

    The embeddings are from one window, which has separated their speakers, so no two are the same person.
    """
    likeness = embeddings @ centres.T
    rows: Numbers = np.argmax(likeness, axis=1)
    for _ in range(min(likeness.shape)):
        row, column = np.unravel_index(np.argmax(likeness), likeness.shape)
        rows[row] = column
        likeness[row], likeness[:, column] = _NOBODY, _NOBODY
    return rows


def _merge(means: Samples, sizes: Samples, threshold: float, count: int, check: Callable[[], None]) -> Numbers:
    """Merges clusters until no cosine reaches `threshold`, or `count` are left; returns each one's new label."""
    means, sizes = means.copy(), sizes.copy()
    cosines = means @ means.T
    np.fill_diagonal(cosines, _NOBODY)
    parent = np.arange(len(means))
    for merged in range(len(means) - count):
        if merged % 100 == 0:
            check()
        into, gone = np.unravel_index(np.argmax(cosines), cosines.shape)
        if cosines[into, gone] < threshold:
            break
        total = sizes[into] + sizes[gone]
        means[into] = (means[into] * sizes[into] + means[gone] * sizes[gone]) / total
        sizes[into] = total
        away = cosines[into] <= _NOBODY
        cosines[into] = np.where(away, _NOBODY, means @ means[into])
        cosines[:, into] = cosines[into]
        cosines[gone], cosines[:, gone] = _NOBODY, _NOBODY
        parent[parent == gone] = into
    numbers: Numbers = np.unique(parent, return_inverse=True)[1]
    return numbers


def _regroup(labels: Numbers, merged: Numbers, means: Samples, sizes: Samples) -> tuple[Numbers, Samples, Samples]:
    """Returns labels, means and sizes after the merge of each cluster into the one that `merged` names."""
    totals = np.bincount(merged, weights=sizes).astype(np.float32)
    return merged[labels], _sums(merged, means, sizes) / totals[:, None], totals


def _sums(labels: Numbers, rows: Samples, weights: Samples) -> Samples:
    """Returns the weighted sum of the rows of each label."""
    sums = np.empty((int(np.max(labels)) + 1, rows.shape[1]), np.float32)
    for label in range(len(sums)):
        chosen = labels == label
        sums[label] = weights[chosen] @ rows[chosen]
    return sums
