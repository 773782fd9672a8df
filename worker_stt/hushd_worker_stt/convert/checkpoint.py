"""Reads a checkpoint in OpenAI's format: a zip file with a pickle that describes tensors, and their numbers beside it.

It does not need torch. The pickle may only name tensors: no other class is ever looked up.
"""

from __future__ import annotations

import base64
import math
import pickle
import zipfile
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_models.installation import package_command
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass

from hushd_worker_stt.engines.whisper_family import LANGUAGES, languages

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from tokenizers import Tokenizer

_MAX_DESCRIPTION = 16_000_000  # bytes, 100 times large-v3's
_STORAGES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8"}


class BadCheckpoint(ValueError):
    """The file is not a complete checkpoint; the message says why."""


@dataclass(frozen=True, slots=True)
class _Tensor:
    """The place of a tensor's numbers: `offset` and `strides` count numbers of `kind` in the storage `key`."""

    kind: str
    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def fits(self, numbers: int) -> bool:
        """Returns whether the tensor is inside a storage of `numbers` numbers, even if its description is damaged."""
        if not all(type(number) is int and number >= 0 for number in (self.offset, *self.shape, *self.strides)):
            return False
        if len(self.shape) != len(self.strides) or not 0 < math.prod(self.shape) <= numbers:
            return False
        ends = ((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        return self.offset + sum(ends) < numbers


class Checkpoint:
    """An open checkpoint; a context manager. Tensors are read on demand.

    Attributes:
        dims: the model's dimensions, such as `n_mels` and `n_vocab`.

    Raises:
        BadCheckpoint: in the constructor and in `tensor`.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError:
            raise
        except Exception as error:
            raise BadCheckpoint("it is truncated, or not a checkpoint") from error
        try:
            name = next((name for name in self._zip.namelist() if name.endswith("/data.pkl")), None)
            if name is None or self._zip.getinfo(name).file_size > _MAX_DESCRIPTION:
                raise BadCheckpoint("it does not contain a model")
            self._folder = name.removesuffix("data.pkl") + "data/"
            with self._zip.open(name) as description:
                content = _Unpickler(description).load()
            self.dims: dict[str, int] = dict(content["dims"])
            self._tensors: dict[str, _Tensor] = dict(content["model_state_dict"])
        except BadCheckpoint:
            self._zip.close()
            raise
        except Exception as error:  # a damaged pickle may raise anything
            self._zip.close()
            raise BadCheckpoint(f"its description is damaged: {error}") from error

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()

    def tensor(self, name: str) -> npt.NDArray[np.floating[Any]]:
        """Returns the numbers of the tensor `name`, in the precision of the file."""
        import numpy as np

        tensor = self._tensors.get(name)
        if not isinstance(tensor, _Tensor):
            raise BadCheckpoint(f"it has no tensor {name!r}")
        try:
            entry = self._zip.getinfo(self._folder + tensor.key)
            if entry.compress_type != zipfile.ZIP_STORED:  # torch never compresses; zeros may expand to any size
                raise BadCheckpoint(f"its tensor {name!r} is compressed")
            numbers = np.frombuffer(self._zip.read(entry), tensor.kind)
        except (OSError, BadCheckpoint):
            raise
        except Exception as error:  # a damaged archive may raise anything
            raise BadCheckpoint(f"its tensor {name!r} is damaged") from error
        if not tensor.fits(len(numbers)):
            raise BadCheckpoint(f"its tensor {name!r} is damaged")
        steps = [stride * numbers.itemsize for stride in tensor.strides]
        return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, steps, writeable=False)


def _tensor(storage: tuple[str, str], offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    kind, key = storage
    return _Tensor(kind, key, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle._Unpickler):
    """The unpickler in Python; the one in C allocates gigabytes for a number in the file, such as a memo's."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, *_: tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise BadCheckpoint(f"it needs {module}.{name}, which is not a tensor type of Whisper")

    def persistent_load(self, pid: Any) -> Any:
        _, kind, key, *_ = pid
        return kind, str(key)


def ranks(vocabulary: int) -> dict[bytes, int]:
    """Returns the ordinary tokens, with their numbers, of a model with `vocabulary` tokens in all, from
    openai-whisper's package.

    Raises:
        HushdError: `engine_missing` without that package; `input_unreadable` if no Whisper model has so many tokens.
    """
    package = find_spec("whisper")  # found without an import, which would need torch
    name = "gpt2" if languages(vocabulary) == ("en",) else "multilingual"
    file = Path(package.origin if package and package.origin else "").parent / "assets" / f"{name}.tiktoken"
    if not file.is_file():
        raise HushdError(
            "engine_missing",
            "The tokens come with openai-whisper, without whose dependencies it works: "
            f"{package_command('--no-deps', 'openai-whisper')}.",
        )
    lines = file.read_bytes().splitlines()
    tokens = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines if line)}
    if len(tokens) + len(specials(vocabulary)) != vocabulary:
        raise HushdError("input_unreadable", f"A model with {vocabulary} tokens is not a Whisper model of OpenAI's.")
    return tokens


def specials(vocabulary: int) -> list[str]:
    """Returns the tokens after the ordinary ones, in order. Even English models have the tokens of languages."""
    known = languages(vocabulary) if vocabulary > 51_864 else LANGUAGES[:99]
    return [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{language}|>" for language in known),
        "<|translate|>",
        "<|transcribe|>",
        "<|startoflm|>",
        "<|startofprev|>",
        "<|nospeech|>",
        "<|notimestamps|>",
        *(f"<|{number * 0.02:.2f}|>" for number in range(1501)),
    ]


def tokenizer(tokens: dict[bytes, int], special: list[str]) -> Tokenizer:
    """Returns GPT-2's byte-level BPE with these tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = _letters()
    written = {token: "".join(letters[byte] for byte in token) for token in tokens}
    merges = [
        (written[left], written[right])
        for left, right in (
            _halves(token, tokens) for token in sorted(tokens, key=tokens.__getitem__) if len(token) > 1
        )
    ]
    made = Tokenizer(models.BPE({written[token]: rank for token, rank in tokens.items()}, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return made


def _halves(token: bytes, tokens: dict[bytes, int]) -> tuple[bytes, bytes]:
    """Returns the two tokens that BPE merges into `token`: the ones that remain after all earlier merges."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best = min(range(len(parts) - 1), key=lambda i: tokens.get(parts[i] + parts[i + 1], len(tokens)))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts[0], parts[1]


def _letters() -> list[str]:
    """Returns GPT-2's character for each byte: the byte itself if it is printable, or else a character from U+0100
    on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(hidden)) for byte in range(256)]
