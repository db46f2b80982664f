"""What allauth may do here: sign people in and out and reset passwords, never create accounts by itself."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """No: people are added by an admin."""
        return False
