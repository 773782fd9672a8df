"""The models that can be made, by hushd's names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hushd_models import catalogue

from . import gguf_langid, gguf_parakeet, onnx_asr, piper, whisper
from .making import CannotMake, Part


@dataclass(frozen=True)
class Model:
    """A model that can be made.

    Attributes:
        name: ENGINE/NAME.
        parts: its files, for a scale: 1 is its true size.
        flat: its files lie in its engine's folder, not in one of its own.
    """

    name: str
    parts: Callable[[int], list[Part]]
    flat: bool = False

    @property
    def place(self) -> str:
        """Its folder within the models folder."""
        return self.name.partition("/")[0] if self.flat else self.name


_SIZES = ("tiny", "base", "small", "medium", "large-v3-turbo", "large-v3")
_GGML_SIZES = ("small", "large-v3-turbo")
_ALL = (
    Model("onnx-asr/nemo-parakeet-tdt-0.6b-v3", partial(onnx_asr.parakeet, int8=True)),
    Model("onnx-asr/nemo-parakeet-tdt-0.6b-v3-fp32", partial(onnx_asr.parakeet, int8=False)),
    *(Model(f"whisper/{size}", partial(whisper.openai, size=size), flat=True) for size in _SIZES),
    *(Model(f"faster-whisper/{size}", partial(whisper.faster, size=size)) for size in _SIZES),
    *(Model(f"transcribe-cpp/{name}", partial(gguf_parakeet.parakeet, name=name)) for name in gguf_parakeet.SHAPES),
    Model(f"transcribe-cpp/{gguf_langid.NAME}", gguf_langid.voxlingua),
    *(Model(f"transcribe-cpp/whisper-{size}", partial(whisper.ggml, size=size)) for size in _GGML_SIZES),
    Model("piper/en_US-lessac-medium", partial(piper.files, name="en_US-lessac-medium"), flat=True),
)
MODELS = {model.name: model for model in _ALL if catalogue.engine(model.name.partition("/")[0])}  # a plugin may lack


def find(name: str) -> Model:
    """The model of a name or of one of hushd's other names for it.

    Raises:
        CannotMake: there is none.
    """
    model = MODELS.get(name) or MODELS.get(catalogue.canonical(name))
    if model is None:
        raise CannotMake(f"No model {name[:60]!r} can be made here: `scripts/fullsize list` names those that can.")
    return model
