"""The page as a reader uses it: real Chromium, real engines, and a microphone that plays a recording."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_worker_tts.engines.espeak_ng import EspeakNg
from support import chromium, command_line, foreign_speech, moonshine_once
from support.chromium import Chromium
from support.http_gateway import HttpGateway
from support.peer import Peer, Supervisor, wait_until

pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="there is no Chromium: apt-get install chromium")
CONFIG = '[http]\nlisten = ["127.0.0.1:0"]\n'
TEXT = "Two 🎈 red balloons. They rise over the quiet town."
# What is played, and which words are marked meanwhile.
RECORDER = """
window.loudest = 0; window.marked = []; window.unstable = false;
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) {
    const meter = new AnalyserNode(this.context), values = new Float32Array(meter.fftSize);
    connect.call(this, meter);
    const look = () => {
      meter.getFloatTimeDomainData(values);
      window.loudest = Math.max(window.loudest, ...values);
      if (this.context.state === 'running') setTimeout(look, 20);
    };
    look();
  }
  return connect.call(this, target, ...rest);
};
const set = HighlightRegistry.prototype.set;
HighlightRegistry.prototype.set = function (kind, highlight) {
  const [range] = highlight;
  if (kind === 'word') window.marked.push(range.startContainer.data.slice(range.startOffset, range.endOffset));
  return set.call(this, kind, highlight);
};
new MutationObserver(() => { window.unstable ||= !!document.querySelector('#hearing .unstable')?.textContent; })
  .observe(document, { childList: true, subtree: true });
"""


@pytest.fixture(scope="module")
def peer(home: Path) -> Iterator[Peer]:
    """A supervisor with the real engines, which hear the same once a run, and an address for HTTP."""
    config = CONFIG + moonshine_once.configuration()
    with Supervisor(home, config, environment={"HUSHD_GATEWAY_IDLE": "0.2"}) as started, started.connect() as peer:
        yield peer


@pytest.fixture(scope="module")
def address(peer: Peer) -> str:
    (listener,) = peer.control("status")["door"]["listeners"]
    return f"http://{listener['address'].removeprefix('http://')}/"


@pytest.fixture(scope="module")
def browser(home: Path, beckett: Path) -> Iterator[Chromium]:
    with Chromium(home, beckett) as browser:
        browser.send("Page.addScriptToEvaluateOnNewDocument", source=RECORDER)
        yield browser


@pytest.fixture
def guarded(browser: Chromium, peer: Peer, home: Path) -> Iterator[str]:
    """The address of a gateway with a token, at the module's supervisor."""
    gateway = HttpGateway(home, TOKEN="s3/cr+et=")
    yield gateway.url.removesuffix("v1")
    browser.open("about:blank")
    gateway.stop()


@pytest.fixture
def page(browser: Chromium, address: str) -> Iterator[Chromium]:
    """The page, loaded; at the end it has made no error and has asked nobody else for anything."""
    browser.open(address)
    browser.until("document.querySelector('#voice option')")
    browser.until("/\\d+ MB/.test(document.querySelector('#held').textContent)")
    yield browser
    assert browser.complaints() == []
    ours = (address, address.replace("http", "ws"), "data:", f"blob:{address}")
    assert [url for url in browser.requests() if not url.startswith(ours)] == []


def press(page: Chromium, name: str) -> None:
    page.run(f"document.querySelector('#{name}').click()")


def text(page: Chromium, name: str) -> str:
    return str(page.run(f"document.querySelector('#{name}').innerText"))


def test_text_is_heard_and_each_word_marked(page: Chromium) -> None:
    """Words are marked in their order, each at the place that the reader sees; then the text can be edited."""
    page.run(f"document.querySelector('#text').value = {json.dumps(TEXT)}")
    said = ["Two", "red", "balloons.", "They", "rise", "over", "the", "quiet", "town."]
    for _ in range(5):  # a browser that gets no core draws no frame for a short word
        page.run("window.marked = []; document.querySelector('#speak').click()")
        page.until("window.loudest > 0.02")
        page.until("document.querySelector('#speak').textContent === 'Speak'")
        if (marked := [word for word in page.run("window.marked") if "🎈" not in word]) == said:
            break
    assert marked == said
    assert page.run("[document.querySelector('#text').hidden, CSS.highlights.size]") == [False, 0]


def test_speech_stops_at_once_and_can_be_kept(page: Chromium) -> None:
    """A second press ends sound and marks; the download is an MP3."""
    press(page, "speak")
    page.until("CSS.highlights.has('word')")
    press(page, "speak")
    page.until("document.querySelector('#speak').textContent === 'Speak' && CSS.highlights.size === 0")
    press(page, "save-speech")
    kept = page.downloads / "speech.mp3"
    wait_until(chromium.exists(kept), "the download")
    assert kept.read_bytes()[:3] == b"ID3" or kept.read_bytes()[0] == 0xFF


