"""The order in which a socket reads its connections, and writes to them: each in turn, as libzmq turns."""

from __future__ import annotations

from .pipe import Message, Pipe


class _Turns:
    """Pipes of which the first `active` ones have something to give, or to take."""

    def __init__(self) -> None:
        self._pipes: list[Pipe] = []
        self._active = 0
        self._current = 0

    def attach(self, pipe: Pipe) -> None:
        self._pipes.append(pipe)
        self.activated(pipe)

    def activated(self, pipe: Pipe) -> None:
        self._swap(self._pipes.index(pipe), self._active)
        self._active += 1

    def terminated(self, pipe: Pipe) -> None:
        index = self._pipes.index(pipe)
        if index < self._active:
            self._deactivate(index)
            index = self._pipes.index(pipe)
        self._pipes[index] = self._pipes[-1]
        self._pipes.pop()

    def _deactivate(self, index: int) -> None:
        self._active -= 1
        self._swap(index, self._active)
        if self._current == self._active:
            self._current = 0

    def _swap(self, one: int, other: int) -> None:
        pipes = self._pipes
        pipes[one], pipes[other] = pipes[other], pipes[one]


class FairQueue(_Turns):
    """Takes a message of each connection in turn. A turn ends when the last frame of its message is read."""

    def __init__(self) -> None:
        super().__init__()
        self._open: tuple[Message, Pipe] | None = None

    def read(self) -> tuple[Message, Pipe] | None:
        """Takes the next message, and says whose it is; once all of its frames are read, `finish` must be called."""
        while self._active:
            pipe = self._pipes[self._current]
            if message := pipe.take():
                self._open = message, pipe
                if len(message.frames) == 1:
                    self.finish()
                return message, pipe
            self._deactivate(self._current)
        return None

    def finish(self) -> None:
        """Ends the turn of the last message, and gives the credit for it."""
        if self._open:
            message, pipe = self._open
            self._open = None
            pipe.count(message)
            if self._active:
                self._current = (self._current + 1) % self._active

    def has_message(self) -> bool:
        while self._active:
            if self._pipes[self._current].check_read():
                return True
            self._deactivate(self._current)
        return False


class RoundRobin(_Turns):
    """Gives a message to each connection in turn that has room."""

    def write(self, message: Message) -> bool:
        """Returns whether any connection has taken it."""
        while self._active:
            if self._pipes[self._current].write(message):
                self._pipes[self._current].flush()
                self._current += 1
                if self._current >= self._active:
                    self._current = 0
                return True
            self._active -= 1
            if self._current < self._active:
                self._swap(self._current, self._active)
            else:
                self._current = 0
        return False

    def has_room(self) -> bool:
        while self._active:
            if self._pipes[self._current].check_write():
                return True
            self._deactivate(self._current)
        return False
