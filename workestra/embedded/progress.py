"""One progress line a step, with the seconds since the command was typed."""

import os
import sys
import time
from typing import TextIO

STARTED = "WORKESTRA_STARTED"
"""Environment variable: `time.time()` of the first process of the command, so that all its processes share a clock."""


def say(text: str, to: TextIO | None = None) -> None:
    """Print one line at once, to standard output unless told otherwise."""
    elapsed = time.time() - float(os.environ.setdefault(STARTED, str(time.time())))
    print(f"[{max(elapsed, 0):5.1f} s] {text}", file=to or sys.stdout, flush=True)
