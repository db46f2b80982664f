"""One spelling per mailbox, so that a person is found again."""

import unicodedata


def normalized_email(address: str) -> str:
    """The address as people are matched by it: NFKC, case-folded, without surrounding blanks.

    Dots and plus tags are kept: only the mailbox's own provider knows what they mean.
    """
    return unicodedata.normalize("NFKC", address).strip().casefold()
