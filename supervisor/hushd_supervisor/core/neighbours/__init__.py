# Neighbours: other servers of this machine, which are asked for memory before a start is refused (`efforts`), chosen so
# that as little as possible is disturbed (`holds`), and woken again if they do not wake by themselves (`sleepers`). A
# supervisor whose configuration names none imports nothing of this.
