from django.urls import path

from bookings.views import (
    alternatives,
    bulk,
    console,
    deliveries,
    embed,
    embed_settings,
    feed,
    files,
    hosting,
    manage,
    public,
    workflows,
)

app_name = "bookings"
urlpatterns = [
    # First of all addresses: most visits are to these.
    path("book/<slug:slug>", public.book, name="book"),
    path("book/<slug:slug>/details", public.details, name="details"),
    path("calendar/bookings", console.console, name="console"),
    path("calendar/bookings/bulk/<uuid:bulk_id>", bulk.bulk_run, name="bulk_run"),
    path("calendar/bookings/bulk/<uuid:bulk_id>/retry", bulk.bulk_retry, name="bulk_retry"),
    path("calendar/bookings/bulk/<uuid:bulk_id>/undo", bulk.bulk_undo, name="bulk_undo"),
    path("calendar/bookings/bulk/<str:action>", bulk.bulk, name="bulk"),
    path("calendar/bookings.csv", console.export, name="export"),
    path("calendar/bookings/<uuid:booking_id>/drawer", console.drawer, name="drawer"),
    path("calendar/bookings/<uuid:booking_id>/cancel", console.cancel, name="cancel"),
    path("calendar/bookings/<uuid:booking_id>/reschedule", hosting.propose, name="propose"),
    path("calendar/bookings/<uuid:booking_id>/fit", hosting.fit, name="fit"),
    path("calendar/bookings/<uuid:booking_id>/alternatives", hosting.offer, name="offer"),
    path(
        "calendar/bookings/<uuid:booking_id>/alternatives/withdraw", hosting.withdraw, name="withdraw_offer"
    ),
    path("calendar/bookings/<uuid:booking_id>/reassign", hosting.reassign, name="reassign"),
    path("calendar/bookings/<uuid:booking_id>/put-back", hosting.put_back, name="put_back"),
    path("calendar/bookings/<uuid:booking_id>/note", hosting.note, name="note"),
    path(
        "calendar/bookings/attendees/<uuid:attendee_id>/cancel",
        console.cancel_attendee,
        name="cancel_attendee",
    ),
    path("calendar/bookings/attendees/<uuid:attendee_id>/attendance", console.attendance, name="attendance"),
    path(
        "calendar/bookings/attendees/<uuid:attendee_id>/manage-link", console.manage_link, name="manage_link"
    ),
    path("calendar/bookings/<uuid:booking_id>/mails/<uuid:message_id>", deliveries.delivery, name="delivery"),
    path(
        "calendar/bookings/<uuid:booking_id>/mails/<uuid:message_id>/resend", deliveries.resend, name="resend"
    ),
    path("calendar/bookings/<uuid:booking_id>/written/<uuid:owed_id>", deliveries.written, name="written"),
    path(
        "calendar/bookings/<uuid:booking_id>/written/<uuid:owed_id>/retry",
        deliveries.write_again,
        name="write_again",
    ),
    path("calendar/bookings/<uuid:booking_id>/files/<uuid:file_id>", files.answer_file, name="answer_file"),
    path("calendar/workflows", workflows.workflows, name="workflows"),
    path("calendar/workflows/new", workflows.workflow_new, name="workflow_new"),
    path("calendar/workflows/preview", workflows.workflow_preview, name="workflow_preview"),
    path("calendar/workflows/<uuid:workflow_id>", workflows.workflow, name="workflow"),
    path("calendar/workflows/<uuid:workflow_id>/test", workflows.workflow_test, name="workflow_test"),
    path("calendar/workflows/<uuid:workflow_id>/pause", workflows.workflow_pause, name="workflow_pause"),
    path(
        "calendar/workflows/<uuid:workflow_id>/duplicate",
        workflows.workflow_duplicate,
        name="workflow_duplicate",
    ),
    path("calendar/workflows/<uuid:workflow_id>/delete", workflows.workflow_delete, name="workflow_delete"),
    path("settings/booking-links/<uuid:link_id>/embed", embed_settings.embed_settings, name="embed_settings"),
    path("embed/<slug:slug>", embed.book, name="embed_book"),
    path("embed/<slug:slug>/details", embed.details, name="embed_details"),
    path("embed/<slug:slug>/done", embed.done, name="embed_done"),
    path("feed/<str:token>.ics", feed.feed, name="feed"),
    path("b/<slug:slug>/manage/<str:token>", manage.manage, name="manage"),
    path("b/<slug:slug>/manage/<str:token>/confirmed", manage.confirmed, name="confirmed"),
    path("b/<slug:slug>/manage/<str:token>/reschedule", manage.reschedule, name="reschedule"),
    path("b/<slug:slug>/manage/<str:token>/coming", manage.reconfirm, name="reconfirm"),
    path("b/<slug:slug>/manage/<str:token>/cancel", manage.cancel, name="manage_cancel"),
    path("b/<slug:slug>/manage/<str:token>/alternatives", alternatives.alternatives, name="alternatives"),
    path("b/<slug:slug>/manage/<str:token>/invite.ics", manage.invite, name="invite"),
]
