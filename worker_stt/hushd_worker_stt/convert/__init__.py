"""Converts OpenAI's Whisper checkpoints to CTranslate2 models, without torch or transformers."""
