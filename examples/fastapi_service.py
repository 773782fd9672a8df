"""Serves speech from an application of your own, with FastAPI: a recording becomes a transcript, a text is streamed.

    pip install 'hushd[default]' fastapi
    uvicorn fastapi_service:app --port 8020
    curl -F recording=@meeting.wav http://127.0.0.1:8020/transcripts
    curl 'http://127.0.0.1:8020/speech?text=The+build+is+green.' -o hello.mp3

The upload is read while it is transcribed, and the speech is sent while it is made; who leaves cancels the work. For
OpenAI's own paths no program is needed: `hushd serve --http 127.0.0.1:8000`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import hushd
from fastapi import FastAPI, Query, Request, UploadFile
from fastapi.responses import JSONResponse, StreamingResponse


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keeps one client for all requests; it connects with the first one."""
    async with hushd.AsyncClient() as app.state.client:
        yield


app = FastAPI(title="Speech", lifespan=lifespan)


@app.exception_handler(hushd.HushdError)
async def refused(request: Request, error: hushd.HushdError) -> JSONResponse:
    """An error is its sentence, with the status that belongs to it and the time to come back."""
    later = {"Retry-After": str(-(-error.retry_after_ms // 1000))} if error.retry_after_ms else None
    return JSONResponse({"code": error.code, "message": error.message}, error.http_status, later)


@app.post("/transcripts")
async def transcribe(request: Request, recording: UploadFile, diarize: bool = False) -> dict[str, Any]:
    """The sentences of a recording, with their times, and with speakers if wanted."""
    transcript = await request.app.state.client.transcribe(recording, diarize=diarize)
    fields = ("start", "end", "text", "speaker")
    segments = [{field: getattr(segment, field) for field in fields} for segment in transcript]
    return {"text": transcript.text, "language": transcript.language, "segments": segments}


@app.get("/speech")
async def speak(request: Request, text: Annotated[str, Query(max_length=10_000)]) -> StreamingResponse:
    """A text as an MP3, sent while it is made."""
    speech = await request.app.state.client.synthesize(text, format="mp3", keep=False)
    await speech.wait()  # what is wrong is known before the first byte

    async def chunks() -> AsyncIterator[bytes]:
        async with speech:
            async for chunk in speech:
                yield chunk

    return StreamingResponse(chunks(), media_type="audio/mpeg")
