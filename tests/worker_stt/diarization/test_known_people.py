"""People who are known by their voices: names where it is sure, in recordings with the real models, and no guesses."""

from __future__ import annotations

import numpy as np
import pytest
from hushd_schema.results import is_voiceprint
from hushd_worker_stt.diarization.diarize import Diarizer
from hushd_worker_stt.diarization.models import DiarizationModels
from hushd_worker_stt.diarization.turns import KnownPeople, Voice, voiceprint
from hushd_worker_stt.engine import RATE
from support.conversations import Conversation, Utterance
from support.stt_jobs import Ask, chunked, s16le

pytestmark = pytest.mark.timeout(1200)


def towards(*numbers: float) -> np.ndarray:
    """The unit vector of these numbers."""
    vector = np.array(numbers, np.float32)
    return vector / np.linalg.norm(vector)


ANNA, BERT = towards(1, 0, 0), towards(0, 1, 0)


@pytest.mark.parametrize(("embedding", "seconds", "name"), [
    (ANNA, 5.0, "Anna"),
    (towards(1, 0, 1.9), 5.0, "Anna"),  # 0.466
    (towards(1, 0, 1.9), 1.0, ""),  # so little speech needs 0.5
    (towards(1, 0, 2.1), 5.0, ""),  # 0.43
    (towards(0, 0, 1), 5.0, ""),
    (-ANNA, 5.0, ""),
    (ANNA, 0.5, ""),
    (towards(1, 0.95, 0), 5.0, ""),  # as near to Bert
    (towards(1, 0.8, 0), 5.0, "Anna"),
    (np.full(3, np.nan, np.float32), 5.0, ""),
])  # fmt: skip
def test_a_name_is_sure_or_none(embedding: np.ndarray, seconds: float, name: str) -> None:
    """A voice has a name where it is near enough for its length, and to nobody else nearly as much."""
    people = KnownPeople({"Anna": voiceprint(ANNA), "Bert": voiceprint(BERT)})
    assert people.name(Voice(embedding, seconds)) == name


def test_a_voiceprint_that_is_none() -> None:
    """One without a direction, or with numbers that are none, resembles nobody; the others do."""
    people = KnownPeople(
        {
            "Zero": voiceprint(np.zeros(3, np.float32)),
            "Nan": voiceprint(np.full(3, np.nan, np.float32)),
            "Anna": voiceprint(ANNA),
        }
    )
    assert people.name(Voice(ANNA, 5.0)) == "Anna"
    assert KnownPeople({}).name(Voice(ANNA, 5.0)) == ""


@pytest.fixture(scope="module")
def voiceprints(models: DiarizationModels, people: dict[str, list[Utterance]]) -> dict[str, str]:
    """Those of each person, of the first half of what they say, or 6 s."""
    prints = {}
    for name, said in people.items():
        diarizer = Diarizer(models)
        diarizer.feed(np.concatenate([each.samples for each in said[: max(1, len(said) // 2)]])[: 6 * RATE])
        voices = [turn.voice for turn in diarizer.turns(1)]
        assert voices[0]
        prints[name] = voiceprint(voices[0].embedding)
    return prints


def test_names_in_a_conversation(ask: Ask, talk: Conversation, voiceprints: dict[str, str]) -> None:
    """People who are known have their names in the text of a conversation; another keeps a number, which nobody else
    has."""
    everybody = {spoken.who for spoken in talk.spoken}
    stranger = sorted(everybody)[0]
    known = {name: text for name, text in voiceprints.items() if name != stranger}
    asked = ask(
        chunked(s16le(talk.samples), 60_000),
        {"format": "s16le", "diarize": True, "language": "en", "people": known, "voiceprints": True},
    )
    names = {segment["speaker"] for segment in asked.segments}
    assert len(names) == len(everybody)
    assert names > everybody - {stranger}
    assert all(name.startswith("SPEAKER_") for name in names - everybody)
    assert asked.result["speakers"] == len(everybody)
    assert {voice["speaker"] for voice in asked.result["voices"]} == names
    assert all(is_voiceprint(voice["voiceprint"]) and voice["seconds"] > 1 for voice in asked.result["voices"])
