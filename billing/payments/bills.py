"""Fetching the bill of a day from a payment channel. Calls out: never inside a transaction.

Raises `ProviderUnknown` for anything that is not a whole, genuine bill, and `BillNotReady` when the channel has not
made it yet. A day without any trade is an empty list.
"""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from datetime import date

import requests

from billing.payments.alipay import AlipayProvider
from billing.payments.bill_files import BillUnreadable, Line, read_alipay, read_wechat
from billing.payments.channels import provider_of
from billing.payments.provider import ProviderRefused, ProviderUnknown
from billing.payments.wechat import WeChatProvider

TIMEOUT_S = (3, 30)
LARGEST_BILL = 64 * 1024 * 1024
_NONE_THERE = {"NO_STATEMENT_EXIST", "STATEMENT_NOT_EXIST", "BILL_NOT_EXIST", "ISP.BILL_NOT_EXIST"}
_NOT_YET = {"STATEMENT_CREATING", "BILL_CREATING", "ISP.BILL_CREATING"}


class BillNotReady(Exception):
    """The channel is still making the bill; WeChat Pay's is there after 10:00 of the next day."""


@dataclass(frozen=True)
class Bill:
    """A bill as fetched; `digest` is the SHA-256 of its text, empty for a day without trades."""

    lines: list[Line]
    digest: str = ""


def fetch_bill(channel: str, day: date) -> Bill:
    """The bill of a business day; raises `ChannelOff`, `BillNotReady`, `ProviderUnknown`, `ProviderRefused`."""
    provider = provider_of(channel)
    try:
        if isinstance(provider, WeChatProvider):
            return _wechat(provider, day)
        assert isinstance(provider, AlipayProvider)
        return _alipay(provider, day)
    except ProviderRefused as refusal:
        code = refusal.code.upper().replace("-", "_")
        if code in _NONE_THERE:
            return Bill([])
        if code in _NOT_YET:
            raise BillNotReady(refusal.code) from refusal
        raise
    except BillUnreadable as error:
        raise ProviderUnknown(f"unreadable bill: {error}"[:200]) from error


def _wechat(provider: WeChatProvider, day: date) -> Bill:
    told = provider.call("trade_bill", bill_date=day.isoformat(), bill_type="ALL", tar_type="GZIP")
    content = provider.download(str(told.get("download_url", "")))
    try:
        text = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ProviderUnknown(f"the bill is not whole: {error!r}") from error
    # The file itself is not signed: what makes it genuine is the checksum in the signed answer.
    if told.get("hash_type") != "SHA1" or hashlib.sha1(text).hexdigest() != told.get("hash_value"):
        raise ProviderUnknown("the bill does not have the checksum that was told")
    return Bill(read_wechat(_decoded(text)), hashlib.sha256(text).hexdigest())


def _alipay(provider: AlipayProvider, day: date) -> Bill:
    method = "alipay.data.dataservice.bill.downloadurl.query"
    told = provider.call(method, {"bill_type": "trade", "bill_date": day.isoformat()})
    try:
        answer = requests.get(str(told.get("bill_download_url", "")), timeout=TIMEOUT_S, stream=True)
        answer.raise_for_status()
        content = answer.raw.read(LARGEST_BILL + 1, decode_content=True)
    except (requests.RequestException, OSError) as error:
        raise ProviderUnknown(f"the bill could not be downloaded: {error!r}"[:200]) from error
    if len(content) > LARGEST_BILL:
        raise ProviderUnknown("the bill is larger than 64 MB")
    return Bill(read_alipay(content), hashlib.sha256(content).hexdigest())


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BillUnreadable(str(error)) from error
