"""Three real people, and the networks that tell their voices apart."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hushd_worker_stt.diarization.models import DiarizationModels
from hushd_worker_stt.worker import SpeechToText
from support import moonshine_once
from support.conversations import Conversation, Utterance, moonshine_people, spliced


@pytest.fixture(scope="session")
def models(worker: SpeechToText) -> DiarizationModels:
    """The real models, loaded once, which are asked the same once in a run: the worker's own."""
    models = moonshine_once.voices(Path(os.environ[moonshine_once.FOLDER]))()
    worker._hearing._diarization = models
    return models


@pytest.fixture(scope="session")
def people(assets: Path) -> dict[str, list[Utterance]]:
    return moonshine_people(assets)


@pytest.fixture(scope="session")
def talk(people: dict[str, list[Utterance]]) -> Conversation:
    """Half a minute of three people, who talk into each other three times."""
    return spliced(people, 3, seed=14, seconds=24)
