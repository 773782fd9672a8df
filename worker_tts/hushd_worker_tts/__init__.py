"""hushd's text-to-speech worker: takes text sentence by sentence, and sends audio as soon as it is ready."""
