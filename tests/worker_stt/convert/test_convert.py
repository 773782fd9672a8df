"""The converter: OpenAI's checkpoints become CTranslate2 models, whole or not at all, and without torch."""

from __future__ import annotations

import errno
import json
import pickle
import random
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hushd_protocol.errors import HushdError
from hushd_worker_stt.convert.checkpoint import BadCheckpoint, Checkpoint
from hushd_worker_stt.engines.whisper_models import LANGUAGES, alignment_heads, languages
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


def test_tensors_are_those_torch_reads(checkpoint: Path, tmp_path: Path) -> None:
    """Each of them, and views of one storage with an offset and strides of their own."""
    torch = pytest.importorskip("torch", reason="torch is not installed: scripts/setup --engines all")
    state = torch.load(checkpoint, weights_only=True)["model_state_dict"]
    base = torch.arange(24.0).reshape(4, 6)
    state |= {"turned": base.T, "part": base[1:3, 2:5], "number": torch.tensor(7.0)}
    torch.save({"dims": {}, "model_state_dict": state}, tmp_path / "views.pt")
    with Checkpoint(tmp_path / "views.pt") as opened:
        for name, tensor in state.items():
            np.testing.assert_array_equal(opened.tensor(name), tensor.numpy(), err_msg=name)


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


