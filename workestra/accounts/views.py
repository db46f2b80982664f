"""Pages of django-allauth that this product has its own way with."""

from allauth.account.forms import ResetPasswordForm
from allauth.account.views import PasswordResetView
from django.http import HttpResponse

from workestra.limits import services as limits
from workestra.limits.http import with_wait
from workestra.limits.services import LimitReached


class PasswordReset(PasswordResetView):  # type: ignore[misc]
    """Asking for a new password. Each address is sent a few mails an hour, whether anybody signs in with it or not."""

    def form_valid(self, form: ResetPasswordForm) -> HttpResponse:
        try:
            limits.spend("password_resets", form.cleaned_data["email"].casefold())
        except LimitReached as reached:
            form.add_error("email", reached.sentence)
            return with_wait(self.form_invalid(form), reached)
        answer: HttpResponse = super().form_valid(form)
        return answer


password_reset = PasswordReset.as_view()
