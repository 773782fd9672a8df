"""hushd's text-to-speech worker: text in, sentence by sentence; audio out, as soon as there is some."""
