"""Transcribes a WAV file by OpenAI's package and a realtime session of hushd's.

    pip install 'hushd[default]' openai
    hushd serve --http 127.0.0.1:8000
    python openai_realtime.py hello.wav

Live sound is appended as it comes, and `"turn_detection": {"type": "server_vad"}` ends the turns.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import wave
from typing import Any, Final

from openai import AsyncOpenAI

ADDRESS = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
COMPLETED: Final = "conversation.item.input_audio_transcription.completed"


async def main(path: str) -> None:
    with wave.open(path) as file:
        form = {"type": "audio/pcm", "rate": file.getframerate()}
        sound = file.readframes(file.getnframes())
    client = AsyncOpenAI(base_url=ADDRESS, api_key="none")
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as session:
        heard: Any = {"format": form, "turn_detection": None, "transcription": {"model": "gpt-4o-transcribe"}}
        await session.session.update(session={"type": "transcription", "audio": {"input": heard}})
        await session.input_audio_buffer.append(audio=base64.b64encode(sound).decode())
        await session.input_audio_buffer.commit()
        async for event in session:
            if event.type == COMPLETED:
                print(event.transcript)
                return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
