"""Child processes that start in order, are watched, stop in the reverse order and never outlive their parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

_PR_SET_PDEATHSIG = 1  # prctl(2)
_POLL_SECONDS = 0.05


class Stopped(Exception):
    """The user asked to stop (Ctrl-C, SIGTERM or a closed terminal)."""


class ChildFailed(Exception):
    """A child ended although it should run on, or was not ready in time. The text ends with the tail of its log."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        super().__init__(f"{name} {what}. The end of {log}:\n{tail(log)}")
        self.name = name


@dataclass(frozen=True)
class Account:
    """The system user that a child runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Child:
    """A started process, leader of its own process group. `grace` is the seconds it has to stop in."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals
    grace: float


class Supervisor:
    """Owns its children: leaving the `with` block stops them, last started first."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []
        self._asked = 0
        self._leash: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def obey_signals(self) -> None:
        """Turn SIGINT, SIGTERM and SIGHUP into `Stopped` at the next wait; a second one kills what still runs."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 10,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        account: Account | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Child:
        """Start `command` in a process group of its own, so that a Ctrl-C in the terminal reaches only the supervisor.

        Standard output and error go to `<name>.log`; the last run's stays as `<name>.log.1`. Call it from the main
        thread: the kernel stops the child when the thread that started it ends.

        Raises OSError when the command cannot be run.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        with log.open("wb") as file:
            process = subprocess.Popen(
                [os.fspath(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=pass_fds,
                env=env,
                cwd=cwd,
                process_group=0,
                preexec_fn=_die_with_parent(stop_signal),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        child = Child(name, process, log, stop_signal, grace)
        self._children.append(child)
        self._tell_leash(f"+ {process.pid} {int(stop_signal)}")
        return child

    def wait_until(self, child: Child, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready()`, watching every child.

        Raises ChildFailed, for `child` when `seconds` pass first, and Stopped.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ChildFailed(child.name, f"was not ready after {seconds:.0f} s", child.log)
            time.sleep(_POLL_SECONDS)
        # What answered may have been another process than ours.
        self.check()

    def wait_for(self, child: Child) -> None:
        """Wait for a `child` that is meant to end.

        Raises ChildFailed when it ends with another exit code than 0, and Stopped.
        """
        while child.process.poll() is None:
            self.check(besides=child)
            time.sleep(_POLL_SECONDS)
        if child.process.returncode:
            self.check()
        self._forget(child)

    def watch(self) -> None:
        """Return never: raises Stopped when asked to stop, ChildFailed when any child ends."""
        while True:
            self.check()
            time.sleep(4 * _POLL_SECONDS)

    def check(self, besides: Child | None = None) -> None:
        """Raise Stopped when asked to stop, ChildFailed when a child other than `besides` has ended."""
        if self._asked:
            raise Stopped
        for child in self._children:
            code = child.process.poll()
            if code is not None and child is not besides:
                how = (
                    f"was ended by {signal.Signals(-code).name}"
                    if code < 0
                    else f"ended with exit code {code}"
                )
                raise ChildFailed(child.name, how, child.log)

    def stop(self) -> None:
        """Stop every child, the last started first, each with its own signal, and kill it when its grace is over."""
        while self._children:
            child = self._children[-1]
            if child.process.poll() is None:
                child.process.send_signal(child.stop_signal)
                deadline = time.monotonic() + child.grace
                while child.process.poll() is None and time.monotonic() < deadline and self._asked < 2:
                    time.sleep(_POLL_SECONDS / 5)
            # Also what the child itself started and left behind.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
            self._forget(child)
        if self._leash is not None:
            assert self._leash.stdin is not None
            self._leash.stdin.close()
            self._leash.wait()
            self._leash = None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._asked += 1

    def _forget(self, child: Child) -> None:
        self._children.remove(child)
        self._tell_leash(f"- {child.process.pid}")

    def _tell_leash(self, line: str) -> None:
        if sys.platform == "linux":
            return
        if self._leash is None:
            script = Path(__file__).with_name("leash.py")
            self._leash = subprocess.Popen(
                [sys.executable, "-I", script], stdin=subprocess.PIPE, start_new_session=True
            )
        assert self._leash.stdin is not None
        with suppress(BrokenPipeError):
            self._leash.stdin.write(f"{line}\n".encode())
            self._leash.stdin.flush()


def tail(log: Path, lines: int = 15) -> str:
    """The last `lines` lines of a log file, indented; "(nothing)" when there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        text = ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (nothing)"


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What the new process runs before its program, so that the kernel sends it `number` when its parent dies."""
    if sys.platform != "linux":
        return None
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)  # Loaded here: between fork and exec nothing may be imported.

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # It died before the call above.
            os._exit(1)

    return prepare
