"""Plays a voice satellite at hushd's Wyoming port: a recording is its microphone, a file its loudspeaker.

    pip install 'hushd[default]'
    hushd serve --wyoming tcp://127.0.0.1:10300
    python wyoming_satellite.py tcp://127.0.0.1:10300 question.wav answer.wav

Without a board it sends the events of a real house in their order. There Home Assistant is in between: an ESP32 streams
its microphone to it (`wyoming_satellite.yaml` beside this is its ESPHome configuration), and it speaks Wyoming with
hushd. A wyoming-satellite hears its wake word by another server: docs/SERVING.md has its lines.
"""

from __future__ import annotations

import asyncio
import sys
import wave
from collections.abc import AsyncIterator

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.tts import Synthesize

CHUNK = 1024  # samples, as satellites send them


async def answers(client: AsyncClient) -> AsyncIterator[Event]:
    """Yields the received events, up to an error, which ends the program with its sentence."""
    while event := await client.read_event():
        if Error.is_type(event.type):
            sys.exit(Error.from_event(event).text)
        yield event


async def hear(address: str, microphone: str) -> str:
    """Streams a recording; returns the transcript."""
    async with AsyncClient.from_uri(address) as client:
        await client.write_event(Transcribe(language="en").event())
        with wave.open(microphone) as sound:
            form = (sound.getframerate(), sound.getsampwidth(), sound.getnchannels())
            await client.write_event(AudioStart(*form).event())
            while samples := sound.readframes(CHUNK):
                await client.write_event(AudioChunk(*form, samples).event())
        await client.write_event(AudioStop().event())
        async for event in answers(client):
            if Transcript.is_type(event.type):
                return Transcript.from_event(event).text
    sys.exit("The connection ended before the transcript came.")


async def speak(address: str, text: str, loudspeaker: str) -> None:
    """Speaks a text, and plays it, here into a WAV file."""
    async with AsyncClient.from_uri(address) as client:
        await client.write_event(Synthesize(text).event())
        with wave.open(loudspeaker, "wb") as sound:
            async for event in answers(client):
                if AudioStart.is_type(event.type):
                    start = AudioStart.from_event(event)
                    sound.setparams((start.channels, start.width, start.rate, 0, "NONE", ""))
                elif AudioChunk.is_type(event.type):
                    sound.writeframes(AudioChunk.from_event(event).audio)
                elif AudioStop.is_type(event.type):
                    return


async def main(address: str, microphone: str, loudspeaker: str) -> None:
    text = await hear(address, microphone)
    print(text)
    await speak(address, f"You said: {text}", loudspeaker)  # in a house, Home Assistant's answer


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
