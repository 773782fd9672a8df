"""The tools' descriptions, for a host's model: constants, since Python drops docstrings under -OO."""

from __future__ import annotations

DESCRIPTIONS = {
    "say": """Speaks to the person at this computer; returns when they have heard it to its end.

For news that should reach them away from the screen. Write as one speaks, in short sentences; Markdown marks
are not read aloud. Waits while other programs speak. Cancelling the call silences it.

Example: {"text": "The build is done, and all tests pass."}""",
    "listen": """Listens to the microphone until the person has spoken and pauses; returns their words.

To ask something first, use `hushd_converse`.

Example: {"timeout": 60, "prompt": "hushd, systemd"}""",
    "converse": """Asks the person something aloud, listens, and returns their answer: one turn of a conversation.

Where that takes longer than a call may, the answer is a ticket for `hushd_result`; the person still has all
their time.

Example: {"text": "Shall I delete the old backups?", "timeout": 20}""",
    "wake": """Waits until the person says your wake word; returns what they say after it.

Until then the answer is a ticket for `hushd_result`: ask at least every ten minutes.""",
    "transcribe": """Writes down the speech in a recording; a long one is answered with a ticket for `hushd_result`.

Example: {"path": "~/meeting.wav", "speakers": true}""",
    "voices": "Lists the voices for `hushd_say` and `hushd_converse`: those of a language, or a summary of all.",
    "status": "Reports the speech workers and their memory, the speaker, the listener, and calls not yet done.",
    "result": """\
Waits for a call that was answered with a ticket; returns its result, or its state and the words so far.

Call it again while the answer has a ticket.

Example: {"ticket": "9f86d081"}""",
}
