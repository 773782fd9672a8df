"""The sentences by which people agree to be recognised by voice, and the check of a recording for them. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from hushd_protocol.errors import HushdError

# The share of a sentence's words that may be missing, added or different, since engines mishear some.
_MAX_WRONG = 0.25


class Consent(NamedTuple):
    """The sentences of one language.

    Attributes:
        known: agrees that the voice is learnt, to recognise the speaker.
        imitated: agrees that the voice may be imitated.
        needed: the words of each sentence that must be recognised exactly.
        denials: words whose presence may mean disagreement.
    """

    known: str
    imitated: str
    needed: tuple[frozenset[str], frozenset[str]]
    denials: frozenset[str]


def _consent(known: str, imitated: str, needed: tuple[str, str], denials: str) -> Consent:
    first, second = (frozenset(words.split()) for words in needed)
    return Consent(known, imitated, (first, second), frozenset(denials.split()))


SENTENCES = {
    "en": _consent(
        "I agree that this computer learns my voice, so that it can tell when I am speaking.",
        "I also agree that this computer may imitate my voice.",
        ("agree voice", "agree imitate voice"),
        "not no never t dont wont cannot cant disagree refuse without nobody",  # t is of don't
    ),
    "de": _consent(
        "Ich bin damit einverstanden, dass dieser Computer meine Stimme lernt, damit er erkennt, wann ich spreche.",
        "Ich bin auch damit einverstanden, dass dieser Computer meine Stimme nachahmt.",
        ("einverstanden stimme", "einverstanden stimme nachahmt"),
        "nicht nein nie niemals kein keine keinen keinesfalls weder ohne ungern",
    ),
    "es": _consent(
        "Estoy de acuerdo en que este ordenador aprenda mi voz, para que sepa cuándo estoy hablando.",
        "También estoy de acuerdo en que este ordenador imite mi voz.",
        ("acuerdo voz", "acuerdo imite voz"),
        "no nunca jamás tampoco ni sin desacuerdo",
    ),
    "fr": _consent(
        "J'accepte que cet ordinateur apprenne ma voix, afin qu'il sache quand je parle.",
        "J'accepte aussi que cet ordinateur imite ma voix.",
        ("accepte voix", "accepte imite voix"),
        "ne pas non jamais refuse sans aucun ni n",
    ),
    "pt": _consent(
        "Eu concordo que este computador aprenda a minha voz, para saber quando estou falando.",
        "Também concordo que este computador imite a minha voz.",
        ("concordo voz", "concordo imite voz"),
        "não nunca jamais nem sem discordo",
    ),
}


def sentences(language: str, *, imitation: bool) -> list[str]:
    """Returns the sentences that the person must say.

    Raises:
        HushdError: `bad_request` for a language without a sentence.
    """
    consent = _of(language)
    return [consent.known, consent.imitated] if imitation else [consent.known]


def check(language: str, text: str, *, imitation: bool) -> None:
    """Checks that the recognised `text` has the sentences.

    Raises:
        HushdError: `bad_request`, with the sentence that is missing or denied.
    """
    consent = _of(language)
    words = _words(text)
    for sentence, needed in zip(sentences(language, imitation=imitation), consent.needed, strict=False):
        if not (needed <= set(words) and _errors(_words(sentence), words) <= _MAX_WRONG * len(_words(sentence))):
            raise HushdError(
                "bad_request",
                f"The consent was not recognised: hushd expected “{sentence}” and understood “{text}”.",
            )
    if denials := consent.denials.intersection(words):
        raise HushdError("bad_request", f"The recording may not agree, since it contains “{min(denials)}”: “{text}”.")


def _of(language: str) -> Consent:
    code = language.lower().partition("-")[0]
    if code not in SENTENCES:
        raise HushdError(
            "bad_request", f"There is no sentence of consent in {language!r}: choose one of {', '.join(SENTENCES)}."
        )
    return SENTENCES[code]


def _words(text: str) -> list[str]:
    text = unicodedata.normalize("NFC", text).lower()
    return "".join(letter if letter.isalnum() else " " for letter in text).split()


def _errors(sentence: Sequence[str], words: Sequence[str]) -> int:
    """Returns the smallest number of missing, added or different words between `sentence` and any part of `words`."""
    row = [0] * (len(words) + 1)  # the part may begin anywhere
    for number, word in enumerate(sentence, 1):
        before, row = row, [number]
        for place, other in enumerate(words, 1):
            row.append(min(before[place - 1] + (word != other), before[place] + 1, row[-1] + 1))
    return min(row)
