"""Settings of the whole platform, read from the environment (`EV_*`).

With nothing set, the embedded default runs: SQLite, an in-memory channel layer and Celery threads, for demos,
tests and small sites. `EV_DATABASE_URL` and `EV_REDIS_URL` switch to PostgreSQL and Redis; `EV_ENV=production`
refuses default keys and embedded parts.
"""

import sys
import warnings
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from ev_platform import env as ev_env
from ev_platform import payment_env
from ev_platform.schedule import BEAT_SCHEDULE

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

EV_ENV = ev_env.choice("EV_ENV", "development", ("development", "test", "production"))
PRODUCTION = EV_ENV == "production"
EV_ALLOW_EMBEDDED = ev_env.boolean("EV_ALLOW_EMBEDDED", False)
EV_DATA_DIR = Path(env.str("EV_DATA_DIR", default=str(BASE_DIR / "data"))).expanduser().resolve()
EV_HTTP_HOST = env.str("EV_HTTP_HOST", default="127.0.0.1")
EV_HTTP_PORT = ev_env.port("EV_HTTP_PORT", 8000)
EV_YKC_PORT = ev_env.port("EV_YKC_PORT", 8767)
EV_DNY_PORT = ev_env.port("EV_DNY_PORT", 8768)
# MQTT devices: the broker, and who the platform is there; unset is off (docs/protocols/mqtt.md)
EV_MQTT_URL = ev_env.mqtt_url("EV_MQTT_URL", env.str("EV_MQTT_URL", default=""))
EV_MQTT_PREFIX = ev_env.mqtt_prefix("EV_MQTT_PREFIX", "ev")
EV_MQTT_CLIENT_ID = env.str("EV_MQTT_CLIENT_ID", default="ev-platform")
EV_MQTT_CA_FILE = ev_env.readable_file("EV_MQTT_CA_FILE")
EV_MQTT_CERT_FILE = ev_env.readable_file("EV_MQTT_CERT_FILE")
EV_MQTT_KEY_FILE = ev_env.readable_file("EV_MQTT_KEY_FILE")
EV_TLS_PORT = ev_env.optional_port("EV_TLS_PORT")  # HTTPS and OCPP over TLS; unset: none
EV_YKC_TLS_PORT = ev_env.optional_port("EV_YKC_TLS_PORT")
EV_DNY_TLS_PORT = ev_env.optional_port("EV_DNY_TLS_PORT")
EV_TLS_CERT_FILE = env.str("EV_TLS_CERT_FILE", default="")  # our own certificate with its chain, PEM
EV_TLS_KEY_FILE = env.str("EV_TLS_KEY_FILE", default="")
EV_TLS_KEY_PASSWORD = env.str("EV_TLS_KEY_PASSWORD", default="")
EV_TLS_CLIENT_CERT_HEADER = ev_env.header_name(
    "EV_TLS_CLIENT_CERT_HEADER"
)  # of a trusted proxy that ends TLS
EV_DEVICE_HOST = env.str("EV_DEVICE_HOST", default=EV_HTTP_HOST)
EV_NODE = env.str("EV_NODE", default="gateway-1")  # name of this gateway process; unique per node
EV_DB_THREADS = ev_env.integer("EV_DB_THREADS", 8, 1, 64)
EV_DEMO = ev_env.boolean("EV_DEMO", False)
EV_TRUSTED_PROXIES = env.str("EV_TRUSTED_PROXIES", default="127.0.0.1")  # whose X-Forwarded-* headers count
EV_METRICS_TOKEN = env.str(
    "EV_METRICS_TOKEN", default=""
)  # lets a Prometheus on another machine read /metrics

