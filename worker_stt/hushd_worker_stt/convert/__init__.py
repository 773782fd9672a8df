"""Whisper checkpoints as OpenAI publishes them, made into CTranslate2 models, without torch or transformers."""
