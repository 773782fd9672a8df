"""Consent: what counts as the sentence having been said, and what does not."""

from __future__ import annotations

import pytest
from hushd_models import consent
from hushd_protocol.errors import HushdError

KNOWN, IMITATED = consent.sentences("en", imitation=True)


@pytest.mark.parametrize("language", list(consent.SENTENCES))
def test_the_sentences_themselves(language: str) -> None:
    """Each language's sentences count, with imitation and without; the first does not agree to the second."""
    both = " ".join(consent.sentences(language, imitation=True))
    consent.check(language, both, imitation=True)
    consent.check(language, both.upper(), imitation=False)
    (first,) = consent.sentences(language, imitation=False)
    with pytest.raises(HushdError, match="was not recognised"):
        consent.check(language, first, imitation=True)


@pytest.mark.parametrize(
    "text",
    [
        KNOWN,
        f"Okay. {KNOWN} Thank you.",
        "i agree that this computer learns my voice so that it can tell when i'm speaking",
        "Agree that this computer lens my voice, so that it can tell when I am speaking",
    ],
)
def test_small_errors_are_an_engines(text: str) -> None:
    """A few words that were misheard, and others before and after, change nothing."""
    consent.check("en", text, imitation=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "And so my fellow Americans ask what your country can do for you.",
        "I agree. My voice.",
        "I do not agree that this computer learns my voice, so that it can tell when I am speaking.",
        "I don't agree that this computer learns my voice, so that it can tell when I am speaking.",
        "I don’t agree that this computer learns my voice, so that it can tell when I am speaking.",
        "I dont agree that this computer learns my voice, so that it can tell when I am speaking.",
        "I never agree that this computer learns my voice so that it can tell when I am speaking.",
        "I disagree that this computer learns my voice, so that it can tell when I am speaking.",
        "Nobody agree that this computer learns my voice, so that it can tell when I am speaking.",
        "I see that this computer learns my voice, so that it can tell when I am speaking.",
    ],
)
def test_what_is_no_consent(text: str) -> None:
    """Another text, half of it, or one with a denial near it is refused, in a sentence with the words understood."""
    with pytest.raises(HushdError) as caught:
        consent.check("en", text, imitation=False)
    assert caught.value.code == "bad_request"
    assert f"“{text}”" in caught.value.message


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", consent.SENTENCES["de"].known.replace("damit", "nicht damit", 1)),
        ("es", "No estoy de acuerdo en que este ordenador aprenda mi voz, para que sepa cuándo estoy hablando."),
        ("fr", "Je n'accepte pas que cet ordinateur apprenne ma voix, afin qu'il sache quand je parle."),
        ("pt", "Eu não concordo que este computador aprenda a minha voz, para saber quando estou falando."),
    ],
)  # fmt: skip
def test_denials_in_other_languages(language: str, text: str) -> None:
    """A denial is one in every language that has a sentence."""
    with pytest.raises(HushdError, match="may not agree"):
        consent.check(language, text, imitation=False)


def test_a_language_without_a_sentence() -> None:
    """The error lists those that have one."""
    with pytest.raises(HushdError, match="en, de, es, fr, pt"):
        consent.sentences("tlh", imitation=False)
