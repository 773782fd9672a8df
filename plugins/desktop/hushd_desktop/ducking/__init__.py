"""Makes other programs quieter while a program speaks or listens: their streams by PulseAudio's protocol, which
PipeWire serves too.

A program that has the floor starts a helper process (`holder`), whose standard input is a pipe from the program. When
the pipe ends, also because the program was killed, the helper restores the volumes (`helper`). Changes are recorded
before they are made (`ledger`), so that another helper can take over from a killed one. A volume other than the one
that hushd has set was changed by the user or a program, and stays (`streams`).
"""
