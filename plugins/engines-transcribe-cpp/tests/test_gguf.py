"""GGUF files are read without the library, and hostile ones cost nothing."""

from __future__ import annotations

import random
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from full_size.gguf_file import Tensor, Value, write
from hushd_engines_transcribe_cpp import gguf
from hushd_schema.engines import NoModel

from .gguf_models import header

KEYS: dict[str, Value] = {
    "general.languages": ["en", "de-DE"], "stt.variant": "größer", "stt.capability.streaming": True, "a.count": 7,
    "a.below": np.int32(-3), "a.share": 0.5, "a.table": np.arange(1000, dtype=np.uint32),
    "a.sizes": np.array([3, -1], np.int32),
    "tokenizer.ggml.tokens": [f"▁w{number}" for number in range(2000)],
}  # fmt: skip


def test_keys_and_places_of_tensors_are_read(tmp_path: Path) -> None:
    """Texts, numbers, flags and short lists of these are kept; a vocabulary and a table are not."""
    found = gguf.read(header(tmp_path / "a.gguf", "parakeet", KEYS))
    assert found.values == {
        "general.architecture": "parakeet", "general.languages": ("en", "de-DE"), "stt.variant": "größer",
        "stt.capability.streaming": True, "a.count": 7, "a.below": -3, "a.share": 0.5, "a.sizes": (3, -1),
    }  # fmt: skip
    assert (found.numbers("a.sizes"), found.numbers("a.count"), found.texts("a.sizes")) == ((3, -1), (7,), ())
    assert [found.numbers(key) for key in ("a.share", "a.table", "stt.variant", "stt.capability.streaming")] == [()] * 4
    assert found.texts("general.languages") == ("en", "de-DE")
    assert found.texts("a.count") == ()
    assert (found.flag("stt.capability.streaming", False), found.flag("a.count", True)) == (True, True)


def test_a_tensor_lies_where_the_header_says(tmp_path: Path) -> None:
    """The bytes at a tensor's place are its numbers, behind another one and whatever fills up between them."""
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensors = {
        "first": Tensor((5,), "f16", lambda: np.ones(5)),
        "second": Tensor((2, 3), "f32", lambda: numbers),
        "third": Tensor((2, 64), "q8_0", lambda: np.ones((2, 64))),
    }
    write(tmp_path / "a.gguf", KEYS, tensors)
    found = gguf.read(tmp_path / "a.gguf").tensors
    data = (tmp_path / "a.gguf").read_bytes()
    assert data[found["second"].start :][: found["second"].size] == numbers.tobytes()
    assert found["second"].shape == (3, 2)
    assert [found[name].size for name in tensors] == [10, 24, 136]


@pytest.mark.parametrize(
    "body",
    [
        struct.pack("<QQ", 0, 1 << 60),
        struct.pack("<QQ", 1 << 60, 0),
        struct.pack("<QQQ", 0, 1, 1 << 60),
        struct.pack("<QQQ1sIQ", 0, 1, 1, b"a", 8, 1 << 60),
        struct.pack("<QQQ1sIIQ", 0, 1, 1, b"a", 9, 8, 1 << 60),
        struct.pack("<QQQ1sIIQ", 0, 1, 1, b"a", 9, 4, 1 << 60),
        struct.pack("<QQQ1sIIQ", 0, 1, 1, b"a", 9, 9, 1 << 60),
        struct.pack("<QQQ1sI", 0, 1, 1, b"a", 77),
        struct.pack("<QQQ1sI", 1, 0, 1, b"a", 1 << 30),
        struct.pack("<QQQ1sIQIQ", 1, 0, 1, b"a", 1, 1 << 63, 0, 0),
        struct.pack("<QQQ17sII", 0, 1, 17, b"general.alignment", 4, 0),
    ],
    ids=["keys", "tensors", "name", "text", "texts", "numbers", "lists", "kind", "dimensions", "weights", "alignment"],
)
def test_huge_counts_take_no_memory(body: bytes, tmp_path: Path) -> None:
    """A count or a length that no file has is refused before anything of that size is made or read."""
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<I", 3) + body + bytes(4000))
    tracemalloc.start()
    try:
        with pytest.raises(NoModel):
            gguf.read(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_damaged_file_is_read_or_refused(tmp_path: Path) -> None:
    """Bytes changed at random lead to `NoModel` or to a header, and to no other exception."""
    rng = random.Random(1)
    path = header(tmp_path / "a.gguf", "parakeet", KEYS)
    whole = path.read_bytes()
    refused = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data) if rng.random() < 0.3 else 200)] = rng.randrange(256)
        path.write_bytes(data)
        try:
            gguf.read(path)
        except NoModel:
            refused += 1
    assert 50 < refused < 400
