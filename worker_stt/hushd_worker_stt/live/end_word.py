"""The word that ends an utterance, such as "over", where silence does not: in noise, or for long thoughts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hushd_worker_stt.engine import Segment
from hushd_worker_stt.partials import Event, Unstable
from hushd_worker_stt.wording import keys, split

END_WORD_S = 0.8  # seconds for which a text ends with the word, without another one behind it: "come over here" goes on


class EndWord:
    """Follows the text of utterances for the `words` that end one; without words it does nothing."""

    def __init__(self, words: str) -> None:
        self._keys = [key for key in keys(split(words)) if key]
        self._since: float | None = None

    def hear(self, event: Event, seconds: float) -> Event | None:
        """Takes an event after so many seconds of an utterance, as far as a model has heard it; returns it, a segment
        without the word, None if nothing is left."""
        if not self._keys or not isinstance(event, Segment | Unstable):
            return event
        text = event.text if isinstance(event, Segment) else event.stable + event.text
        if not self._ends(text):
            self._since = None
        elif self._since is None:
            self._since = seconds
        return next(iter(self._cut([event])), None) if isinstance(event, Segment) else event

    def is_over(self, seconds: float) -> bool:
        """Returns whether the utterance is over after so many seconds."""
        return self._since is not None and seconds - self._since >= END_WORD_S

    def finish(self, segments: Sequence[Segment]) -> list[Segment]:
        """Returns an utterance's last segments without the word, and is ready for the next utterance."""
        self._since = None
        return self._cut(segments)

    def _cut(self, segments: Sequence[Segment]) -> list[Segment]:
        if not segments or not self._ends(segments[-1].text):
            return [*segments]
        *others, last = segments
        count = len(self._keys)
        text = "".join(split(last.text)[:-count]).strip().rstrip(",;:-–— ")
        return [*others, replace(last, text=text, words=last.words[:-count])] if text else others

    def _ends(self, text: str) -> bool:
        return bool(self._keys) and keys(split(text))[-len(self._keys) :] == self._keys
