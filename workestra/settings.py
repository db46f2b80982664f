"""Settings. Everything a deployment may change comes from the environment or from `.env` (docs/running.md)."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from environs import Env

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
if (BASE_DIR / ".env").exists():
    env.read_env(str(BASE_DIR / ".env"), recurse=False)

# --- Where this installation lives -------------------------------------------------------------------------------

SITE_URL = env.str("SITE_URL", "http://localhost:8000").rstrip("/")
_site = urlsplit(SITE_URL)
SITE_HOST = _site.hostname or "localhost"
_https = _site.scheme == "https"
LOCAL_SITE = SITE_HOST in {"localhost", "127.0.0.1", "::1"}

# Without one Django refuses whatever signs or derives something; commands that do not, run.
SECRET_KEY = env.str("SECRET_KEY", "")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
DEBUG = env.bool("DEBUG", False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if LOCAL_SITE else [SITE_HOST])
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# --- Apps ----------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "pgtrigger",
    "template_partials.apps.SimpleAppConfig",
    "workestra.look",
    "workestra.audit",
    "workestra.limits",
    "workestra.accounts",
    "workestra.calendars",
    "workestra.crm",
    "workestra.notifications",
    "workestra.sms",
    "scheduling",
    "bookings",
    "managed_events",
    "one_off",
    "workestra.people",
    "workestra.dashboard",
    "workestra.privacy",
    "workestra.demo",
    "workestra.invariants",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "workestra.accounts.middleware.SignInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "workestra.accounts.middleware.MemberMiddleware",
]

ROOT_URLCONF = "workestra.urls"
WSGI_APPLICATION = "workestra.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "workestra.look.context.look",
            ],
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": [
                "django.templatetags.static",
                "template_partials.templatetags.partials",
                "workestra.calendars.templatetags.times",
                "workestra.look.templatetags.ui",
            ],
        },
    },
]
FORM_RENDERER = "workestra.look.forms.Renderer"

# --- Data ----------------------------------------------------------------------------------------------------------

DATABASES = {
    "default": env.dj_db_url(
        "DATABASE_URL", "postgres:///workestra", conn_max_age=60, conn_health_checks=True
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", "redis://localhost:6379/0")

VAR_DIR = BASE_DIR / "var"
# What bookers send, never served as it lies there: no address leads to this folder.
UPLOADS_ROOT = env.str("UPLOADS_ROOT", str(VAR_DIR / "uploads"))

# --- Static files --------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
# No page of another site reads what is ours; the snippet for embedding is a script, which needs no leave.
WHITENOISE_ALLOW_ALL_ORIGINS = False
STATIC_ROOT = env.str("STATIC_ROOT", str(VAR_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "workestra.look.storage.BundledStaticFilesStorage"},
}

# --- Sign-in -------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "workestra.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # People are added by an admin; there is no open sign-up.
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = None  # The person decides, with a box on the sign-in page.
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard:calendar"

# --- Mail ----------------------------------------------------------------------------------------------------------

EMAIL_URL = env.str("EMAIL_URL", "")
# Without a mail server a local installation catches every mail and shows it at /mailbox.
MAILBOX_ENABLED = LOCAL_SITE and not EMAIL_URL
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"Workestra <scheduling@{SITE_HOST}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 10
if MAILBOX_ENABLED:
    EMAIL_BACKEND = "workestra.notifications.mailbox.MailboxBackend"
else:
    _email = env.dj_email_url("EMAIL_URL", "smtp://localhost:25")
    EMAIL_BACKEND = _email["EMAIL_BACKEND"]
    EMAIL_HOST = _email["EMAIL_HOST"]
    EMAIL_PORT = _email["EMAIL_PORT"]
    EMAIL_HOST_USER = _email["EMAIL_HOST_USER"]
    EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS = _email["EMAIL_USE_TLS"]
    EMAIL_USE_SSL = _email["EMAIL_USE_SSL"]

# --- Text messages (docs/workflows.md) -----------------------------------------------------------------------------

TWILIO_ACCOUNT_SID = env.str("TWILIO_ACCOUNT_SID", "")
TWILIO_AUTH_TOKEN = env.str("TWILIO_AUTH_TOKEN", "")
# Where texts come from: a number of the account's in E.164, or a messaging service that has some.
TWILIO_FROM = env.str("TWILIO_FROM", "")
TWILIO_MESSAGING_SERVICE_SID = env.str("TWILIO_MESSAGING_SERVICE_SID", "")
TWILIO_API_URL = env.str("TWILIO_API_URL", "https://api.twilio.com")
# Countries whose numbers are texted, such as DE,AT,CH. Without it that of TWILIO_FROM alone.
_regions: list[str] = env.list("SMS_COUNTRIES", [])
SMS_COUNTRIES = [region.strip() for region in _regions if region.strip()]

# --- Background work -----------------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # Whoever gave up would have to be started again.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "unacked_restore_interval": 10,
    "socket_connect_timeout": 1,
    "max_retries": 0,
}
# A doorbell nobody hears is given up after a second: whatever it rings for is found by the beat.
CELERY_TASK_PUBLISH_RETRY = False
# Messages are only doorbells, so one that is lost with its worker costs seconds: the beat rings again. Acknowledging
# late would cost more: kombu 5.7 ends a worker whose broker goes away during a task.
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 180
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"


def _every(seconds: int, task: str) -> dict[str, Any]:
    # A tick that no worker takes before the next one is dropped: they do not pile up while workers are away.
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


# Every job is level-triggered by rows in PostgreSQL: a missed tick only makes it later, a doubled one does nothing.
CELERY_BEAT_SCHEDULE = {
    "deliver the outbox": _every(5, "workestra.notifications.tasks.deliver_outbox"),
    "brief hosts": _every(300, "bookings.jobs.send_briefings"),
    "owe mails that gave way in vain": _every(60, "bookings.jobs.owe_what_was_left"),
    "resume propagations": _every(15, "managed_events.tasks.resume_propagations"),
    "follow who joins and leaves": _every(60, "managed_events.jobs.follow_people"),
    "read calendars": _every(15, "workestra.calendars.tasks.read_calendars"),
    "write calendars": _every(5, "workestra.calendars.tasks.write_events"),
    "make meeting links": _every(5, "workestra.calendars.tasks.make_meetings"),
    "renew calendar channels": _every(300, "workestra.calendars.tasks.renew_channels"),
    "sweep limits": _every(300, "workestra.limits.tasks.sweep_counters"),
    "expire one-offs": _every(30, "one_off.tasks.expire_one_offs"),
    "withdraw one-offs of leavers": _every(30, "one_off.jobs.withdraw_of_leavers"),
    "expire offers of other times": _every(30, "bookings.jobs.expire_alternatives"),
    "resume bulk changes": _every(15, "bookings.jobs.resume_bulk"),
    "erase answers that are old": _every(3600, "workestra.privacy.jobs.erase_old_answers"),
    "remove files nobody needs": _every(3600, "bookings.tasks.remove_unneeded_files"),
}

# --- Connected accounts (docs/connect-*.md, docs/adding-a-provider.md) --------------------------------------------

# Fernet keys for the tokens of connected accounts, newest first: the first seals, all of them open.
CALENDAR_KEYS: list[str] = env.list("CALENDAR_KEYS", [])
GOOGLE_CLIENT_ID = env.str("GOOGLE_CLIENT_ID", "")
GOOGLE_CLIENT_SECRET = env.str("GOOGLE_CLIENT_SECRET", "")
GOOGLE_AUTHORIZE_URL = env.str("GOOGLE_AUTHORIZE_URL", "https://accounts.google.com/o/oauth2/v2/auth")
GOOGLE_TOKEN_URL = env.str("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token")
GOOGLE_REVOKE_URL = env.str("GOOGLE_REVOKE_URL", "https://oauth2.googleapis.com/revoke")
GOOGLE_API_URL = env.str("GOOGLE_API_URL", "https://www.googleapis.com")
MICROSOFT_CLIENT_ID = env.str("MICROSOFT_CLIENT_ID", "")
MICROSOFT_CLIENT_SECRET = env.str("MICROSOFT_CLIENT_SECRET", "")
MICROSOFT_TENANT = env.str("MICROSOFT_TENANT", "common")
MICROSOFT_LOGIN_URL = env.str("MICROSOFT_LOGIN_URL", "https://login.microsoftonline.com")
MICROSOFT_GRAPH_URL = env.str("MICROSOFT_GRAPH_URL", "https://graph.microsoft.com/v1.0")
ZOOM_CLIENT_ID = env.str("ZOOM_CLIENT_ID", "")
ZOOM_CLIENT_SECRET = env.str("ZOOM_CLIENT_SECRET", "")
ZOOM_AUTHORIZE_URL = env.str("ZOOM_AUTHORIZE_URL", "https://zoom.us/oauth/authorize")
ZOOM_TOKEN_URL = env.str("ZOOM_TOKEN_URL", "https://zoom.us/oauth/token")
ZOOM_REVOKE_URL = env.str("ZOOM_REVOKE_URL", "https://zoom.us/oauth/revoke")
ZOOM_API_URL = env.str("ZOOM_API_URL", "https://api.zoom.us/v2")
WEBEX_CLIENT_ID = env.str("WEBEX_CLIENT_ID", "")
WEBEX_CLIENT_SECRET = env.str("WEBEX_CLIENT_SECRET", "")
WEBEX_AUTHORIZE_URL = env.str("WEBEX_AUTHORIZE_URL", "https://webexapis.com/v1/authorize")
WEBEX_TOKEN_URL = env.str("WEBEX_TOKEN_URL", "https://webexapis.com/v1/access_token")
WEBEX_API_URL = env.str("WEBEX_API_URL", "https://webexapis.com/v1")
GOTO_CLIENT_ID = env.str("GOTO_CLIENT_ID", "")
GOTO_CLIENT_SECRET = env.str("GOTO_CLIENT_SECRET", "")
GOTO_AUTHORIZE_URL = env.str("GOTO_AUTHORIZE_URL", "https://authentication.logmeininc.com/oauth/authorize")
GOTO_TOKEN_URL = env.str("GOTO_TOKEN_URL", "https://authentication.logmeininc.com/oauth/token")
GOTO_API_URL = env.str("GOTO_API_URL", "https://api.getgo.com")
GOTO_JOIN_URL = env.str("GOTO_JOIN_URL", "https://meet.goto.com")
# Addresses that people type (CalDAV servers, feeds) must be public ones. Hosts, or host:port, that may be private:
EGRESS_PRIVATE_HOSTS: list[str] = env.list("EGRESS_PRIVATE_HOSTS", [])

# The demo workspace's own calendar server, when `make run` has started one.
DEMO_CALDAV_URL = env.str("DEMO_CALDAV_URL", "")

# --- Time ----------------------------------------------------------------------------------------------------------

TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en-us"
USE_I18N = False

# --- Security ------------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
# Addresses with tokens stay here. Stricter ("no-referrer") makes browsers send `Origin: null` with every form: refused.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = _https
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
TRUSTED_PROXY_HOPS = 0
if env.bool("BEHIND_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Limits are by address: without this, everybody would share the proxy's.
    TRUSTED_PROXY_HOPS = 1
SESSION_ENGINE = "workestra.accounts.sessions"
SESSION_COOKIE_SECURE = _https
SESSION_COOKIE_NAME = "__Host-session" if _https else "session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _https
CSRF_COOKIE_NAME = "__Host-csrf" if _https else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "workestra.look.views.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
DATA_UPLOAD_MAX_NUMBER_FILES = 25
FILE_UPLOAD_HANDLERS = ["bookings.upload_handler.BoundedUploadHandler"]

# --- Limits --------------------------------------------------------------------------------------------------------

# Where everybody is on one machine, one person tries everything out: ten times as much is allowed.
_often = 10 if LOCAL_SITE else 1
# Whom each of them counts, and what: docs/security.md. "10/10m" is ten within ten minutes, "off" no limit.
LIMITS = {
    "bookings": env.str("LIMIT_BOOKINGS", f"{10 * _often}/10m"),
    "bookings_by_address": env.str("LIMIT_BOOKINGS_BY_ADDRESS", f"{5 * _often}/h"),
    "connecting": env.str("LIMIT_CONNECTING", f"{20 * _often}/h"),
    "exports": env.str("LIMIT_EXPORTS", f"{5 * _often}/h"),
    "invitations": env.str("LIMIT_INVITATIONS", f"{100 * _often}/h"),
    "mails_to_strangers": env.str("LIMIT_MAILS_TO_STRANGERS", f"{3 * _often}/h"),
    "password_resets": env.str("LIMIT_PASSWORD_RESETS", f"{3 * _often}/h"),
    "text_codes": env.str("LIMIT_TEXT_CODES", f"{3 * _often}/h"),
    "texts_to_block": env.str("LIMIT_TEXTS_TO_BLOCK", f"{20 * _often}/h"),
    "texts_to_number": env.str("LIMIT_TEXTS_TO_NUMBER", f"{4 * _often}/h"),
    "texts_to_number_a_day": env.str("LIMIT_TEXTS_TO_NUMBER_A_DAY", f"{10 * _often}/d"),
    "texts_of_workspace": env.str("LIMIT_TEXTS_OF_WORKSPACE", f"{200 * _often}/h"),
    "texts_of_workspace_a_day": env.str("LIMIT_TEXTS_OF_WORKSPACE_A_DAY", f"{1000 * _often}/d"),
    "times": env.str("LIMIT_TIMES", f"{60 * _often}/m"),
    "wrong_links": env.str("LIMIT_WRONG_LINKS", f"{20 * _often}/h"),
}
MINIMUM_FILL_SECONDS = env.float("MINIMUM_FILL_SECONDS", 1.0)

# --- Logs ----------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "workestra.logs.MaskingFormatter",
            "fmt": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
}
