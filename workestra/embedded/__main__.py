"""`python -m workestra.embedded COMMAND`; see `main`."""

import sys

from workestra.embedded.beside import manage, run_beside_throwaway
from workestra.embedded.lock import AlreadyRunning
from workestra.embedded.postgres import PostgresUnusable
from workestra.embedded.progress import say
from workestra.embedded.run import PortTaken, run
from workestra.embedded.supervisor import ChildFailed, Stopped
from workestra.embedded.valkey import ValkeyUnusable

_USAGE = """usage: python -m workestra.embedded run
       python -m workestra.embedded manage ARGUMENT ...
       python -m workestra.embedded exec COMMAND ...

run     serve this clone with its own database until Ctrl-C
manage  run manage.py on that database
exec    run a command beside a throw-away PostgreSQL"""


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    try:
        match arguments:
            case ["run"]:
                run()
                return 0
            case ["manage", *rest]:
                return manage(rest)
            case ["exec", _, *_]:
                return run_beside_throwaway(arguments[1:])
            case _:
                print(_USAGE, file=sys.stderr)
                return 2
    except Stopped:
        say("Stopped")
        return 0
    except AlreadyRunning as other:
        print(f"This clone is being served already ({other}). Stop that with Ctrl-C first.", file=sys.stderr)
    except (PortTaken, PostgresUnusable, ValkeyUnusable) as problem:
        print(f"\n{problem}", file=sys.stderr)
    except ChildFailed as failure:
        print(f"\n{failure}", file=sys.stderr)
        if failure.name == "prepare":
            print(
                "If you set DATABASE_URL: does its role own the database?\n"
                "If other code than this made the data in var/, start empty: rm -r var",
                file=sys.stderr,
            )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
