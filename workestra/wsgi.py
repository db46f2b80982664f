"""The WSGI application that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

from workestra.encoding import utf_8_only

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workestra.settings")
application = utf_8_only(get_wsgi_application())
