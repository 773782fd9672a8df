"""`listen --written`: numbers in digits, by the plugin `written`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from hushd.transcripts.segment import Segment
from hushd_models import languages
from hushd_models.installation import plugin_needed
from hushd_protocol.errors import HushdError
from hushd_schema.entry_points import entry_points, loaded
from hushd_schema.results import ResultWarning

_Writer = Callable[[Segment], Segment]


class Written:
    """Writes the numbers of a recording or a session. Raises `engine_missing` without the plugin.

    Args:
        options: of the command; a translation is in English.

    Attributes:
        warnings: one for each language whose numbers stay words.
    """

    def __init__(self, options: Namespace) -> None:
        if not (target := entry_points("hushd.client").get("written")):
            raise HushdError("engine_missing", plugin_needed("written", "--written"))
        self._writer: Callable[[str], _Writer | None] = loaded(target)
        self._language = "en" if options.task == "translate" else ""
        self._named = options.language if options.language != "auto" else ""
        self._unknown: dict[str, None] = {}

    @property
    def warnings(self) -> tuple[ResultWarning, ...]:
        return tuple(ResultWarning(code="not_written", message=text) for text in self._unknown)

    def segment(self, segment: Segment, language: str) -> Segment:
        """Returns a segment with its numbers in digits; as it is, if its text is unlikely.
        `language`: of the segment; empty where the engine does not tell it."""
        language = self._language or language or self._named or ""
        if segment.unlikely:
            return segment
        if writer := self._writer(language):
            return writer(segment)
        unknown = "Numbers stay words, since the model tells no language: name it with --language."
        if language:
            name = languages.name(languages.code(language))
            unknown = f"Numbers stay words: --written does not know those of {name}."
        self._unknown[unknown] = None
        return segment
