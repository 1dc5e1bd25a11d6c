"""Reads notebooks out of .zip files without ever unpacking one to disk.

What is not a plain file with a plain name is told and left alone: absolute names, names that climb
out of the archive, links, encrypted and damaged files. No file is read beyond `MAX_BYTES`, whatever
the archive says of its size.
"""

import contextlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from autograde.grading.notes import Note
from autograde.grading.reading import MAX_BYTES, Unreadable, read_bytes

MAX_ENTRIES = 50_000
MAX_NAME = 500
LEFT_BEHIND = ("__MACOSX", ".DS_Store", ".ipynb_checkpoints", "Thumbs.db", "desktop.ini")
OTHER_KINDS = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".rar", ".7z")
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)
DRIVE = re.compile(r"[A-Za-z]:")


def is_archive(path: Path) -> bool:
    """Whether the file's name says that it is a .zip."""
    return path.suffix.lower() == ".zip"


def is_other_archive(path: Path) -> bool:
    """Whether it is an archive of a kind that is not read."""
    return path.suffix.lower() in OTHER_KINDS


def members(archive: Path, inside: tuple[str, ...] = ()) -> tuple[list[str], list[Note]]:
    """The names of the plain files in an archive, and notes on everything odd.

    Args:
        archive: the file on disk.
        inside: the archive's place in that archive, if it lies in one.

    Raises:
        Unreadable: it is no archive, or too large.
    """
    with opened(archive, inside) as file:
        infos = file.infolist()
    if len(infos) > MAX_ENTRIES:
        raise Unreadable(f"has {len(infos):,} entries; archives up to {MAX_ENTRIES:,} are read")
    times = Counter(info.filename for info in infos)
    names: dict[str, None] = {}
    notes: list[Note] = []
    for info in infos:
        name, reason = info.filename, oddity(info)
        if info.is_dir() or is_left_behind(name) or name in names:
            continue
        if reason:
            notes.append(Note("archive", f"{shown(name)} {reason}; it was left alone.", True))
            continue
        names[name] = None
        if times[name] > 1:
            text = f"{shown(name)} is in the archive {times[name]} times; the last counts."
            notes.append(Note("archive", text))
    return list(names), notes


def oddity(info: zipfile.ZipInfo) -> str:
    """Why an entry is not read; empty if it is a plain file with a plain name."""
    name = info.filename.replace("\\", "/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a symbolic link, which is not followed"
    if kind not in (0, stat.S_IFREG):
        return "is not a file"
    if name.startswith("/") or DRIVE.match(name):
        return "has an absolute path"
    if ".." in name.split("/"):
        return "has a path that leads out of the archive"
    if len(name) > MAX_NAME or any(ord(letter) < 32 for letter in name):
        return "has an impossible name"
    if info.flag_bits & 1:
        return "is encrypted"
    return ""


def is_left_behind(name: str) -> bool:
    """Whether an entry is what systems and editors leave behind."""
    parts = parts_of(name)
    return any(part in LEFT_BEHIND or part.startswith("._") for part in parts)


def parts_of(name: str) -> tuple[str, ...]:
    """The parts of an entry's name; some programs write backslashes."""
    return PurePosixPath(name.replace("\\", "/")).parts


def shown(name: str) -> str:
    """An entry's name, fit for a sentence."""
    text = "".join(letter if letter.isprintable() else "?" for letter in name)
    return text.encode("utf-8", "replace").decode("utf-8")[:120]


def member_bytes(archive: Path, inside: tuple[str, ...]) -> bytes:
    """The bytes of a file in an archive, or in an archive in an archive.

    Raises:
        Unreadable: it cannot be read, or is too large.
    """
    if not inside:
        return read_bytes(archive)
    with opened(archive, inside[:-1]) as file, damage("cannot be read from the archive"):
        info = file.getinfo(inside[-1])
        reason = oddity(info)
        if reason:
            raise Unreadable(reason)
        with file.open(info) as member:
            data = member.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Unreadable(f"has more than {MAX_BYTES // 2**20} MiB; it was not read further")
    if not data.strip():
        raise Unreadable("is empty")
    return data


@contextlib.contextmanager
def opened(archive: Path, inside: tuple[str, ...] = ()) -> Iterator[zipfile.ZipFile]:
    """The archive; one in an archive is read into memory."""
    with damage("is not a .zip that can be read"):
        if inside:
            file: Path | io.BytesIO = io.BytesIO(member_bytes(archive, inside))
        else:
            about = os.lstat(archive)
            if not stat.S_ISREG(about.st_mode):
                raise Unreadable("is a link or not a file, and is not followed")
            file = archive
        opened_file = zipfile.ZipFile(file)
    with opened_file:
        yield opened_file


@contextlib.contextmanager
def damage(what: str) -> Iterator[None]:
    """Turn every way in which reading an archive can fail into one kind of error."""
    try:
        yield
    except DAMAGED as error:
        raise Unreadable(f"{what} ({str(error) or type(error).__name__})") from None
    except KeyError:
        raise Unreadable("is not in the archive any more") from None
