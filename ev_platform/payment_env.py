"""Payment channels from the environment: keys are files, addresses are checked, production takes no stand-in.

A channel is on when its identity is set. `EV_PAYMENT_SANDBOX` turns both on against the project's own sandbox,
whose keys lie in the data folder; it is refused when `EV_ENV=production`.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

WECHAT_URL = "https://api.mch.weixin.qq.com"
WECHAT_LOGIN_URL = "https://api.weixin.qq.com"
SMS_URL = "https://dysmsapi.aliyuncs.com"
ALIPAY_URL = "https://openapi.alipay.com/gateway.do"
OFFICIAL_HOSTS = {
    "EV_WECHAT_URL": ("api.mch.weixin.qq.com", "api2.mch.weixin.qq.com"),
    "EV_ALIPAY_URL": ("openapi.alipay.com",),
    "EV_SMS_URL": ("dysmsapi.aliyuncs.com",),
    "EV_WECHAT_LOGIN_URL": ("api.weixin.qq.com", "api2.weixin.qq.com"),
}


def sandbox_url(*, production: bool) -> str:
    """The address of the payment sandbox, or nothing; ImproperlyConfigured in production."""
    value = os.environ.get("EV_PAYMENT_SANDBOX", "").rstrip("/")
    if value and production:
        raise ImproperlyConfigured("EV_PAYMENT_SANDBOX is a stand-in; EV_ENV=production refuses it")
    if value:
        _address("EV_PAYMENT_SANDBOX", value)
    return value


def notify_base(default: str, *, production: bool) -> str:
    """Where the channels reach us, without a path; HTTPS in production as soon as a channel is on."""
    value = os.environ.get("EV_PAYMENT_NOTIFY_URL", default).rstrip("/")
    parts = _address("EV_PAYMENT_NOTIFY_URL", value)
    on = os.environ.get("EV_WECHAT_MCHID") or os.environ.get("EV_ALIPAY_APP_ID")
    if production and on and parts.scheme != "https":
        raise ImproperlyConfigured(
            f"EV_PAYMENT_NOTIFY_URL={value!r} is not HTTPS; channels call nothing else"
        )
    return value


def payment_channels(*, production: bool) -> dict[str, dict[str, Any]]:
    """{"wechat": {...}, "alipay": {...}} of the channels that are on; ImproperlyConfigured names what is wrong."""
    channels = {}
    if os.environ.get("EV_WECHAT_MCHID"):
        channels["wechat"] = _wechat(production)
    if os.environ.get("EV_ALIPAY_APP_ID"):
        channels["alipay"] = _alipay(production)
    return channels


def sms_account(*, production: bool) -> dict[str, Any]:
    """The account that text messages are sent by, or nothing."""
    if not os.environ.get("EV_SMS_ACCESS_KEY_ID"):
        return {}
    return {
        "url": _gateway("EV_SMS_URL", SMS_URL, production),
        "key_id": os.environ["EV_SMS_ACCESS_KEY_ID"],
        "key_secret": _required("EV_SMS_ACCESS_KEY_SECRET"),
        "sign_name": _required("EV_SMS_SIGN_NAME"),
        "templates": {
            "login": _required("EV_SMS_TEMPLATE_LOGIN"),
            "alarm": os.environ.get("EV_SMS_TEMPLATE_ALARM", ""),
        },
    }


def login_providers(*, production: bool) -> dict[str, dict[str, Any]]:
    """The apps that drivers log in by: a WeChat mini-program with its own secret, Alipay with the keys it pays by."""
    providers: dict[str, dict[str, Any]] = {}
    if os.environ.get("EV_WECHAT_LOGIN_APPID"):
        providers["wechat"] = {
            "url": _gateway("EV_WECHAT_LOGIN_URL", WECHAT_LOGIN_URL, production),
            "app_id": os.environ["EV_WECHAT_LOGIN_APPID"],
            "secret": _required("EV_WECHAT_LOGIN_SECRET"),
        }
    chosen = os.environ.get("EV_ALIPAY_LOGIN", "")
    if chosen not in ("", "0", "1"):
        raise ImproperlyConfigured(f"EV_ALIPAY_LOGIN={chosen!r} is neither 0 nor 1")
    if chosen == "1":
        _required("EV_ALIPAY_APP_ID")
        alipay = _alipay(production)
        providers["alipay"] = {name: alipay[name] for name in ("url", "app_id", "private_key", "public_key")}
    return providers


def invoice_provider(*, production: bool) -> dict[str, str]:
    """Address, application and key of the invoice provider, or nothing; HTTPS in production."""
    url = os.environ.get("EV_INVOICE_URL", "").rstrip("/")
    if not url:
        return {}
    if production and _address("EV_INVOICE_URL", url).scheme != "https":
        raise ImproperlyConfigured(f"EV_INVOICE_URL={url!r} is not HTTPS")
    return {"url": url, "app": _required("EV_INVOICE_APP"), "key": _required("EV_INVOICE_KEY")}


def _wechat(production: bool) -> dict[str, Any]:
    key = _required("EV_WECHAT_APIV3_KEY")
    if len(key.encode()) != 32:
        raise ImproperlyConfigured("EV_WECHAT_APIV3_KEY has to be 32 bytes long")
    public_key_id = os.environ.get("EV_WECHAT_PUBLIC_KEY_ID", "")
    return {
        "url": _gateway("EV_WECHAT_URL", WECHAT_URL, production),
        "mchid": os.environ["EV_WECHAT_MCHID"],
        "appid": _required("EV_WECHAT_APPID"),
        "cert_serial": _required("EV_WECHAT_CERT_SERIAL"),
        "private_key": _file("EV_WECHAT_PRIVATE_KEY_FILE"),
        "apiv3_key": key,
        "service_id": os.environ.get("EV_WECHAT_PAYSCORE_SERVICE_ID", ""),
        # Without a public key the platform's certificates are fetched and kept up to date instead.
        "public_key_id": public_key_id,
        "public_key": _file("EV_WECHAT_PUBLIC_KEY_FILE") if public_key_id else "",
    }


def _alipay(production: bool) -> dict[str, Any]:
    return {
        "url": _gateway("EV_ALIPAY_URL", ALIPAY_URL, production),
        "app_id": os.environ["EV_ALIPAY_APP_ID"],
        "seller_id": _required("EV_ALIPAY_SELLER_ID"),
        "private_key": _file("EV_ALIPAY_PRIVATE_KEY_FILE"),
        "public_key": _file("EV_ALIPAY_PUBLIC_KEY_FILE"),
        **_alipay_certificates(),
    }


def _alipay_certificates() -> dict[str, str]:
    """The three certificates that transfers need: all of them or none."""
    names = {
        "app_certificate": "EV_ALIPAY_APP_CERT_FILE",
        "alipay_certificate": "EV_ALIPAY_CERT_FILE",
        "root_certificate": "EV_ALIPAY_ROOT_CERT_FILE",
    }
    if not any(os.environ.get(name) for name in names.values()):
        return {}
    return {field: _file(name) for field, name in names.items()}


def _gateway(name: str, default: str, production: bool) -> str:
    value = os.environ.get(name, default).rstrip("/")
    parts = _address(name, value)
    hosts = OFFICIAL_HOSTS[name]
    if production and (parts.scheme != "https" or parts.hostname not in hosts or parts.port):
        raise ImproperlyConfigured(
            f"{name}={value!r} is not the channel's own address; EV_ENV=production accepts only "
            f"https://{' and https://'.join(hosts)}"
        )
    return value


def _address(name: str, value: str) -> Any:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ImproperlyConfigured(f"{name}={value!r} is not an address such as https://pay.example.com")
    return parts


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is missing; the payment channel needs it")
    return value


def _file(name: str) -> str:
    path = Path(_required(name)).expanduser()
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}={str(path)!r} cannot be read: {error}") from None
    if "-----BEGIN" not in text:
        raise ImproperlyConfigured(f"{name}={str(path)!r} is not a PEM file")
    return text
