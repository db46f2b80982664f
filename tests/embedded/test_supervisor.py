import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workestra.embedded import leash
from workestra.embedded.supervisor import ChildFailed, Supervisor, tail

SLEEP = ["sleep", "60"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_death_of_a_child_is_told_with_the_end_of_its_log_and_stops_the_others(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        other = supervisor.start("other", SLEEP)
        supervisor.start("broken", ["sh", "-c", "echo 'no such table' >&2; exit 3"])
        with pytest.raises(ChildFailed) as failure:
            supervisor.watch()
    assert failure.value.name == "broken"
    assert "ended with exit code 3" in str(failure.value)
    assert "    no such table" in str(failure.value)
    assert not is_running(other.process.pid)


def test_a_killed_child_is_told_by_the_name_of_the_signal(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("child", SLEEP).process.kill()
        with pytest.raises(ChildFailed, match="was ended by SIGKILL"):
            supervisor.watch()


def test_a_child_that_is_not_ready_in_time_fails(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("child", SLEEP)
        with pytest.raises(ChildFailed, match="child was not ready after 0 s"):
            supervisor.wait_until(child, lambda: False, seconds=0)


def test_an_answer_does_not_count_when_the_child_itself_has_died(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("child", ["false"])
        child.process.wait()
        with pytest.raises(ChildFailed, match="child ended with exit code 1"):
            supervisor.wait_until(child, lambda: True, seconds=5)


def test_children_stop_last_started_first_each_with_its_own_signal(tmp_path: Path) -> None:
    # Not SIGINT: a shell cannot trap what was ignored when it started, as in a job put into the background.
    script = "trap 'echo {0} >> {1}; exit' {0}; echo up; while :; do sleep 0.02; done"
    order = tmp_path / "order"
    with Supervisor(tmp_path) as supervisor:
        for name, number in {
            "first": signal.SIGUSR2,
            "second": signal.SIGTERM,
            "third": signal.SIGUSR1,
        }.items():
            command = ["sh", "-c", script.format(number.name.removeprefix("SIG"), order)]
            child = supervisor.start(name, command, stop_signal=number)
            supervisor.wait_until(child, lambda log=child.log: "up" in log.read_text(), seconds=10)
    assert order.read_text().split() == ["USR1", "TERM", "USR2"]


def test_a_child_that_does_not_stop_is_killed_when_its_grace_is_over(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("stubborn", STUBBORN, grace=0.1)
        supervisor.wait_until(child, lambda: "up" in child.log.read_text(), seconds=10)
    assert child.process.returncode == -signal.SIGKILL


def test_what_a_child_started_itself_ends_with_it(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("parent", ["sh", "-c", "sleep 60 & echo $!; wait"])
        supervisor.wait_until(child, lambda: child.log.read_text().endswith("\n"), seconds=10)
        grandchild = int(child.log.read_text())
        assert is_running(grandchild)
    assert eventually(lambda: not is_running(grandchild))


def test_a_child_that_is_meant_to_end_is_waited_for(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.wait_for(supervisor.start("job", ["true"]))
        supervisor.check()
        with pytest.raises(ChildFailed, match="job ended with exit code 1"):
            supervisor.wait_for(supervisor.start("job", ["false"]))


def test_the_log_of_the_last_run_is_kept(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with Supervisor(tmp_path) as supervisor:
            supervisor.wait_for(supervisor.start("job", ["echo", text]))
    assert (tmp_path / "job.log").read_text() == "second\n"
    assert (tmp_path / "job.log.1").read_text() == "first\n"


def test_a_log_without_lines_says_so(tmp_path: Path) -> None:
    assert tail(tmp_path / "never.log") == "    (nothing)"
    (tmp_path / "many.log").write_text("".join(f"{number}\n" for number in range(100)))
    assert tail(tmp_path / "many.log", lines=2) == "    98\n    99"


# --- In a process of its own: signals ------------------------------------------------------------------------------

PARENT = """
import sys
from pathlib import Path
from workestra.embedded.supervisor import Stopped, Supervisor

try:
    with Supervisor(Path(sys.argv[1])) as supervisor:
        supervisor.obey_signals()
        print(supervisor.start("one", ["sleep", "60"]).process.pid)
        print(supervisor.start("two", ["sleep", "60"]).process.pid, flush=True)
        supervisor.watch()
except Stopped:
    print("stopped")
"""


def parent(logs: Path) -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen([sys.executable, "-c", PARENT, logs], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, [int(process.stdout.readline()) for _ in range(2)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_stop_stops_the_children(number: signal.Signals, tmp_path: Path) -> None:
    process, children = parent(tmp_path)
    process.send_signal(number)
    assert process.communicate(timeout=10) == ("stopped\n", None)
    assert not any(is_running(child) for child in children)


def test_no_child_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    process, children = parent(tmp_path)
    process.kill()
    process.communicate()
    assert eventually(lambda: not any(is_running(child) for child in children))


def test_the_leash_remembers_the_children_that_have_not_ended() -> None:
    assert leash.watch(["+ 10 2\n", "+ 11 15\n", "- 10\n", "+ 12 15\n"]) == {11: 15, 12: 15}


def test_the_leash_stops_the_children_when_its_pipe_closes() -> None:
    with subprocess.Popen(SLEEP) as child, subprocess.Popen(SLEEP) as ended:
        script = [sys.executable, "-I", leash.__file__]
        with subprocess.Popen(script, stdin=subprocess.PIPE, text=True) as watcher:
            assert watcher.stdin is not None
            watcher.stdin.write(f"+ {child.pid} 15\n+ {ended.pid} 15\n- {ended.pid}\n")
        assert child.wait(timeout=10) == -signal.SIGTERM
        assert ended.poll() is None
        ended.kill()
