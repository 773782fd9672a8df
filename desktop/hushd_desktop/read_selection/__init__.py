"""`hushd read-selection`: the selected text of any window, read aloud."""
