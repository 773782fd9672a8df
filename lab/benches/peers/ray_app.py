"""Both engines as a deployment of Ray Serve, as its documentation writes one; scales to no replica when idle."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

IDLE_S = 2.0


@serve.deployment(
    ray_actor_options={"num_cpus": 1},
    autoscaling_config={"min_replicas": 0, "max_replicas": 1, "downscale_delay_s": IDLE_S, "upscale_delay_s": 0.0},
)
class Speech:
    """Speaks the body of a request to /say, and writes down the recording at the path in one to /listen."""

    def __init__(self) -> None:
        from hibari import Hibari
        from moonshine_voice import ModelArch, get_assets_path
        from moonshine_voice.transcriber import Transcriber

        self.tts = Hibari()
        self.stt = Transcriber(str(get_assets_path() / "tiny-en"), ModelArch.TINY, options={"vad_threshold": "0"})

    async def __call__(self, request: Request) -> Response:
        subject = (await request.body()).decode()
        if request.url.path == "/say":
            return StreamingResponse(self._speech(subject), media_type="audio/pcm")
        return PlainTextResponse(self._text(subject))

    def _speech(self, text: str) -> Iterator[bytes]:
        for samples in self.tts.stream(text):
            yield samples.tobytes()

    def _text(self, path: str) -> str:
        import soundfile

        audio, rate = soundfile.read(path, dtype="float32")
        lines: Any = self.stt.transcribe_without_streaming(audio.tolist(), rate).lines
        return " ".join(line.text for line in lines)


if __name__ == "__main__":
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=sys.argv[2])
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Speech.bind())
    print("ready", flush=True)
    sys.stdin.read()
    serve.shutdown()
    ray.shutdown()
