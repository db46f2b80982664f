"""Mails that bring a picture along, for their HTML to show."""

from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.policy import Policy
from typing import Any

from django.core.mail import EmailMultiAlternatives


class PicturedMail(EmailMultiAlternatives):
    """A mail whose HTML may show `picture`, a PNG, as `<img src="cid:…">` with the id `cid`.

    Inside the mail and beside its HTML (RFC 2387), because most programs show such a picture at once: one at a web
    address is held back until the reader allows it, tells when he reads, and needs a server he can reach.
    """

    picture: bytes | None = None
    cid = ""

    def message(self, *, policy: Policy | None = None) -> Any:
        whole = super().message() if policy is None else super().message(policy=policy)
        if self.picture is not None:
            for holder in whole.walk():
                parts = holder.get_payload()
                if isinstance(parts, list) and holder.get_content_subtype() != "related":
                    holder.set_payload([self._with_picture(part) for part in parts])
        return whole

    def _with_picture(self, part: Any) -> Any:
        if part.get_content_type() != "text/html":
            return part
        assert self.picture is not None
        picture = MIMEImage(self.picture, "png")
        picture["Content-ID"] = f"<{self.cid}>"
        picture["Content-Disposition"] = "inline"
        return MIMEMultipart("related", None, [part, picture], type="text/html")
