"""The work of each tool, which its task does off the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_protocol import JsonObject

from .task import Reading, Task, Work

if TYPE_CHECKING:
    from hushd.client import Client
    from hushd.dialogue.conversation import Conversation
    from hushd.transcripts.transcript import Transcript

Options = JsonObject


def say(text: str, priority: str, options: Options) -> Work:
    """Speaks `text`."""

    def work(client: Client, task: Task) -> Options:
        speech = _conversation(client, task, priority).say(text, **_in_its_language(client, text, options))
        return {"duration": round(speech.seconds, 2), "voice": speech.voice}

    return work


def listen(priority: str, options: Options) -> Work:
    """Hears one utterance."""

    def work(client: Client, task: Task) -> Options:
        return _found(_conversation(client, task, priority).listen(**options))

    return work


def converse(text: str, priority: str, speaking: Options, listening: Options) -> Work:
    """Speaks `text` and hears the answer."""

    def work(client: Client, task: Task) -> Options:
        conversation = _conversation(client, task, priority)
        return _found(conversation.converse(text, _in_its_language(client, text, speaking), listening))

    return work


def transcribe(recording: str | bytes, segments: bool, options: Options) -> Work:
    """Transcribes a recording, by path or by its bytes."""

    def work(client: Client, task: Task) -> Options:
        reading = task.progress = Reading()

        def note(done: float, total: float) -> None:
            reading.state, reading.done, reading.total = "transcribing", done, total

        transcription = client.transcribe_stream(recording, on_progress=note, **options)
        parts = []
        with task.scope.ending(transcription.close):
            for segment in transcription:
                reading.state = "transcribing"
                reading.segments.append(segment.text)
                parts.append(
                    {"start": round(segment.start, 2), "end": round(segment.end, 2), "text": segment.text.strip()}
                    | ({"speaker": segment.speaker} if segment.speaker else {})
                )
        data = {"text": reading.heard, "duration": round(transcription.duration, 2)}
        if transcription.diarized:
            data["text"] = "\n".join(f"{part.get('speaker', '?')}: {part['text']}" for part in parts)
        return data | _language(transcription.language) | ({"segments": parts} if segments else {})

    return work


def _conversation(client: Client, task: Task, priority: str) -> Conversation:
    from hushd.dialogue.conversation import Conversation

    # Speaking alone is no reason to open the microphone.
    conversation = task.progress = Conversation(client, mode="half", priority=priority, stop=task.scope)
    return conversation


def _in_its_language(client: Client, text: str, options: Options) -> Options:
    """Adds the language of a text that the usual voice does not speak, where neither voice nor language is named."""
    if "voice" in options or "language" in options:
        return options
    from hushd.synthesis.text_voice import other_voice
    from hushd_protocol.system import paths

    other = other_voice(text, paths.find().config, lambda: client.describe("tts").tts)
    return options | {"language": other.language} if other else options


def _found(transcript: Transcript) -> Options:
    return {"text": transcript.text, "duration": round(transcript.duration, 2)} | _language(transcript.language)


def _language(code: str) -> Options:
    return {"language": code} if code else {}
