"""What allauth may do here: sign people in and out and reset passwords, never create accounts by itself."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from workestra.accounts.models import User
from workestra.accounts.services.members import accept_invites
from workestra.limits.http import client_ip


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """No: people are added by an admin."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The visitor's address, as every other limit sees it."""
        return client_ip(request)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """The page that `key` ("<user>-<token>") opens, at this installation's address, whatever host was asked."""
        user, _, token = key.partition("-")
        return f"{settings.SITE_URL}{reverse('account_reset_password_from_key', args=[user, token])}"

    def set_password(self, user: User, password: str) -> None:
        """Whoever chooses a password has a link out of his mail, or the old one: the address is his."""
        super().set_password(user, password)
        accept_invites(user, timezone.now())