def test_what_the_microphone_hears_is_text(page: Chromium) -> None:
    """It appears while it is said, what may still change set apart; the last words come after the button is pressed.
    Beside load Chromium loses pieces of what it plays to its microphone, so of six words said three are enough."""
    press(page, "listen")
    page.until("document.querySelectorAll('#heard p').length >= 2", 60)
    press(page, "listen")
    page.until("document.querySelector('#listen').textContent === 'Listen'")
    assert page.run("window.unstable")
    heard = set(re.findall(r"\w+", text(page, "heard").lower()))
    assert len(heard & {"ever", "tried", "failed", "matter", "try", "again"}) >= 3, heard
    assert [text(page, "hearing"), text(page, "listen-note")] == ["", ""]


def listened(home: Path, recording: Path, form: str) -> str:
    """The subtitles that `listen --diarize` writes of a recording in which one person speaks, without a name."""
    environment = os.environ | {"HUSHD_RUNTIME_DIR": str(home), "HUSHD_AUTOSTART": "0"}
    done = command_line.run("listen", "--diarize", "-f", form, str(recording), env=environment, text=True, check=True)
    return re.sub(r"^(\[SPEAKER_00\]: |<v SPEAKER_00>)", "", done.stdout, flags=re.MULTILINE)


def test_a_file_becomes_a_transcript_to_hear_and_to_keep(page: Chromium, beckett: Path, home: Path) -> None:
    """Sentences have times; one that is pressed is played from its start; subtitles are those that `listen` writes."""
    page.choose("#file", beckett)
    page.until(
        "document.querySelectorAll('#segments li').length >= 4 && document.querySelector('#progress').hidden", 60
    )
    assert "try again" in text(page, "segments").lower()
    assert "0:00" in text(page, "segments")
    page.run("document.querySelector('#segments li:nth-child(3) button').click()")
    page.until(
        "document.querySelector('#sound').currentTime > 2 && document.querySelector('#segments [aria-current=true]')"
    )
    kept = {}
    for form in ("txt", "srt", "vtt", "json"):
        page.run(f"document.querySelector('[data-form={form}]').click()")
        path = page.downloads / f"beckett.{form}"
        wait_until(chromium.exists(path), f"the download of {form}")
        kept[form] = path.read_text()
    for form in ("srt", "vtt"):
        assert kept[form] == listened(home, beckett, form)
    assert {"start", "end", "speaker", "text"} == set(json.loads(kept["json"])[0])
    assert kept["txt"].splitlines()[0] == json.loads(kept["json"])[0]["text"]


def test_what_runs_is_seen(page: Chromium, peer: Peer, beckett: Path) -> None:
    """Workers by name, their starts in the list, and the picture of memory with both of its lines."""
    page.choose("#file", beckett)
    page.run("document.querySelector('#text').value = 'Hello.'; document.querySelector('#speak').click()")
    for role in ("stt/moonshine", "tts/"):
        page.until(f"document.querySelector('#workers').innerText.includes('{role}')")
    page.until("document.querySelectorAll('#chart polygon.area').length >= 2")
    assert "started" in text(page, "news")
    assert page.run("document.querySelectorAll('#chart polyline.rival, #chart .start').length") >= 3
    assert "MB, against" in text(page, "means")


def choose(page: Chromium, name: str, value: str) -> None:
    page.run(f"document.querySelector('#{name}').value = {json.dumps(value)}")
    page.run(f"document.querySelector('#{name}').dispatchEvent(new Event('change'))")


def chosen(page: Chromium, *names: str) -> list[str]:
    return [str(page.run(f"document.querySelector('#{name}').value")) for name in names]


@pytest.mark.skipif(not EspeakNg.available(), reason="espeak-ng is not installed")
def test_french_is_marked_and_the_choices_are_kept(page: Chromium, address: str, home: Path) -> None:
    """The text that the model invents, with the reason; what `hushd get` would bring; languages and voices by name."""
    page.until("document.querySelector('#read-model option')")
    page.choose("#file", foreign_speech.french(home / "french.wav"))
    page.until("document.querySelector('#segments .unlikely') && document.querySelector('#progress').hidden", 60)
    assert text(page, "segments").endswith("probably not what was said")
    assert "hushd get LANGUAGE" in text(page, "read-brings")
    choose(page, "listen-language", "fr")
    assert re.fullmatch(
        r"Nothing here hears French: hushd get fr brings \S+, \d+ MB to fetch and \d+ MB of memory\.",
        text(page, "listen-brings"),
    )
    choose(page, "voice-language", "en")
    assert "Heart, American English, female" in text(page, "voice")
    assert "French" in text(page, "voice-language")
    choose(page, "voice", "heart")
    page.open(address)
    page.until("document.querySelector('#read-model option') && document.querySelector('#voice option:nth-child(2)')")
    assert chosen(page, "listen-language", "voice-language", "voice") == ["fr", "en", "heart"]
    page.run("localStorage.clear()")
    page.run("void Object.defineProperty(window, 'localStorage', { get() { throw new Error('private'); } })")
    choose(page, "listen-language", "")
    assert text(page, "listen-brings") == ""


