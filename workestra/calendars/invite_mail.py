"""Putting an invite into a mail, so that mail clients offer to add, move or remove the event by themselves."""

from email.utils import parseaddr

from django.core.mail import EmailMultiAlternatives

from workestra.calendars.domain.invites import Invite, to_ics

FILENAME = "invite.ics"


def attach_invite(message: EmailMultiAlternatives, invite: Invite) -> None:
    """Add `invite` to `message`, which must already have its HTML part: twice, because clients disagree.

    Once as the last alternative, `text/calendar` with the method as a parameter (RFC 6047 section 2.4), which
    is what mail clients act on; once as the file `invite.ics` with the same bytes, for everybody else.

    Raises ValueError when the mail is not sent from the organizer's address: calendars ignore a cancellation
    that comes from somebody else.
    """
    sender = parseaddr(message.from_email)[1]
    if sender.casefold() != invite.organizer.email.casefold():
        raise ValueError(f"the organizer {invite.organizer.email} does not send this mail, {sender} does")
    ics = to_ics(invite)
    message.attach_alternative(ics.decode(), f"text/calendar; method={invite.method}")
    message.attach(FILENAME, ics, "application/ics")
