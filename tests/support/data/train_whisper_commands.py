"""Train a very small Whisper checkpoint on synthetic speech of 22 words, for testing Whisper engines without a hub.

Needs torch, openai-whisper, hibari-tts, soxr. `python train_whisper_commands.py OUT.pt [SECONDS]`; 1200 s on 2 cores
gave a word error rate of 0.009 on unseen utterances, 300 s is nearly as good. Only the 46 tokens in use have embeddings
that are not zero, so the file compresses from 7.4 MB to 0.7 MB.
"""

import random
import sys
import time

import numpy as np
import soxr
import torch
import torch.nn.functional as F
from hibari import Hibari
from whisper.audio import log_mel_spectrogram
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import get_tokenizer

WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "start", "stop", "open", "close",
    "red", "green", "blue", "left", "right", "yes", "no",
)  # fmt: skip
RATE, WIDTH, UTTERANCES = 16000, 64, 2500
SHORT, LONG = 8, 30  # seconds of audio in a training window: short first, Whisper's own 30 s at the end

out, budget = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 1200.0
rng = random.Random(0)
torch.manual_seed(0)

tts = Hibari()
clips = []
for _ in range(UTTERANCES):
    words = [rng.choice(WORDS) for _ in range(rng.choice([1, 1, 2, 2, 3, 3, 4, 5, 6]))]
    audio = tts(" ".join(words).capitalize() + ".", speed=rng.uniform(0.8, 1.3))
    clips.append((words, torch.tensor(soxr.resample(np.asarray(audio, dtype=np.float32), 24000, RATE))))

tokenizer = get_tokenizer(multilingual=False)
prefix = [*tokenizer.sot_sequence, tokenizer.no_timestamps]


def token_ids(words):
    return [*prefix, *tokenizer.encode(" " + " ".join(words).capitalize() + "."), tokenizer.eot]


used = sorted({t for words, _ in clips for t in token_ids(words)})
dims = ModelDimensions(80, 1500, WIDTH, 2, 2, 51864, 448, WIDTH, 2, 2)
model = Whisper(dims)
with torch.no_grad():
    torch.nn.init.normal_(model.decoder.positional_embedding, std=0.02)  # Whisper leaves it uninitialised
    model.decoder.token_embedding.weight.zero_()
    model.decoder.token_embedding.weight[used] = torch.randn(len(used), WIDTH) * 0.1
mask = torch.zeros(dims.n_vocab, 1)
mask[used] = 1
model.decoder.token_embedding.weight.register_hook(lambda grad: grad * mask)


def encode(mel):
    """Whisper's encoder, for windows shorter than 30 s too."""
    e = model.encoder
    x = F.gelu(e.conv2(F.gelu(e.conv1(mel)))).permute(0, 2, 1)
    x = x + e.positional_embedding[: x.shape[1]]
    for block in e.blocks:
        x = block(x)
    return e.ln_post(x)


def batch(size, seconds):
    audio, tokens = [], []
    for words, clip in rng.choices(clips, k=size):
        a = torch.cat([torch.zeros(rng.randint(0, 4000)), clip * rng.uniform(0.3, 1.0)])[: seconds * RATE]
        a = F.pad(a, (0, seconds * RATE - len(a)))
        audio.append(a + torch.randn(len(a)) * rng.choice([0, 1e-4, 1e-3, 3e-3]))
        tokens.append(token_ids(words))
    longest = max(map(len, tokens))
    x = torch.full((size, longest - 1), tokenizer.eot)
    y = torch.full((size, longest - 1), -100)
    for i, t in enumerate(tokens):
        x[i, : len(t) - 1], y[i, : len(t) - 1] = torch.tensor(t[:-1]), torch.tensor(t[1:])
    return log_mel_spectrogram(torch.stack(audio)), x, y


optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.0)
began, step = time.monotonic(), 0
while (done := (time.monotonic() - began) / budget) < 1:
    for group in optimiser.param_groups:
        group["lr"] = 2e-3 * min(1, step / 200) * (1 - done) ** 0.7 + 1e-5
    mel, x, y = batch(8, LONG) if done > 0.8 else batch(16, SHORT)
    loss = F.cross_entropy(model.decoder(x, encode(mel)).flatten(0, 1), y.flatten(), ignore_index=-100)
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    step += 1
    if step % 100 == 0:
        print(step, f"{loss.item():.4f}", flush=True)
torch.save({"dims": dims.__dict__, "model_state_dict": {k: v.half() for k, v in model.state_dict().items()}}, out)
