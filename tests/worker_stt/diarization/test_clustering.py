"""Sorting embeddings into people, on embeddings made up for it."""

from __future__ import annotations

import numpy as np
import pytest
from hushd_worker_stt.diarization.clustering import assign, cluster


def people(sizes: list[int], likeness: float = 0.8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Prints of as many people as there are sizes, shuffled, `likeness` the cosine of two of one person; and whose."""
    chance = np.random.default_rng(seed)
    directions = np.linalg.qr(chance.normal(size=(64, 64)))[0]
    truth = chance.permutation(np.repeat(np.arange(len(sizes)), sizes))
    noise = chance.normal(size=(len(truth), 64))
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    embeddings = np.sqrt(likeness) * directions[truth] + np.sqrt(1 - likeness) * noise
    return (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32), truth


def same(labels: np.ndarray, truth: np.ndarray) -> bool:
    """Returns whether two numberings tell the same things apart."""
    pairs = set(zip(labels.tolist(), truth.tolist(), strict=True))
    return len(pairs) == len(set(labels.tolist())) == len(set(truth.tolist()))


@pytest.mark.parametrize("sizes", [[1], [5], [1, 1], [20, 3], [10, 10, 10, 2], [50] * 8])
def test_people_are_found(sizes: list[int]) -> None:
    """However many people there are, and however unequal, each is one group, numbered without gaps."""
    embeddings, truth = people(sizes)
    labels = cluster(embeddings, np.ones(len(embeddings), np.float32), 0.42)
    assert same(labels, truth)
    assert set(labels) == set(range(len(sizes)))


def test_a_known_number_is_kept() -> None:
    """The number given is that of the groups, whatever the threshold is; never more than there are embeddings."""
    embeddings, _ = people([10, 10])
    weights = np.ones(20, np.float32)
    for count in (1, 2, 5, 20):
        assert len(set(cluster(embeddings, weights, 0.42, count))) == count
    assert len(set(cluster(embeddings, weights, 0.42, 30))) == 20


def test_neighbours_are_different_people() -> None:
    """Prints heard beside each other go to different people, the surest first, as far as there are people."""
    everyone = np.eye(3, dtype=np.float32)
    both_like_the_first = np.array([[0.9, 0.3, 0], [0.8, 0.1, 0.5]], np.float32)
    assert assign(both_like_the_first, everyone).tolist() == [0, 2]
    assert assign(both_like_the_first, everyone[:1]).tolist() == [0, 0]
    assert assign(both_like_the_first[:1], everyone).tolist() == [0]
