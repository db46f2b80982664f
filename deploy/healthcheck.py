"""Exit code 0 when the web server of this container answers that all is well."""

import http.client
import os
import sys
from urllib.parse import urlsplit

site = urlsplit(os.environ.get("SITE_URL", "http://localhost:8000"))
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=5)
# As the proxy in front would ask: any other host or scheme is refused.
connection.request("GET", "/healthz", headers={"Host": site.netloc, "X-Forwarded-Proto": site.scheme})
sys.exit(connection.getresponse().status not in {200, 301})
