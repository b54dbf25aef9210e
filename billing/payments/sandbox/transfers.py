"""Payouts of both services: WeChat's merchant transfer and Alipay's transfer with certificates."""

import base64
import re
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from billing.payments.alipay import fen_of, yuan
from billing.payments.sandbox.answers import Refusal
from billing.payments.sandbox.book import Book, Faults, TransferRow, local_moment, rfc3339
from billing.payments.sandbox.keys import Keys

NAME_FROM_FEN = 200_000  # WeChat: from 2,000 yuan the payee's name is required
WECHAT_STATES = {"waiting": "WAIT_USER_CONFIRM", "success": "SUCCESS", "fail": "FAIL"}
ALIPAY_STATES = {"waiting": "DEALING", "success": "SUCCESS", "fail": "FAIL"}


class Transfers:
    """The rows of one sandbox and what may be asked of them."""

    def __init__(self, keys: Keys, book: Book, faults: Faults):
        self.keys, self.book, self.faults = keys, book, faults

    # --- WeChat ------------------------------------------------------------------
    def wechat_create(self, body: dict[str, Any]) -> dict[str, Any]:
        number, amount = body.get("out_bill_no") or "", body.get("transfer_amount")
        if not re.fullmatch(r"[0-9A-Za-z]{1,32}", number):
            raise Refusal(400, "PARAM_ERROR", "out_bill_no has digits and letters only")
        if body.get("appid") != self.keys.appid:
            raise Refusal(400, "APPID_MCHID_NOT_MATCH", "appid and mchid do not belong together")
        if isinstance(amount, bool) or not isinstance(amount, int) or amount < 10:
            raise Refusal(400, "PARAM_ERROR", "transfer_amount is a whole number of fen from 10")
        if not body.get("transfer_scene_id") or not body.get("transfer_scene_report_infos"):
            raise Refusal(400, "PARAM_ERROR", "the scene and what it reports are missing")
        if not body.get("openid") or not 1 <= len(body.get("transfer_remark") or "") <= 32:
            raise Refusal(400, "PARAM_ERROR", "openid or transfer_remark is not well formed")
        name = self._decrypted(body["user_name"]) if body.get("user_name") else ""
        if amount >= NAME_FROM_FEN and not name:
            raise Refusal(400, "PARAM_ERROR", "from 2,000 yuan the name is required")
        same = {key: value for key, value in body.items() if key != "user_name"} | {"name": name}
        row = self._same("wechat", number, same, Refusal(400, "ALREADY_EXISTS", "used with other content"))
        if row is None:
            self._pay(amount, Refusal(400, "NOT_ENOUGH", "the merchant has not enough money"))
            row = TransferRow("wechat", number, amount, body["openid"], name, self.book.now(), same)
            row.provider_no = f"13{self.book.new_number()}"
            self.book.add(row)
        return self._wechat_view(row) | {"create_time": rfc3339(row.created_at)}

    def wechat_query(self, number: str) -> dict[str, Any]:
        row = self.book.transfers.get(("wechat", number))
        if row is None:
            raise Refusal(404, "NOT_FOUND", "there is no such transfer")
        return self._wechat_view(row) | {"mchid": self.keys.mchid, "transfer_amount": row.amount_fen}

    def _wechat_view(self, row: TransferRow) -> dict[str, Any]:
        view = {
            "out_bill_no": row.number,
            "transfer_bill_no": row.provider_no,
            "state": WECHAT_STATES[row.state],
        }
        if row.state == "waiting":
            view["package_info"] = base64.b64encode(f"confirm {row.number}".encode()).decode()
        return view | ({"fail_reason": "PAYEE_ACCOUNT_ABNORMAL"} if row.state == "fail" else {})

    def _decrypted(self, text: str) -> str:
        key = serialization.load_pem_private_key(self.keys.wechat_key.encode(), None)
        scheme = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
        try:
            return key.decrypt(base64.b64decode(text), scheme).decode()
        except ValueError:
            raise Refusal(400, "PARAM_ERROR", "user_name is not encrypted with this key") from None

    # --- Alipay --------------------------------------------------------------------
    def require_certificates(self, values: dict[str, str]) -> None:
        wanted = (self.keys.app_certificate_number, self.keys.root_certificate_number)
        if (values.get("app_cert_sn"), values.get("alipay_root_cert_sn")) != wanted:
            raise Refusal(40002, "isv.missing-app-cert-sn", "transfers are signed in certificate mode")

    def alipay_create(self, content: dict[str, Any]) -> dict[str, Any]:
        number, amount = content.get("out_biz_no") or "", content.get("trans_amount")
        payee = content.get("payee_info") or {}
        if not re.fullmatch(r"[0-9A-Za-z_]{1,64}", number):
            raise Refusal(40004, "INVALID_PARAMETER", "out_biz_no is not well formed")
        if not isinstance(amount, str) or not re.fullmatch(r"\d{1,9}\.\d{2}", amount) or fen_of(amount) < 10:
            raise Refusal(40004, "INVALID_PARAMETER", "trans_amount is yuan with two decimals from 0.10")
        if (content.get("product_code"), content.get("biz_scene")) != (
            "TRANS_ACCOUNT_NO_PWD",
            "DIRECT_TRANSFER",
        ):
            raise Refusal(40004, "INVALID_PARAMETER", "product_code or biz_scene does not fit")
        if payee.get("identity_type") not in ("ALIPAY_USER_ID", "ALIPAY_LOGON_ID") or not payee.get(
            "identity"
        ):
            raise Refusal(40004, "PAYEE_NOT_EXIST", "the payee is not named")
        if payee["identity_type"] == "ALIPAY_LOGON_ID" and not payee.get("name"):
            raise Refusal(40004, "INVALID_PARAMETER", "a login name goes with the holder's name")
        row = self._same(
            "alipay", number, content, Refusal(40004, "BIZ_UNIQUE_EXCEPTION", "used with other content")
        )
        if row is None:
            self._pay(fen_of(amount), Refusal(40004, "PAYER_BALANCE_NOT_ENOUGH", "not enough money"))
            row = TransferRow(
                "alipay",
                number,
                fen_of(amount),
                payee["identity"],
                payee.get("name", ""),
                self.book.now(),
                content,
            )
            row.provider_no = self.book.new_number()
            if self.faults.transfer_outcome == "success":
                row.state, row.finished_at = "success", self.book.now()
            self.book.add(row)
        return self._alipay_view(row)

    def alipay_query(self, content: dict[str, Any]) -> dict[str, Any]:
        row = self.book.transfers.get(("alipay", content.get("out_biz_no") or ""))
        if row is None:
            raise Refusal(40004, "ORDER_NOT_EXIST", "there is no such transfer")
        return self._alipay_view(row) | {"trans_amount": yuan(row.amount_fen)}

    @staticmethod
    def _alipay_view(row: TransferRow) -> dict[str, Any]:
        view = {"out_biz_no": row.number, "order_id": row.provider_no, "status": ALIPAY_STATES[row.state]}
        return view | ({"trans_date": local_moment(row.finished_at)} if row.finished_at else {})

    # --- both ------------------------------------------------------------------------
    def finish(self) -> list[TransferRow]:
        """Let every transfer under way end as `faults.transfer_outcome` says."""
        if self.faults.transfer_outcome == "wait":
            return []
        rows = [row for row in self.book.transfers.values() if row.state == "waiting"]
        for row in rows:
            row.state, row.finished_at = self.faults.transfer_outcome, self.book.now()
        return rows

    def _same(self, channel: str, number: str, content: Any, refusal: Refusal) -> TransferRow | None:
        row = self.book.transfers.get((channel, number))
        if row is not None and row.request != content:
            raise refusal
        return row

    def _pay(self, amount_fen: int, refusal: Refusal) -> None:
        if self.faults.transfer_funds_fen < 0:
            return
        if amount_fen > self.faults.transfer_funds_fen:
            raise refusal
        self.faults.transfer_funds_fen -= amount_fen
