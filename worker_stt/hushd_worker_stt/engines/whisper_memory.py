"""Builds openai-whisper's model without drawing weights that the file has, and counts what it takes of a card.

The package draws random weights in single precision, and then copies the file's over them: of large-v3's 12 s of load
and 10.7 GB of a card most was that. Its decoder keeps the encoder's output for each hypothesis in each layer: 1.2 GB a
piece for large-v3 with five, so that as many pieces as wait would fill any card.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_worker.torch_loading import mapping, unfilled

if TYPE_CHECKING:
    from hushd_schema.engines import EngineSpec

_CONTEXT = 650_000_000  # bytes of a card: CUDA's context and the libraries' workspace, outside torch's own count
_PER_PIECE = 100_000_000  # bytes besides the decoder's: the encoder's activations, and the probabilities of tokens
_HALF = 2  # bytes of a number


def build(torch: Any, package: Any, path: Path, device: str) -> Any:
    """Returns the package's model of the checkpoint at `path`: on a CPU in single precision, on a card in half but for
    its normalisations, as the package computes there.

    Each weight goes from the mapped file to its place. Raises any error of torch.
    """
    saved = mapping(torch.load)(path, map_location="cpu", weights_only=True)
    with unfilled(torch):
        model = package.model.Whisper(package.model.ModelDimensions(**saved["dims"]))
    norms = {name for name, module in model.named_modules() if isinstance(module, torch.nn.LayerNorm)}
    weights = {}
    for name, weight in saved["model_state_dict"].items():
        in_half = device == "cuda" and name.rpartition(".")[0] not in norms
        weights[name] = weight.to(device, torch.float16 if in_half else torch.float32)
    model.load_state_dict(weights, assign=True)
    return model.to(device)  # the mask and the alignment heads are in no file


class CardShare:
    """A model's share of its card, as its start was decided by; sizes in bytes.

    Args:
        torch: the package, which computes on the card.
        spec: counts the need of a model, by its file.
        dims: the model's dimensions.
    """

    def __init__(self, torch: Any, spec: EngineSpec, path: Path, dims: Any) -> None:
        assert spec.on_card_mb
        self._torch, self._dims = torch, dims
        self._share = int(spec.on_card_mb({path.name: path.stat().st_size}).card * 1e6) - _CONTEXT

    def batch(self, beam: int, most: int) -> int:
        """Returns how many pieces, 1 to `most`, fit into the rest of the share and the free memory of a card."""
        cuda = self._torch.cuda
        taken = int(cuda.memory_allocated())
        free = int(cuda.mem_get_info()[0]) + int(cuda.memory_reserved()) - taken
        return max(1, min(most, min(self._share - taken, free) // piece(self._dims, beam)))

    def give_back(self) -> None:
        """Gives memory that torch keeps beyond the share back to the card."""
        if self._torch.cuda.memory_reserved() > self._share:
            self._torch.cuda.empty_cache()


def piece(dims: Any, beam: int) -> int:
    """Returns the bytes that the decoding of one piece takes: keys and values of each layer for each hypothesis."""
    tokens = dims.n_audio_ctx + dims.n_text_ctx // 2  # of sound, and the longest text
    return int(2 * _HALF * dims.n_text_layer * beam * dims.n_text_state * tokens) + _PER_PIECE
