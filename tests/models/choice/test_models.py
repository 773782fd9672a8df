"""`auto`: never a model that does not hear the language or does not fit, never a worse one than need be."""

from __future__ import annotations

import itertools
import random

import pytest
from hushd_models import languages
from hushd_models.catalogue import Known
from hushd_models.choice.models import Capacity, ModelChoice, best, candidates, capacity, choose, ranked
from hushd_protocol.errors import HushdError
from hushd_protocol.names import SPEEDS
from hushd_schema.description import HearingDescription
from hushd_schema.status import Status
from support.refusals import hushd_error


def candidate(
    engine: str, name: str, languages: tuple[str, ...], memory_mb: int, speed: str, word_errors: str = ""
) -> Known:
    return Known(engine, name, "stt", languages, memory_mb=memory_mb, speed=speed, word_errors=word_errors)


TINY = candidate("moonshine", "tiny-en", ("en",), 300, "fast", "en 4.5")
BASE = candidate("faster-whisper", "base", ("en", "de", "fr"), 355, "medium", "en 5.0 de 20 fr 25")
BASE_TORCH = candidate("whisper", "base", ("en", "de", "fr"), 806, "medium", "en 5.0 de 20 fr 25")
BASE_EN = candidate("faster-whisper", "base.en", ("en",), 355, "medium", "en 4.2")
SMALL = candidate("faster-whisper", "small", ("en", "de", "fr"), 620, "slow", "en 3.4 de 10 fr 15")
LARGE = candidate("faster-whisper", "large-v3", ("en", "de", "fr", "yue"), 2600, "slow", "en 1.8 de 5")
ALL = [TINY, BASE, BASE_TORCH, BASE_EN, SMALL, LARGE]
PLENTY = Capacity(100_000)


@pytest.mark.parametrize(("language", "speed", "wanted"), [
    ("en", "fast", TINY),
    ("en", "medium", BASE_EN),
    ("en-GB", "medium", BASE_EN),
    ("EN", "slow", LARGE),
    ("de", "fast", BASE),  # none is fast: the least slow
    ("de_AT", "medium", BASE),
    ("German", "medium", BASE),
    ("de", "slow", LARGE),
    ("yue", "fast", LARGE),
    (None, "medium", BASE),  # it tells languages apart
    (None, "fast", TINY),
])  # fmt: skip
def test_the_best_where_there_is_room(language: str | None, speed: str, wanted: Known) -> None:
    """The one with the fewest wrong words that is no slower than asked; of equals that which takes less memory."""
    for order in (ALL, ALL[::-1]):
        choice = choose(order, PLENTY, language, speed)
        assert f"{choice.engine}/{choice.model}" == wanted.model
        assert choice.why.startswith(f"{wanted.model}: ")


def test_wrong_words_decide_and_never_the_size() -> None:
    """Two precisions of one model, and a small model and a large one, are compared: the most accurate that fits is
    taken; a model without a figure comes last, however large; without one for the language the English figures decide.
    Of two that hear alike the smaller is taken, as one in int8 before one in full."""
    q8 = candidate("ggml", "v3-q8", ("en", "de"), 1235, "fast", "en 1.94 de 5.2")
    q4 = candidate("ggml", "v3-q4", ("en", "de"), 922, "fast", "en 1.98 de 5.2")
    redux = candidate("voxrt", "redux", ("en", "de", "mt"), 300, "fast", "en 1.95")
    small = candidate("whisper", "small", ("en", "de", "mt"), 700, "fast", "en 3.3 de 9")
    mine = candidate("whisper", "mine", ("en", "de", "mt"), 5000, "fast")

    def order(language: str | None, *there: Known) -> list[str]:
        return [one.name for one in ranked(there, language, "fast")]

    assert order("en", q4, q8, mine, small, redux) == ["v3-q8", "redux", "v3-q4", "small", "mine"]
    assert order("de", mine, redux, small, q8, q4) == ["v3-q8", "v3-q4", "small", "redux", "mine"]
    assert order("mt", mine, small, redux) == ["redux", "small", "mine"]
    assert choose([q4, q8], Capacity(1000), "en", "fast").model == "v3-q4"
    assert choose([LARGE, redux], PLENTY, "en", "fast").model == "redux"
    assert choose([LARGE, redux], PLENTY, "en", "slow").model == "large-v3"
    assert choose([LARGE, redux], Capacity(2000), "en", "slow").model == "redux"
    whole = candidate("onnx-asr", "canary", ("en", "de"), 400, "fast", "en 1.9")
    int8 = candidate("onnx-asr", "canary-int8", ("en", "de"), 354, "fast", "en 1.9")
    assert choose([whole, int8], Capacity(1000), "en", "fast").model == "canary-int8"


@pytest.mark.parametrize(("room", "running", "wanted"), [
    (3000, (), LARGE),
    (2599, (), SMALL),
    (500, (), BASE),
    (100, (), BASE),  # nothing fits: the smallest; the supervisor has the last word
    (100, (LARGE,), LARGE),  # it runs, and costs nothing more
])  # fmt: skip
def test_memory_goes_down_the_list(room: float, running: tuple[Known, ...], wanted: Known) -> None:
    """Less memory means the next that fits."""
    there = Capacity(room, frozenset(one.model for one in running))
    choice = choose(ALL, there, "de", "slow")
    assert f"{choice.engine}/{choice.model}" == wanted.model


