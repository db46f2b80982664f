import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.template import Context, Template

from workestra.look.stylesheets import BUNDLES, files

STATIC = Path(settings.BASE_DIR) / "static"


def link_tags(bundle: str) -> list[str]:
    html = Template("{% load ui %}{% stylesheets bundle %}").render(Context({"bundle": bundle}))
    return re.findall(r'<link rel="stylesheet" href="([^"]+)">', html)


@pytest.fixture
def collected(settings: Any, static_root: Path) -> Path:
    settings.STATIC_ROOT = str(static_root)
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "workestra.look.storage.BundledStaticFilesStorage"}
    }
    return static_root


def test_every_file_of_a_bundle_is_there() -> None:
    for bundle in BUNDLES:
        assert [path for path in files(bundle) if not (STATIC / path).is_file()] == []


def test_every_stylesheet_is_in_a_bundle() -> None:
    written = {str(path.relative_to(STATIC)) for path in (STATIC / "css").rglob("*.css")}
    assert written == {path for bundle in BUNDLES for path in files(bundle)}


def test_nothing_is_outside_a_cascade_layer() -> None:
    for path in (STATIC / "css").rglob("*.css"):
        code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        outside = re.sub(
            r"\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*\})*\}", "{}", code
        )
        heads = [head.strip() for head in re.findall(r"([^{};]+)[{;]", outside)]
        assert [head for head in heads if not head.startswith(("@layer", "@font-face", "@media"))] == [], path


def test_while_developing_each_file_is_linked_by_itself() -> None:
    assert link_tags("public") == [f"/static/{path}" for path in files("public")]


def test_a_deployment_links_one_file(collected: Path) -> None:
    (href,) = link_tags("public")
    assert re.fullmatch(r"/static/css/public\.[0-9a-f]{12}\.css", href)
    joined = (collected / href.removeprefix("/static/")).read_text()
    assert ".sheet-bar" in joined
    assert "/*" not in joined
    font = re.search(r'url\("\.\./(fonts/hanken-grotesk-latin\.[0-9a-f]+\.woff2)"\)', joined)
    assert font
    assert (collected / font[1]).is_file()


def test_our_own_scripts_lose_their_comments_and_nothing_else(collected: Path) -> None:
    script = (collected / "js/ui.js").read_text()
    kept = [
        line for line in (STATIC / "js/ui.js").read_text().splitlines() if not line.strip().startswith("//")
    ]
    assert script.splitlines() == kept


def test_the_work_bundle_holds_every_component(collected: Path) -> None:
    joined = (collected / "css/work.css").read_text()
    for name in (".sec", ".dlg", ".row", ".lock", ".week", ".savebar", ".sheet"):
        assert re.search(rf"[{{}}]{re.escape(name)}{{", joined), name


@pytest.mark.thorough
def test_collecting_twice_gives_the_same_names(collected: Path) -> None:
    before = link_tags("work")
    call_command("collectstatic", interactive=False, verbosity=0)
    assert link_tags("work") == before
    assert staticfiles_storage.exists(before[0].removeprefix("/static/"))


def test_a_public_page_stays_under_sixty_kilobytes(collected: Path) -> None:
    sent = ["css/public.css", "icons.svg", "logo.svg", "js/ui.js", "vendor/htmx/htmx.min.js"]
    compressed = sum(len(gzip.compress((collected / name).read_bytes(), 9)) for name in sent)
    font = (collected / "fonts/hanken-grotesk-latin.woff2").stat().st_size
    longest_page = 4_000
    assert compressed + font + longest_page < 60_000