def described(offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """A description of one tensor in a storage `0` of float32, as torch writes it."""

    def integers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(b"I%d\n" % value for value in values) + b"t"

    storage = b"(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI4\ntQ"
    tensor = (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + b"I%d\n" % offset
        + integers(shape)
        + integers(strides)
        + b"I00\nNtR"
    )
    return b"(S'dims'\n(dS'model_state_dict'\n(S't'\n" + tensor + b"dd."


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (5,), (1,)),
        (3, (2,), (1,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2, 2), (10**15, 1)),
        (0, (0,), (1,)),
        (0, (-1, -2), (1, 1)),
        (0, (2, 2), (1,)),
        (0, (10**12,), (0,)),
    ],
)
def test_a_tensor_outside_its_numbers_is_refused(
    tmp_path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    """Offsets and strides that would read other memory are damage, not a crash."""
    path = archive(tmp_path / "t.pt", described(0, (2, 2), (2, 1)), np.arange(4, dtype="<f4").tobytes())
    with Checkpoint(path) as opened:
        np.testing.assert_array_equal(opened.tensor("t"), [[0, 1], [2, 3]])
    archive(path, described(offset, shape, strides), np.arange(4, dtype="<f4").tobytes())
    with Checkpoint(path) as opened, pytest.raises(BadCheckpoint, match="damaged"):
        opened.tensor("t")


def test_a_number_in_a_file_asks_for_no_memory(tmp_path: Path) -> None:
    """A memo's place, for which the unpickler in C would make room, and a storage that is packed."""
    path = archive(tmp_path / "memo.pt", b"\x80\x02}r" + struct.pack("<I", 2**24) + b".")
    tracemalloc.start()
    try:
        with pytest.raises(BadCheckpoint):
            Checkpoint(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    archive(path, described(0, (4,), (1,)))
    with zipfile.ZipFile(path, "a") as made, pytest.warns(UserWarning, match="Duplicate name"):
        made.writestr("archive/data/0", bytes(1_000_000), zipfile.ZIP_DEFLATED)
    with Checkpoint(path) as opened, pytest.raises(BadCheckpoint, match="compressed"):
        opened.tensor("t")


def test_damage_anywhere_is_told(checkpoint: Path, tmp_path: Path) -> None:
    """A hundred files with a byte turned or their end missing: each is read as before, or refused; nothing else."""
    rng, whole = random.Random(4), checkpoint.read_bytes()
    path, refused = tmp_path / "damaged.pt", 0
    for number in range(100):
        content = bytearray(whole)
        if number % 2:
            del content[rng.randrange(len(content)) :]
        else:
            # Half of the bytes are of tensors; the description and the directory are hit as well.
            place = rng.choice(
                [rng.randrange(len(content)), rng.randrange(20_000), len(content) - rng.randrange(9_000)]
            )
            content[min(place, len(content) - 1)] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        try:
            with Checkpoint(path) as opened:
                for name in opened._tensors:
                    opened.tensor(name)
        except BadCheckpoint:
            refused += 1
    assert refused >= 60


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


@pytest.mark.parametrize("last", ["tokenizer.json", "preprocessor_config.json"])
def test_a_full_disk_is_a_sentence(
    convert: Any, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """Whichever file does not fit any more, the tokenizer's too, whose library has its own words for that."""
    write = Path.write_text

    def full(self: Path, *arguments: Any, **options: Any) -> int:
        if self.name == last:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(HushdError, match=r"cannot be written \(No space left on device\)") as caught:
        convert(checkpoint, tmp_path / "made")
    assert caught.value.code == "output_failed"
    assert list(tmp_path.iterdir()) == []


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


TEXTS = (
    " Hello, World! It's 10 o'clock; we'll go.\n\n  Three   spaces, a tab\t, and the end ",
    "Grüße, naïve café — “quoted” … 50 €",
    "你好,世界。こんにちは 안녕하세요 привет γειά שלום مرحبا नमस्ते สวัสดี",
    "\U0001f600 emoji \u200b zero width \x00 control é combining",
)


@pytest.mark.parametrize("vocabulary", [51_864, 51_865, 51_866])
def test_the_tokenizer_is_openais(convert: Any, vocabulary: int) -> None:
    """English, multilingual, and with Cantonese: the same numbers for any text, and the same special tokens."""
    whisper = pytest.importorskip("whisper", reason="whisper is not installed: scripts/setup --engines all")
    from hushd_worker_stt.convert.vocabulary import ranks, specials, tokenizer

    ours = tokenizer(ranks(vocabulary), specials(vocabulary))
    theirs = whisper.tokenizer.get_tokenizer(
        vocabulary > 51_864, num_languages=max(99, vocabulary - 51_766), language="en", task="transcribe"
    )
    assert ours.get_vocab_size() == theirs.encoding.n_vocab == vocabulary
    rng = random.Random(2)
    texts = [*TEXTS, *("".join(rng.choices("".join(TEXTS), k=30)) for _ in range(300))]
    for text in texts:
        ids = ours.encode(text, add_special_tokens=False).ids
        assert ids == theirs.encode(text), text
        assert ours.decode(ids) == text
    assert {token: ours.token_to_id(token) for token in theirs.special_tokens} == theirs.special_tokens


@pytest.mark.parametrize(("vocabulary", "mels"), [(51_865, 80), (51_866, 128)])
def test_multilingual_checkpoints_tell_the_language(convert: Any, tmp_path: Path, vocabulary: int, mels: int) -> None:
    """A model without training, of either tokenizer and either number of mels, converts, and says as torch does what
    it takes noise for, and what it hears in it."""
    torch = pytest.importorskip("torch", reason="torch is not installed: scripts/setup --engines all")
    whisper = pytest.importorskip("whisper", reason="whisper is not installed: scripts/setup --engines all")
    faster_whisper = pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    torch.manual_seed(1)
    dims = whisper.model.ModelDimensions(mels, 1500, 32, 2, 1, vocabulary, 448, 32, 2, 2)
    model = whisper.model.Whisper(dims)
    torch.nn.init.normal_(model.decoder.positional_embedding)
    path = tmp_path / "wild.pt"
    torch.save({"dims": dims.__dict__, "model_state_dict": model.state_dict()}, path)
    convert(path, tmp_path / "wild", "float32")
    converted = faster_whisper.WhisperModel(str(tmp_path / "wild"), device="cpu", compute_type="float32")
    assert converted.model.is_multilingual
    assert json.loads((tmp_path / "wild" / "config.json").read_bytes())["timestamps"] is True
    noise = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) * 0.1
    mel = whisper.pad_or_trim(whisper.log_mel_spectrogram(noise, mels, padding=480_000), 3_000)
    _, theirs = model.detect_language(mel)
    language, probability, ours = converted.detect_language(noise)
    assert language == max(theirs, key=theirs.__getitem__)
    assert {name for name, _ in ours} == set(LANGUAGES[: 100 if vocabulary == 51_866 else 99])
    assert probability == pytest.approx(theirs[language], rel=0.2)  # untrained, it makes much of little


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
