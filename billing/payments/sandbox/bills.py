"""The bills of both services for one day, made from the sandbox's book the way the services write them."""

import csv
import gzip
import hashlib
import io
import secrets
import time
import zipfile
from datetime import date, datetime
from typing import Any

from billing.payments.alipay import yuan
from billing.payments.sandbox.answers import Answer, Refusal
from billing.payments.sandbox.book import (
    PAID,
    ZONE,
    Book,
    Faults,
    RefundRow,
    TradeRow,
    local_moment,
    new_number,
)
from billing.payments.sandbox.keys import Keys

FEE_BP = 60
LINK_LIVES_S = 300
_WECHAT = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
WECHAT_COLUMNS = _WECHAT.split(",")
_SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
WECHAT_SUMMARY = _SUMMARY.split(",")
_ALIPAY = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,"
    "商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
ALIPAY_COLUMNS = _ALIPAY.split(",")
REFUND_STATES = {
    "success": "SUCCESS",
    "processing": "PROCESSING",
    "closed": "CLOSED",
    "abnormal": "CHANGE",
}


def fee_of(amount_fen: int) -> int:
    """The service's fee on an amount, half a fen up."""
    return (amount_fen * FEE_BP + 5_000) // 10_000


def signed_yuan(amount_fen: int) -> str:
    return f"-{yuan(-amount_fen)}" if amount_fen < 0 else yuan(amount_fen)


