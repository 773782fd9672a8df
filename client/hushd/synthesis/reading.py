"""A text in the words that would be spoken, without a voice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from hushd_models import languages, preferences, text_language
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted
from hushd_protocol.system import paths
from hushd_schema import pronunciations
from hushd_schema.operations.synthesize import MARKUPS

from hushd.transport.source import utf8


def read(
    text: str | bytes | Iterable[bytes],
    *,
    language: str | None = None,
    markup: str = MARKUPS[0],
    pronounce: Mapping[str, str] | None = None,
    complain: Callable[[str], None] = lambda sentence: None,
) -> Iterator[str]:
    """Yields the words that a voice would speak, as soon as they are certain: numbers, signs and formulas in words,
    with the user's own pronunciations. No voice is loaded, and no supervisor started.

    Of plain text each line is one, an empty one too; of Markdown and subtitles each sentence.

    Args:
        text: UTF-8, where it is bytes; a stream of them may split characters.
        language: a tag such as `de`; None: the text's own, with the user's languages as a prior.
        pronounce: words and their pronunciations, which go before those of the user's file.
        complain: is given a sentence about the first mistake in that file, which ends nothing.

    Raises:
        HushdError: `bad_request` for an unknown language or markup.
    """
    if markup not in MARKUPS:
        raise HushdError("bad_request", f"markup must be one of {', '.join(MARKUPS)}, not {quoted(markup)}.")
    if language is not None:
        languages.checked(language)
    chunks = iter([utf8(text) if isinstance(text, str) else text] if isinstance(text, str | bytes) else text)
    return _read(chunks, language, markup, pronounce or {}, complain)


def _read(
    chunks: Iterator[bytes],
    language: str | None,
    markup: str,
    given: Mapping[str, str],
    complain: Callable[[str], None],
) -> Iterator[str]:
    from hushd_reading.lines import words_by_line  # noqa: PLC0415 - a room that speech does not need here

    own = preferences.own_languages(paths.find().config)
    entries = pronunciations.read(paths.find().pronunciations)
    if entries.mistakes:
        complain(entries.mistakes[0])

    def tag(line: str) -> str:
        return text_language.detect(line, own) or next(iter(own), "en")

    def pronounce(tag: str) -> Mapping[str, str]:
        return entries.table(tag) | dict(given)

    return words_by_line(chunks, markup, (lambda line: language) if language else tag, pronounce)
