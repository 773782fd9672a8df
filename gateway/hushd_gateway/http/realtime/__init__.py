"""OpenAI's realtime sessions: live transcription, and reading text aloud."""
