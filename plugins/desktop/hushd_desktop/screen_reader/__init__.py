"""A voice for screen readers: an output module of speech-dispatcher."""
