"""Models: a hub's answers about them, and graphs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from hushd_protocol.errors import HushdError
from hushd_worker import onnx_session
from hushd_worker_models import hub as worker_hub

from .claims import sentence
from .mutate import NUMBERS, Feed, damaged, json_file

_REPOSITORY = {
    "id": "a/b", "sha": "0" * 40, "cardData": {"license": ["mit", "apache-2.0"]},
    "siblings": [
        {"rfilename": "a/b.json", "blobId": "0" * 40, "size": 12},
        {"rfilename": "model.bin", "blobId": "1" * 40, "size": 3, "lfs": {"sha256": "f" * 64, "size": 100}},
    ],
}  # fmt: skip


class _Answers:
    """A hub on which every question has the same answer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def model_info(self, *_: object, **__: object) -> Any:
        from huggingface_hub import ModelInfo

        return ModelInfo(**json.loads(self._data))


@contextmanager
def hub(folder: Path) -> Iterator[Feed]:
    """A hub's answer about a repository: no name in it leads out of the model's folder."""

    def feed(rng: Random) -> None:
        data = json_file(rng, _REPOSITORY)
        try:
            with patch.object(worker_hub, "_api", lambda how: _Answers(data)):
                commit = worker_hub.look_up(worker_hub.Access("http://x", "", False), "a/b", "main")
        except HushdError as error:
            sentence(error.message)
            return
        assert not any(".." in Path(file.name).parts or Path(file.name).is_absolute() for file in commit.files)

    yield feed


def _graph(rng: Random) -> bytes:
    """An ONNX file's outermost fields."""
    data = b""
    for _ in range(rng.choice((1, 2, 3, 9))):
        field, kind = rng.choice((1, 2, 7, 8, 0, 2**28)), rng.choice((0, 1, 2, 2, 2, 5, 3, 6))
        data += _varint(field << 3 | kind)
        body = rng.randbytes(rng.choice((0, 1, 30)))
        match kind:
            case 2:
                data += _varint(rng.choice((len(body), len(body), len(body), rng.choice(NUMBERS)))) + body
            case 0:
                data += _varint(rng.choice(NUMBERS))
            case _:
                data += rng.randbytes(rng.choice((4, 8)))
    return data


@contextmanager
def weights(folder: Path) -> Iterator[Feed]:
    """A graph's weights are found within its file, or the graph is refused."""
    path = folder / "model.onnx"
    tensor = b"\x08\x01\x10\x02" + _bytes(8, b"w") + _bytes(9, bytes(onnx_session.MIN_MAPPED))
    whole = _bytes(2, b"a test") + _bytes(7, _bytes(5, tensor) * 2 + _bytes(1, b"node") + _bytes(5, b"")) + b"\x08\x09"

    def feed(rng: Random) -> None:
        path.write_bytes(damaged(rng, whole) if rng.random() < 0.8 else _graph(rng))
        with suppress(ValueError):  # promised
            graph = onnx_session.without_weights(path)
            assert graph is None or len(graph) < path.stat().st_size

    yield feed


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    data, value = b"", value & (2**64 - 1)
    while value > 127:
        data, value = data + bytes([value & 127 | 128]), value >> 7
    return data + bytes([value])