def answer_with(page: Chromium, path: str, status: int, body: str) -> None:
    """Has each request for a path answered so, by the browser; None ends that."""
    page.send("Fetch.enable", patterns=[{"urlPattern": f"*{path}*"}])
    page.hooks["Fetch.requestPaused"] = lambda event: page.send(
        "Fetch.fulfillRequest",
        requestId=event["requestId"],
        responseCode=status,
        body=base64.b64encode(body.encode()).decode(),
    )


def test_each_voice_has_a_name_of_its_own(page: Chromium, address: str) -> None:
    """Two of one name have their identifiers, and no language is a code, though browsers know no name for a dialect."""
    tags = {"heart": "en-US", "af_heart": "en-US", "am_adam": "en-US", "espeak-en-029": "en-029",
            "espeak-en-us-nyc": "en-US-nyc", "espeak-en-x": "en-x-nowhere"}  # fmt: skip
    voices = [
        {"id": name, "language": tag, "gender": "male" if "adam" in name else "female"} for name, tag in tags.items()
    ]
    answer_with(page, "/v1/audio/voices", 200, json.dumps({"voices": voices}))
    page.run("location.reload()")
    page.until("document.querySelector('#voice-language option[value=en]')")
    choose(page, "voice-language", "en")
    names = page.run("[...document.querySelectorAll('#voice option')].map((option) => option.textContent)")
    assert names == [
        "The usual one", "Heart, American English, female (heart)", "Heart, American English, female (af_heart)",
        "Adam, American English, male", "eSpeak, a robot, Caribbean English", "eSpeak, a robot, New York English",
        "eSpeak, a robot, English",
    ]  # fmt: skip
    page.run("localStorage.clear()")


def test_hostile_text_is_text(page: Chromium, home: Path) -> None:
    """The text is a transcript's, a file's name, or an error's: nothing of it becomes an element."""
    hostile = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    segment = {"type": "transcript.text.segment", "start": 0, "end": 1, "text": hostile, "speaker": hostile}
    answer_with(page, "/v1/audio/transcriptions", 200, f"data: {json.dumps(segment)}\n\n")
    odd = home / '<b>odd & \u202e "name".wav'
    odd.write_bytes(b"RIFF")
    page.choose("#file", odd)
    page.until("document.querySelector('#segments li') && document.querySelector('#progress').hidden")
    assert text(page, "segments").count("<script>") == 2
    assert "<b>odd" in text(page, "file-name")
    assert page.run("document.querySelectorAll('main img, main script, main b b, #file-name *').length") == 0


def enter(browser: Chromium, token: str) -> None:
    browser.until("document.querySelector('#token-dialog').open")
    browser.run(f"document.querySelector('#token').value = {json.dumps(token)}")
    browser.run("document.querySelector('#token-form button').click()")
    browser.until(f"sessionStorage.getItem('token') === {json.dumps(token)}")


def test_the_token_is_asked_for_and_kept(browser: Chromium, guarded: str) -> None:
    """A wrong one is asked for again; the right one goes with everything from then on, WebSockets too."""
    browser.open(guarded)
    for token in ("wrong", "s3/cr+et="):
        enter(browser, token)
    browser.until("document.querySelector('#voice option')")
    browser.open(guarded)
    browser.until("document.querySelector('#voice option')")
    press(browser, "listen")
    browser.until("document.querySelector('#heard').innerText || document.querySelector('#hearing').innerText")


def test_a_hidden_page_keeps_nothing_awake(page: Chromium, peer: Peer) -> None:
    """It ends its requests and closes its connections, so that the gateway leaves; shown again it goes on."""
    press(page, "listen")
    page.until("document.querySelector('#listen-note').textContent === 'Speak now.'")
    page.hide()
    wait_until(lambda: peer.control("status")["door"]["gateway"]["pid"] is None, "the gateway's exit")
    assert text(page, "listen") == "Listen"
    starts = peer.control("status")["door"]["gateway"]["starts"]
    page.show()
    wait_until(lambda: peer.control("status")["door"]["gateway"]["starts"] > starts, "the page's next look")
    assert "hidden" in text(page, "listen-note")


def test_times_are_in_the_language_of_the_page(browser: Chromium, address: str) -> None:
    """A reader of German has no AM and PM, whatever the browser's own language and those that the page lacks."""
    source = "Object.defineProperty(navigator, 'languages', { value: ['ja', 'de-AT', 'en'] });"
    script = browser.send("Page.addScriptToEvaluateOnNewDocument", source=source)
    browser.open(address)
    browser.until("document.documentElement.lang === 'de' && document.querySelector('#voice option')")
    press(browser, "speak")
    browser.until("document.querySelector('#news time')")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", str(browser.run("document.querySelector('#news time').textContent")))
    assert browser.run("document.querySelector('#listen-language option[value=fr]').textContent") == "Französisch"
    browser.send("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])
