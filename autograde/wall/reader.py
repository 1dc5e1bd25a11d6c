"""Reads frames from a socket, however slowly they come. What a frame may hold is in `wire.py`."""

import socket
import struct
from collections.abc import Callable
from typing import Any

from autograde.wall.wire import MAX_BUFFERS, MAX_HEADER, Find, require, unpack

TICK = 0.25  # seconds
CHUNK = 2**18  # bytes: more than a socket hands out at once


class Reader:
    """Reads messages from a stream socket whose `recv` gives up now and then (`TICK`)."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.data = bytearray()
        self.chunk = memoryview(bytearray(CHUNK))  # one for all: fresh memory costs more than bytes
        tick = struct.pack("@ll", 0, round(1e6 * TICK))
        for direction in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            connection.setsockopt(socket.SOL_SOCKET, direction, tick)

    def message(self, find: Find, wait: Callable[[], object]) -> dict[str, Any]:
        """The next message.

        Args:
            find: looks up the tags of `KEPT_BACK`.
            wait: called before each look at the socket; raises what ends the waiting.

        Raises:
            BrokenFrame: what came is no message.
            EOFError: the other side is gone.
        """
        self.fill(8, wait)
        header, body = struct.unpack("!II", self.data[:8])
        require(header <= MAX_HEADER and body <= MAX_BUFFERS, "a frame that is too large")
        self.fill(8 + header + body, wait)  # Who is interrupted meanwhile has lost nothing.
        frame, self.data = self.data, self.data[8 + header + body :]
        view = memoryview(frame)[8:]
        return unpack(bytes(view[:header]), view[header : header + body], find)

    def has_more(self) -> bool:
        """Whether something is there that has not been read."""
        if self.data:
            return True
        try:
            return bool(self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:  # Nothing is there, or nobody: whoever writes or reads will see.
            return False

    def fill(self, length: int, wait: Callable[[], object]) -> None:
        """Have at least so many bytes in `data`, however they dribble in."""
        while len(self.data) < length:
            wait()
            try:
                count = self.connection.recv_into(self.chunk)
            except (BlockingIOError, InterruptedError):
                continue
            except OSError:
                count = 0
            if not count:
                raise EOFError("the other side is gone")
            self.data += self.chunk[:count]
