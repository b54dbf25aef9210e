"""SendLocalList (OCPP 1.6 §5.15): the whole list of tags, what changed in it, or an empty one."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required, when, whole

__all__ = ["ACTION", "build", "outcome"]

ACTION = "SendLocalList"
STATUSES = {"accepted": "Accepted", "blocked": "Blocked", "expired": "Expired", "invalid": "Invalid"}


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `cards` (see `local_lists.sync`), `full`, `version`. A list that is cleared has no card."""
    params = command.params
    full = command.kind == DeviceCommand.Kind.CLEAR_CARDS or bool(params.get("full", True))
    cards = [] if command.kind == DeviceCommand.Kind.CLEAR_CARDS else params.get("cards") or []
    return {
        "listVersion": whole(params, "version") or 1,
        "updateType": "Full" if full else "Differential",
        "localAuthorizationList": [_entry(card) for card in cards],
    }


def _entry(card: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"idTag": required(card, "tag")}
    if "status" in card and card["status"] is None:
        return entry  # a tag without more goes off the list
    status = str(card.get("status") or "accepted")
    if status not in STATUSES:
        raise ValueError(f"status is not one of {', '.join(STATUSES)}")
    info = {"status": STATUSES[status]}
    expires_at = when(card, "expires_at")
    if expires_at is not None:
        info["expiryDate"] = expires_at
    if card.get("parent_tag"):
        info["parentIdTag"] = str(card["parent_tag"])
    return entry | {"idTagInfo": info}
