"""Finds the installed model that hears you best: each hears your recordings, of one sentence each.

    pip install 'hushd[default]' jiwer whisper-normalizer
    python model_for_my_voice.py ~/sentences en      # x.wav, and in x.txt what was said

It prints the wrong words of each model, the fewest first, and then each sentence that the best one heard wrongly.
Twenty sentences are a beginning: differences of one or two words are chance. `hushd config set stt MODEL` takes one.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import hushd
import jiwer

with warnings.catch_warnings(action="ignore"):  # about an escape in a docstring of the package
    from whisper_normalizer.basic import BasicTextNormalizer
    from whisper_normalizer.english import EnglishTextNormalizer


def models(client: hushd.Client, language: str) -> list[tuple[str, str]]:
    """Returns engine and name of each installed model that knows the language, or does not say what it knows."""
    engines = client.describe("stt").stt.engines
    here = [(engine.name, model) for engine in engines for model in engine.models if model.installed]
    return [(engine, model.name) for engine, model in here if {language, "*"} & {*(model.languages or "*")}]


def main(folder: str, language: str) -> None:
    spoken = {path: path.with_suffix(".txt").read_text() for path in sorted(Path(folder).glob("*.wav"))}
    normalise = EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()
    ranking = []
    with hushd.Client() as client:
        for engine, model in models(client, language):
            try:
                texts = [client.transcribe(path, engine=engine, model=model, language=language).text for path in spoken]
            except hushd.HushdError as error:
                print(error, file=sys.stderr)
                continue
            client.unload(f"stt/{engine}/{model}")  # its memory is for the next one
            outcome = jiwer.process_words(list(map(normalise, spoken.values())), list(map(normalise, texts)))
            wrong = outcome.substitutions + outcome.deletions + outcome.insertions
            ranking.append((wrong, f"{engine}/{model}", outcome.wer, texts))
    for wrong, name, share, _ in sorted(ranking):
        print(f"{name:40} {wrong:4} words wrong, {share:.1%}")
    if ranking:
        for sentence, heard in zip(spoken.values(), min(ranking)[3], strict=True):
            if normalise(sentence) != normalise(heard):
                print(f"\nsaid   {sentence.strip()}\nheard  {heard.strip()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
