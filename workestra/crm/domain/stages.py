"""How far somebody has come with us, and how far a deal has: ordered stages with their labels."""

from typing import Final

STAGES: Final = (
    ("lead", "Lead"),
    ("qualified", "Qualified"),
    ("evaluating", "Evaluating"),
    ("customer", "Customer"),
    ("former", "Former customer"),
)
"""Lifecycle stages of a person, in the order people go through them."""

DEAL_STAGES: Final = (
    ("interest", "Interest"),
    ("discovery", "Discovery"),
    ("proposal", "Proposal"),
    ("negotiation", "Negotiation"),
    ("contract", "Contract"),
)
"""Stages of an open opportunity, in the order it goes through them."""

OUTCOMES: Final = (("", "Open"), ("won", "Won"), ("lost", "Lost"))


def step_of(stage: str) -> int:
    """Which step of a deal a stage is: 1 for the first; 0 for one that is not known."""
    return next((number for number, (key, _) in enumerate(DEAL_STAGES, start=1) if key == stage), 0)


def money_words(amount: int, currency: str) -> str:
    """ "EUR 46,000" """
    return f"{currency} {amount:,}"
