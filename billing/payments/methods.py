"""How one can pay from which client: an app, a mini program, a browser inside WeChat or Alipay, a phone, a desk."""

from collections.abc import Iterator
from dataclasses import dataclass

from billing.payments.channels import channels_on

CLIENTS = ("app", "mini_program", "wechat", "alipay", "phone", "desktop")
# The ways of a channel that open from a client, the most comfortable first.
WAYS = {
    "app": {"wechat": ("app",), "alipay": ("app",)},
    "mini_program": {"wechat": ("jsapi",)},
    "wechat": {"wechat": ("jsapi",)},
    "alipay": {"alipay": ("wap",)},
    "phone": {"wechat": ("h5",), "alipay": ("wap",)},
    "desktop": {"wechat": ("native",), "alipay": ("page", "qr")},
}
SCORE_CLIENTS = ("app", "mini_program", "wechat")  # pay score opens inside WeChat, or from an app


@dataclass(frozen=True, slots=True)
class Method:
    """One way to pay. `uses`: recharge, bill, start (a charge), pay_and_start; `ready` is whether it can be used now."""

    method: str
    uses: tuple[str, ...]
    channel: str = ""
    way: str = ""
    needs_openid: bool = False
    ready: bool = True


def methods_for(client: str, *, wallet: bool, score_on: bool, score_given: bool) -> Iterator[Method]:
    """The methods of a client; `wallet` is whether there is free money on it."""
    yield Method("wallet", ("start", "bill"), ready=wallet)
    if score_on and client in SCORE_CLIENTS:
        yield Method("pay_score", ("start",), channel="wechat", ready=score_given)
    for provider in channels_on():
        for way in WAYS[client].get(provider.channel, ()):
            if way in provider.ways:
                uses = ("recharge", "pay_and_start", "bill")
                yield Method("channel", uses, provider.channel, way, needs_openid=way == "jsapi")
