"""A model that hushd has brought and that is damaged since: no engine is given it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_models.manifest import File, Manifest, Source
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_worker_tts.engines import kokoro
from hushd_worker_tts.worker import Worker


def test_a_damaged_model_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker says which file is damaged and what gets it again, before the engine has seen it."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HUSHD_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(kokoro, "engine_installed", lambda spec: True)
    monkeypatch.setattr(kokoro.Kokoro, "load", lambda self, report: pytest.fail("the engine was given it"))
    folder = tmp_path / "models" / "kokoro"
    folder.mkdir(parents=True)
    (folder / "kokoro-v1.0.onnx").write_bytes(b"half")
    (folder / "voices-v1.0.bin").write_bytes(b"half")
    files = {name: File(4, "0" * 64) for name in ("kokoro-v1.0.onnx", "voices-v1.0.bin")}
    Store(paths.find()).write(Manifest("kokoro", "kokoro-v1.0", "tts", Source("url", "http://x"), files, "."))
    with pytest.raises(
        HushdError, match=r"^The model kokoro/kokoro-v1\.0 is damaged .*`hushd models pull kokoro/"
    ) as e:
        Worker("kokoro", "default").load(print)
    assert e.value.code == "model_missing"