class Bills:
    """What each side may be asked for about a day, and the files behind the links."""

    def __init__(self, keys: Keys, book: Book, faults: Faults, base_url: str):
        self.keys, self.book, self.faults, self.base_url = keys, book, faults, base_url
        self._files: dict[str, tuple[float, bytes]] = {}

    # --- links -------------------------------------------------------------------
    def wechat_link(self, values: dict[str, str]) -> dict[str, str]:
        """The answer to `GET /v3/bill/tradebill`."""
        if values.get("bill_type", "ALL") != "ALL" or values.get("tar_type") != "GZIP":
            raise Refusal(400, "PARAM_ERROR", "bill_type is ALL and tar_type GZIP here")
        day = self._day(
            values.get("bill_date", ""), Refusal(400, "PARAM_ERROR", "bill_date is not well formed")
        )
        if day >= datetime.now(ZONE).date() or self.faults.take("bill_creating"):
            raise Refusal(400, "STATEMENT_CREATING", "the bill is being made")
        rows = self._rows("wechat", day)
        if not rows:
            raise Refusal(400, "NO_STATEMENT_EXIST", "there is no bill of that day")
        text = self._wechat_text(rows).encode("utf-8")
        digest = hashlib.sha1(text).hexdigest()
        if self.faults.take("bill_tampered"):
            text = text.replace(b"SUCCESS", b"SUCCES5", 1)
        token = self._keep(gzip.compress(text))
        return {
            "hash_type": "SHA1",
            "hash_value": digest,
            "download_url": f"{self.base_url}/v3/billdownload/file?token={token}",
        }

    def alipay_link(self, content: dict[str, Any]) -> dict[str, str]:
        """The answer to `alipay.data.dataservice.bill.downloadurl.query`."""
        if content.get("bill_type") != "trade":
            raise Refusal(40004, "isv.invalid-parameter", "bill_type is trade here")
        wrong = Refusal(40004, "isv.invalid-parameter", "bill_date is not well formed")
        day = self._day(content.get("bill_date") or "", wrong)
        if day >= datetime.now(ZONE).date() or self.faults.take("bill_creating"):
            raise Refusal(40004, "isp.bill-creating", "the bill is being made")
        rows = self._rows("alipay", day)
        if not rows:
            raise Refusal(40004, "isp.bill-not-exist", "there is no bill of that day")
        token = self._keep(self._alipay_zip(rows, day))
        return {"bill_download_url": f"{self.base_url}/alipay/bill?token={token}"}

    def file(self, token: str) -> Answer:
        """The file behind a link that still lives."""
        until, content = self._files.get(token, (0.0, b""))
        if time.time() > until:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "the link is over")
        return Answer(body=content, content_type="application/octet-stream")

    def _keep(self, content: bytes) -> str:
        token = secrets.token_hex(16)
        now = time.time()
        self._files = {key: value for key, value in self._files.items() if value[0] > now}
        self._files[token] = (now + LINK_LIVES_S, content)
        return token

    @staticmethod
    def _day(text: str, refusal: Refusal) -> date:
        try:
            return date.fromisoformat(text)
        except (TypeError, ValueError):
            raise refusal from None

    # --- rows --------------------------------------------------------------------
    def _rows(self, channel: str, day: date) -> list[tuple[TradeRow, RefundRow | None, int]]:
        """(trade, refund or None, fen that a fault adds) of a day, by time; WeChat dates refunds by request."""

        def at(seconds: float) -> bool:
            return bool(seconds) and datetime.fromtimestamp(seconds, ZONE).date() == day

        found: list[tuple[float, TradeRow, RefundRow | None]] = [
            (row.paid_at, row, None)
            for row in self.book.trades.values()
            if row.channel == channel and row.state == PAID and at(row.paid_at)
        ]
        for refund in self.book.refunds.values():
            if refund.channel != channel or (channel == "alipay" and refund.state != "success"):
                continue
            moment = refund.created_at if channel == "wechat" else refund.finished_at
            if at(moment):
                found.append((moment, self.book.trades[channel, refund.trade_number], refund))
        found.sort(key=lambda item: item[0])
        rows = [(trade, refund, 0) for _moment, trade, refund in found]
        faults = self.faults
        if faults.bill_drop:
            del rows[: faults.bill_drop]
        if rows and faults.bill_amount_fen:
            rows[0] = (*rows[0][:2], faults.bill_amount_fen)
        if rows and faults.bill_duplicate:
            rows.append(rows[0])
        if faults.bill_stranger_fen:
            start = datetime(day.year, day.month, day.day, 12, tzinfo=ZONE).timestamp()
            stranger = TradeRow(
                channel, f"X{day:%Y%m%d}", faults.bill_stranger_fen, "native", "", "?", start, paid_at=start,
                provider_no=new_number(), state=PAID,
            )  # fmt: skip
            rows.append((stranger, None, 0))
        return rows

    def _wechat_text(self, rows: list[tuple[TradeRow, RefundRow | None, int]]) -> str:
        lines, fees, paid, back = [], 0, 0, 0
        for trade, refund, extra in rows:
            amount = trade.amount_fen + (0 if refund else extra)
            refunded = (refund.amount_fen + extra) if refund else 0
            fee = (-fee_of(refunded) if refund else fee_of(amount)) + self.faults.bill_fee_fen
            fees, paid, back = fees + fee, paid + (0 if refund else amount), back + refunded
            values = dict.fromkeys(WECHAT_COLUMNS, "") | {
                "交易时间": local_moment(refund.created_at if refund else trade.paid_at),
                "公众账号ID": self.keys.appid,
                "商户号": self.keys.mchid,
                "特约商户号": "0",
                "微信订单号": trade.provider_no,
                "商户订单号": trade.number,
                "用户标识": trade.payer,
                "交易类型": trade.way.upper(),
                "交易状态": "REFUND" if refund else "SUCCESS",
                "付款银行": "OTHERS",
                "货币种类": "CNY",
                "应结订单金额": yuan(0 if refund else amount),
                "代金券金额": "0.00",
                "微信退款单号": refund.provider_no if refund else "0",
                "商户退款单号": refund.number if refund else "0",
                "退款金额": yuan(refunded),
                "充值券退款金额": "0.00",
                "退款类型": "ORIGINAL" if refund else "",
                "退款状态": REFUND_STATES[refund.state] if refund else "",
                "商品名称": trade.subject,
                "手续费": f"{signed_yuan(fee)}000",
                "费率": f"{FEE_BP / 100:.2f}%",
                "订单金额": yuan(0 if refund else amount),
                "申请退款金额": yuan(refunded),
            }
            lines.append(values.values())
        summary = (
            str(len(lines)),
            yuan(paid),
            yuan(back),
            "0.00",
            f"{signed_yuan(fees)}000",
            yuan(paid),
            yuan(back),
        )
        text = io.StringIO()
        text.write("\ufeff")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(WECHAT_COLUMNS)
        writer.writerows([f"`{cell}" for cell in line] for line in lines)
        writer.writerow(WECHAT_SUMMARY)
        writer.writerow([f"`{cell}" for cell in summary])
        return text.getvalue()

    def _alipay_zip(self, rows: list[tuple[TradeRow, RefundRow | None, int]], day: date) -> bytes:
        lines, counts = [], {True: 0, False: 0}
        for trade, refund, extra in rows:
            amount = (refund.amount_fen if refund else trade.amount_fen) + extra
            fee = (fee_of(amount) if refund else -fee_of(amount)) - self.faults.bill_fee_fen
            counts[refund is not None] += 1
            values = dict.fromkeys(ALIPAY_COLUMNS, "") | {
                "支付宝交易号": trade.provider_no,
                "商户订单号": trade.number,
                "业务类型": "退款" if refund else "交易",
                "商品名称": trade.subject,
                "创建时间": local_moment(refund.created_at if refund else trade.paid_at),
                "完成时间": local_moment(refund.finished_at if refund else trade.paid_at),
                "对方账户": "*车主",
                "订单金额（元）": signed_yuan(-amount if refund else amount),
                "商家实收（元）": signed_yuan(-amount if refund else amount),
                "退款批次号/请求号": refund.number if refund else "",
                "服务费（元）": signed_yuan(fee),
                "分润（元）": "0.00",
            }
            lines.append(values.values())
        head = (
            "#支付宝业务明细查询",
            f"#账号：[{self.keys.seller_id}0156]",
            f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{day:%Y年%m月%d日} 24:00:00]",
            "#-----------------------------------------业务明细列表----------------------------------------",
        )
        tail = (
            "#-----------------------------------------业务明细列表结束------------------------------------",
            f"#交易合计：{counts[False]}笔",
            f"#退款合计：{counts[True]}笔",
            f"#导出时间：[{datetime.now(ZONE):%Y年%m月%d日 %H:%M:%S}]",
        )
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        text.write("\r\n".join(head) + "\r\n")
        writer.writerow(ALIPAY_COLUMNS)
        writer.writerows([f"{cell}\t" for cell in line] for line in lines)
        text.write("\r\n".join(tail) + "\r\n")
        name = f"{self.keys.seller_id}_{day:%Y%m%d}_业务明细"
        files = {f"{name}.csv": text.getvalue(), f"{name}(汇总).csv": "\r\n".join(head[:3])}
        return _gbk_zip(files)


class _GbkName(zipfile.ZipInfo):
    """A file whose name is in GBK without the flag for UTF-8, as the service writes it."""

    def _encodeFilenameFlags(self):
        return self.filename.encode("gbk"), self.flag_bits


def _gbk_zip(files: dict[str, str]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, content in files.items():
            info = _GbkName(name, time.localtime()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content.encode("gbk"))
    return raw.getvalue()
