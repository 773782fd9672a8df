"""CTranslate2's Whisper, with combined calls for several pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hushd_worker_stt.batching import rendezvous


class TogetherModel:
    """A replacement for the model inside the package's own, with all of its attributes.

    The package encodes a window of 30 s, generates its text, judges it, and goes on, one window and one temperature
    after another. Only the two expensive calls are merged, so the package still decides as before. Between them a
    window is in the machine's memory: copying 4 MB there and back takes negligible time.
    """

    def __init__(self, model: Any, package: Any) -> None:
        self._model = model
        self._storage = package.StorageView
        self._cpu = package.Device.cpu

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def encode(self, features: Any, to_cpu: bool = False) -> Any:
        def together(items: Sequence[Any]) -> list[Any]:
            if len(items) == 1:
                return [self._model.encode(items[0], to_cpu=to_cpu)]
            return self._apart(self._model.encode(self._joined(items), to_cpu=True))

        return rendezvous.call(("encode", tuple(features.shape)), features, together)

    def generate(self, features: Any, prompts: Sequence[Sequence[int]], **options: Any) -> Any:
        def together(items: Sequence[tuple[Any, Sequence[int]]]) -> list[Any]:
            windows, beginnings = [window for window, _ in items], [beginning for _, beginning in items]
            joined = windows[0] if len(items) == 1 else self._joined(windows)
            return [[result] for result in self._model.generate(joined, beginnings, **options)]

        # CTranslate2 needs prefixes of the same length in a batch.
        key = ("generate", len(prompts[0]), repr(sorted(options.items())))
        return rendezvous.call(key, (features, prompts[0]), together)

    def _joined(self, items: Sequence[Any]) -> Any:
        import numpy as np

        return self._storage.from_array(np.concatenate([self._array(item) for item in items]))

    def _apart(self, batch: Any) -> list[Any]:
        import numpy as np

        array = self._array(batch)
        return [self._storage.from_array(np.ascontiguousarray(array[n : n + 1])) for n in range(len(array))]

    def _array(self, storage: Any) -> Any:
        import numpy as np

        return np.asarray(storage if storage.device == "cpu" else storage.to_device(self._cpu))
