"""What happens after an invitation is committed: its mail is written when the outbox delivers it."""

from datetime import datetime
from email.utils import formataddr

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from workestra.accounts.adapter import AccountAdapter
from workestra.accounts.models import Membership
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renders
from workestra.people.services import INVITED


@renders(INVITED, "Invitation")
def invitation(message: OutboxMessage, now: datetime) -> EmailMultiAlternatives | Skip:
    """The mail with the link that lets somebody choose a password, and by that become a member."""
    member = Membership.objects.select_related("user", "workspace").filter(pk=message.topic_id).first()
    if member is None or member.invited_at is None:
        return Skip("The invitation was accepted or withdrawn")
    key = f"{user_pk_to_url_str(member.user)}-{default_token_generator.make_token(member.user)}"
    context = {
        "org": member.workspace,
        "person": member.user,
        "link": AccountAdapter().get_reset_password_from_key_url(key),
        "days": settings.PASSWORD_RESET_TIMEOUT // 86_400,
        "recipient": message.recipient,
        "site_url": settings.SITE_URL,
    }
    mail = EmailMultiAlternatives(
        render_to_string("people/mail/invited.subject.txt", context).strip(),
        render_to_string("people/mail/invited.txt", context),
        to=[formataddr((member.user.name, message.recipient))],
    )
    mail.attach_alternative(render_to_string("people/mail/invited.html", context), "text/html")
    return mail
