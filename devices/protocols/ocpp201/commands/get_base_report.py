"""GetBaseReport (B07): the whole inventory, which the station then tells in NotifyReport messages."""

from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocppj.answers import by_status as outcome

__all__ = ["ACTION", "build", "outcome"]

ACTION = "GetBaseReport"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: `base`, a ReportBaseEnumType, the full inventory when absent."""
    return {"requestId": command.pk, "reportBase": str(command.params.get("base") or "FullInventory")}