DEFAULT_SECRET = "insecure-development-key-never-used-in-production"
SECRET_KEY = env.str("EV_SECRET_KEY", default=DEFAULT_SECRET)
DEBUG = ev_env.boolean("EV_DEBUG", False)
ALLOWED_HOSTS = env.list("EV_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("EV_CSRF_TRUSTED_ORIGINS", default=[])

for _port in ("EV_TLS_PORT", "EV_YKC_TLS_PORT", "EV_DNY_TLS_PORT"):
    if locals()[_port] is not None and not (EV_TLS_CERT_FILE and EV_TLS_KEY_FILE):
        raise ImproperlyConfigured(f"{_port} needs EV_TLS_CERT_FILE and EV_TLS_KEY_FILE (PEM files)")

# --- storage and wires -----------------------------------------------------
EV_DATABASE_URL = env.str("EV_DATABASE_URL", default="")
EV_REDIS_URL = env.str("EV_REDIS_URL", default="")
EMBEDDED_DATABASE = not EV_DATABASE_URL
EMBEDDED_BUS = not EV_REDIS_URL

if PRODUCTION:
    if SECRET_KEY == DEFAULT_SECRET or len(SECRET_KEY) < 32:
        raise ImproperlyConfigured(
            "EV_SECRET_KEY is the default or shorter than 32 characters; production needs its own"
        )
    if (EMBEDDED_DATABASE or EMBEDDED_BUS) and not EV_ALLOW_EMBEDDED:
        raise ImproperlyConfigured(
            "EV_ENV=production needs EV_DATABASE_URL and EV_REDIS_URL (or EV_ALLOW_EMBEDDED=1 for a small site)"
        )
    if DEBUG:
        raise ImproperlyConfigured("EV_DEBUG must be off when EV_ENV=production")

DATABASES = {"default": ev_env.database(EV_DATABASE_URL, EV_DATA_DIR, pool_size=EV_DB_THREADS + 8)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if EMBEDDED_BUS:
    CHANNEL_LAYERS = {"default": {"BACKEND": "kernel.runtime.layers.ThreadSafeInMemoryChannelLayer"}}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "ev"}}
    CELERY_BROKER_URL = "memory://localhost/"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.05}
else:
    ev_env.redis_url("EV_REDIS_URL", EV_REDIS_URL)
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [EV_REDIS_URL], "capacity": 1000, "expiry": 30},
        }
    }
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": EV_REDIS_URL}}
    CELERY_BROKER_URL = env.str("EV_BROKER_URL", default=EV_REDIS_URL)

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "reports"
CELERY_TASK_ROUTES = {
    "billing.*": {"queue": "money"},
    "devices.*": {"queue": "devices"},
    "alerts.*": {"queue": "devices"},  # an alarm does not stand in line behind a report
}
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# --- applications ----------------------------------------------------------
INSTALLED_APPS = [
    # Only `runserver` serves through daphne; importing Twisted would double the start-up of every other command.
    *(["daphne"] if "runserver" in sys.argv else []),
    "unfold.apps.BasicAppConfig",  # our own site stays (ev_platform.console)
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "ev_platform.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "kernel.apps.KernelConfig",
    "users.apps.UsersConfig",
    "stations.apps.StationsConfig",
    "devices.apps.DevicesConfig",
    "marketing.apps.MarketingConfig",
    "billing.apps.BillingConfig",
    "alerts.apps.AlertsConfig",
    "analytics.apps.AnalyticsConfig",
    "ev_platform.apps.PlatformConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "ev_platform.urls"
ASGI_APPLICATION = "ev_platform.asgi.application"
WSGI_APPLICATION = None
AUTH_USER_MODEL = "users.Staff"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

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
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- language and time -----------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = ["ev_platform.formats"]
TIME_ZONE = "Asia/Shanghai"  # the console's clock; rows are stored in UTC, prices use the station's zone
FIRST_DAY_OF_WEEK = 1

# --- files -----------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else None  # elsewhere served from where they are
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
if not PRODUCTION:
    warnings.filterwarnings("ignore", "No directory at", UserWarning)  # the finders serve until collectstatic
MEDIA_ROOT = EV_DATA_DIR / "media"
EV_EXPORT_DAYS = ev_env.integer("EV_EXPORT_DAYS", 7, 1, 365)  # how long the file of an export is kept
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# --- API -------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["users.api.authentication.DriverTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["users.api.permissions.IsDriver"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["users.api.parsers.BoundedJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # Zero: nobody's X-Forwarded-For is believed, or a caller would choose the address it is throttled by.
    "NUM_PROXIES": ev_env.integer("EV_PROXIES", 0, 0, 8),
    "EXCEPTION_HANDLER": "ev_platform.problems.problem_exception_handler",
    "DEFAULT_THROTTLE_RATES": {
        "login_code_phone": "5/hour",
        "login_code_ip": "60/hour",
        "login": "20/hour",
        "login_app": "120/hour",
        "card_bind": "20/hour",
    },
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ev-platform API",
    "DESCRIPTION": "Driver API of the EV-charging operations platform. Amounts are integer fen.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v[0-9]+/",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "ev_platform.schema.drop_titles",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # labels follow the reader's language, the description must not
    "ENUM_NAME_OVERRIDES": {
        "OrderState": "billing.api.serializers.ORDER_STATES",
        "ConnectorState": "stations.api.views.CONNECTOR_STATES",
        "EntryKind": "billing.api.wallet.ENTRY_KINDS",
        "PaymentState": "billing.api.payments.PAYMENT_STATES",
        "PaymentChannel": "billing.api.payments.PAYMENT_CHANNELS",
        "ScoreOrderState": "billing.models.ScoreOrder.State",
        "ScorePermissionState": "billing.api.pay_score.PERMISSION_STATES",
        "PaidStartState": "billing.api.paid_starts.PAID_START_STATES",
        "RefundState": "billing.api.refunds.REFUND_STATES",
        "RefundPartState": "billing.api.refunds.PART_STATES",
        "VehicleState": "users.api.vehicles.VEHICLE_STATES",
        "VehicleKind": "users.api.vehicles.VEHICLE_KINDS",
        "CardState": "billing.api.cards.CARD_STATES",
        "BookingState": "billing.api.bookings.BOOKING_STATES",
        "CardKind": "billing.api.cards.CARD_KINDS",
        "InvoiceState": "billing.api.invoices.INVOICE_STATES",
        "InvoiceKind": "billing.api.invoices.INVOICE_KINDS",
        "InvoiceBuyer": "billing.api.invoices.BUYER_KINDS",
    },
}

