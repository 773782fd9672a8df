"""A model of microWakeWord's as hushd runs it, beside its own package."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from hushd_worker_wake.engines import micro

from .wake_words import needs_micro, room

if find_spec("pymicro_wakeword"):
    from hushd_worker_wake.engines.micro_model import MicroModel
    from pymicro_features import MicroFrontend
    from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

pytestmark = needs_micro


@pytest.mark.parametrize("word", ["alexa", "hey_jarvis", "hey_mycroft", "okay_nabu"])
def test_probabilities_are_those_of_the_package(word: str) -> None:
    """Each of them, of silence, speech and the word itself; of which it is sure but of okay nabu, as hibari says it."""
    sound = room(0.5, "please open the window", 0.5, word.replace("_", " "), 1.0)
    description = micro._words()[word].description
    package, model, frontend = MicroWakeWord.from_config(description), MicroModel(description), MicroFrontend()
    ours = []
    for start in range(0, len(sound) - len(sound) % 320, 320):
        if features := frontend.process_samples(sound[start : start + 320]).features:
            ours.append(model.probability(features))
    theirs = [package.process_streaming_prob(each) for each in MicroWakeWordFeatures().process_streaming(sound)]
    assert ours == pytest.approx(theirs, abs=1e-9)
    assert max(ours) > model.cutoff or word == "okay_nabu"


def test_what_is_too_loud_is_the_loudest() -> None:
    """A feature above the model's range counts as its end, and the word is known all the same."""
    description, frontend = micro._words()["alexa"].description, MicroFrontend()
    shouted, clipped = MicroModel(description), MicroModel(description)
    sound = room(0.5, "alexa", 0.5)
    runs = []
    for start in range(0, len(sound) - len(sound) % 320, 320):
        features = [1.15 * each for each in frontend.process_samples(sound[start : start + 320]).features]
        runs.append(
            (shouted.probability(features), clipped.probability([min(each, 26.0) for each in features]), features)
        )
    assert max(max(features, default=0.0) for _, _, features in runs) > 26.1
    assert all(ours == theirs for ours, theirs, _ in runs)
    assert max(probability for probability, _, _ in runs) > shouted.cutoff
