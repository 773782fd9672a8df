"""Recognises the words by which a speaker signals the end, such as "over". Pure."""

from __future__ import annotations

from hushd_protocol.light_dataclass import replace

from hushd_worker_stt.engine import Segment
from hushd_worker_stt.words import keys, split


def without_end(text: str, end: str) -> tuple[str, bool]:
    """Returns the text before the words `end`, and whether it ends with them; case and punctuation do not matter.

    `"Turn it off. Over."` ends with `over`, and `"Over there."` does not.
    """
    parts, last = split(text), list(filter(None, keys(split(end))))
    counted = [(place, key) for place, key in enumerate(keys(parts)) if key][-len(last) :]
    if not last or [key for _, key in counted] != last:
        return text, False
    return "".join(parts[: counted[0][0]]).strip().rstrip(" ,;:–—-"), True


def until(segments: list[Segment], end: str) -> tuple[list[Segment], bool]:
    """Returns the segments of an utterance without the words `end`, and whether the last segment ends with them.

    A segment that only has these words is left out.
    """
    if not segments:
        return segments, False
    *before, last = segments
    text, ended = without_end(last.text, end)
    if not ended:
        return segments, False
    count = len(last.words) - len([key for key in keys(split(end)) if key])
    return ([*before, replace(last, text=text, words=last.words[: max(0, count)])] if text else before), True
