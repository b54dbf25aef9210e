"""Which channels are on, and the clients of each: from the settings, or from the sandbox's own key folder."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from billing.payments.alipay import AlipayProvider
from billing.payments.alipay_transfers import AlipayTransfers
from billing.payments.merchants import (
    SANDBOX_FILE,
    SANDBOX_FOLDER,
    AlipayConfig,
    ChannelOff,
    WeChatConfig,
)
from billing.payments.pay_score import PayScore
from billing.payments.provider import PaymentProvider
from billing.payments.transfers import TransferProvider
from billing.payments.wechat import WeChatProvider
from billing.payments.wechat_score import WeChatPayScore
from billing.payments.wechat_transfers import WeChatTransfers


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


def pay_score() -> PayScore:
    """The client of pay score; raises `ChannelOff` when WeChat Pay, or its pay score, is not configured."""
    provider = provider_of("wechat")
    if not provider.service_id:
        raise ChannelOff("pay score")
    return WeChatPayScore(provider)


def transfers_of(channel: str) -> TransferProvider:
    """The client that pays out through a channel; raises `ChannelOff`."""
    provider = provider_of(channel)
    if channel == "wechat":
        return WeChatTransfers(provider)
    return AlipayTransfers(provider)


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
        return WeChatProvider(config)
    return AlipayProvider(config)
