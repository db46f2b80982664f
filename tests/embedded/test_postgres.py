import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from environs import Env

from tests.embedded.test_supervisor import eventually, is_running
from workestra.embedded import places, postgres
from workestra.embedded.beside import throwaway_postgres
from workestra.embedded.supervisor import Supervisor


@pytest.mark.parametrize("folder", ["/srv/Work-Estra/var/run", "/tmp/workestra-0-ab12"])
def test_the_url_of_a_server_survives_the_parser_of_the_settings(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = postgres.Binaries(Path("/nowhere"), 18)
    server = postgres.Server(binaries, places.Place(Path("/data"), Path(folder)), None)
    monkeypatch.setenv("SOME_URL", server.url())
    parsed = Env().dj_db_url("SOME_URL")
    assert (parsed["HOST"], parsed["NAME"], parsed["USER"]) == (folder, "workestra", "workestra")


def test_the_server_of_this_test_run_sorts_as_in_production_and_its_role_is_no_superuser(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)
        cursor.execute("SELECT value FROM unnest(ARRAY['b', 'É', 'a', 'B']) value ORDER BY value")
        assert [row[0] for row in cursor.fetchall()] == ["B", "a", "b", "É"]


def test_data_of_another_major_version_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("9\n")
    server = postgres.Server(
        postgres.Binaries(Path("/nowhere"), 18), places.Place(tmp_path / "data", tmp_path / "run"), None
    )
    with pytest.raises(postgres.PostgresUnusable, match="made by PostgreSQL 9, but the one found here is 18"):
        postgres.create(server)
    assert (tmp_path / "data" / "PG_VERSION").exists()


def test_without_any_binaries_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_candidates", lambda copy: [tmp_path])
    with pytest.raises(postgres.PostgresUnusable, match="apt-get install postgresql"):
        postgres.server(places.Place(tmp_path / "data", tmp_path / "run"))


def test_data_stays_from_start_to_start_and_a_server_left_behind_is_replaced(tmp_path: Path) -> None:
    with places.throwaway() as place:
        server = postgres.server(place)
        assert postgres.create(server, sync=False)
        with Supervisor(tmp_path) as supervisor:
            postgres.start(supervisor, server, postgres.THROWAWAY)
            with psycopg.connect(server.url()) as session:
                session.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert not postgres.create(server, sync=False)

        # A server that outlived its supervisor, as after a kill where the kernel does not end the children.
        account = server.account
        left = subprocess.Popen(
            [
                *(server.binaries.folder / "postgres", "-D", place.data),
                *("-c", "listen_addresses=", "-c", f"unix_socket_directories={place.sockets}"),
            ],
            stderr=subprocess.DEVNULL,
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
        )
        assert eventually((place.data / "postmaster.pid").exists)
        with Supervisor(tmp_path) as supervisor:
            child = postgres.start(supervisor, server, postgres.THROWAWAY)
            assert left.wait(timeout=10) == 0
            assert child.process.poll() is None
            with psycopg.connect(server.url()) as session:
                row = session.execute("SELECT answer FROM kept").fetchone()
        assert row == (42,)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel has no such call")
def test_no_server_and_no_file_is_left_when_its_process_is_killed() -> None:
    script = (
        "import os, signal\n"
        "from workestra.embedded import beside\n"
        "with beside.throwaway_postgres() as url:\n"
        "    print(url, flush=True); signal.pause()"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    os.environ["SOME_URL"] = process.stdout.readline().strip()
    folder = Path(Env().dj_db_url("SOME_URL")["HOST"]).parent
    del os.environ["SOME_URL"]
    server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert eventually(lambda: not is_running(server))
    with places.throwaway():
        assert not folder.exists()


def test_a_throwaway_server_holds_an_empty_database_of_its_own() -> None:
    with throwaway_postgres() as url, psycopg.connect(url) as session:
        assert session.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (
            0,
        )
        session.execute("CREATE EXTENSION btree_gist")
        session.execute("CREATE EXTENSION pg_trgm")
