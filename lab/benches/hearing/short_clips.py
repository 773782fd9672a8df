"""Short speech in five languages: recordings of people cut at their pauses, and sentences by synthetic voices.

Clips come in two halves, which share no recording and no sentence: what is chosen on the one is counted on the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from hushd import Client, HushdError
from hushd_worker_stt.segmentation.pieces import quietest
from hushd_worker_stt.segmentation.vad import FRAME, Detector

from ..stage import Samples, recording

RATE = 16_000
_PAUSE = 3  # frames without speech, 0.1 s, at which a recording is cut
_SHORT = 16, 94  # frames of speech in a clip, 0.5 to 3 s
_QUIET_AFTER = 38  # frames, 1.2 s, from which on longer speech is cut at its quietest place
# The recordings of the first half; those of the other are not named.
_FIRST = ("000", "004", "jfk", "two_cities")
SENTENCES = {
    "en": (
        "Open the door.", "What time is it?", "Thank you very much.", "Turn off the lights.", "Good morning.",
        "I don't know.", "Call my brother.", "Play some music.", "See you later.", "Is it raining?",
        "Stop.", "Set a timer.", "Where are you?", "That's fine.", "Next page, please.", "Never mind.",
    ),
    "fr": (
        "Ouvre la porte.", "Quelle heure est-il ?", "Merci beaucoup.", "Éteins la lumière.", "Bonjour à tous.",
        "Je ne sais pas.", "Appelle mon frère.", "Mets de la musique.", "À plus tard.", "Il pleut ?",
        "Arrête.", "Bonne nuit.", "Où es-tu ?", "C'est très bien.", "Page suivante.", "Tant pis.",
    ),
    "pt": (
        "Abre a porta.", "Que horas são?", "Muito obrigado.", "Apaga a luz.", "Bom dia a todos.",
        "Não sei.", "Liga ao meu irmão.", "Põe música.", "Até logo.", "Está a chover?",
        "Pára.", "Boa noite.", "Onde estás?", "Está tudo bem.", "Página seguinte.", "Deixa estar.",
    ),
    "es": (
        "Abre la puerta.", "¿Qué hora es?", "Muchas gracias.", "Apaga la luz.", "Buenos días a todos.",
        "No lo sé.", "Llama a mi hermano.", "Pon música.", "Hasta luego.", "¿Está lloviendo?",
        "Para.", "Buenas noches.", "¿Dónde estás?", "Está muy bien.", "Página siguiente.", "Da igual.",
    ),
    "de": (
        "Mach die Tür auf.", "Wie spät ist es?", "Vielen Dank.", "Licht aus.", "Guten Morgen zusammen.",
        "Ich weiß es nicht.", "Ruf meinen Bruder an.", "Spiel Musik.", "Bis später.", "Regnet es?",
        "Halt.", "Gute Nacht.", "Wo bist du?", "Das ist gut so.", "Nächste Seite.", "Macht nichts.",
    ),
}  # fmt: skip
VOICES = {
    "en": ("hibari", "espeak-ng/espeak-en-us", "piper/en_US-joe-medium"),
    "fr": ("espeak-ng/espeak-fr", "kokoro/ff_siwis"),
    "pt": ("espeak-ng/espeak-pt", "kokoro/pf_dora"),
    "es": ("espeak-ng/espeak-es",),
    "de": ("espeak-ng/espeak-de",),
}


class Clip(NamedTuple):
    """A second or two of speech.

    Attributes:
        person: whether a person speaks.
        half: 0 or 1.
    """

    name: str
    language: str
    person: bool
    half: int
    samples: Samples


def recorded(folder: Path | None) -> Iterator[Clip]:
    """Yields the clips of people: of moonshine's package, and of `folder`, where it is given."""
    for name, language, sound in _recordings(folder):
        half = 0 if any(part in name for part in _FIRST) else 1
        for start, end in cuts(sound):
            yield Clip(f"{name} {start / RATE:.1f} s", language, True, half, sound[start:end])


def passages(folder: Path | None) -> Iterator[tuple[str, Samples]]:
    """Yields English passages of people of up to 5, 8 and 11 s, from each place where a clip begins to where another
    ends."""
    for name, language, sound in _recordings(folder):
        places = list(cuts(sound)) if language == "en" else []
        for start in sorted({start for start, _ in places}):
            ends = {max(end for _, end in places if start < end <= start + most * RATE) for most in (5, 8, 11)}
            yield from ((f"{name} {start / RATE:.1f} to {end / RATE:.1f} s", sound[start:end]) for end in sorted(ends))


def _recordings(folder: Path | None) -> Iterator[tuple[str, str, Samples]]:
    files = [recording(f"{name}.wav") for name in ("beckett", "clone-test", "endgame_nagg_nell", "two_cities")]
    for file in files + (sorted([*folder.glob("*-*-*.ogg"), *folder.glob("*.flac")]) if folder else []):
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        language = file.stem.split("-")[1] if file.suffix == ".ogg" else "en"
        yield file.stem, language, soxr.resample(samples.mean(axis=1), rate, RATE)


def spoken(client: Client) -> Iterator[Clip]:
    """Yields the sentences, by each voice that is installed."""
    for language, voices in VOICES.items():
        for voice in voices:
            for number, sentence in enumerate(SENTENCES[language]):
                engine, _, name = voice.partition("/")
                try:
                    speech = client.synthesize(sentence, engine=engine, voice=name or None)
                    sound = soxr.resample(speech.array(), speech.rate, RATE)
                except HushdError:  # it is not installed
                    break
                yield Clip(f"{sentence} ({voice})", language, False, number % 2, sound)


def cuts(sound: Samples) -> Iterator[tuple[int, int]]:
    """Yields the start and end, in samples, of short stretches of speech, from one pause to the next, or to the
    quietest place of the next second or two."""
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    with Detector() as detector:
        speaks = [detector(frame) > 0 for frame in frames]
    loudness = np.square(frames).sum(axis=1)
    begin, number = 0, 0
    while number < len(frames):
        if not any(speaks[number : number + _PAUSE]):
            number += 1
            continue
        begin = number
        end = next((n for n in range(begin, len(frames)) if not any(speaks[n : n + _PAUSE])), len(frames))
        if end - begin > _SHORT[1]:
            end = begin + _QUIET_AFTER + quietest(loudness[begin + _QUIET_AFTER : begin + _SHORT[1]], 3)
        if end - begin >= _SHORT[0]:
            yield begin * FRAME, end * FRAME
        number = end
