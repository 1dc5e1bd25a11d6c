"""Linux's own calls behind `sandbox.py`, as thin as they can be: names in, errors out.

Landlock and seccomp have no Python in the standard library, and a dependency would be one more
thing to trust. Numbers of system calls are those of x86-64 and of the architectures with the
kernel's generic table (aarch64, riscv64).
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterable

SET_PDEATHSIG, SET_DUMPABLE, SET_NO_NEW_PRIVS, CAPBSET_DROP = 1, 4, 38, 24
SET_CHILD_SUBREAPER = 36
NEW = {"mount": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000,
       "pid": 0x20000000, "net": 0x40000000}  # fmt: skip
ANY_NEW = 0x7E020080  # every CLONE_NEW… flag, time and cgroup namespaces included
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000

# Landlock's rights, and the version of its interface that brought each.
READ = 1 << 2 | 1 << 3
EXECUTE = 1 << 0
ALL_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
FILE_RIGHTS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1), "riscv64": (0xC00000F3, 1)}
# name: (x86-64, generic table); None where a table does not have it
SYSTEM_CALLS = {
    "socket": (41, 198), "execve": (59, 221), "execveat": (322, 281),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440), "personality": (135, 92),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "move_mount": (429, 429),
    "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "open_tree_attr": (467, 467),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "acct": (163, 89), "syslog": (103, 116), "fanotify_init": (300, 262),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "setxattrat": (463, 463), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "removexattrat": (466, 466), "mknod": (133, None),
    "mknodat": (259, 33), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "io_setup": (206, 0),
    "inotify_init": (253, None), "inotify_init1": (294, 26), "inotify_add_watch": (254, 27),
    "clone": (56, 220), "clone3": (435, 435), "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444), "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446), "capset": (126, 91),
}  # fmt: skip

_LIBC = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def number(name: str) -> int | None:
    """The number of a system call on this machine."""
    return SYSTEM_CALLS[name][ARCHITECTURES[platform.machine()][1]]


def call(name: str, *arguments: object) -> int:
    """Make a system call; `OSError` if it fails."""
    wrapped = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return checked(_LIBC.syscall(ctypes.c_long(number(name) or -1), *wrapped), name)


def checked(result: int, name: str) -> int:
    """The result, or the error that it stands for."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)
    return result


def prctl(option: int, value: int) -> None:
    """One of the process's switches."""
    checked(_LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")


def unshare(*names: str) -> None:
    """Leave these namespaces for new ones."""
    checked(_LIBC.unshare(sum(NEW[name] for name in names)), f"unshare {' '.join(names)}")


def enter_namespace(path: str) -> None:
    """Go (back) into the namespace that this file of /proc stands for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        checked(_LIBC.setns(descriptor, 0), "setns")
    finally:
        os.close(descriptor)


def mount(kind: str, target: str, flags: int = 0, options: str = "") -> None:
    """Mount a file system of the kernel's own (proc, tmpfs), or change how one is shared."""
    names = [kind.encode(), target.encode(), kind.encode()]
    checked(_LIBC.mount(*names, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def drop_capabilities() -> None:
    """Give up every privilege, also those that a program could bring."""
    for capability in range(64):
        _LIBC.prctl(CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
    header = struct.pack("Ii", 0x20080522, 0)
    call("capset", ctypes.c_char_p(header), ctypes.c_char_p(bytes(24)))


def landlock_version() -> int:
    """The version of Landlock's interface; 0 without Landlock."""
    try:
        return call("landlock_create_ruleset", 0, 0, 1)
    except (OSError, KeyError):
        return 0


def landlock(readable: Iterable[str], writable: Iterable[str], special: Iterable[str]) -> None:
    """From now on only these files: to read, to read and write, and devices to read and write.

    Also no TCP, no signals and no abstract sockets across the border, as far as this kernel knows.
    """
    version = landlock_version()
    handled = sum(bits for since, bits in ALL_RIGHTS.items() if since <= version)
    network, scope = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = struct.pack("QQQ", handled, network, scope)[:size]
    rules = call("landlock_create_ruleset", ctypes.c_char_p(attributes), size, 0)
    for paths, rights in ((readable, READ), (writable, handled & ~EXECUTE), (special, 6)):
        for path in paths:
            allow(rules, path, rights & handled)
    prctl(SET_NO_NEW_PRIVS, 1)
    call("landlock_restrict_self", rules, 0)
    os.close(rules)


def allow(rules: int, path: str, rights: int) -> None:
    """One line of the allow-list; a path that is not there needs none."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= FILE_RIGHTS
    rule = struct.pack("=Qi", rights, descriptor)
    call("landlock_add_rule", rules, 1, ctypes.c_char_p(rule), 0)
    os.close(descriptor)


def seccomp(refused: Iterable[str], missing: Iterable[str], idle: Iterable[str]) -> None:
    """From now on no such system calls: "not permitted", "there is none", or nothing happens.

    Also no new namespaces through clone, and no pairs of sockets but streams, which lead nowhere
    else; a system call of another architecture ends the process.
    """
    program = filter_program({1: list(refused), 38: list(missing), 0: list(idle)})
    buffer = ctypes.create_string_buffer(program, len(program))
    prog = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    prctl(SET_NO_NEW_PRIVS, 1)
    call("seccomp", 1, 0, ctypes.c_char_p(prog))


def filter_program(answers: dict[int, list[str]]) -> bytes:
    """The filter as the kernel reads it: instructions of 8 bytes; error numbers and their calls."""
    load, equal, at_least, any_bit, low_bits, give = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
    kill, allowed, errno = 0x80000000, 0x7FFF0000, 0x00050000
    lines = [
        (load, 0, 0, 4), (equal, 1, 0, ARCHITECTURES[platform.machine()][0]), (give, 0, 0, kill),
        (load, 0, 0, 0), (at_least, 0, 1, 0x40000000), (give, 0, 0, kill),  # x32
        (equal, 0, 4, number("clone")), (load, 0, 0, 16), (any_bit, 0, 1, ANY_NEW),
        (give, 0, 0, errno | 1), (give, 0, 0, allowed),
        (equal, 0, 5, number("socketpair")), (load, 0, 0, 24), (low_bits, 0, 0, 15),
        (equal, 0, 1, 1), (give, 0, 0, allowed), (give, 0, 0, errno | 1),
    ]  # fmt: skip
    for code, names in answers.items():
        for one in filter(lambda n: n is not None, map(number, names)):
            lines += [(equal, 0, 1, one), (give, 0, 0, errno | code)]
    return b"".join(struct.pack("HBBI", *line) for line in [*lines, (give, 0, 0, allowed)])
