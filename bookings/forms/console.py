"""What a host types in the console."""

from django import forms

from bookings.models import Booking


class CancelForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        required=False,
        strip=True,
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
