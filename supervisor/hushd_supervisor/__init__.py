"""The supervisor: a pure core that decides (`core`), and a thin loop that acts for it (`system`)."""
