"""The Wyoming protocol: one speech-to-text and one text-to-speech program."""
