"""Sign-in and its relatives, in the look of the other pages."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from workestra.accounts.models import Membership


@pytest.fixture
def known(alice: Membership) -> Membership:
    alice.user.set_password("correct horse")
    alice.user.save()
    return alice


def text(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("account_login", "Sign in"),
        ("account_reset_password", "Reset your password"),
        ("account_reset_password_done", "Check your email"),
        ("account_reset_password_from_key_done", "Password saved"),
        ("account_signup", "There is no sign-up"),
        ("account_inactive", "This account is switched off"),
    ],
)
def test_a_page_at_the_door_has_one_heading_and_our_styles(name: str, heading: str) -> None:
    page = text(Client().get(reverse(name)))
    assert re.findall(r"<h1[^>]*>([^<]+)</h1>", page) == [heading]
    assert "css/public/login.css" in page
    assert page.count("<main") == 1


def test_signing_in_needs_no_javascript_and_says_nothing_about_it(known: Membership) -> None:
    response = Client().post(
        reverse("account_login"),
        {"login": known.user.email, "password": "correct horse", "next": "/mailbox"},
    )
    assert (response.status_code, response["Location"]) == (302, "/mailbox")
    assert "messages" not in response.cookies


def test_a_wrong_password_keeps_the_address_and_is_not_shown(known: Membership) -> None:
    page = text(
        Client().post(reverse("account_login"), {"login": known.user.email, "password": "battery staple"})
    )
    assert "<title>Error: Sign in" in page
    assert f'value="{known.user.email}"' in page
    assert 'class="note bad" role="alert"' in page
    assert "battery staple" not in page


def test_empty_fields_are_named_and_marked(db: None) -> None:
    page = text(Client().post(reverse("account_login"), {}))
    assert "2 things to fix." in page
    assert page.count('aria-invalid="true"') == 2


def test_signing_out_asks_first_on_a_plain_link(known: Membership) -> None:
    client = Client()
    client.force_login(known.user)
    assert "Sign out?" in text(client.get(reverse("account_logout")))
    assert client.post(reverse("account_logout")).status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_lost_password_is_replaced_by_mail(known: Membership) -> None:
    client = Client()
    client.post(reverse("account_reset_password"), {"email": known.user.email})
    (message,) = mail.outbox
    assert message.subject.endswith("Choose a new Workestra password")
    assert "&" not in str(message.body).replace("&amp;", "!")
    link = re.search(r"https?://[^/]+(/\S+)", str(message.body))
    assert link
    form = client.get(link[1], follow=True)
    assert "Choose a new password" in text(form)
    done = client.post(
        form.request["PATH_INFO"],
        {"password1": "a new long one 7", "password2": "a new long one 7"},
        follow=True,
    )
    assert "Password saved" in text(done)
    assert client.login(username=known.user.email, email=known.user.email, password="a new long one 7")


def test_a_used_link_says_so(known: Membership) -> None:
    page = text(Client().get("/accounts/password/reset/key/0-nope/", follow=True))
    assert "This link no longer works" in page


def test_a_stranger_is_told_the_same_and_gets_another_mail(db: None) -> None:
    client = Client()
    response = client.post(reverse("account_reset_password"), {"email": "nobody@elsewhere.example"})
    assert response.status_code == 302
    (message,) = mail.outbox
    assert message.subject.endswith("No Workestra account for this address")
