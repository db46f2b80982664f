"""What has to be done to an installation before it is served, in one process: tables, static files, demo workspace."""

import hashlib
import json
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TextIO

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from workestra.embedded import places
from workestra.embedded.progress import say


def main(arguments: list[str]) -> None:
    """Bring the database and the static files up to date.

    `--demo FILE` also makes the demo workspace unless it is there, and writes to FILE what the user is to be told of
    it. `--progress FD` is the open file descriptor for progress lines; everything else goes to standard output.
    """
    parser = ArgumentParser(prog="python -m workestra.embedded.prepare")
    parser.add_argument("--demo", type=Path)
    parser.add_argument("--progress", type=int, default=1)
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workestra.settings")
    with os.fdopen(options.progress, "w", closefd=False) as progress:
        say("Bringing the tables up to date", progress)
        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        collect_static(places.VAR / "static.fingerprint", progress)
        if options.demo:
            say("Looking after the demo workspace", progress)
            call_command("seed_demo")
    if options.demo:
        with options.demo.open("w") as file:
            call_command("seed_demo", show=True, stdout=file)


def collect_static(note: Path, progress: TextIO) -> bool:
    """Run `collectstatic` unless nothing has changed since `note` was written; returns whether it ran."""
    now = static_fingerprint()
    if Path(settings.STATIC_ROOT).is_dir() and note.exists() and note.read_text() == now:
        return False
    say("Collecting the static files", progress)
    note.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    note.write_text(now)
    return True


def static_fingerprint() -> str:
    """A hash of where every static file lies, how large it is and when it changed, and of how they are stored."""
    seen = []
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = os.stat(storage.path(name))
            seen.append((storage.path(name), status.st_size, status.st_mtime_ns))
    text = json.dumps([settings.STORAGES["staticfiles"], settings.STATIC_URL, sorted(seen)], default=str)
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
