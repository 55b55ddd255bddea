"""Servers that run as our children: apart from our terminal, and never outliving us.

Run as a script, this file is the first moment of such a child: it drops root's privileges, ties
its life to ours and becomes the server. It therefore imports the standard library only.
"""

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwnam

POLL_S = 0.02  # short beside the 100 ms that the fastest of our servers needs to start
KILLED_LIMIT_S = 10.0  # after SIGKILL only the kernel is in the way, and a busy disk
LOG_BYTES_MAX = 10_000_000  # two of them, this one and the last, stay unnoticed on a laptop
NOBODY_ID = 65534  # the kernel's own number for "no one", where no account is named nobody
PR_SET_PDEATHSIG = 1  # from linux/prctl.h
SOCKET_PATH_BYTES_MAX = 103 if sys.platform == "darwin" else 107  # the kernel's, without the final zero
# Not tempfile.gettempdir(): two terminals with different TMPDIR must find the same socket.
SHORT_FOLDER = Path("/tmp")  # noqa: S108 - what we make in it is private, and checked to be ours


class ChildError(Exception):
    """A server cannot run as our child; the text is one sentence saying what to do."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The uid and gid that a server runs as, and that own its files."""

    uid: int
    gid: int

    @classmethod
    def ourselves(cls) -> "Owner":
        """Whoever this process runs as."""
        return cls(os.geteuid(), os.getegid())

    @classmethod
    def unprivileged(cls) -> "Owner":
        """Ourselves, or `nobody` when we are root."""
        if os.geteuid() != 0:
            return cls.ourselves()
        try:
            nobody = getpwnam("nobody")
        except KeyError:
            return cls(NOBODY_ID, NOBODY_ID)
        return cls(nobody.pw_uid, nobody.pw_gid)

    def can_enter(self, folder: Path) -> bool:
        """Whether this owner may pass through `folder` and all its parents that exist.

        For another uid this reads permission bits only: it misses access lists that grant more.
        """
        return all(self._may(path, os.X_OK) for path in (folder, *folder.parents) if path.exists())

    def can_run(self, program: Path) -> bool:
        """Whether this owner may read and execute `program`."""
        return self._may(program, os.R_OK | os.X_OK) and self.can_enter(program.parent)

    def _may(self, path: Path, bits: int) -> bool:
        if self.uid == os.geteuid():
            return os.access(path, bits)
        found = path.stat()
        shift = 6 if found.st_uid == self.uid else 3 if found.st_gid == self.gid else 0
        return (found.st_mode >> shift) & bits == bits


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    owner: Owner,
    death_signal: signal.Signals,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` as `owner` in a session of its own; on Linux it gets `death_signal` when we die.

    Its output goes to `log`, which stays locked until the last process of the child is gone
    (`is_served` asks for that). Call it, like `is_served`, under the child's `start_lock`.
    """
    # Only what a server needs: PGPORT and its kin would bend it, and our secrets are not its business.
    inherited = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    # Not preexec_fn: it runs Python between fork and exec, where the locks of our other threads (and
    # gRPC's fork handlers) can hang it. A fresh interpreter that becomes the server has no such past.
    launcher = (sys.executable, "-I", "-S", __file__)
    tie = (os.getpid(), int(death_signal), owner.uid, owner.gid)
    spawned: Future[subprocess.Popen[bytes]] = Future()

    def keep() -> None:
        try:
            with _locked_log(log, owner) as output:
                process = subprocess.Popen(
                    [*launcher, *map(str, tie), *map(str, command)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd="/",  # ours may be a folder that the owner cannot enter
                    env={**inherited, "LC_ALL": "C", **(environment or {})},
                    start_new_session=True,  # Ctrl-C is for us; we stop our servers in our order
                    umask=0o077,
                )
        except BaseException as error:
            spawned.set_exception(error)
            return
        spawned.set_result(process)
        process.wait()

    # The kernel sends the parent-death signal when the THREAD that forked ends, not the process. So
    # a thread that lives exactly as long as the child forks it, whoever called us.
    threading.Thread(target=keep, name=f"keeper of {Path(command[0]).name}", daemon=True).start()
    return spawned.result()


def stop(process: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal and wait its seconds until `process` has ended; the last resort is SIGKILL."""
    for number, limit_s in (*steps, (signal.SIGKILL, KILLED_LIMIT_S)):
        process.send_signal(number)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            continue
        return
    raise ChildError(f"Process {process.pid} does not end even when killed: look at the disk it uses.")


def await_answer(process: subprocess.Popen[bytes], log: Path, answers: Callable[[], bool], limit_s: float) -> None:
    """Return once `process` answers; raise if it ends instead, or takes longer than `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not answers():
        if process.poll() is not None:
            raise ChildError(f"The server ended while starting: the last lines of {log} say why.")
        if time.monotonic() > deadline:
            raise ChildError(f"The server did not answer within {limit_s:.0f} s: {log} may say why.")
        time.sleep(POLL_S)


