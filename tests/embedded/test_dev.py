import json
import sys
from pathlib import Path

import pytest

import dev


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with requirements and a `.venv` that dev.py believes to work."""
    (tmp_path / "requirements").mkdir()
    for group in (*dev.LINT, dev.INSTALLER):
        (tmp_path / "requirements" / f"{group}.txt").write_text(f"{group}==1\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    monkeypatch.setattr(dev, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(dev, "PYTHON", python)
    monkeypatch.setattr(dev, "UV", tmp_path / ".venv" / "bin" / "uv")
    monkeypatch.setattr(dev, "STAMP", tmp_path / ".venv" / "installed.json")
    monkeypatch.setattr(dev, "make_venv", lambda: False)
    monkeypatch.setattr(dev, "install_uv", dev.UV.touch)
    return tmp_path


@pytest.fixture
def installs(clone: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], bool]]:
    """What was installed: the groups, and whether everything else was removed."""
    done: list[tuple[list[str], bool]] = []
    monkeypatch.setattr(
        dev, "install", lambda groups, remove_others: done.append((list(groups), remove_others))
    )
    return done


def test_what_is_installed_is_not_installed_again(installs: list[tuple[list[str], bool]]) -> None:
    dev.sync(dev.TEST)
    dev.sync(dev.TEST)
    dev.sync(dev.RUN)
    assert [groups for groups, _ in installs] == [["runtime", "embedded", "test"]]


def test_a_change_of_the_smaller_set_keeps_the_larger_one_installed(
    clone: Path, installs: list[tuple[list[str], bool]]
) -> None:
    dev.sync(dev.LINT)
    (clone / "requirements" / "runtime.txt").write_text("runtime==2\n")
    dev.sync(dev.RUN)
    assert installs[-1] == (["runtime", "embedded", "test", "lint"], True)


def test_a_virtual_environment_that_somebody_else_filled_keeps_what_is_in_it(
    installs: list[tuple[list[str], bool]],
) -> None:
    dev.sync(dev.RUN)
    assert installs == [(["runtime", "embedded"], False)]


def test_an_installation_that_was_cut_short_is_done_again(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(dev, "STAMP", clone / "installed.json")
    monkeypatch.setattr(dev, "UV", clone / "no-uv")
    monkeypatch.setattr(dev, "PYTHON", Path("/bin/false"))
    dev.STAMP.write_text(json.dumps({"runtime": "old"}))
    with pytest.raises(dev.Failed, match="Is the network there"):
        dev.install(["runtime"], remove_others=True)
    assert not dev.STAMP.exists()


def test_a_python_without_venv_is_told_the_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "PYTHON", tmp_path / "none")
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(dev.Failed, match=r"apt-get install python3\.\d+-venv"):
        dev.make_venv()


def test_a_failed_step_shows_its_output_and_the_advice() -> None:
    with pytest.raises(dev.Failed, match=r"exit code 7:\nno room on the disk\nMake room\."):
        dev.step(["sh", "-c", "echo no room on the disk; exit 7"], "Make room.")


def test_every_locked_package_is_pinned_with_hashes_and_names_no_index() -> None:
    for group in (*dev.LINT, dev.INSTALLER):
        text = dev.requirements(group).read_text()
        assert "://" not in text
        for requirement in text.replace("\\\n", " ").splitlines():
            name = requirement.split(" ")[0]
            assert "==" in name, requirement
            assert "--hash=sha256:" in requirement, name


def test_the_groups_agree_on_every_version() -> None:
    versions: dict[str, set[str]] = {}
    for group in dev.LINT:
        for line in dev.requirements(group).read_text().splitlines():
            if "==" in line and not line.startswith(" "):
                name, version = line.split(" ")[0].split("==")
                versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
