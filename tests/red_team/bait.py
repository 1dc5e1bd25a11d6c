"""Things on this machine that a submission must not get at, and whether it did."""

import contextlib
import hashlib
import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograde.wall.doctor import bait as doctors_bait
from autograde.wall.probes import ATTEMPT as SIMPLE

# Unlike the doctor's, it survives whatever is raised.
ATTEMPT = SIMPLE.replace("(OSError, MemoryError, ImportError, AttributeError)", "BaseException")
PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/usr/lib", "/dev", "/", os.path.expanduser("~"))


@dataclass
class Bait:
    """The names that attempts know, the sockets that hear if one gets out, and a secret word."""

    names: dict[str, Any]
    lines: list[socket.socket] = field(default_factory=list)
    word: str = ""

    @property
    def code(self) -> str:
        """The names, as the beginning of a program."""
        return "".join(f"{name} = {value!r}\n" for name, value in self.names.items())

    def heard(self) -> list[bytes]:
        """What has come out of the sandbox."""
        found = []
        for line in self.lines:
            with contextlib.suppress(BlockingIOError):
                found.append(line.recv(100) if line.type == socket.SOCK_DGRAM else line.accept())
        return found

    def written(self) -> list[str]:
        """Files outside with the name that attempts give to theirs."""
        places = [*PLACES, self.names["folder"]]
        paths = [os.path.join(place, self.names["marker"]) for place in places]
        return [path for path in paths if os.path.exists(path)]


@contextlib.contextmanager
def baited() -> Iterator[Bait]:
    """The doctor's bait, and sockets, a marker and a word of our own."""
    with doctors_bait() as names, contextlib.ExitStack() as stack:
        marker = f"red-team-{secrets.token_hex(6)}"
        word = secrets.token_hex(8)
        bait = Bait({**names, "marker": marker, "home": os.path.expanduser("~")})
        bait.names |= {
            "secret_hash": hashlib.sha256(word.encode()).hexdigest(),
            "datagram": os.path.join(names["folder"], "log"),
            "abstract": marker,
        }
        for address in (bait.names["datagram"], f"\0{marker}"):
            line = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            line.bind(address)
            line.setblocking(False)
            bait.lines.append(line)
        os.chmod(bait.names["datagram"], 0o777)
        os.environ["RED_TEAM"] = bait.word = word
        stack.callback(os.environ.pop, "RED_TEAM")
        before = Path("/dev/shm") / f"{marker}-before"
        before.write_text("for others")
        stack.callback(before.unlink)
        yield bait
