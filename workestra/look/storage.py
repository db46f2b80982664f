"""Static files of a deployment: hashed names, compressed, and one stylesheet per bundle instead of fifty."""

from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

from workestra.look.stylesheets import BUNDLES, files, joined


class BundledStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Joins the stylesheets of each bundle while `collectstatic` runs. Nothing else is done to them: no build step."""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        if not dry_run:
            for bundle in BUNDLES:
                paths[joined(bundle)] = (self, joined(bundle))
                self._join(bundle)
        yield from super().post_process(paths, dry_run=dry_run, **options)

    def _join(self, bundle: str) -> None:
        parts = []
        for path in files(bundle):
            with self.open(path) as file:
                # The bundle lies one folder above most of its parts; only tokens.css has URLs, and it lies beside it.
                parts.append(file.read())
        self.delete(joined(bundle))
        self._save(joined(bundle), ContentFile(b"\n".join(parts)))
