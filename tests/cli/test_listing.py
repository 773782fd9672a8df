"""The list of voices as a terminal shows it."""

from __future__ import annotations

from hushd.synthesis.voices import Voice
from hushd_cli.listing import _grouped


def test_voices_stand_under_the_names_of_their_languages() -> None:
    """A country does not count, languages with a natural voice here come first, and then those that are missing."""
    voices = [
        Voice("espeak-de", "de", "espeak-ng", sample="Hallo."),
        Voice("espeak-af", "af", "espeak-ng"),
        Voice("heart", "en-US", "hibari", sample="Hello."),
        Voice("siwis", "fr-FR", "piper", installed=False),
        Voice("emma", "en-GB", "hibari", installed=False),
        Voice("espeak-xx", "qya", "espeak-ng"),
    ]
    lines = list(_grouped(voices))
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "English", "Afrikaans", "German", "qya", "French",
    ]  # fmt: skip
    assert lines[1] == "  heart               en-US   # Hello."
    assert lines[2].endswith("(not installed)")
    assert len(lines) == 5 + 6 + 4
