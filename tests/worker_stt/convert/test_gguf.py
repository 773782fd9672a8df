"""GGUF files without anything to unpack: every weight stays what it was, and workers map all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from full_size.gguf_file import Tensor, write
from hushd_protocol.errors import HushdError
from hushd_schema.engines import gguf
from hushd_worker_stt.convert.gguf import convert
from support.gguf_models import transducer

NAME = "enc.blocks.0.conv.pointwise1.weight"


@pytest.fixture(scope="module")
def parakeet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Parakeet, whose pointwise convolutions are float16 as the makers' are."""
    return transducer(tmp_path_factory.mktemp("gguf") / "parakeet.gguf", "parakeet-tdt-0.6b-v3")


def data(path: Path, tensor: gguf.Tensor) -> bytes:
    return path.read_bytes()[tensor.start :][: tensor.size]


def test_every_weight_stays_what_it_was(parakeet: Path, tmp_path: Path) -> None:
    """Keys and all other tensors are the same bytes; the pointwise convolutions are the same numbers, in float32. The
    progress ends with all that was read."""
    reports: list[tuple[int, int]] = []
    convert(parakeet, made := tmp_path / "made.gguf", lambda *report: reports.append(report))
    before, after = gguf.read(parakeet), gguf.read(made)
    assert after.values == before.values
    assert list(after.tensors) == list(before.tensors)
    wide = set()
    for name, tensor in before.tensors.items():
        old, new = data(parakeet, tensor), data(made, after.tensors[name])
        if after.tensors[name].kind == tensor.kind:
            assert old == new, name
        else:
            wide.add(name)
            assert np.array_equal(np.frombuffer(old, "<f2").astype("<f4"), np.frombuffer(new, "<f4"))
        assert after.tensors[name].shape == tensor.shape
    assert wide == {name for name in before.tensors if ".conv.pointwise" in name}
    assert wide
    assert reports[-1][0] == reports[-1][1]


def test_what_cannot_be_read_or_written(parakeet: Path, tmp_path: Path) -> None:
    """Half a file, none, one with a tensor of an unknown type, and a folder that is not there: a sentence each."""
    half, strange = tmp_path / "half.gguf", tmp_path / "strange.gguf"
    half.write_bytes(parakeet.read_bytes()[:-1000])
    tensor = Tensor((4, 32), "f16", lambda: np.ones((4, 32)))
    write(strange, {"general.architecture": "parakeet"}, {NAME: tensor, "enc.other": tensor})
    content = bytearray(strange.read_bytes())
    place = content.rindex(b"enc.other") + len(b"enc.other") + 4 + 2 * 8  # behind its name and shape
    content[place : place + 4] = (99).to_bytes(4, "little")
    strange.write_bytes(content)
    for source in (half, tmp_path / "none", strange):
        with pytest.raises(HushdError) as caught:
            convert(source, tmp_path / "made.gguf")
        assert caught.value.code == "input_unreadable"
    with pytest.raises(HushdError) as caught:
        convert(parakeet, tmp_path / "nowhere" / "made.gguf")
    assert caught.value.code == "output_failed"
