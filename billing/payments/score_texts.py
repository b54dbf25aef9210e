"""The words of a pay-score order, as WeChat Pay prescribes them for charging (行业规程 of `post_payments`).

Car piles: `计费规则` at the creation, `计费规则` and `费用明细` at the end. Two-wheelers: `收费标准` at the creation,
`收费标准` and `使用时长` at the end. A description has at most 30 characters; amounts and counts are not sent.
"""

from datetime import datetime
from decimal import Decimal

LONGEST = 30
CAR, TWO_WHEELER = "car", "two_wheeler"
AS_SHOWN = "按充电站公示价格计费"
Items = list[dict[str, str]]


def rule(electricity_price: Decimal, service_price: Decimal) -> str:
    """The price in yuan per kWh, in at most 30 characters."""
    text = f"电费{_plain(electricity_price)}元/度"
    both = f"{text},服务费{_plain(service_price)}元/度" if service_price else text
    return next((one for one in (both, text) if len(one) <= LONGEST), AS_SHOWN)


def at_creation(kind: str, rule_text: str) -> Items:
    """`post_payments` of the creation."""
    return [{"name": _RULE_NAMES[kind], "description": rule_text}]


def at_completion(
    kind: str,
    rule_text: str,
    *,
    electricity_fen: int,
    service_fen: int,
    other_fen: int,
    began: datetime | None,
    ended: datetime | None,
) -> Items:
    """`post_payments` of the end: `other_fen` are further fees less discounts, which may be negative."""
    if kind == TWO_WHEELER:
        detail = {"name": "使用时长", "description": _duration(began, ended)}
    else:
        detail = {"name": "费用明细", "description": _amounts(electricity_fen, service_fen, other_fen)}
    return [*at_creation(kind, rule_text), detail]


_RULE_NAMES = {CAR: "计费规则", TWO_WHEELER: "收费标准"}


def _amounts(electricity_fen: int, service_fen: int, other_fen: int) -> str:
    text = f"电费{_yuan(electricity_fen)}元,服务费{_yuan(service_fen)}元"
    other = f",优惠{_yuan(-other_fen)}元" if other_fen < 0 else f",其他{_yuan(other_fen)}元"
    if other_fen and len(text + other) <= LONGEST:
        text += other
    return text if len(text) <= LONGEST else f"合计{_yuan(electricity_fen + service_fen + other_fen)}元"


def _duration(began: datetime | None, ended: datetime | None) -> str:
    minutes = 0
    if began is not None and ended is not None and ended > began:
        minutes = int((ended - began).total_seconds()) // 60
    hours, rest = divmod(minutes, 60)
    return f"{hours}小时{rest}分钟" if hours else f"{rest}分钟"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _plain(price: Decimal) -> str:
    return f"{price.normalize():f}"
