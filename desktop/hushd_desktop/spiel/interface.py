"""The interface `org.freedesktop.Speech.Provider`, as libspeechprovider 1.0 defines it. Pure.

https://github.com/project-spiel/libspeechprovider, interface/org.freedesktop.Speech.Provider.xml; libspiel finds a
provider by the end of its name, and its object by the name with slashes. The older interface, with `GetVoices`, is not
offered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from hushd.synthesis.voice import Voice

NAME = "org.hushd.Speech.Provider"
PATH = "/" + NAME.replace(".", "/")
INTERFACE = "org.freedesktop.Speech.Provider"
PROPERTIES = "org.freedesktop.DBus.Properties"
SYNTHESIZE = "hssddbs"  # pipe, text, voice, pitch, rate, whether it is SSML, language
VOICES = "a(ssstas)"  # name, id, format, features, languages
RATE = 24_000  # Hz of every voice, which the workers resample to: a voice's format must be known before it speaks
FORMAT = f"audio/x-raw,format=S16LE,channels=1,rate={RATE}"
# Of SSML: dates, telephone numbers, characters, ordinals; break, sub, phoneme, prosody; sentences and paragraphs.
FEATURES = 0x10 | 0x40 | 0x80 | 0x400 | 0x1000 | 0x2000 | 0x4000 | 0x10000 | 0x20000
SPEEDS = (0.25, 4.0)  # that a request may have; Spiel's rates go from 0.1 to 10
HIGHEST = 2 ** (6 / 12)  # half an octave, at pitch 2; at 0 it is as much lower
XML = f"""<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
<node>
  <interface name="{INTERFACE}">
    <method name="Synthesize">
      <arg direction="in" type="h" name="pipe_fd"/>
      <arg direction="in" type="s" name="text"/>
      <arg direction="in" type="s" name="voice_id"/>
      <arg direction="in" type="d" name="pitch"/>
      <arg direction="in" type="d" name="rate"/>
      <arg direction="in" type="b" name="is_ssml"/>
      <arg direction="in" type="s" name="language"/>
    </method>
    <property name="Voices" type="{VOICES}" access="read"/>
    <property name="Name" type="s" access="read"/>
  </interface>
  <interface name="{PROPERTIES}">
    <method name="Get">
      <arg direction="in" type="s"/>
      <arg direction="in" type="s"/>
      <arg direction="out" type="v"/>
    </method>
    <method name="GetAll">
      <arg direction="in" type="s"/>
      <arg direction="out" type="a{{sv}}"/>
    </method>
  </interface>
</node>
"""

Row: TypeAlias = tuple[str, str, str, int, list[str]]


def row(voice: Voice) -> Row:
    """A voice, as the property `Voices` has it."""
    languages = [voice.language] if voice.language else []
    return f"{voice.name} ({voice.engine})", f"{voice.engine}/{voice.name}", FORMAT, FEATURES, languages


def whole(text: str, is_ssml: bool) -> str:
    """The text as hushd reads it: Spiel's SSML may be a snippet without its root element."""
    snippet = is_ssml and text.strip() and not text.lstrip().startswith(("<speak", "<?xml", "<!"))
    return f"<speak>{text}</speak>" if snippet else text


def options(voice: str, pitch: float, rate: float, is_ssml: bool, language: str) -> Mapping[str, Any]:
    """The options of `Client.synthesize` for the arguments of `Synthesize`.

    Samples that are made for another rate than `RATE`, and heard at `RATE`, are higher or lower.
    """
    tone = HIGHEST ** (_within(pitch, 0.0, 2.0) - 1)
    return {
        "voice": voice or None,
        "language": None if voice else language or None,
        "markup": "ssml" if is_ssml else "text",
        "speed": _within(_within(rate, 0.1, 10.0) / tone, *SPEEDS),
        "sample_rate": round(RATE / tone),
        "channels": 1,
    }


def _within(number: float, least: float, most: float) -> float:
    """The nearest number in these bounds; 1 for one that is infinite or not a number."""
    return min(max(number, least), most) if math.isfinite(number) else 1.0
