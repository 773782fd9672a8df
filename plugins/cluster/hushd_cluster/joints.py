"""The long recordings of a run that are under way in stretches. Pure."""

from __future__ import annotations

from dataclasses import replace

from .recording import Recording
from .stretches import Stretch, cut


class Joints:
    """Long recordings, each until its stretches are joined.

    Args:
        stretch_s: seconds of a stretch; 0: no recording is cut.

    Attributes:
        has_cut: whether any recording was cut so far.
    """

    def __init__(self, stretch_s: float) -> None:
        self.stretch_s = stretch_s
        self._stretches: dict[str, tuple[Stretch, ...]] = {}
        self._left: dict[str, set[int]] = {}
        self.has_cut = False

    def begin(self, recording: Recording, total_s: float, language: str) -> list[Recording]:
        """Returns the stretches of a long recording, each as a recording with the language of its begin."""
        self.has_cut = True
        stretches = self._stretches[recording.name] = cut(total_s, self.stretch_s)
        self._left[recording.name] = set(range(len(stretches)))
        options = {**recording.options, **({"language": language} if language else {})}
        return [replace(recording, stretch=stretch, options=options) for stretch in stretches]

    def is_live(self, recording: Recording) -> bool:
        """Returns whether a recording is to be handed out: a stretch is not, once its recording is given up."""
        return recording.stretch is None or recording.name in self._left

    def ended(self, recording: Recording) -> Recording | None:
        """Notes that a stretch was transcribed; returns the recording to be joined, after the last one."""
        left = self._left.get(recording.name)
        if left is None or recording.stretch is None:
            return None
        left.discard(recording.stretch.number)
        if left:
            return None
        return replace(recording, stretch=None, joint=self._stretches[recording.name])

    def end(self, recording: Recording) -> None:
        """Forgets a recording, which is transcribed or given up."""
        self._left.pop(recording.name, None)
        self._stretches.pop(recording.name, None)
