"""Sessions in the database."""

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    def __init__(self, session_key: str | None = None) -> None:
        """What cannot be a key counts as none: a cookie may hold anything, NUL too, which PostgreSQL does not take."""
        super().__init__(session_key if session_key and session_key.isalnum() else None)
