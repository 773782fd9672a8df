"""A stand-in for the package chatterbox-tts 0.1.7: its classes, the signatures of their methods, and files, but what it
says is a hum of 10 ms a character, whose pitch tells the speaker and the language."""
