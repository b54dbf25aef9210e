"""Setting piles to a parameter set, and reading back what they really hold.

One variable is written after the other (by name: JSON in the database keeps no order), then all are read and compared: an answer «accepted» proves nothing, what
the pile tells afterwards does. A pile that goes silent in between ends with its last command.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from devices import events
from devices.locks import lock_pile
from devices.models import DeviceCommand, DeviceVariable, ParameterCheck, ParameterSet
from devices.protocols.capabilities import supports
from devices.services import command_forms
from devices.services.commands import send_command
from kernel import clock
from kernel.actor import Actor, system
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile, PileModel
from users import policy
from users.models import Operator
from users.services import edits

PERMISSION = "devices.add_devicecommand"
MOST_VARIABLES, LONGEST_PATH, LONGEST_VALUE = 200, 255, 2500
_WHY = "the parameters of a pile that was asked"
_K, _S = DeviceCommand.Kind, ParameterCheck.State
# Boxes take all their limits in one command, and tell them under the names of their frame (AP3000 §4.5, §4.9.8).
_ALL_AT_ONCE = {"dny": {"max_time_s": "max_time", "overload_w": "overload", "over_voltage_v": "over_voltage",
                        "under_voltage_v": "under_voltage"}}  # fmt: skip


def save_set(
    *,
    actor: Actor,
    operator: Operator,
    model: PileModel,
    name: str,
    values: Mapping[str, str],
    parameter_set: ParameterSet | None = None,
) -> ParameterSet:
    """Add a parameter set, or change one; piles are asked only by `set_pile`.

    DomainError `permission_denied`, `not_found`, `invalid` naming the field, `parameter_set_taken`.
    """
    policy.require(actor, "devices.change_parameterset" if parameter_set else "devices.add_parameterset")
    edits.in_scope(actor, operator)
    if not 1 <= len(name.strip()) <= 64:
        _refuse("name", _("1 to 64 characters are accepted."))
    clean = {str(path).strip(): str(value).strip() for path, value in values.items()}
    if not clean or len(clean) > MOST_VARIABLES:
        _refuse("values", _("1 to %(most)s parameters are accepted.") % {"most": MOST_VARIABLES})
    for path, value in clean.items():
        if not path or len(path) > LONGEST_PATH or len(value) > LONGEST_VALUE:
            _refuse(
                "values", _("a name has 1 to 255 characters, a value up to 2500: %(path)s") % {"path": path}
            )
    try:
        with transaction.atomic():
            row = ParameterSet(operator=operator, model=model)
            if parameter_set is not None:
                edits.in_scope(actor, parameter_set)
                rows = ParameterSet.objects.unscoped(_WHY).select_for_update(no_key=True)
                row = rows.get(pk=parameter_set.pk)
            before = {"name": row.name, "values": row.values}
            row.name, row.values = name.strip(), clean
            row.changed_at, row.changed_by = clock.now(), actor.name[:128]
            row.save()
            edits.in_scope(actor, row)
            audit.record(
                actor=actor,
                action="devices.save_parameter_set",
                target=row,
                before=before if parameter_set else {},
                after={"name": row.name, "values": clean},
            )
    except IntegrityError:
        raise DomainError("parameter_set_taken", {"name": name.strip()}, field="name") from None
    return row


def set_pile(
    *, actor: Actor, pile: Pile, parameter_set: ParameterSet, reason: str, write: bool = True
) -> ParameterCheck:
    """Set a pile to a parameter set and read it back; without `write`, only compare.

    Raises:
        DomainError: `permission_denied`, `not_found`, `reason_required`, `parameters_other_model`,
            `parameters_under_way`, and what `send_command` refuses.
    """
    policy.require(actor, PERMISSION)
    edits.in_scope(actor, pile)
    edits.in_scope(actor, parameter_set)
    reason = edits.require_reason(reason)
    if parameter_set.model_id != pile.model_id:
        raise DomainError("parameters_other_model", {"code": pile.code, "model": str(parameter_set.model)})
    for kind in (_K.GET_CONFIGURATION, *((_K.CHANGE_CONFIGURATION,) if write else ())):
        if not supports(pile.protocol, kind):
            raise DomainError("command_unsupported", {"protocol": pile.protocol, "kind": kind})
    now = clock.now()
    with transaction.atomic():
        pile = lock_pile(pile.pk)
        row = ParameterCheck.objects.unscoped(_WHY).filter(pile=pile).first() or ParameterCheck(
            operator_id=pile.operator_id, station_id=pile.station_id, pile=pile
        )
        if row.pk and row.state in (_S.WRITING, _S.READING) and _has_open_command(row):
            raise DomainError("parameters_under_way", {"code": pile.code})
        row.parameter_set, row.wanted = parameter_set, parameter_set.values
        row.pending = sorted(parameter_set.values) if write else []
        row.refused, row.findings, row.reason, row.checked_at = {}, [], "", None
        row.state = _S.WRITING if write else _S.READING
        row.asked_at, row.asked_by = now, actor.name[:128]
        row.save()
        _send_next(actor, pile, row)
        audit.record(
            actor=actor,
            action="devices.set_parameters" if write else "devices.compare_parameters",
            target=pile,
            reason=reason,
            after={"set": parameter_set.name, "values": parameter_set.values},
        )
    return row


def set_piles(
    *, actor: Actor, parameter_set: ParameterSet, piles: Iterable[Pile], reason: str, write: bool = True
) -> tuple[int, list[tuple[Pile, DomainError]]]:
    """`set_pile` for many: how many were asked, and which were not with the refusal."""
    asked, refused = 0, []
    for pile in piles:
        try:
            set_pile(actor=actor, pile=pile, parameter_set=parameter_set, reason=reason, write=write)
            asked += 1
        except DomainError as refusal:
            if refusal.code in ("permission_denied", "reason_required"):
                raise
            refused.append((pile, refusal))
    return asked, refused


def on_command_answered(event: events.CommandAnswered) -> None:
    """Go on with the next variable, or compare what was read."""
    command = event.command
    if not command.reference.startswith("parameters-"):
        return
    row = ParameterCheck.objects.unscoped(_WHY).filter(pile_id=event.pile.id).select_related("pile").first()
    if row is None or row.reference != command.reference or row.state not in (_S.WRITING, _S.READING):
        return
    if command.state in (DeviceCommand.State.EXPIRED, DeviceCommand.State.FAILED):
        _fail(row, command.reason or command.state)
        return
    if command.kind == _K.CHANGE_CONFIGURATION:
        written = row.pending if row.pile.protocol in _ALL_AT_ONCE else row.pending[:1]
        # An acceptance with a reason (RebootRequired) is worth telling too.
        if command.state == DeviceCommand.State.REJECTED or command.reason:
            row.refused |= dict.fromkeys(written, command.reason or command.state)
        row.pending = row.pending[len(written) :]
        row.save(update_fields=["pending", "refused"])
        try:
            with transaction.atomic():
                _send_next(system("parameters"), row.pile, row)
        except DomainError as refusal:
            _fail(row, refusal.code)
    elif command.kind == _K.GET_CONFIGURATION:
        if command.state == DeviceCommand.State.REJECTED:
            _fail(row, command.reason or command.state)
        else:
            _compare(row, command, event.at)


def compare(wanted: Mapping[str, str], held: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """One row per wanted variable with its verdict: same, different or unknown."""
    rows = []
    for path, value in sorted(wanted.items()):
        told = held.get(path)
        verdict = "unknown" if told is None else "same" if _alike(value, told) else "different"
        rows.append({"path": path, "wanted": value, "held": told, "verdict": verdict})
    return rows


def register() -> None:
    """Subscribe the handler; after the effects of commands, which store what was read."""
    events.subscribe(events.CommandAnswered, on_command_answered)


def _alike(wanted: str, held: str) -> bool:
    if wanted.strip().casefold() == held.strip().casefold():
        return True
    try:
        return Decimal(wanted) == Decimal(held)
    except InvalidOperation:
        return False


def _send_next(actor: Actor, pile: Pile, row: ParameterCheck) -> None:
    if not row.pending:
        kind = _K.GET_CONFIGURATION
        params: dict[str, Any] = {} if pile.protocol in _ALL_AT_ONCE else {"keys": sorted(row.wanted)}
    elif pile.protocol in _ALL_AT_ONCE:
        kind = _K.CHANGE_CONFIGURATION
        params = command_forms.clean(kind=kind, protocol=pile.protocol, data=row.wanted)
    else:
        kind = _K.CHANGE_CONFIGURATION
        params = {"key": row.pending[0], "value": row.wanted[row.pending[0]]}
    row.state = _S.WRITING if row.pending else _S.READING
    row.save(update_fields=["state"])
    send_command(actor=actor, pile=pile, kind=kind, params=params, reference=row.reference)


def _compare(row: ParameterCheck, command: DeviceCommand, at: datetime) -> None:
    names = _ALL_AT_ONCE.get(row.pile.protocol)
    if names is not None:
        held = {path: command.result.get(names.get(path, path)) for path in row.wanted}
        held = {path: None if value is None else str(value) for path, value in held.items()}
    else:
        variables = DeviceVariable.objects.unscoped(_WHY).filter(
            pile_id=row.pile_id, path__in=list(row.wanted), attribute="Actual", reported_at__gte=at
        )
        held = {**_told(command), **dict(variables.values_list("path", "value"))}
    row.findings = compare(row.wanted, held)
    for finding in row.findings:
        finding["answer"] = row.refused.get(finding["path"], "")
    alike = all(one["verdict"] == "same" for one in row.findings)
    row.state, row.checked_at = (_S.SAME if alike else _S.DIFFERENT), at
    row.save(update_fields=["state", "findings", "checked_at"])


def _told(command: DeviceCommand) -> dict[str, str | None]:
    """What an OCPP 2.0.1 answer says of each variable that was asked for, which it tells in the order asked."""
    results = command.result.get("getVariableResult") or []
    return {
        path: str(one["attributeValue"])
        for path, one in zip(command.params.get("keys", ()), results, strict=False)
        if isinstance(one, dict) and one.get("attributeStatus") == "Accepted" and "attributeValue" in one
    }


def _fail(row: ParameterCheck, reason: str) -> None:
    row.state, row.reason, row.checked_at = _S.FAILED, reason[:128], clock.now()
    row.save(update_fields=["state", "reason", "checked_at"])


def _has_open_command(row: ParameterCheck) -> bool:
    open_states = (DeviceCommand.State.QUEUED, DeviceCommand.State.SENT)
    rows = DeviceCommand.objects.unscoped(_WHY).filter(pile_id=row.pile_id, reference=row.reference)
    return rows.filter(state__in=open_states).exists()


def _refuse(field: str, reason: str) -> None:
    raise DomainError("invalid", {"field": field, "reason": reason}, field=field)
