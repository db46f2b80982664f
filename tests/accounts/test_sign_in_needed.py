"""What a page says to somebody who is not, or no longer, signed in."""

from uuid import UUID

from django.test import Client

PAGE = "/calendar/bookings?tab=past"


def test_a_visitor_is_sent_to_sign_in_and_back(client: Client, db: None) -> None:
    response = client.get(PAGE)
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/calendar/bookings%3Ftab%3Dpast"


def test_htmx_goes_there_with_its_whole_page(client: Client, db: None) -> None:
    here = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{PAGE}"}
    for ask in (client.get, client.post):
        response = ask(f"/calendar/bookings/{UUID(int=0)}/cancel", headers=here)
        assert response.status_code == 401
        assert response["HX-Redirect"] == "/accounts/login/?next=/calendar/bookings%3Ftab%3Dpast"
    elsewhere = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/"}
    assert client.get(PAGE, headers=elsewhere)["HX-Redirect"] == "/accounts/login/?next=/"
