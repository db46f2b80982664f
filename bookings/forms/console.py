"""What a host types in the console."""

from django import forms

from bookings.models import Booking
from workestra.look.fields import LinesField


class CancelForm(forms.Form):
    reason = LinesField(
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Reason",
        help_text="The booker reads it in the mail. At most 500 characters.",
        error_messages={"max_length": "Keep the reason to 500 characters."},
    )


class AttendanceForm(forms.Form):
    attendance = forms.TypedChoiceField(
        choices=Booking.Attendance.choices,
        coerce=Booking.Attendance,
        required=False,
        empty_value=Booking.Attendance.UNMARKED,
    )
