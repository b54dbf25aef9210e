"""SendLocalList (D01): the whole list of identities, what changed in it, or an empty one."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome
from devices.protocols.ocppj.answers import required, when, whole

__all__ = ["ACTION", "build", "outcome"]

ACTION = "SendLocalList"
STATUSES = {"accepted": "Accepted", "blocked": "Blocked", "expired": "Expired", "invalid": "Invalid"}


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `cards` (see `local_lists.sync`), `full`, `version`.

    An empty list has no field at all (D01.FR.04): the schema wants at least one entry in it.
    """
    params = command.params
    clears = command.kind == DeviceCommand.Kind.CLEAR_CARDS
    entries = [_entry(card) for card in ([] if clears else params.get("cards") or [])]
    payload: dict[str, Any] = {
        "versionNumber": whole(params, "version") or 1,
        "updateType": "Full" if clears or params.get("full", True) else "Differential",
    }
    return payload | ({"localAuthorizationList": entries} if entries else {})


def _entry(card: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {"idToken": {"idToken": required(card, "tag"), "type": "ISO14443"}}
    if "status" in card and card["status"] is None:
        return entry  # an identity without more goes off the list
    status = str(card.get("status") or "accepted")
    if status not in STATUSES:
        raise ValueError(f"status is not one of {', '.join(STATUSES)}")
    info: dict[str, Any] = {"status": STATUSES[status]}
    expires_at = when(card, "expires_at")
    if expires_at is not None:
        info["cacheExpiryDateTime"] = expires_at
    if card.get("parent_tag"):
        info["groupIdToken"] = {"idToken": str(card["parent_tag"]), "type": "Central"}
    return entry | {"idTokenInfo": info}
