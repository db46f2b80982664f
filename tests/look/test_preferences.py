import pytest
from django.test import Client
from django.urls import reverse


@pytest.fixture
def client() -> Client:
    return Client()


def post(client: Client, **data: str) -> object:
    return client.post(reverse("look:preferences"), data)


def test_a_visitor_keeps_a_theme_without_signing_in(client: Client) -> None:
    response = client.post(reverse("look:preferences"), {"theme": "dark", "next": "/book/x?date=2026-11-12"})
    assert (response.status_code, response["Location"]) == (303, "/book/x?date=2026-11-12")
    cookie = response.cookies["theme"]
    assert (cookie.value, cookie["samesite"], cookie["path"], cookie["httponly"]) == ("dark", "Lax", "/", "")


def test_the_clock_is_kept_the_same_way(client: Client) -> None:
    response = client.post(reverse("look:preferences"), {"clock": "12"})
    assert response.cookies["clock"].value == "12"
    assert response["Location"] == "/"


@pytest.mark.parametrize("data", [{"theme": "red"}, {"clock": "36"}, {"theme": "dark;x", "clock": ""}, {}])
def test_unknown_values_change_nothing(client: Client, data: dict[str, str]) -> None:
    response = client.post(reverse("look:preferences"), data)
    assert response.status_code == 303
    assert not response.cookies


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "", "\\\\evil"]
)
def test_nobody_is_sent_to_another_site(client: Client, back: str) -> None:
    assert client.post(reverse("look:preferences"), {"theme": "dark", "next": back})["Location"] == "/"


def test_a_link_cannot_change_the_theme(client: Client) -> None:
    assert client.get(reverse("look:preferences"), {"theme": "dark"}).status_code == 405


def test_a_form_of_another_site_is_refused_with_a_page() -> None:
    response = Client(enforce_csrf_checks=True).post(reverse("look:preferences"), {"theme": "dark"})
    assert response.status_code == 403
    assert "This form is too old" in response.content.decode()
    assert not response.cookies.get("theme")