# --- behaviour of the business, each with its reason in the reference --------
START_TIMEOUT_S = ev_env.integer("EV_START_TIMEOUT_S", 90, 5, 600)  # YKC 1.6 §8.2: start to «charging»
RECORD_TIMEOUT_S = ev_env.integer("EV_RECORD_TIMEOUT_S", 60, 5, 86400)  # record due within 30 s of the end
COMMAND_TIMEOUT_S = ev_env.integer("EV_COMMAND_TIMEOUT_S", 30, 1, 600)
PILE_OFFLINE_AFTER_S = ev_env.integer("EV_PILE_OFFLINE_AFTER_S", 60, 5, 3600)  # YKC: three missed heartbeats
OCPP_HEARTBEAT_S = ev_env.integer("EV_OCPP_HEARTBEAT_S", 60, 5, 3600)
DEVICE_FILES_URL = env.str("EV_DEVICE_FILES_URL", default=f"http://{EV_HTTP_HOST}:{EV_HTTP_PORT}").rstrip("/")
FIRMWARE_FTP_URL = env.str("EV_FIRMWARE_FTP_URL", default="").rstrip(
    "/"
)  # serves the media folder to YKC piles
CA_CERT_FILE = env.str("EV_CA_CERT_FILE", default="")  # the authority that signs certificates of piles
CA_KEY_FILE = env.str("EV_CA_KEY_FILE", default="")
CA_KEY_PASSWORD = env.str("EV_CA_KEY_PASSWORD", default="")
PILE_CERTIFICATE_DAYS = ev_env.integer("EV_PILE_CERTIFICATE_DAYS", 730, 1, 3650)
TEMPERATURE_LIMIT_C = ev_env.integer("EV_TEMPERATURE_LIMIT_C", 70, 20, 200)  # above it a sensor gives alarm
SAMPLE_DAYS = ev_env.integer("EV_SAMPLE_DAYS", 180, 1, 3650)  # then a transaction's curve stays, thinned out
FRAME_DAYS = ev_env.integer("EV_FRAME_DAYS", 180, 1, 3650)
NOTICE_DAYS = ev_env.integer("EV_NOTICE_DAYS", 365, 1, 3650)  # what piles told of themselves, and their logs
YKC_STRICT_LOGIN = ev_env.boolean("EV_YKC_STRICT_LOGIN", False)  # refuse what differs from its registration
YKC_QR_PREFIX = ev_env.ascii_text(
    "EV_YKC_QR_PREFIX", "", 200
)  # told to every pile after its login; empty: not
YKC_QR_WITH_GUN = ev_env.boolean(
    "EV_YKC_QR_WITH_GUN", True
)  # the pile appends its code and gun, else its code
# A person alone settles an order to handle up to this; above it (billed, or given up) a second one approves.
REVIEW_ALONE_FEN = ev_env.integer("EV_REVIEW_ALONE_FEN", 50_000, 0, 100_000_000)
BALANCE_LOW_FEN = ev_env.integer("EV_BALANCE_LOW_FEN", 1000, 0, 10_000_000)
MINIMUM_START_BALANCE_FEN = ev_env.integer("EV_MINIMUM_START_BALANCE_FEN", 500, 0, 10_000_000)
DEFAULT_HOLD_FEN = ev_env.integer("EV_DEFAULT_HOLD_FEN", 20_000, 1, 10_000_000)
RECHARGE_MIN_FEN = ev_env.integer("EV_RECHARGE_MIN_FEN", 100, 1, 10_000_000)
RECHARGE_MAX_FEN = ev_env.integer("EV_RECHARGE_MAX_FEN", 500_000, 1, 10_000_000)
PAYMENT_EXPIRE_S = ev_env.integer("EV_PAYMENT_EXPIRE_S", 1800, 60, 7200)  # a WeChat prepay id lives two hours
PAYSCORE_FUND_FEN = ev_env.integer("EV_PAYSCORE_FUND_FEN", 20_000, 1, 1_000_000)  # the service's risk fund
REFUND_APPROVAL_FEN = ev_env.integer("EV_REFUND_APPROVAL_FEN", 50_000, 0, 10_000_000)  # above it: four eyes
PAYOUT_APPROVAL_FEN = ev_env.integer(
    "EV_PAYOUT_APPROVAL_FEN", 500_000, 0, 1_000_000_000
)  # above it: two people
CHANNEL_FEE_BP = {  # what the contracts with the channels say, in hundredths of a percent
    "wechat": ev_env.integer("EV_WECHAT_FEE_BP", 60, 0, 1_000),
    "alipay": ev_env.integer("EV_ALIPAY_FEE_BP", 60, 0, 1_000),
}
WECHAT_TRANSFER_SCENE = env.str("EV_WECHAT_TRANSFER_SCENE", default="1005")  # 佣金报酬
WECHAT_TRANSFER_REPORT = {"岗位类型": "充电运营商", "报酬说明": "充电收入结算"}  # what the scene asks for
PAYMENT_SUBJECT = env.str("EV_PAYMENT_SUBJECT", default="充电账户充值")  # what the payer's app shows
PAYMENT_CHANNELS = payment_env.payment_channels(production=PRODUCTION)
LOGIN_PROVIDERS = payment_env.login_providers(production=PRODUCTION)
INVOICE_PROVIDER = payment_env.invoice_provider(production=PRODUCTION)
PAYMENT_SANDBOX_URL = payment_env.sandbox_url(production=PRODUCTION)
PAYMENT_NOTIFY_BASE = payment_env.notify_base(f"http://{EV_HTTP_HOST}:{EV_HTTP_PORT}", production=PRODUCTION)
QR_BASE = env.str(
    "EV_QR_BASE", default=""
)  # «https://charge.example/q/»: a connector's code is put behind it
APP_LINK = env.str("EV_APP_LINK", default="")  # opens the driver app, the code behind it
APP_DOWNLOAD_URL = env.str("EV_APP_DOWNLOAD_URL", default="")  # where those without the app are sent
SMS_ACCOUNT = payment_env.sms_account(production=PRODUCTION)
SMS_SENDER = env.str(
    "EV_SMS_SENDER",
    default="users.services.aliyun_sms.AliyunSmsSender"
    if SMS_ACCOUNT
    else "users.services.sms.ConsoleSmsSender",
)

# --- security ----------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ev_env.boolean("EV_HTTPS", PRODUCTION)
if SESSION_COOKIE_SECURE:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("EV_LOG_LEVEL", default="INFO")},
    "loggers": {
        "uvicorn.access": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "celery": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}

from ev_platform.console_theme import UNFOLD  # noqa: E402, F401
