"""WeChat Pay 商家转账 (merchant transfer, since 2025-01): the payee confirms in WeChat unless authorised before.

`POST /v3/fund-app/mch-transfer/transfer-bills`. A number that was answered with anything but 200 is asked for and
never replaced; the holder's name goes along encrypted with the platform's key.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings

from billing.payments.provider import ProviderRefused, ProviderUnknown
from billing.payments.transfers import TransferRequest, TransferState, TransferView
from billing.payments.wechat import WeChatProvider

_STATES = {
    "ACCEPTED": TransferState.PROCESSING,
    "PROCESSING": TransferState.PROCESSING,
    "TRANSFERING": TransferState.PROCESSING,
    "CANCELING": TransferState.PROCESSING,
    "WAIT_USER_CONFIRM": TransferState.WAITS_FOR_PAYEE,
    "SUCCESS": TransferState.PAID,
    "FAIL": TransferState.FAILED,
    "CANCELLED": TransferState.FAILED,
}


class WeChatTransfers:
    """`TransferProvider` of one merchant."""

    def __init__(self, provider: WeChatProvider):
        self._provider = provider

    def transfer(self, request: TransferRequest) -> TransferView:
        body = self._provider.call(
            "mch_transfer_bills",
            out_bill_no=request.number,
            transfer_scene_id=settings.WECHAT_TRANSFER_SCENE,
            openid=request.identity,
            transfer_amount=request.amount_fen,
            transfer_remark=request.remark[:32],
            user_name=request.real_name,
            transfer_scene_report_infos=[
                {"info_type": kind, "info_content": text}
                for kind, text in settings.WECHAT_TRANSFER_REPORT.items()
            ],
        )
        return self._view(request.number, body, asked_fen=request.amount_fen)

    def query_transfer(self, number: str) -> TransferView:
        try:
            body = self._provider.call("mch_transfer_bills_query", out_bill_no=quote(number, safe=""))
        except ProviderRefused as refusal:
            if refusal.code in ("NOT_FOUND", "RESOURCE_NOT_EXISTS"):
                return TransferView(number=number, state=TransferState.ABSENT)
            raise ProviderUnknown(str(refusal)) from refusal
        return self._view(number, body)

    def _view(self, number: str, body: Mapping[str, Any], asked_fen: int | None = None) -> TransferView:
        try:
            if body["out_bill_no"] != number:
                raise ProviderUnknown("the answer is about another transfer")
            amount = body.get("transfer_amount", asked_fen)
            package = body.get("package_info")
            return TransferView(
                number=number,
                state=_STATES[body["state"]],
                provider_no=body.get("transfer_bill_no", ""),
                amount_fen=int(amount) if amount is not None else None,
                reason=body.get("fail_reason", ""),
                confirm_params=self._provider.confirm_params(package) if package else None,
                raw=body,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderUnknown(f"unreadable transfer: {error!r}") from error
