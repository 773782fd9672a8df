"""Fits the table by which short texts are told (`hushd_models/word_languages.bin`): needs torch and wordfreq.

Each of the most frequent words of six languages has as its target the share of each language in its frequencies; the
model is the sum of a row of the table for each of its parts. Two minutes on a core.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import torch
import wordfreq
from hushd_models.word_languages import LANGUAGES, NATS_STEP, ROWS, rows

WORDS, UNSEEN_FREQUENCY = 25_000, 1e-7
ROUNDS, BATCH = 20, 8192


def main(target: Path) -> None:
    frequencies = {code: wordfreq.get_frequency_dict(code) for code in LANGUAGES}
    words = sorted(
        {
            word
            for table in frequencies.values()
            for word in sorted(table, key=table.get, reverse=True)[:WORDS]
            if re.fullmatch(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", word)
        }
    )
    shares = np.array([[frequencies[code].get(word, 0.0) for code in LANGUAGES] for word in words]) + UNSEEN_FREQUENCY
    weights = torch.tensor((shares.max(1) / UNSEEN_FREQUENCY) ** 0.3, dtype=torch.float32)
    targets = torch.tensor(shares / shares.sum(1, keepdims=True), dtype=torch.float32)
    parts = [np.array(list(rows(word))) for word in words]
    model = torch.nn.EmbeddingBag(ROWS, len(LANGUAGES), mode="sum")
    torch.nn.init.zeros_(model.weight)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for number in range(ROUNDS):
        order = np.random.default_rng(number).permutation(len(words))
        for batch in np.array_split(order, len(order) // BATCH):
            lengths = np.array([len(parts[index]) for index in batch])
            offsets = torch.tensor(np.concatenate([[0], np.cumsum(lengths)[:-1]]))
            likely = torch.log_softmax(
                model(torch.tensor(np.concatenate([parts[index] for index in batch])), offsets), 1
            )
            loss = (-(targets[batch] * likely).sum(1) * weights[batch]).mean() / weights.mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        for group in optimiser.param_groups:
            group["lr"] *= 0.85
    table = model.weight.detach().numpy()
    table = (table - table.mean(1, keepdims=True)) / NATS_STEP
    np.clip(np.round(table), -127, 127).astype(np.int8).tofile(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
