"""Programs for the desktop: captions, dictation, and a screen reader's voice."""
