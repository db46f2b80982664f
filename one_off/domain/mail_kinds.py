"""The kinds of mails about one-offs, as the outbox names them."""

from typing import Final

PROPOSAL: Final = "one-off proposal"
PROPOSED_HOST: Final = "one_off.proposed.host"
DECLINED_INVITEE: Final = "one_off.declined.invitee"
