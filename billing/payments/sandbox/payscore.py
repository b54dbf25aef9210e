"""Pay score of the WeChat side: permissions, service orders with the prescribed texts, and the debit at the end."""

import re
import secrets
from datetime import datetime
from typing import Any

from billing.payments.sandbox.answers import Refusal
from billing.payments.sandbox.book import (
    PAID,
    ZONE,
    Book,
    Faults,
    PermissionRow,
    ScoreRow,
    TradeRow,
    rfc3339,
)
from billing.payments.sandbox.keys import Keys

LIFE_S = 30 * 86400
LONGEST_TEXT = 30
# 行业规程: names at the creation and at the end, of car piles and of two-wheelers.
TEXTS = {("计费规则",): ("计费规则", "费用明细"), ("收费标准",): ("收费标准", "使用时长")}
OPEN = ("CREATED", "DOING")


class PayScoreSide:
    """The rows of one sandbox and what may be asked of them."""

    def __init__(self, keys: Keys, book: Book, faults: Faults):
        self.keys, self.book, self.faults = keys, book, faults

    # --- permissions -------------------------------------------------------------
    def ask_permission(self, body: dict[str, Any]) -> dict[str, Any]:
        self._check_service(body)
        code = body.get("authorization_code") or ""
        if not re.fullmatch(r"[0-9A-Za-z_\-*]{1,32}", code):
            raise Refusal(400, "PARAM_ERROR", "authorization_code is not well formed")
        row = self.book.permissions.get(code)
        if row is None:
            row = PermissionRow(code=code, notify_url=self._address(body))
            self.book.permissions[code] = row
        elif row.state != "UNBINDUSER":
            raise Refusal(400, "INVALID_REQUEST", "this authorization_code has been used")
        return {"apply_permissions_token": f"token-{row.code}-{row.token}"}

    def permission_of(self, code: str, query: dict[str, str]) -> dict[str, Any]:
        self._check_query(query)
        row = self.book.permissions.get(code)
        if row is None:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "there is no such permission")
        return self._permission_view(row)

    def end_permission(self, openid: str, body: dict[str, Any]) -> PermissionRow:
        self._check_service(body)
        if not 1 <= len(body.get("reason") or "") <= 50:
            raise Refusal(400, "PARAM_ERROR", "reason has 1 to 50 characters")
        row = self._open_permission(openid)
        if row is None:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "the driver gave no permission")
        self.close(row)
        return row

    def open(self, token: str) -> PermissionRow:
        """The driver gives permission in the app, by the token that the merchant got."""
        row = next((r for r in self.book.permissions.values() if token == f"token-{r.code}-{r.token}"), None)
        if row is None or row.state != "UNBINDUSER":
            raise Refusal(400, "INVALID_REQUEST", "the token is unknown or used")
        row.state, row.changed_at = "AVAILABLE", self.book.now()
        row.openid = row.openid or f"oSandbox{secrets.token_hex(8)}"
        return row

    def close(self, row: PermissionRow) -> None:
        """The driver, or the merchant, ends the permission."""
        row.state, row.changed_at = "UNAVAILABLE", self.book.now()

    # --- orders ------------------------------------------------------------------
    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        self._check_create(body)
        number = body["out_order_no"]
        row = self.book.scores.get(number)
        if row is not None:
            if row.request != body:
                raise Refusal(400, "INVALID_REQUEST", "the number was used with other content")
            return self.view(row)
        if not body["need_user_confirm"] and self._open_permission(body["openid"]) is None:
            raise Refusal(403, "NO_AUTH", "the driver has given no permission")
        row = ScoreRow(
            number=number,
            request=body,
            notify_url=self._address(body),
            openid=body.get("openid", ""),
            fund_fen=body["risk_fund"]["amount"],
            created_at=self.book.now(),
            state="CREATED" if body["need_user_confirm"] else "DOING",
            provider_no=self.book.new_number(),
        )
        self.book.scores[number] = row
        return self.view(row)

    def query(self, query: dict[str, str]) -> dict[str, Any]:
        self._check_query(query)
        return self.view(self._find(query.get("out_order_no", "")))

    def complete(self, number: str, body: dict[str, Any]) -> dict[str, Any]:
        self._check_service(body)
        row = self._find(number)
        total = body.get("total_amount")
        if isinstance(total, bool) or not isinstance(total, int) or total < 0:
            raise Refusal(400, "PARAM_ERROR", "total_amount is a whole number of fen")
        if row.completed is not None:
            if row.completed != body:
                raise Refusal(400, "INVALID_REQUEST", "the order was completed with other content")
            return self.view(row)
        if row.state != "DOING":
            raise Refusal(400, "INVALID_REQUEST", f"an order in state {row.state} cannot be completed")
        begun = tuple(item["name"] for item in row.request["post_payments"])
        self._check_items(body, (TEXTS[begun],))
        if total > row.fund_fen:
            raise Refusal(400, "INVALID_REQUEST", "more than the risk fund")
        self._check_times(row, body.get("time_range") or {})
        row.completed, row.total_fen = body, total
        if not total:
            row.state = "DONE"
        return self.view(row)

    def lower(self, number: str, body: dict[str, Any]) -> dict[str, Any]:
        self._check_service(body)
        row, total = self._find(number), body.get("total_amount")
        if row.lowered is not None and row.lowered == body:
            return self.view(row)
        if not self.is_paying(row):
            raise Refusal(400, "INVALID_REQUEST", "only an order that waits for its debit can be lowered")
        if row.lowered is not None:
            raise Refusal(400, "INVALID_REQUEST", "the amount has been lowered before")
        taken = sum(fen for _number, fen, _at in row.debits)
        if isinstance(total, bool) or not isinstance(total, int) or not taken <= total < row.total_fen:
            raise Refusal(400, "PARAM_ERROR", "the amount can only be lowered")
        if not 1 <= len(body.get("reason") or "") <= 30:
            raise Refusal(400, "PARAM_ERROR", "reason has 1 to 30 characters")
        begun = tuple(item["name"] for item in row.request["post_payments"])
        self._check_items(body, (TEXTS[begun],))
        row.lowered, row.total_fen = body, total
        return self.view(row)

    def sync(self, number: str, body: dict[str, Any]) -> dict[str, Any]:
        self._check_service(body)
        row = self._find(number)
        paid_time = (body.get("detail") or {}).get("paid_time") or ""
        if body.get("type") != "Order_Paid" or not re.fullmatch(r"\d{14}", paid_time):
            raise Refusal(400, "PARAM_ERROR", "type is Order_Paid, with its time")
        if row.elsewhere:
            return self.view(row)
        if not self.is_paying(row):
            raise Refusal(
                400, "INVALID_REQUEST", "only an order that waits for its debit can be synchronised"
            )
        row.elsewhere, row.state = paid_time, "DONE"
        return self.view(row)

    def cancel(self, number: str, body: dict[str, Any]) -> dict[str, Any]:
        self._check_service(body)
        row = self._find(number)
        if not 1 <= len(body.get("reason") or "") <= 30:
            raise Refusal(400, "PARAM_ERROR", "reason has 1 to 30 characters")
        self._age(row)
        if row.state not in (*OPEN, "REVOKED") or row.debits:
            raise Refusal(400, "INVALID_REQUEST", f"an order in state {row.state} cannot be cancelled")
        row.state = "REVOKED"
        return {
            "appid": self.keys.appid,
            "mchid": self.keys.mchid,
            "out_order_no": row.number,
            "service_id": self.keys.service_id,
            "order_id": row.provider_no,
        }

    def debit(self, number: str, fen: int | None = None) -> ScoreRow:
        """The service debits a completed order, or a part of it; the trade can be refunded by its transaction number."""
        row = self._find(number)
        if not self.is_paying(row):
            raise Refusal(400, "INVALID_REQUEST", "there is nothing to debit")
        left = row.total_fen - sum(one for _number, one, _at in row.debits)
        taken, number, at = min(fen or left, left), f"42{self.book.new_number()}"[:28], self.book.now()
        row.debits.append((number, taken, at))
        if taken == left:
            row.state, row.debit_no, row.debit_at = "DONE", number, at
        self.book.add(
            TradeRow(
                channel="wechat",
                number=f"S{secrets.token_hex(12)}",  # a number of the service, not the order's
                amount_fen=taken,
                way="native",
                notify_url=row.notify_url,
                subject=row.request["service_introduction"],
                expires_at=self.book.now(),
                provider_no=number,
                state=PAID,
                paid_at=at,
                payer=row.openid,
            )
        )
        return row

    def view(self, row: ScoreRow, *, extra_fen: int = 0) -> dict[str, Any]:
        """The order as an answer or a notice tells it."""
        self._age(row)
        view = {
            "appid": self.keys.appid,
            "mchid": self.keys.mchid,
            "out_order_no": row.number,
            "service_id": self.keys.service_id,
            "service_introduction": row.request["service_introduction"],
            "state": row.state,
            "openid": row.openid,
            "order_id": row.provider_no,
            "post_payments": (row.lowered or row.completed or row.request)["post_payments"],
            "risk_fund": row.request["risk_fund"],
            "time_range": (row.completed or row.request).get("time_range"),
        }
        if row.state == "DOING":
            view["state_description"] = "USER_CONFIRM" if row.completed is None else "MCH_COMPLETE"
        if row.completed is None:
            return view
        total = row.total_fen + extra_fen
        view |= {"total_amount": total, "need_collection": bool(total)}
        if not total:
            return view
        details = [
            self._detail(seq, "NEWTON", fen, local_14(at), number)
            for seq, (number, fen, at) in enumerate(row.debits, start=1)
        ]
        if extra_fen and details:
            details[-1]["amount"] += extra_fen
        taken = sum(one["amount"] for one in details)
        if row.elsewhere:
            details.append(self._detail(len(details) + 1, "MCH", total - taken, row.elsewhere, ""))
        view["collection"] = {
            "state": "USER_PAID" if row.state == "DONE" else "USER_PAYING",
            "total_amount": total,
            "paying_amount": 0 if row.state == "DONE" else total - taken,
            "paid_amount": total if row.state == "DONE" else taken,
            "details": details,
        }
        return view

    @staticmethod
    def _detail(seq: int, kind: str, fen: int, at: str, number: str) -> dict[str, Any]:
        return {"seq": seq, "amount": fen, "paid_type": kind, "paid_time": at, "transaction_id": number}

    def permission_notice(self, row: PermissionRow) -> tuple[str, dict[str, Any]]:
        """Event and content of the notice about a permission."""
        event = "USER_OPEN_SERVICE" if row.state == "AVAILABLE" else "USER_CLOSE_SERVICE"
        return f"PAYSCORE.{event}", {
            "appid": self.keys.appid,
            "mchid": self.keys.mchid,
            "service_id": self.keys.service_id,
            "openid": row.openid,
            "user_service_status": event,
            "openorclose_time": local_14(row.changed_at),
            "authorization_code": row.code,
        }

    # --- checks --------------------------------------------------------------------
    def _check_service(self, body: dict[str, Any]) -> None:
        if body.get("appid") != self.keys.appid:
            raise Refusal(400, "APPID_MCHID_NOT_MATCH", "appid and mchid do not belong together")
        if body.get("service_id") != self.keys.service_id:
            raise Refusal(400, "INVALID_REQUEST", "service_id is not of this merchant")

    def _check_query(self, query: dict[str, str]) -> None:
        if query.get("service_id") != self.keys.service_id:
            raise Refusal(400, "INVALID_REQUEST", "service_id is not of this merchant")

    @staticmethod
    def _address(body: dict[str, Any]) -> str:
        url = body.get("notify_url") or ""
        if not url.startswith(("http://", "https://")) or "?" in url:
            raise Refusal(400, "PARAM_ERROR", "notify_url is an address without parameters")
        return url

    def _check_create(self, body: dict[str, Any]) -> None:
        self._check_service(body)
        if not re.fullmatch(r"[0-9A-Za-z_\-|*]{1,32}", body.get("out_order_no") or ""):
            raise Refusal(400, "PARAM_ERROR", "out_order_no is not well formed")
        if not 1 <= len(body.get("service_introduction") or "") <= 20:
            raise Refusal(400, "PARAM_ERROR", "service_introduction has 1 to 20 characters")
        self._check_items(body, tuple(TEXTS))
        fund = body.get("risk_fund") or {}
        names = ("DEPOSIT", "ADVANCE", "CASH_DEPOSIT", "ESTIMATE_ORDER_COST")
        amount = fund.get("amount")
        if fund.get("name") not in names or isinstance(amount, bool) or not isinstance(amount, int):
            raise Refusal(400, "PARAM_ERROR", "risk_fund has a known name and whole fen")
        if not 1 <= amount <= self.faults.score_fund_fen:
            raise Refusal(400, "INVALID_REQUEST", "more than this service's risk fund")
        if (body.get("time_range") or {}).get("start_time") != "OnAccept":
            raise Refusal(400, "PARAM_ERROR", "time_range.start_time is missing")
        if type(body.get("need_user_confirm")) is not bool:
            raise Refusal(400, "PARAM_ERROR", "need_user_confirm is true or false")
        if not body["need_user_confirm"] and not body.get("openid"):
            raise Refusal(400, "PARAM_ERROR", "an order without confirmation names the driver")
        location = body.get("location") or {}
        if len(location.get("start_location", "")) > 50:
            raise Refusal(400, "PARAM_ERROR", "start_location is too long")
        self._address(body)

    @staticmethod
    def _check_items(body: dict[str, Any], accepted: tuple[tuple[str, ...], ...]) -> None:
        items = body.get("post_payments") or []
        if tuple(item.get("name") for item in items) not in accepted:
            raise Refusal(400, "PARAM_ERROR", "post_payments are not those of this industry")
        for item in items:
            if set(item) != {"name", "description"} or not 1 <= len(item["description"]) <= LONGEST_TEXT:
                raise Refusal(
                    400, "PARAM_ERROR", "an item has a name and a description of at most 30 characters"
                )

    def _check_times(self, row: ScoreRow, times: dict[str, str]) -> None:
        try:
            began, ended = (
                datetime.strptime(times[name], "%Y%m%d%H%M%S").replace(tzinfo=ZONE).timestamp()
                for name in ("start_time", "end_time")
            )
        except (KeyError, ValueError, TypeError):
            raise Refusal(400, "PARAM_ERROR", "time_range has a start and an end of 14 digits") from None
        if not int(row.created_at) <= began <= ended <= self.book.now() + 60:
            raise Refusal(400, "PARAM_ERROR", "the times are not those of this service")

    def _find(self, number: str) -> ScoreRow:
        row = self.book.scores.get(number)
        if row is None:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "there is no such service order")
        self._age(row)
        return row

    def _age(self, row: ScoreRow) -> None:
        if row.state in OPEN and row.completed is None and self.book.now() > row.created_at + LIFE_S:
            row.state = "EXPIRED"

    @staticmethod
    def is_paying(row: ScoreRow) -> bool:
        """Whether an order is completed and waits for its debit."""
        return row.state == "DOING" and row.completed is not None

    def _open_permission(self, openid: str) -> PermissionRow | None:
        rows = self.book.permissions.values()
        return next((r for r in rows if openid and r.openid == openid and r.state == "AVAILABLE"), None)

    def _permission_view(self, row: PermissionRow) -> dict[str, Any]:
        view = {
            "service_id": self.keys.service_id,
            "appid": self.keys.appid,
            "mchid": self.keys.mchid,
            "authorization_code": row.code,
            "authorization_state": row.state,
            "notify_url": row.notify_url,
        }
        if row.openid:
            view["openid"] = row.openid
        if row.state == "AVAILABLE":
            view["authorization_success_time"] = rfc3339(row.changed_at)
        if row.state == "UNAVAILABLE":
            view["cancel_authorization_time"] = rfc3339(row.changed_at)
        return view


def local_14(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, ZONE).strftime("%Y%m%d%H%M%S")
