"""Workspaces, the people in them, and their groups. Users have UUID keys: see docs/architecture.md."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractBaseUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from workestra.accounts.domain.permissions import ADMIN_ROLES, DEFAULT_GRANTS, Permission, Role, Scope


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person who signs in. As a host, the row that is locked before his time is taken."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    username = models.CharField(
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(r"^[a-z0-9]+(-[a-z0-9]+)*$", "Use lowercase letters, digits and single dashes.")
        ],
        help_text="Part of the addresses of this person's managed booking links.",
    )
    name = models.CharField(max_length=120)
    timezone = models.CharField(max_length=64, default="UTC")
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)
    sessions_ended = models.PositiveIntegerField(default=0)
    """How often all sessions were ended at once: every session knows the number it began under."""

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["username", "name"]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique_whatever_case")]

    def __str__(self) -> str:
        return self.name

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django compares it at every request, and drops the session when it differs.
        key = f"workestra.accounts.sessions.{self.sessions_ended}"
        return salted_hmac(key, self.password, secret=secret, algorithm="sha256").hexdigest()

    @property
    def first_name(self) -> str:
        return self.name.split(" ")[0]


class Workspace(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user in a workspace, with a role. A request's `member` is one of these."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=[(role.value, role.value.title()) for role in Role])
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)
    invited_at = models.DateTimeField(null=True, blank=True)
    """When he was last invited; None once he has accepted. Until then he is no active member."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="membership_once_per_workspace"),
            models.CheckConstraint(
                condition=Q(is_active=False) | Q(invited_at=None), name="membership_active_once_accepted"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"

    @property
    def is_admin(self) -> bool:
        """Whether this member is an admin or the owner of the workspace."""
        return Role(self.role) in ADMIN_ROLES

    @property
    def administers(self) -> bool:
        """Whether admin pages have anything for this member: the whole workspace's, or a group's."""
        # `selectors.current_member` reads it with the row: every page's sidebar asks.
        return self.is_admin or bool(getattr(self, "administers_a_group", False))

    def scope_of(self, permission: Permission) -> Scope | None:
        """How far `permission` reaches for this member; None when he does not have it."""
        granted = {
            grant.permission: grant.scope
            for grant in self.workspace.role_grants.all()
            if grant.role == self.role
        }
        if permission in granted:
            return Scope(granted[permission]) if granted[permission] else None
        return DEFAULT_GRANTS[Role(self.role)].get(permission)


class RoleGrant(models.Model):
    """A workspace's own answer for one role and permission, in place of the default; an empty scope takes it away."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="role_grants")
    role = models.CharField(max_length=16, choices=[(role.value, role.value.title()) for role in Role])
    permission = models.CharField(
        max_length=32, choices=[(permission.value, permission.value) for permission in Permission]
    )
    scope = models.CharField(
        max_length=8, blank=True, choices=[(scope.value, scope.value) for scope in Scope]
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "role", "permission"], name="role_grant_once")
        ]

    def __str__(self) -> str:
        return f"{self.role}: {self.permission} = {self.scope or 'none'}"


class Group(models.Model):
    """A named set of members; some of them may administer it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=80)
    members: "models.ManyToManyField[Membership, GroupMembership]" = models.ManyToManyField(
        Membership, through="GroupMembership", related_name="groups"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="group_name_once_per_workspace")
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class GroupMembership(models.Model):
    group = models.ForeignKey(Group, on_delete=models.CASCADE)
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE)
    is_admin = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "membership"], name="group_membership_once")]

    def __str__(self) -> str:
        return f"{self.membership} in {self.group}"
