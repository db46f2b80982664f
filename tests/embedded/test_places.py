import os
from pathlib import Path

import pytest

from workestra.embedded import places


def test_a_socket_stays_in_the_clone_when_its_path_is_short_and_plain() -> None:
    assert places.socket_folder(Path("/srv/workestra/var/run")) == Path("/srv/workestra/var/run")


@pytest.mark.parametrize(
    "folder",
    [
        Path("/srv") / ("long" * 25) / "var/run",
        Path("/srv/with space/var/run"),
        Path("/srv/a,b/var/run"),
        Path("/srv/Ünï/var/run"),
    ],
)
def test_a_socket_whose_path_would_not_do_lies_under_tmp(folder: Path) -> None:
    instead = places.socket_folder(folder)
    assert instead.parent == Path("/tmp")
    assert len(os.fsencode(instead / ".s.PGSQL.5432.lock")) < 60
    assert instead == places.socket_folder(folder)
    assert instead != places.socket_folder(folder.parent / "other")


def test_a_private_folder_lets_only_its_owner_in(tmp_path: Path) -> None:
    folder = places.private_folder(tmp_path / "a" / "b")
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    assert places.private_folder(folder).stat().st_mode & 0o777 == 0o700


def test_a_private_folder_that_somebody_else_prepared_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "trap").symlink_to(tmp_path / "theirs")
    with pytest.raises(PermissionError, match="belongs to another user"):
        places.private_folder(tmp_path / "trap")
    with pytest.raises(PermissionError, match="belongs to another user"):
        places.private_folder(tmp_path / "theirs", owner=(os.geteuid() + 1, os.getegid()))


def test_an_ordinary_users_data_lies_in_the_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert places.kept(tmp_path / "var", tmp_path / "system").data == tmp_path / "var" / "postgres"


def test_roots_data_lies_outside_and_a_new_clone_at_the_same_path_starts_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    var, system = tmp_path / "clone" / "var", tmp_path / "system"
    first = places.kept(var, system)
    assert first.data.is_relative_to(system)
    first.data.mkdir()
    assert places.kept(var, system) == first
    elsewhere = places.kept(tmp_path / "other clone" / "var", system)
    elsewhere.data.mkdir()

    (var / "postgres.name").unlink()
    second = places.kept(var, system)
    assert second.data != first.data
    assert not first.data.exists()
    assert elsewhere.data.exists()


def test_a_throwaway_place_is_removed_and_so_is_one_that_a_killed_process_left() -> None:
    with places.throwaway() as left:
        left.data.mkdir()
        folder = left.data.parent
        (folder.parent / f"{folder.name}-killed").mkdir()
        (folder.parent / f"{folder.name}-killed" / "lock").touch()
        with places.throwaway() as place:
            assert folder.exists(), "it is in use"
            assert not (folder.parent / f"{folder.name}-killed").exists()
            assert place.data.parent != folder
        assert not place.data.parent.exists()
    assert not folder.exists()
