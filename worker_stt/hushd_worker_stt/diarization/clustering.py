"""Sorting voice prints into people: average linkage of cosines, in memory that does not grow with the recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy.typing as npt

    from hushd_worker_stt.engine import Samples

    Numbers: TypeAlias = npt.NDArray[np.intp]

MOST = 1000  # prints compared at once, each with each: 8 MB
_NOBODY = -2.0  # below every cosine


def group(
    prints: Samples, weights: Samples, alike: float, count: int = 0, check: Callable[[], None] = lambda: None
) -> Numbers:
    """Which of `prints` belong together, as numbers from 0 without gaps.

    Merges the two groups whose prints are most alike on average, until no two are as much as `alike`, or until there
    are `count`. More than `MOST` prints are first merged among neighbours down to a quarter, as often as it takes.

    Args:
        prints: n by d, rows of length 1.
        weights: n, how much each counts.
        alike: a cosine.
        count: of groups; 0: as `alike` says. With fewer prints each is a group.
        check: called every now and then; what it raises ends this.
    """
    labels = np.arange(len(prints))
    # The mean cosine between two groups is the dot product of their means, so a group is its mean and its weight.
    means, sizes = prints, weights
    while len(means) > MOST:
        batches, first = [], 0
        for start in range(0, len(means), MOST):
            check()
            end = min(start + MOST, len(means))
            found = _merge(means[start:end], sizes[start:end], _NOBODY, max((end - start) // 4, 1), check)
            batches.append(found + first)
            first += int(found.max()) + 1
        labels, means, sizes = _regroup(labels, np.concatenate(batches), means, sizes)
    found = _merge(means, sizes, _NOBODY if count else alike, count or 1, check)
    labels, means, sizes = _regroup(labels, found, means, sizes)
    return labels


def centres(prints: Samples, weights: Samples, labels: Numbers) -> Samples:
    """The middle of each group, k by d, rows of length 1."""
    sums = _sums(labels, prints, weights)
    middles: Samples = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return middles


def assign(prints: Samples, people: Samples) -> Numbers:
    """Who each of `prints` is, by the rows of `people`: different ones, as far as there are enough.

    They were heard beside each other, so they are not the same person.
    """
    likeness = prints @ people.T
    found: Numbers = np.argmax(likeness, axis=1)
    for _ in range(min(likeness.shape)):
        row, column = np.unravel_index(np.argmax(likeness), likeness.shape)
        found[row] = column
        likeness[row], likeness[:, column] = _NOBODY, _NOBODY
    return found


def _merge(means: Samples, sizes: Samples, alike: float, count: int, check: Callable[[], None]) -> Numbers:
    """Merges groups until no two are `alike`, or `count` are left; returns the number of each one's new group."""
    means, sizes = means.copy(), sizes.copy()
    cosines = means @ means.T
    np.fill_diagonal(cosines, _NOBODY)
    parent = np.arange(len(means))
    for merged in range(len(means) - count):
        if merged % 100 == 0:
            check()
        into, gone = np.unravel_index(np.argmax(cosines), cosines.shape)
        if cosines[into, gone] < alike:
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


def _regroup(labels: Numbers, found: Numbers, means: Samples, sizes: Samples) -> tuple[Numbers, Samples, Samples]:
    """The same after each of the groups `means` and `sizes` tell of has become part of the group `found` names."""
    totals = np.bincount(found, weights=sizes).astype(np.float32)
    return found[labels], _sums(found, means, sizes) / totals[:, None], totals


def _sums(labels: Numbers, rows: Samples, weights: Samples) -> Samples:
    """The weighted sum of the rows of each label."""
    sums = np.empty((int(labels.max()) + 1, rows.shape[1]), np.float32)
    for label in range(len(sums)):
        chosen = labels == label
        sums[label] = weights[chosen] @ rows[chosen]
    return sums
