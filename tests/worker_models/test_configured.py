"""A model of the user's configuration that is not here yet: whoever asks for it is told what gets it."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_worker_stt.worker import SpeechToText
from hushd_worker_tts.worker import Worker as Voice
from support.hub_server import HubServer


def configure(model: str) -> None:
    """Adds `model` of the hub, of 9 MB."""
    table = f'[models."{model}"]\nrepository = "me/mine"\nfiles = ["*"]\nsize_mb = 9\n'
    Path(os.environ["HUSHD_CONFIG"]).write_text(table)


def test_one_that_hears(hub: HubServer) -> None:
    """It is missing, not unknown; a model that nobody has configured stays unknown."""
    configure("faster-whisper/mine")
    with pytest.raises(HushdError, match=r"`hushd models pull faster-whisper/mine` gets it \(about 9 MB\)") as caught:
        SpeechToText("faster-whisper", "mine").load(print)
    assert caught.value.code == "model_missing"
    with pytest.raises(HushdError, match="faster-whisper has no model 'mino'"):
        SpeechToText("faster-whisper", "mino").load(print)


@pytest.mark.plugin("engines-piper")
@pytest.mark.skipif(find_spec("piper") is None, reason="piper is not installed")
def test_one_that_speaks(hub: HubServer) -> None:
    """The same."""
    configure("piper/mine")
    with pytest.raises(HushdError, match=r"`hushd models pull piper/mine` gets it \(about 9 MB\)"):
        Voice("piper", "mine").load(print)
    with pytest.raises(HushdError, match="piper has no model 'mino'"):
        Voice("piper", "mino").load(print)