@pytest.mark.parametrize(("there", "room", "language", "speed", "why"), [
    ([BASE], 500, None, "medium", "the only installed model, 5.0 % of words wrong in LibriSpeech test-clean."),
    ([TINY, BASE], 9000, "de", "fast", "the only installed model that hears de"),
    ([TINY, BASE_EN], 9000, "en", "medium", "of 2 installed models that hear en, the best"),
    ([TINY, BASE_EN], 9000, "en", "medium", ", no slower than medium."),
    ([SMALL, LARGE], 9000, "de", "fast", ", none is fast."),
    ([SMALL, LARGE], 700, "de", "slow", ", there is no memory for faster-whisper/large-v3 (2600 MB)."),
])  # fmt: skip
def test_a_choice_says_why(there: list[Known], room: float, language: str | None, speed: str, why: str) -> None:
    """The sentence counts the models that could be taken, and names errors, speed and those that had no room."""
    assert why in choose(there, Capacity(room), language, speed).why


def test_nobody_hears_it() -> None:
    """`model_missing`, with the command that shows what there is; no speed of that name: `bad_request`."""
    with hushd_error("model_missing", "`hushd models list stt ja`"):
        choose(ALL, PLENTY, "ja", "slow")
    with pytest.raises(HushdError, match="that hears 'tlh' is installed: `hushd models list stt`"):
        choose(ALL, PLENTY, "tlh", "slow")  # no model that hushd knows of hears it: a list of those would be an error
    with pytest.raises(HushdError, match=r"No model of onnx-asr that hears 'ru' .*`hushd models list onnx-asr ru`"):
        choose([], PLENTY, "ru", "slow", "onnx-asr")
    with pytest.raises(HushdError, match="No model is installed"):
        choose([], PLENTY, None, "slow")
    with pytest.raises(HushdError, match="fast, medium, slow"):
        choose(ALL, PLENTY, "en", "quick")


def test_every_situation() -> None:
    """All languages and speeds, and thousands of machines and sets of models: the choice hears the language;
    fits unless nothing does; and no better one that fits was passed over. Whatever the order, it is the same."""
    rng = random.Random(6)
    for language, speed in itertools.product((None, "en", "de", "yue"), SPEEDS):
        for _ in range(60):
            there = [one for one in ALL if rng.random() < 0.6]
            running = frozenset(one.model for one in there if rng.random() < 0.2)
            room = Capacity(rng.choice([0, 310, 400, 700, 900, 3000]), running)
            able = [one for one in there if language is None or languages.is_among(language, one.languages)]
            if not able:
                with pytest.raises(HushdError):
                    choose(there, room, language, speed)
                continue
            choice = choose(there, room, language, speed)
            assert choice == choose(rng.sample(there, len(there)), room, language, speed)
            (taken,) = [one for one in able if (one.engine, one.name) == choice[:2]]
            fitting = [one for one in ranked(there, language, speed) if room.fits(one)]
            if fitting:
                assert taken is fitting[0]


def test_what_describe_and_status_say() -> None:
    """Installed models only, with what the catalogue knows, or the configuration says; room is the memory left, but for
    what is for others, and what idle workers would leave."""
    catalogue = HearingDescription.from_data(
        {
            "engines": [
                {
                    "name": "faster-whisper",
                    "translation": True,
                    "models": [
                        {"name": "base", "languages": ["en", "de"], "memory_mb": 355, "installed": True},
                        {"name": "small", "languages": ["en", "de"], "memory_mb": 620, "installed": False},
                        {
                            "name": "mine",
                            "languages": ["en"],
                            "memory_mb": 300,
                            "translation": False,
                            "installed": True,
                        },
                    ],
                },
                {
                    "name": "moonshine",
                    "models": [{"name": "tiny-en", "languages": ["en"], "memory_mb": 300, "installed": True}],
                },
            ]
        }
    )
    found = candidates(catalogue)
    assert [one.model for one in found] == ["faster-whisper/base", "faster-whisper/mine", "moonshine/tiny-en"]
    assert found[0].word_errors.startswith("en ")
    assert found[1].word_errors == ""
    assert [one.model for one in candidates(catalogue, engine="moonshine")] == ["moonshine/tiny-en"]
    assert [one.model for one in candidates(catalogue, translates=True)] == ["faster-whisper/base"]
    with pytest.raises(HushdError, match=r"No installed model of moonshine translates .* does once you have run"):
        best(catalogue, Status.from_data({}), None, engine="moonshine", translates=True)
    with hushd_error("engine_missing", "did you mean 'moonshine'"):
        candidates(catalogue, engine="monshine")
    row = {"role": "stt", "engine": "moonshine", "model": "tiny-en", "state": "ready", "pid": 5, "pss_mb": 280.0}
    status = {
        "workers": [row | {"need_mb": 290.0}, row | {"role": "tts", "state": "busy", "need_mb": 1.0}],
        "memory": {
            "budget_mb": 2000.0, "used_mb": 560.0, "available_mb": 1000.0, "reserve_mb": 60.0, "pressure": "normal",
        },
    }  # fmt: skip
    there = capacity(Status.from_data(status))
    assert there.room_mb == pytest.approx(1000 - 60 + 280)
    assert there.running == {"moonshine/tiny-en"}
    assert there.need(TINY) == 290.0
    assert isinstance(choose(found, there, "en", "fast"), ModelChoice)
