"""Programs that sit on a desk: captions, dictation, the voice of a screen reader."""
