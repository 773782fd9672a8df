"""A model that hushd has brought and that is damaged since: no engine is given it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_models.manifest import File, Manifest, Source
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_worker_stt.engines.whisper import Whisper
from hushd_worker_stt.worker import SpeechToText


def test_a_damaged_model_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker says which file is damaged and what gets it again, before the engine has seen it; one that was put
    there by hand is the engine's to judge."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HUSHD_STATE_DIR", str(tmp_path / "state"))
    loaded: list[str] = []
    monkeypatch.setattr(Whisper, "load", lambda self, model, report: loaded.append(model))
    path = tmp_path / "models" / "whisper" / "base.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    store = Store(paths.find())
    store.write(Manifest("whisper", "base", "stt", Source("url", "http://x"), {"base.pt": File(4, "0" * 64)}, "."))
    for model in ("base", "default"):
        with pytest.raises(
            HushdError, match=r"^The model whisper/base is damaged \(.*base\.pt has the sha256"
        ) as caught:
            SpeechToText("whisper", model).load(print)
        assert caught.value.code == "model_missing"
        assert caught.value.message.endswith(": `hushd models pull whisper/base` gets it again.")
    assert loaded == []
    store.manifest_path("whisper/base").unlink()
    SpeechToText("whisper", "base").load(print)
    assert loaded == ["base"]
