"""Filters of dictations: real programs that change, fail, hang and flood; and the profiles that name them."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from hushd_desktop.dictation import profiles
from hushd_desktop.dictation.keys import Key
from hushd_desktop.dictation.profiles import Profile
from hushd_desktop.dictation.text_filter import TextFilter
from hushd_protocol.errors import HushdError
from support.peer import wait_until

TEXT = "so um the build is green and we can ship it on friday I think"


@pytest.mark.parametrize(
    ("script", "changed"),
    [
        ("cat", TEXT),
        ("sed 's/so um the/The/; s/$/./'", "The build is green and we can ship it on friday I think."),
        ("tr a-z A-Z", TEXT.upper()),
        ("head -c 0; echo '  indented'; cat", f"  indented\n{TEXT}"),
    ],
)
def test_a_correction_is_written(script: str, changed: str) -> None:
    """Case, marks, a few words and lines may change; a line break at the end is left out."""
    assert TextFilter(("sh", "-c", script))(TEXT) == changed


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("exit 3", "sh failed with exit code 3."),
        ("cat; exit 3", "sh failed with exit code 3."),
        ("cat > /dev/null", "sh printed no text."),
        ("echo '  '", "sh printed no text."),
        ("echo I am sorry, but I cannot help with that request.", "sh kept "),
        ("sleep 100 | sleep 100", "sh took longer than 0.2 s."),
        ("exec > /dev/null; sleep 100", "sh took longer than 0.2 s."),
        ("yes", "sh printed more than a megabyte."),
        ("kill -9 $$", "sh failed with exit code -9."),
    ],
)
def test_a_filter_that_is_not_to_be_trusted(script: str, complaint: str) -> None:
    """It fails, has nothing, answers instead of correcting, hangs or floods: one sentence, and no process is left."""
    mark = f"# {Path(__file__).name} {complaint}"
    with pytest.raises(HushdError) as raised:
        TextFilter(("sh", "-c", f"{script} {mark}"), within_s=0.2 if "took" in complaint else 60.0)(TEXT)
    assert raised.value.code == "output_failed"
    assert raised.value.message.startswith(complaint)
    wait_until(lambda: not marked(mark), "the end of its processes")


def marked(mark: str) -> list[psutil.Process]:
    """The processes whose command line has these words."""
    return [each for each in psutil.process_iter(["cmdline"]) if mark in " ".join(each.info["cmdline"] or ())]


def test_profiles_have_a_filter_a_key_and_bounds(tmp_path: Path) -> None:
    """Each field may be left out; a file that is not there has none."""
    path = tmp_path / "dictation.toml"
    assert profiles.read(path) == {}
    path.write_text(
        '[correct]\nkey = "shift+f9"\nthrough = "sed s/um//"\nwithin = "2s"\nkeep = 0.8\n'
        '[english]\nthrough = "cat"\nkeep = 0\n[raw]\nkey = "F10"\n'
    )
    assert profiles.read(path) == {
        "correct": Profile("correct", Key("F9", ("Shift",)), TextFilter(["sed", "s/um//"], 2.0, 0.8)),
        "english": Profile("english", None, TextFilter(["cat"], keep=0.0)),
        "raw": Profile("raw", Key("F10"), None),
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[a]\nthruogh = 'cat'", r"\[a\]: There is no 'thruogh'"),
        ("[a]\nthrough = 'no-such-filter'", "There is no program 'no-such-filter'"),
        ("[a]\nwithin = 'soon'", "within is a time such as 15s, not 'soon'"),
        ("[a]\nwithin = 0", "within is a time"),
        ("[a]\nkeep = 50", "keep is a share from 0 to 1, not 50"),
        ("[a]\nkeep = true", "keep is a share"),
        ("[a]\nkey = 9", "key is a text, not 9"),
        ("[a]\nkey = 'Ctrl+'", "a key is written as F9"),
        ("a = 1", "A profile is a table"),
        ("[a", "dictation.toml"),
    ],
)
def test_a_profile_that_cannot_be(text: str, complaint: str, tmp_path: Path) -> None:
    """It is refused in one sentence, with the file's name and the profile's."""
    path = tmp_path / "dictation.toml"
    path.write_text(text)
    with pytest.raises(HushdError, match=complaint) as raised:
        profiles.read(path)
    assert str(path) in raised.value.message
