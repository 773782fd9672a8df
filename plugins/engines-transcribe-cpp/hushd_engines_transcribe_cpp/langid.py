"""Models that tell spoken languages apart: GGUF files of the architecture ECAPA-TDNN, which transcribe-cpp (0.4) runs.

The library trusts the sizes in the file: a step of one sample costs it minutes, and a dilation beyond its integers ends
the process. So each number by which it counts or allocates is checked against the range of such models. The library
checks itself that the tensors fit these numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hushd_schema.engines import NoModel

from . import gguf

if TYPE_CHECKING:
    from .gguf import Header

ARCHITECTURE = "ecapa_tdnn"
ROLE = "langid"  # role of such a model in lists; there are no workers of this role
_MAX_MODEL_BYTES = 500_000_000  # six times the makers' largest file
_CODES = "stt.langid.labels.codes"
# The range of each number. VoxLingua107's are 400, 160, 400, 60; 1024 to 3072, 1 to 5, 1 to 4; 128 to 512.
_BOUNDS = {
    "stt.frontend.n_fft": (64, 1024),
    "stt.frontend.hop_length": (80, 1024),
    "stt.frontend.win_length": (64, 1024),
    "stt.frontend.num_mels": (8, 256),
    "stt.ecapa_tdnn.channels": (8, 12_288),
    "stt.ecapa_tdnn.kernel_sizes": (1, 31),
    "stt.ecapa_tdnn.dilations": (1, 32),
    "stt.ecapa_tdnn.se_channels": (1, 4096),
    "stt.ecapa_tdnn.attention_channels": (1, 4096),
    "stt.ecapa_tdnn.embedding_dim": (1, 4096),
    "stt.ecapa_tdnn.classifier_hidden": (1, 4096),
}


def labels(path: Path) -> tuple[str, ...]:
    """Returns the languages that the model at `path` tells apart, by its own names.

    Raises:
        NoModel: it has another architecture, is damaged, or has a number out of range.
        OSError: it cannot be read.
    """
    return checked(path, gguf.read(path))


def checked(path: Path, header: Header) -> tuple[str, ...]:
    """Does the same for a file whose header is already read."""
    if header.values.get("general.architecture") != ARCHITECTURE:
        raise NoModel(f"{path.name} does not tell languages apart")
    if path.stat().st_size > _MAX_MODEL_BYTES:
        raise NoModel(
            f"{path.name} has more than {_MAX_MODEL_BYTES // 1_000_000} MB, as no model that tells languages apart"
        )
    for key, (least, most) in _BOUNDS.items():
        numbers = header.numbers(key)
        if not numbers or not all(least <= number <= most for number in numbers):
            raise NoModel(f"{path.name} is damaged: its {key.rpartition('.')[2]} is not from {least} to {most}")
    if len(codes := header.texts(_CODES)) < 2:
        raise NoModel(f"{path.name} is damaged: it names no languages")
    return codes
