"""The converter: OpenAI's checkpoints become CTranslate2 models, whole or not at all, and without torch."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hushd_protocol.errors import HushdError
from hushd_worker_stt.convert.checkpoint import BadCheckpoint, Checkpoint
from hushd_worker_stt.engines.whisper_family import LANGUAGES, alignment_heads, languages
from support.commands import unpack_checkpoint

# openai-whisper leaves the file of its tokens to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_checkpoint(tmp_path_factory.mktemp("checkpoint") / "commands.pt")


@pytest.fixture
def convert() -> Any:
    """The converter, where what it needs is installed."""
    for package in ("ctranslate2", "tokenizers", "whisper"):
        pytest.importorskip(package, reason=f"{package} is not installed: scripts/setup --engines all")
    from hushd_worker_stt.convert.whisper import convert

    return convert


# --- the checkpoint --------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_read_without_torch(checkpoint: Path) -> None:
    """Dimensions and tensors, in their shape and precision; a transposed one would differ from its neighbour."""
    with Checkpoint(checkpoint) as opened:
        assert opened.dims["n_vocab"] == 51_864
        assert opened.dims["n_mels"] == 80
        weight = opened.tensor("encoder.conv1.weight")
        assert (weight.shape, weight.dtype) == ((64, 80, 3), np.float16)
        embedding = opened.tensor("decoder.token_embedding.weight")
        assert embedding.shape == (51_864, 64)
        assert np.count_nonzero(embedding.any(axis=1)) == 46
        with pytest.raises(BadCheckpoint, match="no tensor"):
            opened.tensor("decoder.nothing")


def archive(path: Path, description: bytes, numbers: bytes = b"") -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("archive/data.pkl", description)
        made.writestr("archive/data/0", numbers)
    return path


class _Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('ran')",)


def test_a_pickle_may_name_tensors_only(tmp_path: Path) -> None:
    """Whatever else it asks for is refused, and never run."""
    for content in ({"dims": _Runs()}, Path("/"), _Runs()):
        with pytest.raises(BadCheckpoint, match="is not a tensor"):
            Checkpoint(archive(tmp_path / "evil.pt", pickle.dumps(content)))


# --- the conversion --------------------------------------------------------------------------------------------------


def test_the_folder_is_whole(convert: Any, checkpoint: Path, tmp_path: Path) -> None:
    """All that faster-whisper wants is there, and nothing is left beside it."""
    convert(checkpoint, tmp_path / "new" / "model", "int8")
    folder = tmp_path / "new" / "model"
    assert {file.name for file in folder.iterdir()} == {
        "config.json", "model.bin", "preprocessor_config.json", "tokenizer.json", "vocabulary.json",
    }  # fmt: skip
    assert list((tmp_path / "new").iterdir()) == [folder]
    config = json.loads((folder / "config.json").read_bytes())
    assert config["lang_ids"] == []
    assert config["alignment_heads"] == [[1, 0], [1, 1]]
    assert config["timestamps"] is False
    assert len(json.loads((folder / "vocabulary.json").read_bytes())) == 51_864


def test_what_cannot_be_converted_leaves_nothing(convert: Any, checkpoint: Path, tmp_path: Path) -> None:
    """Damage, a missing file, a folder that is there: one sentence, and no folder, not even half of one."""
    half = tmp_path / "half.pt"
    half.write_bytes(checkpoint.read_bytes()[:3_000_000])
    for source, folder, code in (
        (half, tmp_path / "made", "input_unreadable"),
        (tmp_path / "none.pt", tmp_path / "made", "input_unreadable"),
        (checkpoint, tmp_path, "output_failed"),
        (checkpoint, half / "made", "output_failed"),
    ):
        with pytest.raises(HushdError) as caught:
            convert(source, folder)
        assert caught.value.code == code, caught.value.message
    with pytest.raises(HushdError, match="quantization"):
        convert(checkpoint, tmp_path / "made", "int7")
    assert list(tmp_path.iterdir()) == [half]


def test_the_command_needs_no_torch(convert: Any, checkpoint: Path, tmp_path: Path) -> None:
    """`python -m hushd_worker_stt.convert` imports none, where there is one; errors are one line and an exit code."""
    command = (
        "import sys; from hushd_worker_stt.convert.__main__ import main; sys.argv = ['convert', *sys.argv[1:]]; "
        "main(); assert 'torch' not in sys.modules"
    )
    arguments = [sys.executable, "-c", command, str(checkpoint), str(tmp_path / "made"), "--quantization", "float32"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "made" / "model.bin").stat().st_size > 14_000_000
    again = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == 9
    assert again.stderr.startswith("convert: ")
    assert again.stderr.count("\n") == 1


def test_alignment_heads_go_by_name_and_dimensions() -> None:
    """A model's own, those of the only one of these dimensions, and else the upper half's."""
    assert alignment_heads("tiny", 4, 6, 51_865) == [(2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5)]
    assert alignment_heads("my-fine-tuned-tiny", 4, 6, 51_865) == alignment_heads("tiny", 4, 6, 51_865)
    assert alignment_heads("base.en", 6, 8, 51_864) == [(3, 3), (4, 7), (5, 1), (5, 5), (5, 7)]
    assert alignment_heads("large-v2", 32, 20, 51_865) != alignment_heads("large-v1", 32, 20, 51_865)
    assert alignment_heads("mine", 32, 20, 51_865) == [(layer, head) for layer in range(16, 32) for head in range(20)]
    assert alignment_heads("tiny", 2, 2, 51_864) == [(1, 0), (1, 1)]


def test_languages_go_by_the_number_of_tokens() -> None:
    """English models have no language, others as many as they have tokens for."""
    assert languages(51_864) == ("en",)
    assert (len(languages(51_865)), len(languages(51_866))) == (99, 100)
    assert LANGUAGES[0] == "en"
    assert LANGUAGES[-1] == "yue"
