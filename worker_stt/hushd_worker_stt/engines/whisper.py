"""OpenAI's own Whisper, on torch: the reference, and the heaviest."""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_models import catalogue, weights
from hushd_protocol.system.paths import user_cache
from hushd_schema import engines
from hushd_worker import compute_device
from hushd_worker.torch_loading import import_torch, mapping, unfilled
from msgspec import structs

from hushd_worker_stt import rendezvous
from hushd_worker_stt.engine import RATE, Model, Samples, Segment

from .whisper_family import BEAM, FIRST_SEED, SHARED, Decoding, WhisperFamily, alignment, languages, words
from .whisper_window import FRAMES_PER_S

if TYPE_CHECKING:
    from hushd_schema.engines import EngineSpec


SPEC = engines.get("whisper")
_PASSED_ON = (  # the decoder's options for the package
    "length_penalty", "suppress_tokens", "compression_ratio_threshold", "logprob_threshold", "no_speech_threshold",
    "condition_on_previous_text",
)  # fmt: skip
_PUNCTUATION = ("prepend_punctuations", "append_punctuations")
_MAX_DESCRIPTION = 16_000_000  # bytes, 100 times large-v3's


class Whisper(WhisperFamily):
    """The engine `whisper`. Checkpoints in OpenAI's format: `whisper/NAME.pt` in the models folder."""

    SPEC = structs.replace(SPEC, options=(*SHARED, *_PASSED_ON, *_PUNCTUATION, "patience", "threads", "probabilities"))
    COMPUTE_TYPES = ("float32",)  # types on a CPU; faster-whisper has int8

    @classmethod
    def find(cls, model: str) -> Path | None:
        name, folder = f"whisper/{model}", weights.folder("whisper")
        file = f"{catalogue.canonical(name).partition('/')[2]}.pt"
        pulled = (place / each for place, files in weights.kept(name) for each in files)
        places = (folder / f"{model}.pt", *pulled, folder / file, user_cache() / "whisper" / file)
        return next((place for place in places if place.is_file()), None)

    @classmethod
    def own(cls, path: Path) -> Model | None:
        if path.suffix != ".pt" or not path.is_file():  # opening a pipe would block
            return None
        memory = catalogue.memory_of_files("whisper", {path.name: path.stat().st_size})
        return Model(path.stem, languages(_vocabulary(path)), memory)

    def _import(self) -> None:
        self._torch = import_torch()
        import whisper

        self._whisper = whisper

    def _load(self, model: str, path: Path, report: Callable[[str], None]) -> None:
        self.compute_device = compute_device.of_torch(self._torch, prefers_mps=False)
        device = compute_device.torch_name(self.compute_device)
        self._torch.manual_seed(FIRST_SEED)
        self._model: Any = build(self._torch, self._whisper, path, device)
        dims = self._model.dims
        if packed := alignment(model, dims.n_text_layer, dims.n_text_head, dims.n_vocab):
            self._model.set_alignment_heads(packed)
        self._card = None
        if device == "cuda":
            self._torch.cuda.empty_cache()
            self._card = CardShare(self._torch, SPEC, path, dims)
        self.batch = self._card.batch(BEAM, self._max_batch) if self._card else self._max_batch
        self._model.decode = self._decode_together
        self._task = _batch_task(self._whisper)
        for block in (*self._model.encoder.blocks, *self._model.decoder.blocks):
            block.register_forward_hook(lambda *_: self.check())
        times = self._whisper.tokenizer.get_tokenizer(
            self._model.is_multilingual, num_languages=self._model.num_languages
        ).timestamp_begin
        # A model that never learnt times has zeros there.
        self.timestamps = bool(self._model.decoder.token_embedding.weight[times:].any())

    def _decode_together(self, window: Any, options: Any) -> Any:
        """Replaces the model's `decode` of one window: calls for several pieces with the same options are combined."""

        def together(windows: Sequence[Any]) -> Sequence[Any]:
            beam = options.beam_size or options.best_of or 1
            most = self._card.batch(beam, len(windows)) if self._card else len(windows)
            groups = (windows[first : first + most] for first in range(0, len(windows), most))
            task = self._task(self._model, options)
            return [result for group in groups for result in task.run(self._torch.stack(tuple(group)))]

        if self.window.is_rest(window.cpu().numpy()):
            return self._whisper.decoding.DecodingResult(window, "", no_speech_prob=1.0)
        self._encoded(window)
        self.window.check_sampled(bool(options.temperature))
        features = self.window.encoding
        return rendezvous.call((repr(options), features.shape), features, together)

    def _encoded(self, sound: Any) -> Any:
        """Encodes a window once for its language and for every temperature, where the package does it for each."""
        return self.window.encode(sound.cpu().numpy(), partial(self._part, sound.device))

    def _part(self, device: Any, sound: Samples) -> Any:
        """Encodes a window, or a part of it, for which the package's encoder demands all of it."""

        def encode() -> Any:
            encoder = self._model.encoder
            places = encoder.positional_embedding
            encoder.positional_embedding = places[: sound.shape[-1] // 2]
            try:
                with self._torch.no_grad():
                    return encoder(self._torch.from_numpy(sound)[None].to(device))[0]
            finally:
                encoder.positional_embedding = places

        return rendezvous.alone(encode)

    def _decode(self, samples: Samples, decoding: Decoding) -> Iterator[Segment]:
        usual = self._torch.get_num_threads()
        self._torch.set_num_threads(decoding.decoder.get("threads") or usual)
        self.window.frames = len(samples) * FRAMES_PER_S // RATE
        try:
            yield from self._segments(samples, decoding)
        finally:
            self.window.frames = 0
            self._torch.set_num_threads(usual)
            if self._card:
                self._card.give_back()

    def _segments(self, samples: Samples, decoding: Decoding) -> Iterator[Segment]:
        # A long prompt loses its beginning, which must not be the hotwords, since they are not earlier text.
        prompt = " ".join(filter(None, (decoding.prompt, decoding.hotwords)))
        answer = self._whisper.transcribe(
            self._model,
            samples,
            language=decoding.language,
            task=decoding.task,
            initial_prompt=prompt or None,
            beam_size=decoding.beam if decoding.beam > 1 else None,
            patience=decoding.decoder.get("patience") if decoding.beam > 1 else None,
            best_of=decoding.decoder.get("best_of", decoding.beam if decoding.beam > 1 else None),
            temperature=decoding.temperatures,
            without_timestamps=not self.timestamps,
            sample_len=decoding.tokens,
            fp16=self._model.device.type != "cpu",
            **{"condition_on_previous_text": False} | decoding.given(*_PASSED_ON),
        )
        heard = [segment for segment in answer["segments"] if segment["seek"] <= decoding.last_window * FRAMES_PER_S]
        texts = [segment["text"].strip() for segment in heard]
        if decoding.word_times:
            # It records the model's attention, and would record other pieces' attention, too.
            punctuation = decoding.given(*_PUNCTUATION)
            rendezvous.alone(lambda: self._find_words(samples, heard, answer["language"], punctuation))
        for segment, text in zip(heard, texts, strict=True):
            if text:
                timed = words(
                    (word["word"], word["start"], word["end"], word["probability"]) for word in segment.get("words", ())
                )
                logprob = round(segment["avg_logprob"], 4)  # a batch differs in the seventh
                yield Segment(float(segment["start"]), float(segment["end"]), text, timed, log_probability=logprob)

    def _find_words(
        self, samples: Samples, segments: list[dict[str, Any]], language: str, punctuation: dict[str, Any]
    ) -> None:
        """Adds `words` to `segments`. `transcribe` itself would drop words that it cannot place, and decode the rest
        after each window's last word as another window, which invents words and takes many times as long."""
        from whisper.timing import add_word_timestamps

        audio, model = self._whisper.audio, self._model
        tokenizer = self._whisper.tokenizer.get_tokenizer(
            model.is_multilingual, num_languages=model.num_languages, language=language, task="transcribe"
        )
        mel = audio.log_mel_spectrogram(samples, model.dims.n_mels, padding=audio.N_SAMPLES)
        spoken_until = 0.0
        for seek, window in groupby(segments, itemgetter("seek")):
            group = list(window)
            frames = min(audio.N_FRAMES, len(samples) // audio.HOP_LENGTH - seek)
            add_word_timestamps(
                segments=group,
                model=model,
                tokenizer=tokenizer,
                mel=audio.pad_or_trim(mel[:, seek : seek + frames], audio.N_FRAMES).to(
                    model.device, model.encoder.conv1.weight.dtype
                ),
                num_frames=frames,
                last_speech_timestamp=spoken_until,
                **punctuation,
            )
            spoken_until = group[-1]["end"]

    def _likely(self, samples: Samples) -> Mapping[str, float]:
        if not self._model.is_multilingual or len(self._languages) == 1:
            return {}
        audio, torch = self._whisper.audio, self._torch
        mel = audio.log_mel_spectrogram(samples, self._model.dims.n_mels, padding=audio.N_SAMPLES)
        sound = mel[:, : min(audio.N_FRAMES, mel.shape[-1] - audio.N_FRAMES)]  # `transcribe` has the same first window
        window = audio.pad_or_trim(sound, audio.N_FRAMES).to(self._model.device)
        features = self._encoded(window.to(torch.float32 if self._model.device.type == "cpu" else torch.float16))

        def detect() -> dict[str, float]:
            dims = self._model.dims  # the package knows an encoded window by these sizes
            self._model.dims = replace(dims, n_audio_ctx=features.shape[-2])
            try:
                likely: dict[str, float] = self._model.detect_language(features)[1]
            finally:
                self._model.dims = dims
            return likely

        return rendezvous.alone(detect)


def _batch_task(package: Any) -> Any:
    """Returns the package's decoding of several encoded windows. Its own fails with several hypotheses per window
    (version 20250625), since it gives them the sound of one, and takes no encoding of less than 30 s."""

    class Task(package.decoding.DecodingTask):  # type: ignore[misc]
        def _get_audio_features(self, mel: Any) -> Any:
            return mel if len(mel) == 1 else mel.repeat_interleave(self.n_group, dim=0)

        def _detect_language(self, features: Any, tokens: Any) -> Any:
            return super()._detect_language(features[:: self.n_group], tokens)

    return Task


def _vocabulary(path: Path) -> int:
    """Returns the number of tokens of a checkpoint's model, without torch; 0 for a damaged file, as the load says."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            if archive.getinfo(name).file_size > _MAX_DESCRIPTION:
                return 0
            with archive.open(name) as description:
                return int(_Description(description).load()["dims"]["n_vocab"])
    except Exception:  # a damaged pickle may raise anything
        return 0


class _Description(pickle._Unpickler):
    """Reads what a checkpoint says of itself, and looks up no class. It is the unpickler in Python; the one in C
    allocates gigabytes for a number in the file, such as a memo's."""

    def find_class(self, module: str, name: str) -> Any:
        return OrderedDict if name == "OrderedDict" else lambda *_: None

    def persistent_load(self, pid: Any) -> None:
        return None


_CONTEXT = 650_000_000  # bytes of a card: CUDA's context and the libraries' workspace, outside torch's own count
_PER_PIECE = 100_000_000  # bytes besides the decoder's: the encoder's activations, and the probabilities of tokens
_HALF = 2  # bytes of a number


def build(torch: Any, package: Any, path: Path, device: str) -> Any:
    """Returns the package's model of the checkpoint at `path`: on a CPU in single precision, on a card in half but for
    its normalisations, as the package computes there.
    Each weight goes from the mapped file to its place. Raises any error of torch."""
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
    `spec`: counts the need of a model, by its file."""

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
    tokens = dims.n_audio_ctx + dims.n_text_ctx // 2  # tokens of the sound, and of the longest text
    return int(2 * _HALF * dims.n_text_layer * beam * dims.n_text_state * tokens) + _PER_PIECE
