"""The languages of a Whisper model of somebody's own, by what its files say of its vocabulary."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import pytest
from hushd_schema.engines.whisper import LANGUAGES, languages_of_checkpoint, languages_of_folder

VOCABULARIES = [(1_000, ("en",)), (51_864, ("en",)), (51_865, LANGUAGES[:99]), (51_866, LANGUAGES), (70_000, LANGUAGES)]


@pytest.mark.parametrize(("tokens", "languages"), VOCABULARIES)
@pytest.mark.parametrize("version", [2, 4])
def test_a_checkpoint_says_it_in_its_pickle(
    tokens: int, languages: tuple[str, ...], version: int, tmp_path: Path
) -> None:
    """Torch writes it in two bytes or four, and nothing of the pickle is run."""
    with zipfile.ZipFile(tmp_path / "mine.pt", "w") as archive:
        archive.writestr("mine/data.pkl", pickle.dumps({"dims": {"n_mels": 80, "n_vocab": tokens}}, version))
    assert languages_of_checkpoint(tmp_path, ["mine.pt", "notes.txt"]) == languages


def test_a_checkpoint_that_does_not_say_it_has_none(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.pt", "w") as archive:
        archive.writestr("mine/data.pkl", pickle.dumps({"dims": {"n_mels": 80}}))
    assert languages_of_checkpoint(tmp_path, ["mine.pt"]) == ()


@pytest.mark.parametrize(("tokens", "languages"), VOCABULARIES[:4])
def test_a_folder_says_it_by_the_length_of_its_vocabulary(
    tokens: int, languages: tuple[str, ...], tmp_path: Path
) -> None:
    """A list in JSON, which counts where there are both, or a line for each token."""
    (tmp_path / "vocabulary.txt").write_text("a\n" * tokens)
    assert languages_of_folder(tmp_path, ["vocabulary.txt"]) == languages
    (tmp_path / "vocabulary.json").write_text(json.dumps(["a"] * 51_864))
    assert languages_of_folder(tmp_path, ["vocabulary.json", "vocabulary.txt"]) == ("en",)
    assert languages_of_folder(tmp_path / "none", ["vocabulary.json"]) == ()
