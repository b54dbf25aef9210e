"""What answers and notices of WeChat say, read alike: whole fen, service orders of pay score, permissions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from billing.payments.pay_score import PermissionView, ScoreDebit, ScoreState, ScoreView
from billing.payments.provider import ProviderUnknown

ZONE = ZoneInfo("Asia/Shanghai")
_STATES = {
    "CREATED": ScoreState.CREATED,
    "DOING": ScoreState.DOING,
    "DONE": ScoreState.DONE,
    "REVOKED": ScoreState.REVOKED,
    "EXPIRED": ScoreState.EXPIRED,
}


def whole_fen(value: Any) -> int | None:
    """A JSON number that has to be whole fen, or nothing; ValueError otherwise."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a whole number of fen")
    return value


def read_order(body: Mapping[str, Any], *, service_id: str) -> ScoreView:
    """A service order as an answer or a notice tells it; raises `ProviderUnknown` for what cannot be read."""
    try:
        if body["service_id"] != service_id:
            raise ProviderUnknown("the answer is about another service")
        state = _STATES[body["state"]]
        collection = body.get("collection") or {}
        if state is ScoreState.DOING and body.get("state_description") == "MCH_COMPLETE":
            state = ScoreState.PAYING
        details = collection.get("details") or ()
        return ScoreView(
            number=body["out_order_no"],
            state=state,
            total_fen=whole_fen(body.get("total_amount")),
            debits=tuple(
                ScoreDebit(
                    number=one["transaction_id"],
                    amount_fen=whole_fen(one["amount"]) or 0,
                    at=_local(one.get("paid_time")),
                )
                for one in details
                if one.get("paid_type") == "NEWTON"
            ),
            paid_elsewhere=any(one.get("paid_type") == "MCH" for one in details),
            openid=body.get("openid", ""),
            provider_no=body.get("order_id", ""),
            raw=body,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProviderUnknown(f"unreadable service order: {error!r}") from error


def read_permission(body: Mapping[str, Any], *, service_id: str) -> PermissionView:
    """A permission as a notice tells it; raises `ProviderUnknown` for what cannot be read."""
    try:
        if body["service_id"] != service_id:
            raise ProviderUnknown("the notice is about another service")
        return PermissionView(
            code=body.get("authorization_code", ""),
            is_open=body["user_service_status"] == "USER_OPEN_SERVICE",
            openid=body["openid"],
            at=_local(body.get("openorclose_time")),
            raw=body,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ProviderUnknown(f"unreadable permission: {error!r}") from error


def _local(text: str | None) -> datetime | None:
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=ZONE) if text else None
