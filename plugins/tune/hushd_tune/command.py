"""`hushd tune DIR`: measures which installed model hears these sentences best, and saves it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hushd.client import Client
from hushd_cli.arguments import Parser
from hushd_cli.commands.config import change, checked, have_it_read
from hushd_cli.commands.models.recommend import session_language
from hushd_cli.terminal import console
from hushd_models import languages, text_language
from hushd_models.catalogue import Known
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema.settings import editing, load

from . import hearing, ranking, report
from .clips import Clip, clips
from .words import Normalise, compare, normaliser

_DESCRIPTION = "Has all installed models hear the sentences of a folder, and says which makes the fewest mistakes."


def main(prog: str, argv: Sequence[str]) -> int:
    """Measures, prints the comparison, and writes the choice if wanted. Raises `bad_request`, `input_unreadable`."""
    options = make_parser(prog).parse_args(argv)
    checked(paths.find().config)
    folder = Path(options.folder)
    if not folder.is_dir():
        raise HushdError("input_unreadable", f"There is no folder {options.folder[:80]!r}: name one of recordings.")
    language = _language(options.language, folder)
    normalise = normaliser(language)
    heard = [clip for clip in clips(folder) if normalise(clip.sentence).strip()]
    if not heard:
        raise HushdError(
            "input_unreadable",
            f"{folder} has no recordings with their texts: each x.wav needs what is said in it beside it, in x.txt.",
        )
    with Client(holder="tune") as client:
        hearings, failed = _hear(client, heard, _models(client, language), language)
    comparison = _compared(heard, hearings, failed, language, normalise)
    if comparison.model:
        from .own_words import helpful  # noqa: PLC0415 - imports numpy, after the models have answered

        texts = hearings[comparison.model].texts
        helping = helpful([clip.sentence for clip in heard], texts, language, normalise)
        comparison = replace(comparison, own_words=helping)
    if not options.json:
        console.write(report.table(comparison, console.width()))
    written = _recommend(options, comparison)
    if options.json:
        console.write_json(report.as_json(comparison) | {"written": written})
    return 0 if comparison.places else 5


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, _DESCRIPTION)
    parser.add_argument("folder", metavar="DIR", help="a folder of recordings x.wav with their texts x.txt")
    parser.add_argument(
        "--language", metavar="TAG", help="of the sentences; default: that of the texts, or the session's"
    )
    parser.add_argument("--write", action="store_true", help="write the best model into the configuration")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def _language(named: str | None, folder: Path) -> str:
    if named:
        return languages.code(languages.checked(named))
    texts = " ".join(clip.sentence for clip in clips(folder))
    return text_language.certain(texts) or session_language()


def _models(client: Client, language: str) -> list[Known]:
    models = hearing.models(client, language)
    if not models:
        raise HushdError(
            "model_missing",
            f"No installed model hears {language}: `hushd models recommend {language}` names some to get.",
        )
    return models


def _hear(
    client: Client, clips: Sequence[Clip], models: Sequence[Known], language: str
) -> tuple[dict[str, hearing.Hearings], dict[str, str]]:
    """Returns what the models heard, and the reasons of those that failed; shows how far they are."""
    line = console.StatusLine()

    def show(model: str, number: int) -> None:
        line.show(lambda columns: f"{model} has heard {number} of {len(clips)} sentences"[: columns - 1])

    try:
        return hearing.hear(client, clips, [model.model for model in models], language, show)
    finally:
        line.clear()


def _compared(
    clips: Sequence[Clip],
    hearings: Mapping[str, hearing.Hearings],
    failed: Mapping[str, str],
    language: str,
    normalise: Normalise,
) -> report.Comparison:
    texts = {
        name: [compare(clip.sentence, text, normalise) for clip, text in zip(clips, heard.texts, strict=True)]
        for name, heard in hearings.items()
    }
    figures = [
        ranking.Heard(name, tuple(each.errors for each in texts[name]), heard.speed, heard.first_s, heard.memory_mb)
        for name, heard in hearings.items()
    ]
    words = [compared.words for compared in next(iter(texts.values()), [])]
    places = ranking.ranked(words, figures) if figures else []
    present = load(paths.find().config).model_for("stt", language)
    return report.Comparison(language, places, texts, failed, ranking.chosen(words, figures, present), present)


def _recommend(options: Namespace, comparison: report.Comparison) -> bool:
    """Says which model to use, and writes it into the configuration if the user wants that; returns whether it did."""
    choice, language = comparison.choice, comparison.language
    if choice is None:
        return False
    model = choice.heard.model
    config = paths.find().config
    own = language in load(config).stt_by_language  # a model of the language would outdo `stt`
    key = ["stt"] if language == session_language() and not own else ["stt_by_language", language]
    name = f'{".".join(key)} = "{model}"'
    if model == comparison.present:
        _say(options, f"{model} is in use, and none is surely better; nothing to write.")
        return False
    if not options.write:
        _say(options, f"Better than {comparison.present}: {name}; --write writes it into the configuration.")
        return False
    change(config, lambda text: editing.with_key(text, key, model))
    have_it_read()
    _say(options, f"Wrote {name} into {config}.")
    return True


def _say(options: Namespace, sentence: str) -> None:
    if not options.json:
        console.write(f"\n{sentence}\n")
