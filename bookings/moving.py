"""Where a booking is moved that has no page of its own to pick another time from.

The apps that make such bookings stand above this one, so they register the page by the slug of their manage addresses.
"""

from django.urls import reverse

_pages: dict[str, str] = {}


def register(page_slug: str, url_name: str) -> None:
    """Bookings with this `page_slug` are moved on the page `url_name`, which takes the manage token."""
    _pages[page_slug] = url_name


def url_of(page_slug: str, token: str) -> str:
    """The address of that page; "" when there is none."""
    return reverse(_pages[page_slug], args=[token]) if page_slug in _pages else ""
