"""OpenAI's realtime sessions: live transcription, and text that is read aloud."""
