"""`python -m hushd.audio.ducking DECIBELS`: the helper of a program that holds its standard input."""

import sys

from .helper import main

if __name__ == "__main__":
    main(float(sys.argv[1]))
