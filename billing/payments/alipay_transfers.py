"""Alipay transfers to a person (`alipay.fund.trans.uni.transfer`), which the service allows with certificates only."""

from collections.abc import Mapping
from typing import Any

from billing.payments.alipay import AlipayProvider, fen_of, yuan
from billing.payments.merchants import ChannelOff
from billing.payments.provider import ProviderRefused, ProviderUnknown
from billing.payments.transfers import TransferRequest, TransferState, TransferView

SCENE = {"product_code": "TRANS_ACCOUNT_NO_PWD", "biz_scene": "DIRECT_TRANSFER"}
_STATES = {
    "SUCCESS": TransferState.PAID,
    "DEALING": TransferState.PROCESSING,
    "WAIT_PAY": TransferState.PROCESSING,
    "FAIL": TransferState.FAILED,
    "CLOSED": TransferState.FAILED,
    "REFUND": TransferState.FAILED,  # it came back from the payee
}


class AlipayTransfers:
    """`TransferProvider` of one application with certificates; raises `ChannelOff` without them."""

    def __init__(self, provider: AlipayProvider):
        if not provider.has_certificates:
            raise ChannelOff("alipay certificates")
        self._provider = provider

    def transfer(self, request: TransferRequest) -> TransferView:
        by_id = request.identity.isdigit() and request.identity.startswith("2088")
        body = self._provider.call_with_certificates(
            "alipay.fund.trans.uni.transfer",
            {
                "out_biz_no": request.number,
                "trans_amount": yuan(request.amount_fen),
                **SCENE,
                "payee_info": {
                    "identity": request.identity,
                    "identity_type": "ALIPAY_USER_ID" if by_id else "ALIPAY_LOGON_ID",
                    "name": request.real_name,
                },
                "order_title": request.remark,
            },
        )
        return self._view(request.number, body)

    def query_transfer(self, number: str) -> TransferView:
        try:
            body = self._provider.call_with_certificates(
                "alipay.fund.trans.common.query", {"out_biz_no": number, **SCENE}
            )
        except ProviderRefused as refusal:
            if refusal.code == "ORDER_NOT_EXIST":
                return TransferView(number=number, state=TransferState.ABSENT)
            raise ProviderUnknown(str(refusal)) from refusal
        return self._view(number, body)

    @staticmethod
    def _view(number: str, body: Mapping[str, Any]) -> TransferView:
        try:
            if body["out_biz_no"] != number:
                raise ProviderUnknown("the answer is about another transfer")
            amount = body.get("trans_amount")
            return TransferView(
                number=number,
                state=_STATES[body["status"]],
                provider_no=body.get("order_id", ""),
                amount_fen=fen_of(amount) if amount else None,
                reason=body.get("fail_reason", ""),
                raw=body,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderUnknown(f"unreadable transfer: {error!r}") from error
