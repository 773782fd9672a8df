"""Serves speech from your own FastAPI application: transcribes uploads, and streams spoken text.

    pip install 'hushd[default]' fastapi
    uvicorn fastapi_service:app --port 8020
    curl -F recording=@meeting.wav http://127.0.0.1:8020/transcripts
    curl 'http://127.0.0.1:8020/speech?text=The+build+is+green.' -o hello.mp3

The upload is transcribed while it is read, and the speech is sent while it is made; a client that disconnects cancels
the work. OpenAI's own paths need no program: `hushd serve --http 127.0.0.1:8000`.
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
    """Answers an error with its sentence, its status and the time to retry."""
    later = {"Retry-After": str(-(-error.retry_after_ms // 1000))} if error.retry_after_ms else None
    return JSONResponse({"code": error.code, "message": error.message}, error.http_status, later)


@app.post("/transcripts")
async def transcribe(request: Request, recording: UploadFile, diarize: bool = False) -> dict[str, Any]:
    """Returns the sentences of a recording, with their times, and optionally speakers."""
    transcript = await request.app.state.client.transcribe(recording, diarize=diarize)
    fields = ("start", "end", "text", "speaker")
    segments = [{field: getattr(segment, field) for field in fields} for segment in transcript]
    return {"text": transcript.text, "language": transcript.language, "segments": segments}


@app.get("/speech")
async def speak(request: Request, text: Annotated[str, Query(max_length=10_000)]) -> StreamingResponse:
    """Returns a text as an MP3, sent while it is made."""
    speech = await request.app.state.client.synthesize(text, format="mp3", keep=False)
    await speech.wait()  # raises errors before the first byte is sent

    async def chunks() -> AsyncIterator[bytes]:
        async with speech:
            async for chunk in speech:
                yield chunk

    return StreamingResponse(chunks(), media_type="audio/mpeg")
