"""Which channels are on, and the client of each: from the settings, or from the sandbox's own key folder."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from billing.payments.provider import PaymentProvider

SANDBOX_FOLDER = "sandbox"
SANDBOX_FILE = "merchant.json"


class ChannelOff(Exception):
    """The channel is not configured."""


@dataclass(frozen=True)
class WeChatConfig:
    """A merchant at WeChat Pay; keys are PEM text. Without `public_key_id`, platform certificates are used."""

    url: str
    mchid: str
    appid: str
    cert_serial: str
    private_key: str
    apiv3_key: str
    public_key_id: str = ""
    public_key: str = ""
    notify_url: str = ""
    service_id: str = ""  # at pay score; empty: that is off

    def __repr__(self) -> str:
        return f"WeChatConfig(mchid={self.mchid!r}, url={self.url!r})"  # keys stay out of logs


@dataclass(frozen=True)
class AlipayConfig:
    """An application at Alipay; keys and certificates are PEM text. Transfers need all three certificates."""

    url: str
    app_id: str
    seller_id: str
    private_key: str
    public_key: str
    notify_url: str = ""
    app_certificate: str = ""
    alipay_certificate: str = ""
    root_certificate: str = ""

    def __repr__(self) -> str:
        return f"AlipayConfig(app_id={self.app_id!r}, url={self.url!r})"


def channels_on() -> list[PaymentProvider]:
    """The clients of every channel that is on."""
    found = []
    for channel in ("wechat", "alipay"):
        try:
            found.append(provider_of(channel))
        except ChannelOff:
            continue
    return found


def provider_of(channel: str) -> PaymentProvider:
    """The client of a channel, one per process and configuration; raises `ChannelOff`."""
    values = settings.PAYMENT_CHANNELS.get(channel) or _from_sandbox(channel)
    if values is None:
        raise ChannelOff(channel)
    notify_url = f"{settings.PAYMENT_NOTIFY_BASE}/api/v1/payments/{channel}/notify"
    kind = {"wechat": WeChatConfig, "alipay": AlipayConfig}[channel]
    return _client(kind(**{**values, "notify_url": notify_url}))


def _from_sandbox(channel: str) -> dict[str, Any] | None:
    if not settings.PAYMENT_SANDBOX_URL:
        return None
    path = Path(settings.EV_DATA_DIR) / SANDBOX_FOLDER / SANDBOX_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))[channel]
    except (OSError, ValueError, KeyError):
        return None  # the sandbox has not been started yet
    suffix = {"wechat": "", "alipay": "/gateway.do"}[channel]
    return {**values, "url": settings.PAYMENT_SANDBOX_URL + suffix}


@lru_cache(maxsize=16)
def _client(config: WeChatConfig | AlipayConfig) -> PaymentProvider:
    if isinstance(config, WeChatConfig):
        from billing.payments.wechat import WeChatProvider

        return WeChatProvider(config)
    from billing.payments.alipay import AlipayProvider

    return AlipayProvider(config)
