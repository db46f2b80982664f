"""Stops a supervisor's children when the supervisor itself was killed, where the kernel does not do that (macOS).

Run as a script with the read end of the supervisor's pipe as standard input. Each line there is `+ PID SIGNAL` for a
child that was started or `- PID` for one that has ended. The end of the input means that the supervisor is gone.
"""

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress


def watch(lines: Iterable[str]) -> dict[int, int]:
    """Read `lines` to their end and return the children left then: process id to the signal that stops it."""
    alive: dict[int, int] = {}
    for line in lines:
        match line.split():
            case ["+", pid, number]:
                alive[int(pid)] = int(number)
            case ["-", pid]:
                alive.pop(int(pid), None)
    return alive


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for pid, number in reversed(watch(sys.stdin).items()):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
