"""openai-whisper's model is built without drawing weights that the file has, and its batches fit into its card.

No card is needed: half precision is computed on the processor, and torch's figures of a card are written here.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hushd_schema import engines
from hushd_worker_stt.engine import Options
from hushd_worker_stt.engines import whisper
from hushd_worker_stt.engines.whisper import Whisper
from support.commands import unpack_checkpoint, utterances
from support.wer import words

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning")
real = pytest.mark.skipif(
    not (find_spec("torch") and find_spec("whisper")), reason="whisper is not installed: scripts/setup --engines all"
)
GB = 10**9
LARGE = SimpleNamespace(n_audio_ctx=1500, n_text_ctx=448, n_text_layer=32, n_text_state=1280)
TURBO = SimpleNamespace(n_audio_ctx=1500, n_text_ctx=448, n_text_layer=4, n_text_state=1280)


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    return unpack_checkpoint(tmp_path / "whisper" / "commands.pt")


@real
def test_the_model_is_the_packages_own_and_no_number_is_drawn(checkpoint: Path) -> None:
    """All weights, the mask and the alignment heads, in single precision on a CPU; nothing random is made first."""
    torch, package = import_module("torch"), import_module("whisper")
    theirs = package.load_model(str(checkpoint), "cpu")
    before = torch.random.get_rng_state()
    ours = whisper.build(torch, package, checkpoint, "cpu")
    assert torch.equal(torch.random.get_rng_state(), before)
    buffers = [dict(model.named_buffers()) for model in (ours, theirs)]
    parameters = [dict(model.named_parameters()) for model in (ours, theirs)]
    for mine, made in (buffers, parameters):
        assert mine.keys() == made.keys()
        for name, value in made.items():
            assert mine[name].dtype == value.dtype
            dense = [each.to_dense() if each.is_sparse else each for each in (mine[name], value)]
            assert torch.equal(*dense), name


@real
def test_a_card_has_half_precision_but_for_normalisations(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has it so, and it takes half of what the package would; the words are the same."""
    torch = import_module("torch")
    to = torch.Tensor.to
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *where, **how: to(tensor, *_here(where), **how))
    monkeypatch.setattr(torch.nn.Module, "to", lambda module, *_: module)
    build = whisper.build
    engines = [Whisper(), Whisper()]
    engines[0].load("commands", lambda note: None)
    monkeypatch.setattr(whisper, "build", lambda torch, package, path, _: build(torch, package, path, "cuda"))
    engines[1].load("commands", lambda note: None)
    kinds = {name: str(weight.dtype) for name, weight in engines[1]._model.named_parameters()}
    norms = {name for name in kinds if "_ln." in name or ".ln" in name}
    assert norms
    assert {name for name, kind in kinds.items() if kind == "torch.float32"} == norms
    for _, audio in utterances(2):
        single, half = ([s.text for s in engine.transcribe(audio, Options(language="en"))] for engine in engines)
        assert words(" ".join(half)) == words(" ".join(single))


def _here(where: tuple[Any, ...]) -> list[Any]:
    return ["cpu" if isinstance(each, str) and each == "cuda" else each for each in where]


class Card:
    """torch's figures of a card; `emptied` counts how often its cache was."""

    def __init__(self, free: int, allocated: int, reserved: int = 0) -> None:
        self.emptied = 0
        self.cuda = SimpleNamespace(
            mem_get_info=lambda: (free, 80 * GB),
            memory_allocated=lambda: allocated,
            memory_reserved=lambda: reserved or allocated,
            empty_cache=self._empty,
        )

    def _empty(self) -> None:
        self.emptied += 1


def share(card: Card, path: Path, dims: Any = LARGE, size: int = 3_100_000_000) -> whisper.CardShare:
    with open(path / "large-v3.pt", "wb") as file:
        file.truncate(size)
    return whisper.CardShare(card, engines.get("whisper"), path / "large-v3.pt", dims)


@pytest.mark.parametrize(("free", "allocated", "reserved", "dims", "size", "batch"), [
    (70 * GB, 3 * GB, 0, LARGE, 3_100_000_000, 2),  # by the need that was counted, however empty the card is
    (70 * GB, 3 * GB, 0, TURBO, 1_618_000_000, 2),
    (70 * GB, 1_700_000_000, 0, TURBO, 1_618_000_000, 6),
    (2 * GB, 3 * GB, 0, LARGE, 3_100_000_000, 1),
    (2 * GB, 3 * GB, 4 * GB, LARGE, 3_100_000_000, 1),
    (2 * GB, 3 * GB, 5 * GB, LARGE, 3_100_000_000, 2),  # torch lends what it keeps
    (0, 3 * GB, 0, LARGE, 3_100_000_000, 1),  # one is always tried: its failure is told
])  # fmt: skip
def test_a_batch_fits_into_the_counted_need_and_the_card(
    tmp_path: Path, free: int, allocated: int, reserved: int, dims: Any, size: int, batch: int
) -> None:
    """A batch has fewer pieces than wait: sixteen of large-v3 took 26 GB."""
    assert share(Card(free, allocated, reserved), tmp_path, dims, size).batch(5, 16) == batch


def test_memory_beyond_the_share_is_given_back(tmp_path: Path) -> None:
    """It goes back after a job that took more, and only then: the next one would ask for it again."""
    for reserved, emptied in ((5 * GB, 0), (7 * GB, 1)):
        card = Card(70 * GB, 3 * GB, reserved)
        share(card, tmp_path).give_back()
        assert card.emptied == emptied


@real
def test_a_batch_in_parts_has_the_text_of_the_whole(checkpoint: Path) -> None:
    """More pieces than fit are decoded in groups, each with its own text."""
    engine = Whisper()
    engine.load("commands", lambda note: None)
    pieces = [audio for _, audio in utterances(5)]
    options = [Options(language="en")] * len(pieces)
    whole = engine.transcribe_batch(pieces, options)
    sizes = []
    engine._card = SimpleNamespace(batch=lambda beam, most: sizes.append(most) or 2, give_back=lambda: None)
    assert engine.transcribe_batch(pieces, options) == whole
    assert max(sizes) == 5
