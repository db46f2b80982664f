"""Forms of booking links. `SectionsForm` is also the form of templates."""

from scheduling.forms.links import LinkForm
from scheduling.forms.sections import BoundSection, SectionsForm

__all__ = ["BoundSection", "LinkForm", "SectionsForm"]
