"""Who the platform is at a channel: the merchant of WeChat Pay, the application at Alipay; and that neither is on."""

from dataclasses import dataclass

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
