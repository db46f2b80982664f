"""Files that bookers sent: for members who may see the booking, and only to be saved."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from bookings import access, selectors, storage
from workestra.accounts.http import MemberRequest


@require_safe
def answer_file(request: MemberRequest, booking_id: UUID, file_id: UUID) -> HttpResponse:
    """A file that answers a question of a booking, as an attachment: it never becomes a page of this site."""
    booking = access.booking_for(request.member, booking_id)
    file = selectors.answer_file(booking, file_id)
    content = storage.read(file.pk) if file else None
    if file is None or content is None:
        raise Http404("No such file.")
    disposition = content_disposition_header(as_attachment=True, filename=file.name)
    return HttpResponse(
        content,
        content_type=file.content_type,
        headers={
            "Content-Disposition": str(disposition),
            "Cache-Control": "no-store, private",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )
