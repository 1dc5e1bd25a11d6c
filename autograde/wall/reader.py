"""Reads frames from a socket, however slowly they come. What a frame may hold is in `wire.py`."""

import socket
import struct
from collections.abc import Callable
from typing import Any

from autograde.wall.wire import MAX_BUFFERS, MAX_HEADER, Find, require, unpack

TICK = 0.25  # seconds


class Reader:
    """Reads messages from a stream socket whose `recv` gives up now and then (`TICK`)."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.data = bytearray()
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
        frame = bytes(self.data[8 : 8 + header + body])
        del self.data[: 8 + header + body]
        return unpack(frame[:header], frame[header:], find)

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
                part = self.connection.recv(max(length - len(self.data), 65536))
            except (BlockingIOError, InterruptedError):
                continue
            except OSError:
                part = b""
            if not part:
                raise EOFError("the other side is gone")
            self.data += part
