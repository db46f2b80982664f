"""Who may be texted: what was said last counts, and what the phone said only the phone takes back."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from bookings.selectors.texts import texts_offered
from scheduling.domain.workflows import Trigger
from scheduling.models import BookingLink
from tests.bookings.making_workflows import DAY, make_workflow
from tests.factories import make_link
from tests.managed_events.making import make_template
from tests.sms.making import ALICE, PRIYA, booked_with_texts, confirmed, text_step
from workestra.accounts.models import Membership
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import renderer_of
from workestra.sms import selectors, services
from workestra.sms.domain.words import Keyword
from workestra.sms.effects import code_of
from workestra.sms.models import Consent, HostNumber

NOBODY = "Nobody agreed to text messages at this number"
STOPPED = "This number replied STOP"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", NOBODY),
        ("tick", ""),
        ("elsewhere", NOBODY),
        ("START", NOBODY),
        ("tick STOP", STOPPED),
        ("tick STOP tick", STOPPED),
        ("STOP tick", STOPPED),
        ("tick STOP START", ""),
        ("STOP START", NOBODY),
        ("tick STOP START STOP", STOPPED),
        ("tick HELP", ""),
        ("tick STOP elsewhere", STOPPED),
    ],
)
def test_the_table_of_consent(
    said: str, reason: str, ready: None, alice: Membership, carol: Membership, NOW: datetime
) -> None:
    for word in said.split():
        if word in {"tick", "elsewhere"}:
            whose = (alice if word == "tick" else carol).workspace_id
            services.agree(workspace_id=whose, number=PRIYA, wording="W", booking_id=uuid4(), now=NOW)
        else:
            keyword = Keyword(word.lower())
            services.hear(number=PRIYA, keyword=keyword, sid=f"SM{uuid4().hex}", now=NOW)
    assert selectors.why_not(alice.workspace_id, PRIYA) == reason


def test_a_country_that_is_not_served_is_not_texted(ready: None, alice: Membership, NOW: datetime) -> None:
    number = "+442079460148"
    services.agree(workspace_id=alice.workspace_id, number=number, wording="W", booking_id=uuid4(), now=NOW)
    assert "country" in selectors.why_not(alice.workspace_id, number)


def test_a_booking_keeps_when_how_and_to_what_words_somebody_agreed(
    ready: None, link: BookingLink, NOW: datetime
) -> None:
    attendee = booked_with_texts(link, NOW)
    assert attendee.wants_texts
    (given,) = selectors.consents_of(link.workspace_id, [PRIYA])
    assert (given.kind, given.how, given.wording) == ("given", "booking", "Text me.")
    assert (given.booking_id, given.at) == (attendee.booking_id, NOW)


def test_a_hosts_number_counts_once_its_code_was_typed(ready: None, alice: Membership, NOW: datetime) -> None:
    asked = services.enter_number(by=alice, number=ALICE, now=NOW)
    message = OutboxMessage.objects.get()
    text: Any = renderer_of(message.kind)(message, NOW)
    assert text.to == ALICE
    assert code_of(asked) in text.body
    assert selectors.number_of_host(alice.workspace_id, alice.user.email) == ""
    services.confirm_number(by=alice, code=code_of(asked), now=NOW)
    assert selectors.number_of_host(alice.workspace_id, alice.user.email) == ALICE
    assert selectors.why_not(alice.workspace_id, ALICE) == ""
    services.forget_number(by=alice, now=NOW)
    assert selectors.number_of_host(alice.workspace_id, alice.user.email) == ""
    assert selectors.why_not(alice.workspace_id, ALICE) == NOBODY


def test_a_code_is_void_after_five_wrong_ones_ten_minutes_or_another_code(
    ready: None, alice: Membership, NOW: datetime
) -> None:
    first = code_of(services.enter_number(by=alice, number=ALICE, now=NOW))
    asked = services.enter_number(by=alice, number=ALICE, now=NOW)
    wrong = f"{(int(code_of(asked)) + 1) % 1_000_000:06}"
    assert first != code_of(asked)
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(services.WrongCode) as refused:
            services.confirm_number(by=alice, code=wrong, now=NOW)
        assert refused.value.tries_left == left
    with pytest.raises(services.CodeVoid):
        services.confirm_number(by=alice, code=code_of(asked), now=NOW)
    late = services.enter_number(by=alice, number=ALICE, now=NOW)
    with pytest.raises(services.CodeVoid):
        services.confirm_number(by=alice, code=code_of(late), now=NOW.replace(minute=11))
    assert not Consent.objects.exists()


def test_another_number_withdraws_what_was_said_of_the_first(
    ready: None, alice: Membership, NOW: datetime
) -> None:
    confirmed(alice, NOW)
    services.enter_number(by=alice, number=PRIYA, now=NOW)
    assert selectors.why_not(alice.workspace_id, ALICE) == NOBODY
    assert HostNumber.objects.get().confirmed_at is None


def test_who_removes_a_number_that_a_colleague_has_too_ends_none_of_his_texts(
    ready: None, alice: Membership, bob: Membership, carol: Membership, NOW: datetime
) -> None:
    for member in (alice, bob, carol):
        confirmed(member, NOW)
    services.forget_number(by=alice, now=NOW)
    assert selectors.why_not(bob.workspace_id, ALICE) == ""
    assert selectors.number_of_host(alice.workspace_id, alice.user.email) == ""
    services.forget_number(by=bob, now=NOW)
    assert selectors.why_not(bob.workspace_id, ALICE) == NOBODY
    assert selectors.why_not(carol.workspace_id, ALICE) == "", "elsewhere it is another matter"


def test_who_has_left_keeps_no_number_in_texts(
    ready: None, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    for member in (alice, bob):
        confirmed(member, NOW)
    Membership.objects.filter(pk=bob.pk).update(is_active=False)
    services.forget_number(by=alice, now=NOW)
    assert selectors.why_not(bob.workspace_id, ALICE) == NOBODY


def test_no_code_goes_to_a_phone_that_said_stop(ready: None, alice: Membership, NOW: datetime) -> None:
    services.hear(number=ALICE, keyword=Keyword.STOP, sid="SM" + "0" * 32, now=NOW)
    with pytest.raises(services.NumberStopped):
        services.enter_number(by=alice, number=ALICE, now=NOW)
    assert not OutboxMessage.objects.exists()


def test_a_members_own_text_asks_bookers_of_his_links_alone_and_of_none_that_a_template_keeps(
    ready: None, alice: Membership, bob: Membership, dana: Membership, link: BookingLink, NOW: datetime
) -> None:
    assert texts_offered(link) is None
    make_workflow(alice, Trigger.BEFORE_START, text_step(DAY), now=NOW, is_own=True)
    assert texts_offered(link)
    assert texts_offered(make_link(bob)) is None
    link.managed_event_template, link.locked_sections = make_template(dana, now=NOW), ["workflows"]
    assert texts_offered(link) is None
