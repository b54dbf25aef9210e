"""The bills that payment channels give for a day, read by the names of their columns.

WeChat Pay (API v3, trade bill `ALL`): CSV in UTF-8, every value with a back-quote before it, a summary of two lines
at the end. Alipay (business details, `trade`): a zip of CSV files in GBK, lines that begin with `#` are remarks,
cells end with a tab. Amounts are yuan there and fen here. A bill whose own sums do not fit is refused.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from billing.payments.alipay import fen_of

ZONE = ZoneInfo("Asia/Shanghai")
MOMENT = "%Y-%m-%d %H:%M:%S"
PAYMENT, REFUND = "payment", "refund"
SUCCESS, PROCESSING, CLOSED = "success", "processing", "closed"
_WECHAT_REFUNDS = {"SUCCESS": SUCCESS, "PROCESSING": PROCESSING, "CLOSED": CLOSED, "CHANGE": CLOSED}


class BillUnreadable(ValueError):
    """The bill is not what the channel documents; says where."""


@dataclass(frozen=True, slots=True)
class Line:
    """One payment or refund. `amount_fen` is not negative; `fee_fen` is what the channel keeps, negative when it
    gives a fee back."""

    kind: str
    number: str
    trade_number: str
    provider_no: str
    amount_fen: int
    fee_fen: int
    state: str
    at: datetime


def read_wechat(text: str) -> list[Line]:
    """The lines of a WeChat Pay trade bill; raises `BillUnreadable`."""
    rows = [[cell.removeprefix("`") for cell in row] for row in csv.reader(io.StringIO(text)) if row]
    summary_at = next(
        (n for n, row in enumerate(rows) if row[0].lstrip("\ufeff").startswith("总交易单数")), None
    )
    if not rows or summary_at is None or summary_at + 1 >= len(rows):
        raise BillUnreadable("the summary is missing")
    columns = _columns(rows[0], {"交易时间", "微信订单号", "商户订单号", "交易状态", "手续费"})
    lines = [_wechat_line(_named(columns, row, number)) for number, row in enumerate(rows[1:summary_at], 2)]
    summary = _named(_columns(rows[summary_at], {"总交易单数", "手续费总金额"}), rows[summary_at + 1], 0)
    if int(summary["总交易单数"]) != len(lines) or _fen(summary["手续费总金额"]) != sum(
        x.fee_fen for x in lines
    ):
        raise BillUnreadable("the summary does not fit the lines")
    return lines


def _wechat_line(row: dict[str, str]) -> Line:
    refund = row["交易状态"] in ("REFUND", "REVOKED")
    if refund:
        amount = row.get("申请退款金额") or row["退款金额"]
        state = _WECHAT_REFUNDS.get(row["退款状态"], PROCESSING)
        number, provider_no = row["商户退款单号"], row["微信退款单号"]
    else:
        amount = row.get("订单金额") or row.get("应结订单金额") or row["总金额"]
        state, number, provider_no = SUCCESS, row["商户订单号"], row["微信订单号"]
    return Line(
        kind=REFUND if refund else PAYMENT,
        number=number,
        trade_number=row["商户订单号"],
        provider_no=provider_no,
        amount_fen=_fen(amount),
        fee_fen=_fen(row["手续费"]),
        state=state,
        at=_moment(row["交易时间"]),
    )


def read_alipay(content: bytes) -> list[Line]:
    """The lines of the business details in an Alipay zip; raises `BillUnreadable`."""
    try:
        # Names inside are GBK without the flag that says so; zipfile would read them as cp437.
        archive = zipfile.ZipFile(io.BytesIO(content), metadata_encoding="gbk")
        names = [one for one in archive.namelist() if "明细" in one and "汇总" not in one]
        text = archive.read(names[0]).decode("gbk")
    except (zipfile.BadZipFile, IndexError, UnicodeDecodeError) as error:
        raise BillUnreadable(f"this is no bill: {error!r}") from error
    remarks = [line for line in text.splitlines() if line.startswith("#")]
    body = "\n".join(line for line in text.splitlines() if line and not line.startswith("#"))
    rows = [[cell.strip("\t ") for cell in row] for row in csv.reader(io.StringIO(body))]
    if not rows:
        raise BillUnreadable("the columns are missing")
    columns = _columns(
        rows[0], {"支付宝交易号", "商户订单号", "业务类型", "完成时间", "订单金额（元）", "服务费（元）"}
    )
    lines = [_alipay_line(_named(columns, row, number)) for number, row in enumerate(rows[1:], 2)]
    _check_alipay(remarks, lines)
    return lines


def _alipay_line(row: dict[str, str]) -> Line:
    refund = row["业务类型"] == "退款"
    if not refund and row["业务类型"] != "交易":
        raise BillUnreadable(f"业务类型 {row['业务类型']!r} is not known")
    return Line(
        kind=REFUND if refund else PAYMENT,
        number=row["退款批次号/请求号"] if refund else row["商户订单号"],
        trade_number=row["商户订单号"],
        provider_no=row["支付宝交易号"],
        amount_fen=abs(_fen(row["订单金额（元）"])),
        fee_fen=-_fen(row["服务费（元）"]),
        state=SUCCESS,
        at=_moment(row["完成时间"]),
    )


def _check_alipay(remarks: Iterable[str], lines: list[Line]) -> None:
    """The sums of trades and of refunds that stand in the remarks at the end."""
    for word, kind in (("交易合计", PAYMENT), ("退款合计", REFUND)):
        found = [re.search(rf"#{word}：(\d+)笔", remark) for remark in remarks]
        counts = [int(one[1]) for one in found if one]
        if counts and counts[0] != sum(line.kind == kind for line in lines):
            raise BillUnreadable(f"{word} does not fit the lines")


def _columns(row: list[str], wanted: set[str]) -> list[str]:
    names = [cell.lstrip("\ufeff").strip() for cell in row]
    if missing := wanted - set(names):
        raise BillUnreadable(f"columns are missing: {', '.join(sorted(missing))}")
    return names


def _named(columns: list[str], row: list[str], number: int) -> dict[str, str]:
    if len(row) < len(columns):
        raise BillUnreadable(f"line {number} has {len(row)} of {len(columns)} cells")
    return {name: cell.strip() for name, cell in zip(columns, row, strict=False)}


def _fen(text: str) -> int:
    try:
        return fen_of(text or "0")
    except ValueError as error:
        # Fees come with five places in the bill of WeChat, always whole fen.
        raise BillUnreadable(str(error)) from error


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, MOMENT).replace(tzinfo=ZONE)
    except ValueError as error:
        raise BillUnreadable(str(error)) from error
