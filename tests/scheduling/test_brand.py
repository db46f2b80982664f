"""A link's color on its public pages."""

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from scheduling.domain.brand import MAX_CHROMA, brand_of
from scheduling.models import BookingLink


@given(st.integers(0, 0xFFFFFF))
def test_every_color_gives_a_hue_and_a_chroma_that_keeps_text_readable(color: int) -> None:
    brand = brand_of(f"#{color:06x}")
    assert 0 <= brand.hue < 360
    assert 0 <= brand.chroma <= MAX_CHROMA


@pytest.mark.parametrize(
    ("color", "hue", "chroma"),
    [
        # As Chromium computes oklch(from <color> l c h).
        ("#ff0000", 29.23, MAX_CHROMA),
        ("#0000ff", 264.05, MAX_CHROMA),
        ("#5f9ea0", 198.30, 0.0650),
        ("#005F73", 218.74, 0.0809),
        ("#ffd700", 95.32, MAX_CHROMA),
        ("#808080", 0, 0),
        ("#000000", 0, 0),
    ],
)
def test_the_hue_is_the_one_browsers_see(color: str, hue: float, chroma: float) -> None:
    brand = brand_of(color)
    assert brand.hue == pytest.approx(hue, abs=0.05)
    assert brand.chroma == pytest.approx(chroma, abs=0.0002)


@pytest.mark.parametrize("color", ["", "#fff", "#00000g", "red", "#٠٠٠٠٠٠", "#0000000"])
def test_anything_else_is_no_color(color: str) -> None:
    with pytest.raises(ValueError, match="is not a color"):
        brand_of(color)


def test_a_color_is_a_stylesheet_that_can_be_kept_for_ever(client: Client) -> None:
    response = client.get("/brand/ff0000.css")
    assert response.content.decode() == ":root { --brand-h: 29.2; --brand-c: 0.1300 }\n"
    assert response["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in response["Cache-Control"]
    assert client.get("/brand/nothing.css").status_code == 404
    assert client.get("/brand/%00.css").status_code == 404


def test_a_public_page_has_its_links_color_and_branding(client: Client, link: BookingLink) -> None:
    html = client.get(f"/book/{link.slug}").content.decode()
    assert "/brand/" not in html
    assert "Scheduling by Workestra" in html
    BookingLink.objects.update(brand_color="#8A2BE2", hide_branding=True)
    html = client.get(f"/book/{link.slug}").content.decode()
    assert '<link rel="stylesheet" href="/brand/8A2BE2.css">' in html
    assert "Scheduling by Workestra" not in html
