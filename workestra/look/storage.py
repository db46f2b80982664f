"""Static files of a deployment: hashed names, compressed, and one stylesheet per bundle instead of fifty."""

import re
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

from workestra.look.stylesheets import BUNDLES, files, joined

_COMMENT = re.compile(rb"\s*/\*.*?\*/", re.DOTALL)
_SPACE = re.compile(rb"""("[^"]*"|'[^']*')|\s*([{};,]|:(?=\s))\s*|\s+""")
_SCRIPT_COMMENT = re.compile(rb"^ *//.*\n", re.MULTILINE)


def _packed(styles: bytes) -> bytes:
    """The same rules, without the spaces between them; strings stay as they are."""
    return _SPACE.sub(lambda found: found[1] or found[2] or b" ", styles).replace(b";}", b"}").strip()


class BundledStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise is untyped.
    """Joins the stylesheets of each bundle while `collectstatic` runs. Comments go, and spaces that mean nothing; so do
    those comments of our own scripts that have a line to themselves. Nothing else."""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        if not dry_run:
            for bundle in BUNDLES:
                paths[joined(bundle)] = (self, joined(bundle))
                self._join(bundle)
            for path in [path for path in paths if path.startswith("js/")]:
                paths[path] = (self, path)
                self._without_comments(path)
        yield from super().post_process(paths, dry_run=dry_run, **options)

    def _without_comments(self, path: str) -> None:
        with self.open(path) as file:
            script = _SCRIPT_COMMENT.sub(b"", file.read())
        self.delete(path)
        self._save(path, ContentFile(script))

    def _join(self, bundle: str) -> None:
        # Only tokens.css has relative URLs, and it lies beside the bundle: they need no rewriting.
        parts = []
        for path in files(bundle):
            with self.open(path) as file:
                parts.append(_packed(_COMMENT.sub(b"", file.read())))
        self.delete(joined(bundle))
        self._save(joined(bundle), ContentFile(b"\n".join(parts)))
