"""Whisper models drawn at random, of a given size, that say the same short sentence to any sound.

The work is that of real weights. Only the decoder's positions are not chance: each says which word comes next, and the
last that it is over, so that a text is as long as a sentence and no second try is made for it.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

SENTENCE = " one two three four five six seven eight nine ten eleven twelve."
BEFORE = 3  # positions until the first word is decided: start, language, task, and then `no timestamps`

# n_mels, n_vocab, audio and text: state, heads, layers
SIZES = {
    "tiny": (80, 51865, 384, 6, 4),
    "small": (80, 51865, 768, 12, 12),
    "large-v3": (128, 51866, 1280, 20, 32),
}


def draw(path: Path, size: str) -> Path:
    """Writes a checkpoint of openai-whisper's kind to `path`."""
    torch: Any = importlib.import_module("torch")
    model: Any = importlib.import_module("whisper.model")
    mels, vocabulary, state, heads, layers = SIZES[size]
    torch.manual_seed(5)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        made = model.Whisper(
            model.ModelDimensions(mels, 1500, state, heads, layers, vocabulary, 448, state, heads, layers)
        )
    _have_it_say(made, torch)
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().cpu() for name, value in made.state_dict().items()}
    torch.save({"dims": made.dims.__dict__, "model_state_dict": weights}, path)
    return path


def _have_it_say(made: Any, torch: Any) -> None:
    tokenizers = importlib.import_module("whisper.tokenizer")
    tokens = tokenizers.get_tokenizer(True, num_languages=made.num_languages, language="en", task="transcribe")
    words, decoder = tokens.encode(SENTENCE), made.decoder
    with torch.no_grad():
        decoder.token_embedding.weight[tokens.timestamp_begin :] = 0  # it never learnt times: a piece is one window
        decoder.positional_embedding.normal_(std=0.01)
        for place, token in enumerate([*words, *[tokens.eot] * 8], BEFORE):
            decoder.positional_embedding[place] = 100 * decoder.token_embedding.weight[token]
