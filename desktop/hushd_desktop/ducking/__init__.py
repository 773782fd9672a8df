"""Other programs are quieter while somebody speaks or is listened to: their streams by PulseAudio's protocol, which
PipeWire serves too, and players that can pause by MPRIS.

A program that has the floor starts a process for it (`holder`), whose standard input is a pipe from the program. The
end of that pipe, which a kill of the program brings about too, is the sign to bring the volumes back (`helper`). What
is changed is written down before (`ledger`), so that another helper can take over from one that was killed. A volume
that is not the one that hushd has set is somebody else's will, and stays (`streams`).
"""
