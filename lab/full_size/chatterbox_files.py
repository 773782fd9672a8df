"""Writes the files of a chatterbox model: run in scripts/ by the Python of an environment with chatterbox-tts 0.1.7.

  python -m full_size.chatterbox_files english|multilingual|turbo FOLDER

T3 says half a second of speech, turbo two, and then that it is over; the sound made of them is noise.
"""

from __future__ import annotations

import json
import string
import sys
from pathlib import Path

import numpy as np
import torch
from chatterbox.models.s3gen import S3Gen
from chatterbox.models.t3 import T3
from chatterbox.models.t3.modules.cond_enc import T3Cond
from chatterbox.models.t3.modules.t3_config import T3Config
from chatterbox.models.voice_encoder import VoiceEncoder
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from .chatterbox_t3 import draw
from .noise import Noise

TURBO_WORDS = 50276
SPECIAL = ("[STOP]", "[UNK]", "[SPACE]", "[PAD]")


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    torch.manual_seed(1)
    t3, s3gen, encoder = {
        "english": ("t3_cfg.safetensors", "s3gen.safetensors", "ve.safetensors"),
        "multilingual": ("t3_mtl23ls_v2.safetensors", "s3gen.pt", "ve.pt"),
        "turbo": ("t3_turbo_v1.safetensors", "s3gen_meanflow.safetensors", "ve.safetensors"),
    }[kind]
    save_t3(folder / t3, config(kind))
    save(folder / s3gen, S3Gen(meanflow=kind == "turbo"))
    save(folder / encoder, VoiceEncoder())
    save_tokenizer(folder, kind)
    save_voice(folder / "conds.pt", config(kind))


def config(kind: str) -> T3Config:
    """As the package's `from_local` has it."""
    if kind != "turbo":
        return T3Config.multilingual() if kind == "multilingual" else T3Config.english_only()
    made = T3Config(text_tokens_dict_size=TURBO_WORDS)
    made.llama_config_name, made.speech_tokens_dict_size, made.speech_cond_prompt_len = "GPT2_medium", 6563, 375
    made.input_pos_emb, made.use_perceiver_resampler, made.emotion_adv = None, False, False
    return made


def save(path: Path, module: torch.nn.Module) -> None:
    """With the weights that the module draws itself, and its tables."""
    state = {name: value.contiguous() for name, value in module.state_dict().items()}
    if path.suffix == ".pt":
        torch.save(state, path)
    else:
        save_file({name: value.clone() for name, value in state.items()}, path)


# --- T3, a tensor at a time -------------------------------------------------------------------------------------------


def save_t3(path: Path, hp: T3Config) -> None:
    """A header of JSON behind its length, and then the numbers."""
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in T3(hp).state_dict().items()}
    header: dict[str, object] = {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    noise = Noise()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            file.write(np.ascontiguousarray(draw(noise, name, shape, shapes), np.float32).data)


# --- the rest ---------------------------------------------------------------------------------------------------------


def save_tokenizer(folder: Path, kind: str) -> None:
    letters = string.ascii_letters + string.digits + ".,!?'-\"()"
    if kind == "turbo":
        letters = sorted(pre_tokenizers.ByteLevel.alphabet())
        words = {letter: number for number, letter in enumerate(letters)}
        words |= {f"w{number}": number for number in range(len(words), TURBO_WORDS - 1)}
        made = Tokenizer(models.BPE(words, []))
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
        made.save(str(folder / "tokenizer.json"))
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        return
    words = {word: number for number, word in enumerate(SPECIAL)} | {"[START]": 255}
    words |= {letter: len(SPECIAL) + number for number, letter in enumerate(letters)}
    if kind == "multilingual":
        words |= {f"[{language}]": 300 + number for number, language in enumerate(("en", "de", "fr", "es"))}
    made = Tokenizer(models.BPE(words, [], unk_token="[UNK]"))
    made.add_special_tokens([word for word in words if word.startswith("[")])
    made.save(str(folder / ("tokenizer.json" if kind == "english" else "grapheme_mtl_merged_expanded_v1.json")))


def save_voice(path: Path, hp: T3Config) -> None:
    """The package's `Conditionals` of a recording of ten seconds."""
    prompt = torch.randint(0, 6000, (1, hp.speech_cond_prompt_len))
    heard = T3Cond(torch.randn(1, 256), cond_prompt_speech_tokens=prompt, emotion_adv=0.5 * torch.ones(1, 1, 1))
    sound = {
        "prompt_token": torch.randint(0, 6000, (1, 250)), "prompt_token_len": torch.tensor([250]),
        "prompt_feat": torch.randn(1, 500, 80), "prompt_feat_len": None, "embedding": torch.randn(1, 192),
    }  # fmt: skip
    torch.save({"t3": heard.__dict__, "gen": sound}, path)


if __name__ == "__main__":
    main()
