"""openai-whisper's command lines: each option does what it says there, or `listen` says what it does not do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hushd.verbs.requests import transcribe_params
from hushd_cli.commands.listen.options import parse, transcribe_options
from hushd_protocol.messages import Control, Message, Request, Result
from support.scripted_router import ScriptedRouter

from .test_files import run, segment

Start = Callable[..., ScriptedRouter]


def decoder(**options: Any) -> dict[str, Any]:
    return {"decoder": options}


# As people type them, what is asked of the worker, and what is said to have no effect.
COMMAND_LINES: list[tuple[str, dict[str, Any], str]] = [
    ("audio.flac audio.mp3 audio.wav --model turbo", {}, ""),
    ("japanese.wav --language Japanese --task translate", {"language": "Japanese", "task": "translate"}, ""),
    ("a.wav --fp16 False", {}, "--fp16 has no effect here."),
    ("a.wav --verbose False", {}, "--verbose has no effect here."),
    ("a.wav --model_dir /models", {}, "--model-dir has no effect here."),
    ("a.wav --device cuda --fp16 True", {}, "--device and --fp16 have no effect here."),
    ("a.wav --threads 4", decoder(threads=4), ""),
    ("a.wav --condition_on_previous_text False", decoder(condition_on_previous_text=False), ""),
    ("a.wav --condition_on_previous_text True", decoder(condition_on_previous_text=True), ""),
    (
        "a.wav --carry_initial_prompt True --initial_prompt So.",
        decoder(carry_initial_prompt=True) | {"prompt": "So."},
        "",
    ),
    ("a.wav --best_of 5", decoder(best_of=5), ""),
    ("a.wav --best_of None --beam_size None", decoder(best_of=1) | {"beam_size": 1}, ""),
    ("a.wav --beam_size 5", {"beam_size": 5}, ""),
    ("a.wav --no_speech_threshold 0.6", decoder(no_speech_threshold=0.6), ""),
    ("a.wav --no_speech_threshold None", decoder(no_speech_threshold="off"), ""),
    ("a.wav --logprob_threshold -1.0", decoder(logprob_threshold=-1.0), ""),
    ("a.wav --compression_ratio_threshold 2.4", decoder(compression_ratio_threshold=2.4), ""),
    ("a.wav --temperature 0", decoder(temperature_increment=0.2) | {"temperature": 0.0}, ""),
    (
        "a.wav --temperature 0.5 --temperature_increment_on_fallback None",
        decoder(temperature_increment="off") | {"temperature": 0.5},
        "",
    ),
    ("a.wav --temperature_increment_on_fallback 0.4", decoder(temperature_increment=0.4), ""),
    ("a.wav --patience 1.0 --length_penalty 0.5", decoder(patience=1.0, length_penalty=0.5), ""),
    ("a.wav --suppress_tokens -1", decoder(suppress_tokens=[-1]), ""),
    ("a.wav --suppress_tokens=-1,50", decoder(suppress_tokens=[-1, 50]), ""),
    ("a.wav --clip_timestamps 0,30", {"clips": [0.0, 30.0]}, ""),
    ("a.wav --clip_timestamps 0", {}, ""),
    ("a.wav --word_timestamps True --output_format all", {"word_times": True}, ""),
    (
        "a.wav --word_timestamps True --prepend_punctuations ( --append_punctuations .)",
        {"word_times": True} | decoder(prepend_punctuations="(", append_punctuations=".)"),
        "",
    ),
    (
        "a.wav --word_timestamps True --hallucination_silence_threshold 2",
        {"word_times": True} | decoder(hallucination_silence_threshold=2.0),
        "",
    ),
    (
        "a.wav -f srt --highlight_words True --max_line_width 40 --max_line_count 2",
        {},
        "--highlight-words has no effect here.",
    ),
]


@pytest.mark.parametrize(("line", "params", "note"), COMMAND_LINES, ids=[line for line, _, _ in COMMAND_LINES])
def test_a_command_line_of_whisper(line: str, params: dict[str, Any], note: str) -> None:
    """It is understood, with underscores or dashes, and one sentence names what has no effect."""
    dashed = [word.replace("_", "-") if word.startswith("--") else word for word in line.split()]
    for argv in (line.split(), dashed):
        options = parse("listen", argv)
        assert transcribe_params(transcribe_options(options)) == params
        assert options.note == note
        assert options.device is None
        assert all(name.startswith(("a.", "audio.", "japanese.")) for name in options.files)


MODELS = [
    ("whisper", "turbo", 5000, False),
    ("faster-whisper", "turbo", 1700, False),
    ("faster-whisper", "base", 355, True),
    ("whisper", "base", 806, True),
    ("whisper", "base.en", 806, True),
    ("faster-whisper", "base.en", 355, False),
    ("moonshine", "tiny-en", 300, True),
]


def described() -> dict[str, Any]:
    """`MODELS` as `describe` returns them."""
    engines: dict[str, list[dict[str, Any]]] = {}
    for engine, name, memory, installed in MODELS:
        engines.setdefault(engine, []).append({"name": name, "memory_mb": memory, "installed": installed})
    return {"stt": {"engines": [{"name": name, "models": models} for name, models in engines.items()]}}


def answering(router: ScriptedRouter, route: bytes, message: Message) -> None:
    if isinstance(message, Control):
        router.send(route, Result(id=message.id, data=described()))
    elif isinstance(message, Request):
        router.send(route, segment(message, 0, "Yes."), Result(id=message.id))


@pytest.mark.parametrize(("model", "worker"), [
    ("base", "stt/faster-whisper/base"),  # both engines have it: the one that needs less memory
    ("base.en", "stt/whisper/base.en"),  # only one has it here
    ("BASE", "stt/faster-whisper/base"),
    ("tiny-en", "stt/moonshine/tiny-en"),
    ("whisper/base", "stt/whisper/base"),
    ("tiny-en --engine moonshine --language en", "stt/moonshine/tiny-en"),
])  # fmt: skip
def test_a_bare_model_name(model: str, worker: str, start_router: Start, tmp_path: Any) -> None:
    """`--model base` is the installed engine that has it, or the one of `--engine`."""
    router = start_router(answering)
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    assert run(str(tmp_path / "a.wav"), "--model", *model.split()).returncode == 0
    (request,) = router.of(Request)
    assert request.worker == worker


@pytest.mark.parametrize(("model", "words"), [
    ("turbo", "`hushd models pull faster-whisper/"),  # by either of its names, and its engine too, if that lacks
    ("bas", "No engine has a model 'bas' (did you mean base?): `hushd models list stt` shows them."),
    ("models/turbo.pt", "put models/turbo.pt into its engine's folder, as "),
])  # fmt: skip
def test_a_model_that_is_not_here(model: str, words: str, start_router: Start, tmp_path: Any) -> None:
    """One sentence with what gets it, however many files there are; nothing is asked of a worker."""
    router = start_router(answering)
    for name in "abc":
        (tmp_path / f"{name}.wav").write_bytes(b"RIFF")
    done = run(*(str(tmp_path / f"{name}.wav") for name in "abc"), "--model", model)
    assert done.returncode == 6
    assert words in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert router.of(Request) == []