def adopt(log: Path, answers: Callable[[], bool], limit_s: float) -> bool:
    """Whether a live server answers already; waits for one that is still starting or ending."""
    deadline = time.monotonic() + limit_s
    while not answers():
        if not is_served(log):
            return False
        if time.monotonic() > deadline:
            raise ChildError(f"A server from before neither answers nor ends: end the processes that hold {log}.")
        time.sleep(POLL_S)
    return True


def is_served(log: Path) -> bool:
    """Whether any process of a child that writes to `log` is alive, however its parent ended.

    A lock is better evidence than a pid file: it cannot be stale, and no stranger can inherit it.
    """
    if not log.exists():
        return False
    descriptor = os.open(log, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def start_lock(path: Path, owner: Owner, limit_s: float) -> Iterator[None]:
    """Let one starter at a time go on; the others wait up to `limit_s`, and then find its server."""
    deadline = time.monotonic() + limit_s
    descriptor = _open_as(path, os.O_RDWR, owner)
    try:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() > deadline:
                raise ChildError(f"Another process has been starting this server for too long: end what holds {path}.")
            time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)


def make_data_dir(data_dir: Path, owner: Owner) -> None:
    """Make sure that `data_dir` exists and that `owner` can pass through it.

    As root we open what we make, or find empty, to passers-by; and nothing else.
    """
    missing = [path for path in (data_dir, *data_dir.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0 and (missing or not any(data_dir.iterdir())):
        for path in missing or [data_dir]:
            path.chmod(0o711)
    if not owner.can_enter(data_dir):
        raise ChildError(
            f"Uid {owner.uid}, which the server runs as, cannot reach {data_dir}: choose a data directory"
            " in folders that others may pass through (chmod o+x)."
        )


def own_folder(folder: Path, owner: Owner) -> None:
    """Make sure that `folder` is a real folder which only `owner` (and root) can enter."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if os.geteuid() == 0 and folder.lstat().st_uid == 0:
        os.chown(folder, owner.uid, owner.gid, follow_symlinks=False)
    check_owner(folder, owner)
    if stat.S_IMODE(folder.stat().st_mode) != 0o700:
        folder.chmod(0o700)


def check_owner(folder: Path, owner: Owner) -> None:
    """Raise unless `folder` is a real folder of `owner`: anyone may put a name into /tmp before us."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.uid:
        raise ChildError(f"{folder} is not a folder of uid {owner.uid}: remove it, or use another data directory.")


def socket_folder(folder: Path, socket_name: str) -> Path:
    """`folder`, or always the same short one for it where its path cannot hold a socket.

    Too long for the kernel, or with a comma: PostgreSQL's clients read that as two hosts.
    """
    path = os.fsencode(folder / socket_name)
    if len(path) <= SOCKET_PATH_BYTES_MAX and b"," not in path:
        return folder
    return SHORT_FOLDER / f"fealty-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


@contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """A new folder beside `place` that takes its name at the end: `place` is whole or not there.

    Removes what earlier attempts left behind, so only one process at a time may do this.
    """
    for torn in place.parent.glob(f"{place.name}.new-*"):
        shutil.rmtree(torn)
    fresh = Path(tempfile.mkdtemp(prefix=f"{place.name}.new-", dir=place.parent))
    yield fresh
    fresh.rename(place)
    parent = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(parent)  # a power cut does not undo the rename
    finally:
        os.close(parent)


@contextmanager
def errors_as(kind: type[Exception], data_dir: Path) -> Iterator[None]:
    """Raise what goes wrong with a child or its files as `kind`, in one sentence."""
    try:
        yield
    except ChildError as error:
        raise kind(str(error)) from error
    except OSError as error:
        raise kind(
            f"{error.filename or data_dir} cannot be used ({error.strerror}): choose a data directory that Fealty may"
            " write to."
        ) from error


@contextmanager
def _locked_log(log: Path, owner: Owner) -> Iterator[int]:
    """The log, open for writing and locked; the lock lasts while a child holds the file open."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(f"{log.name}.old"))
    descriptor = _open_as(log, os.O_WRONLY | os.O_APPEND, owner)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def _open_as(path: Path, flags: int, owner: Owner) -> int:
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    if os.geteuid() == 0:
        os.fchown(descriptor, owner.uid, owner.gid)
    return descriptor


def _become(command: list[str], parent: int, death_signal: int, uid: int, gid: int) -> None:
    if os.geteuid() == 0 and uid != 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)  # after setuid, which clears it; exec keeps it
        if os.getppid() != parent:  # it died before we asked to be told
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - becoming the server is the point


if __name__ == "__main__":
    _become(sys.argv[5:], *map(int, sys.argv[1:5]))
