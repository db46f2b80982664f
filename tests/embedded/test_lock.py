import subprocess
import sys
from pathlib import Path

import pytest

from workestra.embedded.lock import AlreadyRunning, is_held, start_lock


def test_a_second_start_is_refused_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    with (
        start_lock(tmp_path / "run.lock", "at http://localhost:8000"),
        pytest.raises(AlreadyRunning, match=r"process \d+, at http://localhost:8000"),
        start_lock(tmp_path / "run.lock", "at http://localhost:8001"),
    ):
        raise AssertionError("held twice")


def test_a_freed_lock_can_be_taken_again_and_tells_of_no_killed_holder(tmp_path: Path) -> None:
    with start_lock(tmp_path / "run.lock", "first"):
        assert is_held(tmp_path / "run.lock")
    assert not is_held(tmp_path / "run.lock")
    with start_lock(tmp_path / "run.lock", "second") as killed:
        assert not killed


def test_the_lock_of_a_killed_process_is_free_and_tells_that_it_was_killed(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from workestra.embedded.lock import start_lock\n"
        "with start_lock(Path(sys.argv[1]), 'killed'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script, tmp_path / "run.lock"]).returncode == -9
    with start_lock(tmp_path / "run.lock", "next") as killed:
        assert killed


def test_a_lock_that_was_never_taken_is_not_held(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "run.lock")
