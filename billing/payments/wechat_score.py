"""WeChat pay score (微信支付分) in the mode without confirmation per order: the driver's permission stands for it.

`/v3/payscore/serviceorder` and `/v3/payscore/permissions`. The library terminates a permission by its code at a
wrong address, so the openid is used. A number is asked for and never replaced.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.payments.pay_score import PermissionView, ScoreBegin, ScoreEnd, ScoreState, ScoreView
from billing.payments.provider import ProviderRefused, ProviderUnknown
from billing.payments.wechat import WeChatProvider
from billing.payments.wechat_answers import ZONE, read_order

INTRODUCTION = "充电服务"
FUND_NAME = "ESTIMATE_ORDER_COST"  # 预估订单费用
ABSENT = ("ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS", "NOT_FOUND")


class WeChatPayScore:
    """`PayScore` of one merchant."""

    def __init__(self, provider: WeChatProvider):
        self._provider = provider
        self._service = provider.service_id

    # --- permission --------------------------------------------------------------
    def ask_permission(self, code: str) -> dict[str, str]:
        body = self._provider.call("payscore_permission", service_id=self._service, authorization_code=code)
        if not body.get("apply_permissions_token"):
            raise ProviderUnknown("the answer holds no token")
        return {
            "businessType": "wxpayScoreEnable",
            "apply_permissions_token": body["apply_permissions_token"],
        }

    def query_permission(self, code: str) -> PermissionView:
        try:
            body = self._provider.call(
                "payscore_permission_query", service_id=self._service, authorization_code=code
            )
        except ProviderRefused as refusal:
            if refusal.code in ABSENT:
                return PermissionView(code=code, is_open=False)
            raise ProviderUnknown(str(refusal)) from refusal
        is_open = body.get("authorization_state") == "AVAILABLE"
        at = body.get("authorization_success_time" if is_open else "cancel_authorization_time")
        return PermissionView(
            code=code, is_open=is_open, openid=body.get("openid", ""), at=_rfc(at), raw=body
        )

    def end_permission(self, openid: str, reason: str) -> None:
        self._provider.call(
            "payscore_permission_terminate", service_id=self._service, openid=openid, reason=reason[:50]
        )

    # --- orders ------------------------------------------------------------------
    def create(self, begin: ScoreBegin) -> ScoreView:
        return self._view(
            begin.number,
            self._provider.call(
                "payscore_create",
                out_order_no=begin.number,
                service_id=self._service,
                service_introduction=INTRODUCTION,
                post_payments=begin.items,
                risk_fund={"name": FUND_NAME, "amount": begin.fund_fen},
                time_range={"start_time": "OnAccept"},
                location={"start_location": begin.place[:20]} if begin.place else None,
                need_user_confirm=False,
                openid=begin.openid,
            ),
        )

    def query(self, number: str) -> ScoreView:
        try:
            body = self._provider.call("payscore_query", service_id=self._service, out_order_no=number)
        except ProviderRefused as refusal:
            if refusal.code in ABSENT:
                return ScoreView(number=number, state=ScoreState.ABSENT)
            raise ProviderUnknown(str(refusal)) from refusal
        return self._view(number, body)

    def complete(self, end: ScoreEnd) -> ScoreView:
        return self._view(
            end.number,
            self._provider.call(
                "payscore_complete",
                out_order_no=end.number,
                service_id=self._service,
                post_payments=end.items,
                total_amount=end.total_fen,
                time_range={"start_time": _moment(end.began), "end_time": _moment(end.ended)},
            ),
        )

    def lower(self, number: str, total_fen: int, items: list[dict[str, str]], reason: str) -> ScoreView:
        return self._view(
            number,
            self._provider.call(
                "payscore_modify",
                out_order_no=number,
                service_id=self._service,
                post_payments=items,
                total_amount=total_fen,
                reason=reason[:30],
            ),
        )

    def paid_elsewhere(self, number: str, at: datetime) -> ScoreView:
        return self._view(
            number,
            self._provider.call(
                "payscore_sync",
                out_order_no=number,
                service_id=self._service,
                scene_type="Order_Paid",
                detail={"paid_time": _moment(at)},
            ),
        )

    def cancel(self, number: str, reason: str) -> None:
        self._provider.call(
            "payscore_cancel", out_order_no=number, service_id=self._service, reason=reason[:30]
        )

    def _view(self, number: str, body: Mapping[str, Any]) -> ScoreView:
        view = read_order(body, service_id=self._service)
        if view.number != number:
            raise ProviderUnknown("the answer is about another order")
        return view


def _moment(at: datetime) -> str:
    return at.astimezone(ZONE).strftime("%Y%m%d%H%M%S")


def _rfc(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
