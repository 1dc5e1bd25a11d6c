"""What a worker may do: read the libraries, write into its own scratch folder, compute. No more.

Two steps. `prepare` is for the zygote, before any student's code exists: it gives up root and
takes a user namespace, in which it may make the other namespaces. `enter` is for a worker, right
after the fork: it closes one wall after the other and says which are up. What this system does not
have is left out of the answer; the trusted side decides whether the rest is enough.

| wall | keeps from |
| --- | --- |
| files | reading anything but the libraries; writing anywhere but the scratch folder. Whether a \
path is there, how large and how old, can be seen |
| processes | seeing, tracing or signalling any process but the worker's own |
| network | sockets of every kind, also the local ones of desktop and containers |
| programs | starting any other program |
| system | mounts, namespaces, kernel keys, io_uring, changing modes and owners of files |
| private-scratch | filling the disk: the scratch folder is memory, limited, and gone afterwards |
| private-proc | even seeing that other processes exist |
| identity | being root, or the person who grades |
| privileges | ever getting any, whatever is run |
| limits | CPU time, memory, processes, file size, open files, core dumps |
"""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autograde.wall import linux
from autograde.wall.identity import NOBODY, become, can_read_as, count_processes, map_ids

SCRATCH_BYTES = 256 * 2**20
SHARED_BYTES = 64 * 2**20
REQUIRED = ("files", "processes", "network", "programs", "system", "privileges", "limits")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
REFUSED = (
    # other processes
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_open", "pidfd_getfd",
    "process_madvise",
    # sockets, but for pairs of streams; other programs
    "socket", "connect", "bind", "listen", "accept", "accept4", "execve", "execveat",
    # another view of the system
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree",
    "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "personality",
    # the kernel itself
    "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "kexec_load",
    "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "swapon",
    "swapoff", "quotactl", "quotactl_fd", "acct", "syslog", "fanotify_init", "iopl", "ioperm",
    "modify_ldt", "open_by_handle_at", "name_to_handle_at",
    # what Landlock does not look at
    "chown", "lchown", "fchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat",
    "removexattr", "lremovexattr", "fremovexattr", "removexattrat", "mknod", "mknodat",
    # memory that no limit counts
    "memfd_create", "memfd_secret", "shmget", "msgget", "semget", "mq_open",
)  # fmt: skip
# Nor does it look at these. They do nothing and say that they did: copying a file needs them.
IDLE = (
    "chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "futimesat", "utimensat",
)  # fmt: skip
MISSING = (
    "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup",
    "inotify_init", "inotify_init1", "inotify_add_watch",
)  # fmt: skip


@dataclass(frozen=True)
class Allowance:
    """What a worker gets. `counted`: the kernel will hold it to `processes`, which it does not do
    for root unless a control group says so.
    """

    scratch: str
    readable: tuple[str, ...] = ()
    cpu_seconds: int = 600
    memory_bytes: int = 4 * 2**30
    processes: int = 64
    counted: bool = True
    file_bytes: int = 256 * 2**20
    open_files: int = 256


def prepare(needed: Sequence[str]) -> list[str]:
    """For the zygote: give up root if Python can still be read then, and leave the namespaces.

    Forks: who comes back is the first process of a process namespace that it may make more in.
    """
    up: list[str] = []
    if os.getuid() == 0 and can_read_as(NOBODY, needed):
        become(NOBODY)
        up.append("identity")
    user, group = os.getuid(), os.getgid()
    if attempt("user namespace", lambda: linux.unshare("user"), up):
        inside = user or NOBODY  # inside, nobody has the number 0
        map_ids(f"{inside} {user} 1", f"{inside if user == 0 else group} {group} 1")
        for name in ("net", "ipc", "uts"):
            attempt(f"{name} namespace", lambda name=name: linux.unshare(name), up)
        if attempt("process namespace", lambda: linux.unshare("pid"), up):
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                os._exit(0)
            linux.prctl(linux.SET_PDEATHSIG, signal.SIGKILL)
    return up


def adopt_orphans() -> None:
    """Become the parent of whoever below this process loses its own."""
    linux.prctl(linux.SET_CHILD_SUBREAPER, 1)


def fork_apart() -> tuple[int, bool]:
    """Fork; where `prepare` could, the child is the first process of a world of its own."""
    apart = attempt("", lambda: linux.unshare("pid"), [])
    child = os.fork()
    if child and apart:
        linux.enter_namespace("/proc/self/ns/pid")
    return child, apart


def enter(allowance: Allowance, *, apart: bool) -> list[str]:
    """Close all walls around this process; the names of those that are up."""
    up: list[str] = []
    linux.prctl(linux.SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    own_view = attempt("mount namespace", own_mounts, up)
    scratch, shared = allowance.scratch, "/dev/shm"
    own_proc = own_view and apart and attempt("private-proc", mount_proc, up)
    if own_view and attempt("private-scratch", lambda: memory_at(scratch, SCRATCH_BYTES), up):
        attempt("", lambda: memory_at(shared, SHARED_BYTES), [])
    writable = [scratch, shared] if "private-scratch" in up else [scratch]
    os.chdir(scratch)
    attempt("limits", lambda: limit(allowance, own_users=own_view), up)
    attempt("privileges", give_up_privileges, up)
    readable = [*allowance.readable, *(["/proc"] if own_proc else [])]
    version = linux.landlock_version()
    if attempt("landlock", lambda: linux.landlock(readable, writable, DEVICES), up):
        up += ["files"] if version >= 3 else []
    if attempt("seccomp", lambda: linux.seccomp(REFUSED, MISSING, IDLE), up):
        up += ["network", "programs", "system"]
        up += ["processes"] if apart or version >= 6 else []  # Signals need one of the two.
    return up


def own_mounts() -> None:
    """Mounts of this process's own, of which nothing gets out."""
    linux.unshare("mount")
    linux.mount("none", "/", linux.MS_REC | linux.MS_PRIVATE)


def mount_proc() -> None:
    """A /proc in which only this process and its children are."""
    linux.mount("proc", "/proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)


def memory_at(folder: str, size: int) -> None:
    """Lay a small file system in memory over a folder."""
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("tmpfs", folder, flags, f"size={size},nr_inodes=20000,mode=700")


def give_up_privileges() -> None:
    """None now and none to come."""
    linux.drop_capabilities()
    linux.prctl(linux.SET_NO_NEW_PRIVS, 1)


def limit(allowance: Allowance, *, own_users: bool) -> None:
    """The kernel's limits on a process, and the first place in line if memory runs out."""
    import resource  # Unix has it; the rest of this module is imported everywhere.

    if not allowance.counted:
        raise PermissionError("the kernel does not count root's processes")
    with open("/proc/self/statm") as pages:
        mapped = int(pages.read().split()[0]) * resource.getpagesize()
    processes = allowance.processes + (0 if own_users else count_processes())
    for kind, value in (
        (resource.RLIMIT_CPU, allowance.cpu_seconds),
        (resource.RLIMIT_AS, mapped + allowance.memory_bytes),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_FSIZE, allowance.file_bytes),
        (resource.RLIMIT_NOFILE, allowance.open_files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 2**20),
    ):
        ceiling = resource.getrlimit(kind)[1]
        value = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(kind, (value, value))
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def attempt(name: str, step: Callable[[], object], up: list[str]) -> bool:
    """Try to close a wall; note it if it is up."""
    try:
        step()
    except (OSError, KeyError, ValueError, AttributeError):
        return False
    up.append(name)
    return True
