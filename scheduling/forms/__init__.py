"""Forms of booking links, schedules and days out of office. `SectionsForm` is also the form of templates."""

from scheduling.forms.links import LinkForm
from scheduling.forms.schedules import AbsenceForm, ScheduleForm
from scheduling.forms.sections import BoundSection, SectionsForm

__all__ = ["AbsenceForm", "BoundSection", "LinkForm", "ScheduleForm", "SectionsForm"]
