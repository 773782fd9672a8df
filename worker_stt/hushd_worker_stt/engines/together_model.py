"""CTranslate2's model of Whisper, as the package faster-whisper uses it, with calls of several pieces joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hushd_worker import usage

from hushd_worker_stt import rendezvous

from .whisper_window import RestError, Window


class TogetherModel:
    """A replacement for the model inside the package's own, with all of its attributes.

    The package encodes a window of 30 s, generates its text, judges it, and goes on, one window and one temperature
    after another. Only the two expensive calls are merged, and windows kept short, so the package still decides as
    before. Between them a window is in the machine's memory: copying 4 MB there and back takes negligible time.
    """

    def __init__(self, model: Any, package: Any, window: Window) -> None:
        self._model = model
        self._storage = package.StorageView
        self._cpu = package.Device.cpu
        self._window = window

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def encode(self, features: Any, to_cpu: bool = False) -> Any:
        sound = np.array(self._array(features))
        if self._window.is_rest(sound):
            raise RestError
        return self._window.encode(sound, self._encoded)

    def _encoded(self, sound: Any) -> Any:
        def together(items: Sequence[Any]) -> list[Any]:
            if len(items) == 1:
                return [self._model.encode(items[0])]
            array = self._array(self._model.encode(self._joined(items), to_cpu=True))
            return [self._storage.from_array(np.ascontiguousarray(array[n : n + 1])) for n in range(len(array))]

        part = self._storage.from_array(np.ascontiguousarray(sound))
        return rendezvous.call(("encode", tuple(part.shape)), part, together)

    def generate(self, features: Any, prompts: Sequence[Sequence[int]], **options: Any) -> Any:
        def together(items: Sequence[tuple[Any, Sequence[int]]]) -> list[Any]:
            windows, beginnings = [window for window, _ in items], [beginning for _, beginning in items]
            joined = windows[0] if len(items) == 1 else self._joined(windows)
            return [[result] for result in self._generated(joined, beginnings, options)]

        self._window.check_sampled(bool(options.get("sampling_temperature")))
        features = self._window.encoding
        # CTranslate2 needs prefixes of the same length in a batch.
        key = ("generate", tuple(features.shape), len(prompts[0]), repr(sorted(options.items())))
        return rendezvous.call(key, (features, prompts[0]), together)

    def _generated(self, windows: Any, beginnings: Sequence[Sequence[int]], options: dict[str, Any]) -> Any:
        """Returns the likeliest text of each window. Where memory is scarce those by chance are made one after another,
        in twice the time: five at once take 180 MB for copies of what the decoder reads of a whole window."""
        count = options.get("num_hypotheses", 1)
        if count == 1 or self._model.device != "cpu" or not usage.scarce():
            return self._model.generate(windows, beginnings, **options)
        options |= {"num_hypotheses": 1}
        texts = [self._model.generate(windows, beginnings, **options) for _ in range(count)]
        return [max(samples, key=lambda result: result.scores[0]) for samples in zip(*texts, strict=True)]

    def _joined(self, items: Sequence[Any]) -> Any:
        return self._storage.from_array(np.concatenate([self._array(item) for item in items]))

    def _array(self, storage: Any) -> Any:
        return np.asarray(storage if storage.device == "cpu" else storage.to_device(self._cpu))
