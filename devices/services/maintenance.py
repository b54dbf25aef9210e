"""What maintenance asks of a pile from the console: every command that has a form."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from devices.models import DeviceCommand
from devices.services import command_forms, uploads
from devices.services.commands import send_command
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile
from users import policy
from users.services import edits

PERMISSION = "devices.add_devicecommand"


def ask_pile(
    *,
    actor: Actor,
    pile: Pile,
    kind: str,
    reason: str,
    connector_no: int = 0,
    data: Mapping[str, Any] | None = None,
) -> DeviceCommand:
    """Send a command of maintenance with its reason in the audit trail.

    Args:
        kind: one that has a form (`command_forms.FORMS`).
        connector_no: 0 for the whole pile.
        data: what was filled into the form.

    Raises:
        DomainError: `permission_denied`, `not_found`, `reason_required`, `invalid` naming the field,
            `pile_offline`, `command_unsupported`, `command_pending`.
    """
    policy.require(actor, PERMISSION)
    edits.in_scope(actor, pile)
    reason = edits.require_reason(reason)
    params = command_forms.clean(kind=kind, protocol=pile.protocol, data=data or {})
    aim = command_forms.FORMS[kind].aim
    numbers = set(pile.connectors.values_list("number", flat=True)) if aim != "pile" else set()
    accepted = numbers | ({0} if aim != "connector" else set())
    if connector_no not in accepted:
        words = _("%(accepted)s are accepted.") % {"accepted": ", ".join(map(str, sorted(accepted)))}
        raise DomainError("invalid", {"field": _("connector"), "reason": words}, field="connector_no")
    if kind == DeviceCommand.Kind.UPLOAD_LOG:  # the file comes to the platform, under an address made for it
        span = {name: datetime.fromisoformat(params[name]) for name in ("oldest", "latest") if name in params}
        return uploads.ask(
            actor=actor, pile=pile, reason=reason, log=params.get("log", "diagnostics"), **span
        ).command
    with transaction.atomic():
        command = send_command(actor=actor, pile=pile, kind=kind, connector_no=connector_no, params=params)
        audit.record(
            actor=actor,
            action=f"devices.{kind}",
            target=pile,
            reason=reason,
            after={"command": command.pk, "connector_no": connector_no, "params": params},
        )
    return command
