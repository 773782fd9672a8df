"""The work of each tool, done by its task off the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd.transport.warning import UNLIKELY
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_schema.operations.transcribe import BY_MEANING

from .task import Reading, Task, Waiting, Work

if TYPE_CHECKING:
    from hushd.client import Client
    from hushd.dialogue.conversation import Conversation
    from hushd.transcripts.transcript import Transcript, Transcription
    from hushd.voice_assignments.speaker import Prepared

Options = JsonObject


def say(text: str, priority: str, options: Options, name: str) -> Work:
    """Returns the work of speaking `text` for the session of that name."""

    def work(client: Client, task: Task) -> Options:
        spoken, own = _prepared(client, name, text, options)
        speech = _conversation(client, task, priority).say(spoken, **own)
        return {"duration": round(speech.seconds, 2), "voice": speech.voice}

    return work


def listen(priority: str, options: Options) -> Work:
    """Returns the work of hearing one utterance."""

    def work(client: Client, task: Task) -> Options:
        return _found(_conversation(client, task, priority, duck=True).listen(**options))

    return work


def converse(text: str, priority: str, speaking: Options, listening: Options, name: str) -> Work:
    """Returns the work of speaking `text` for the session of that name, then hearing the answer."""

    def work(client: Client, task: Task) -> Options:
        conversation = _conversation(client, task, priority, duck=True)
        return _found(conversation.converse(*_prepared(client, name, text, speaking), listening))

    return work


def wake(word: str, options: Options) -> Work:
    """Returns the work of waiting for a word, and hearing the speech after it."""

    def work(client: Client, task: Task) -> Options:
        from hushd.plugins import needed
        from hushd_schema.operations.transcribe import SPEECH_S

        waiting = task.progress = Waiting()

        def note(stable: str, text: str) -> None:
            waiting.heard = stable + text

        with needed("wake", "wake")(client, word) as wake, task.scope.ending(wake.close):
            for word_heard in wake:
                waiting.state = "listening"
                floor = client.floor("microphone", duck=True)
                with task.scope.ending(floor.stop), floor:
                    transcription = client.listen(
                        word_heard.sound(), rate=word_heard.rate, no_speech_s=SPEECH_S, turn_end=BY_MEANING,
                        on_partial=note, **options,
                    )  # fmt: skip
                    with task.scope.ending(transcription.close):
                        text = word_heard.speech(transcription)
                return {"word": word, "text": text} | _language(transcription)
        task.scope.check()
        raise HushdError("no_device", "The microphone was closed before the word was said: is it still there?")

    return work


def transcribe(recording: str | bytes, segments: bool, options: Options) -> Work:
    """Returns the work of transcribing a recording, by path or by its bytes."""

    def work(client: Client, task: Task) -> Options:
        reading = task.progress = Reading()

        def note(done: float, total: float) -> None:
            reading.state, reading.done, reading.total = "transcribing", done, total

        transcription = client.transcribe_stream(
            recording, on_progress=note, **options, **_known_speakers(client, options)
        )
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
        return data | _language(transcription) | ({"segments": parts} if segments else {})

    return work


def _conversation(client: Client, task: Task, priority: str, duck: bool = False) -> Conversation:
    from hushd.dialogue.conversation import Conversation

    # Speaking does not open the microphone.
    conversation = Conversation(client, mode="half", priority=priority, duck=duck, stop=task.scope)
    task.progress = conversation
    return conversation


def _prepared(client: Client, name: str, text: str, options: Options) -> Prepared:
    """Returns the text and its voice's options: the session's voice, unless the call names one or its language needs
    another."""
    from hushd.voice_assignments.speaker import NamedSpeaker
    from hushd_protocol.system import paths

    member = NamedSpeaker(paths.find(), name)
    member.check()
    return member.prepare(text, options, lambda: client.describe("tts").tts)


def _found(transcript: Transcript) -> Options:
    return {"text": transcript.text, "duration": round(transcript.duration, 2)} | _language(transcript)


def _known_speakers(client: Client, options: Options) -> Options:
    """Returns the voices of the configured speakers, if the options ask for diarization."""
    return {"people": client.voiceprints()} if options.get("diarize") else {}


def _language(transcript: Transcript | Transcription) -> Options:
    """Returns the language; of a text that is probably wrong, that it is, and the sentence that says why."""
    why = " ".join(warning.message for warning in transcript.warnings if warning.code == UNLIKELY)
    if why:
        return {"unlikely": True, "message": why}
    return {"language": transcript.language} if transcript.language else {}
