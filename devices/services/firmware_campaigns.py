"""Firmware for many piles: a few at a time, never while one charges, with a result for every pile.

`advance` is the only place that asks piles; it runs after every change and every few seconds, and whatever it
misses it finds again in the rows. A pile that is offline, charges or has a vehicle plugged in waits for its turn.
Locks are taken in the order campaign, pile; what piles report changes the row of the pile alone.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from devices import events, ports
from devices.locks import lock_campaign, lock_pile
from devices.models import DeviceCommand, DeviceTransaction, FirmwareCampaign, FirmwareFile, FirmwareTarget
from devices.models.command import OPEN_COMMAND_STATES
from devices.protocols.capabilities import supports
from devices.services.commands import send_command
from devices.services.firmware_files import params_for
from kernel import clock
from kernel.actor import Actor, system
from kernel.errors import DomainError
from kernel.services import audit
from kernel.states import StateMachine
from stations.models import Connector, Pile, Station
from users import policy
from users.models import Operator
from users.services import edits

PERMISSION = "devices.run_firmwarecampaign"
PATIENCE = timedelta(hours=2)  # a pile that was asked and tells no end within this time has failed
THROUGH_S = 45 * 60  # YKC piles answer only when they are through; the download alone may take half an hour
MOST_PILES = 5_000
MOST_AT_ONCE = 500
_RESTING = (Connector.State.IDLE, Connector.State.FAULT, Connector.State.OFFLINE)
_WHY = "a campaign asks the piles it was given"

Target, Campaign = FirmwareTarget.State, FirmwareCampaign.State
CAMPAIGN_STATES = StateMachine(
    "firmware campaign",
    {
        (Campaign.DRAFT, "start"): Campaign.RUNNING,
        (Campaign.DRAFT, "cancel"): Campaign.CANCELLED,
        (Campaign.RUNNING, "pause"): Campaign.PAUSED,
        (Campaign.RUNNING, "finish"): Campaign.FINISHED,
        (Campaign.RUNNING, "cancel"): Campaign.CANCELLED,
        (Campaign.RUNNING, "retry"): Campaign.RUNNING,
        (Campaign.PAUSED, "resume"): Campaign.RUNNING,
        (Campaign.PAUSED, "cancel"): Campaign.CANCELLED,
        (Campaign.PAUSED, "retry"): Campaign.RUNNING,
        (Campaign.FINISHED, "retry"): Campaign.RUNNING,
    },
)


def create_campaign(
    *,
    actor: Actor,
    operator: Operator,
    firmware: FirmwareFile,
    name: str,
    stations: Collection[Station] = (),
    pile_codes: Collection[str] = (),
    batch_size: int = 5,
    most_failures: int = 3,
    rollback_of: FirmwareCampaign | None = None,
) -> FirmwareCampaign:
    """Plan a campaign; nothing is sent until it is started.

    Its piles are those of the firmware's model: of `pile_codes` when given, else of `stations`, else of the whole
    operator, always inside the actor's scope. Piles that have this version already, or whose protocol carries no
    firmware, are listed as skipped with the reason.

    Raises:
        DomainError: `permission_denied`, `not_found`, `invalid` naming the field, `campaign_empty`.
    """
    policy.require(actor, PERMISSION)
    edits.in_scope(actor, operator)
    if not 1 <= batch_size <= MOST_AT_ONCE:
        _refuse("batch_size", f"1–{MOST_AT_ONCE}")
    if not 0 <= most_failures <= MOST_PILES:
        _refuse("most_failures", f"0–{MOST_PILES}")
    if not 1 <= len(name.strip()) <= 64:
        _refuse("name", _("1 to 64 characters"))
    chosen = _chosen(actor, operator, firmware, stations, pile_codes)
    now = clock.now()
    with transaction.atomic():
        campaign = FirmwareCampaign.objects.create(
            operator=operator,
            firmware=firmware,
            name=name.strip(),
            batch_size=batch_size,
            most_failures=most_failures,
            rollback_of=rollback_of,
            created_at=now,
            created_by=actor.name[:128],
        )
        edits.in_scope(actor, campaign)
        targets = []
        for pile in chosen:
            reason = _why_not(pile, firmware, again=rollback_of is not None)
            targets.append(
                FirmwareTarget(
                    campaign=campaign,
                    operator_id=pile.operator_id,
                    station_id=pile.station_id,
                    pile=pile,
                    state=Target.SKIPPED if reason else Target.WAITING,
                    reason=reason,
                    previous_version=pile.firmware,
                    changed_at=now,
                )
            )
        if not any(one.state == Target.WAITING for one in targets):
            raise DomainError("campaign_empty", {"version": firmware.version, "model": str(firmware.model)})
        FirmwareTarget.objects.bulk_create(targets, batch_size=500)
        audit.record(
            actor=actor,
            action="devices.create_firmware_campaign",
            target=campaign,
            after={"firmware": str(firmware), "piles": len(targets), "batch_size": batch_size},
        )
    return campaign


def move(*, actor: Actor, campaign: FirmwareCampaign, event: str, reason: str) -> FirmwareCampaign:
    """Start, pause, resume, retry or cancel a campaign (`event` of `CAMPAIGN_STATES`).

    A pause and a cancellation leave the piles alone that update already; their end is still recorded. `retry`
    gives every failed pile another turn.

    Raises:
        DomainError: `permission_denied`, `not_found`, `reason_required`, `illegal_transition`.
    """
    policy.require(actor, PERMISSION)
    edits.in_scope(actor, campaign)
    reason = edits.require_reason(reason)
    now = clock.now()
    with transaction.atomic():
        row = lock_campaign(campaign.pk)
        before = row.state
        row.state = CAMPAIGN_STATES.next_state(row.state, event)
        row.paused_because = "by_hand" if event == "pause" else ""
        row.started_at = row.started_at or (now if row.state == Campaign.RUNNING else None)
        row.ended_at = now if row.state == Campaign.CANCELLED else None
        row.save(update_fields=["state", "paused_because", "started_at", "ended_at"])
        if event == "retry":
            row.failures_accepted = 0
            _targets(row).filter(state=Target.FAILED).update(
                state=Target.WAITING, stage="", reason="", changed_at=now
            )
        elif event == "cancel":
            _targets(row).filter(state=Target.WAITING).update(state=Target.CANCELLED, changed_at=now)
        elif event == "resume":  # whoever resumes has seen the failures so far
            row.failures_accepted = counts(row).get(Target.FAILED, 0)
        row.save(update_fields=["failures_accepted"])
        audit.record(
            actor=actor,
            action=f"devices.{event}_firmware_campaign",
            target=row,
            reason=reason,
            before={"state": before},
            after={"state": row.state},
        )
    advance(campaign_id=row.pk)
    row.refresh_from_db()
    return row


def roll_back(
    *, actor: Actor, campaign: FirmwareCampaign, firmware: FirmwareFile, reason: str
) -> FirmwareCampaign:
    """Bring the piles that were updated to another firmware, in a campaign of its own that starts at once.

    What still waits in the first one is cancelled.

    Raises:
        DomainError: as `create_campaign`; `invalid` for a firmware of another model or the same version.
    """
    policy.require(actor, PERMISSION)
    edits.in_scope(actor, campaign)
    reason = edits.require_reason(reason)
    if firmware.model_id != campaign.firmware.model_id or firmware.pk == campaign.firmware_id:
        _refuse("firmware", _("another version for the same model"))
    if campaign.state in (Campaign.RUNNING, Campaign.PAUSED):
        move(actor=actor, campaign=campaign, event="cancel", reason=reason)
    codes = list(_targets(campaign).filter(state=Target.DONE).values_list("pile__code", flat=True))
    if not codes:
        raise DomainError("campaign_empty", {"version": firmware.version, "model": str(firmware.model)})
    back = create_campaign(
        actor=actor,
        operator=campaign.operator,
        firmware=firmware,
        name=f"{campaign.name[:50]} ← {firmware.version[:10]}",
        pile_codes=codes,
        batch_size=campaign.batch_size,
        most_failures=campaign.most_failures,
        rollback_of=campaign,
    )
    return move(actor=actor, campaign=back, event="start", reason=reason)


def counts(campaign: FirmwareCampaign) -> dict[str, int]:
    """How many piles are in each state."""
    rows = _targets(campaign).order_by().values_list("state").annotate(number=Count("pk"))
    return dict(rows)


def advance(*, campaign_id: int | None = None) -> int:
    """Ask the next piles of every running campaign, or of one; returns how many were asked."""
    rows = FirmwareCampaign.objects.unscoped(_WHY).filter(state=Campaign.RUNNING)
    if campaign_id is not None:
        rows = rows.filter(pk=campaign_id)
    give_up()
    return sum(_advance(pk) for pk in rows.values_list("pk", flat=True))


def give_up() -> int:
    """Fail the piles that were asked long ago and told no end; returns how many."""
    return (
        FirmwareTarget.objects.unscoped(_WHY)
        .filter(state=Target.ASKED, asked_at__lt=clock.now() - PATIENCE)
        .update(state=Target.FAILED, reason="no_end", changed_at=clock.now())
    )


def _advance(campaign_id: int) -> int:
    campaign = FirmwareCampaign.objects.unscoped(_WHY).get(pk=campaign_id)
    if _settle(campaign):
        return 0
    free = campaign.batch_size - _targets(campaign).filter(state=Target.ASKED).count()
    if free <= 0:
        return 0
    ready = _targets(campaign).filter(state=Target.WAITING, pile__online=True)
    ready = ready.exclude(pile__connectors__state__in=[s for s in Connector.State if s not in _RESTING])
    asked = 0
    for target in ready.order_by("attempts", "pk")[: free + 20]:
        if asked == free:
            break
        asked += _ask(campaign_id, target.pk)
    _settle(campaign)
    return asked


def _settle(campaign: FirmwareCampaign) -> bool:
    """Pause a campaign with too many failures, finish one that is through; True when it does not run any more."""
    with transaction.atomic():
        row = lock_campaign(campaign.pk)
        if row.state != Campaign.RUNNING:
            return True
        now, number = clock.now(), counts(row)
        new_failures = number.get(Target.FAILED, 0) - row.failures_accepted
        if row.most_failures and new_failures >= row.most_failures:
            row.state, row.paused_because = CAMPAIGN_STATES.next_state(row.state, "pause"), "failures"
        elif not number.get(Target.WAITING) and not number.get(Target.ASKED):
            row.state, row.ended_at = CAMPAIGN_STATES.next_state(row.state, "finish"), now
        else:
            return False
        row.save(update_fields=["state", "paused_because", "ended_at"])
        audit.record(
            actor=system("firmware"),
            action=f"devices.firmware_campaign_{row.state}",
            target=row,
            after={**number, "because": row.paused_because},
        )
    return True


def _ask(campaign_id: int, target_id: int) -> bool:
    """Send the update to one pile, unless it is busy or the campaign stopped meanwhile."""
    with transaction.atomic():
        campaign = lock_campaign(campaign_id)
        if campaign.state != Campaign.RUNNING:
            return False
        if _targets(campaign).filter(state=Target.ASKED).count() >= campaign.batch_size:
            return False
        target = _targets(campaign).filter(pk=target_id, state=Target.WAITING).first()
        if target is None:
            return False
        pile = lock_pile(target.pile_id)
        if is_busy(pile):
            return False
        now = clock.now()
        try:
            with transaction.atomic():
                target.state, target.stage, target.reason = Target.ASKED, "", ""
                target.attempts, target.asked_at, target.changed_at = target.attempts + 1, now, now
                target.save(update_fields=["state", "stage", "reason", "attempts", "asked_at", "changed_at"])
                target.command = send_command(
                    actor=system("firmware"),
                    pile=pile,
                    kind=DeviceCommand.Kind.UPDATE_FIRMWARE,
                    params=params_for(firmware=campaign.firmware, pile=pile),
                    reference=campaign.reference,
                    timeout_s=THROUGH_S if pile.protocol == Pile.Protocol.YKC else settings.COMMAND_TIMEOUT_S,
                )
                target.save(update_fields=["command"])
        except IntegrityError:
            return False  # another campaign updates this pile at this moment
        except DomainError as refusal:
            if refusal.code in ("pile_offline", "command_pending"):
                return False
            target.state, target.reason, target.changed_at = Target.FAILED, refusal.code, now
            target.save(update_fields=["state", "reason", "changed_at"])
            return False
    return True


def is_busy(pile: Pile) -> bool:
    """Whether a vehicle charges, is plugged in, or is just being started at a pile."""
    connectors = Connector.objects.unscoped(_WHY).filter(pile=pile)
    if connectors.exclude(state__in=_RESTING).exists():
        return True
    starts = DeviceCommand.objects.unscoped(_WHY).filter(
        pile=pile, kind=DeviceCommand.Kind.START, state__in=OPEN_COMMAND_STATES
    )
    running = DeviceTransaction.objects.unscoped(_WHY).filter(pile=pile, ended_at__isnull=True)
    return starts.exists() or running.exists() or ports.has_open_charge(pile.pk)


def on_firmware_status(event: events.FirmwareStatusReported) -> None:
    """A pile tells how its update gets on. A success counts also after the platform gave the pile up."""
    if event.request_id is None:
        return
    rows = FirmwareTarget.objects.unscoped(_WHY).filter(command_id=event.request_id)
    stage = {"stage": event.status, "changed_at": event.at}
    if event.status == "installed":
        rows.filter(state__in=(Target.ASKED, Target.FAILED)).update(state=Target.DONE, reason="", **stage)
    elif event.status in events.FIRMWARE_ENDINGS:
        reason = (event.detail or event.status)[:128]
        rows.filter(state=Target.ASKED).update(state=Target.FAILED, reason=reason, **stage)
    else:
        rows.filter(state=Target.ASKED).update(**stage)


def on_command_answered(event: events.CommandAnswered) -> None:
    """An update that could not be sent, or that nobody answered, has failed; a refusal is reported as a status."""
    command = event.command
    ends = (DeviceCommand.State.FAILED, DeviceCommand.State.EXPIRED, DeviceCommand.State.REJECTED)
    if command.kind == DeviceCommand.Kind.UPDATE_FIRMWARE and command.state in ends:
        FirmwareTarget.objects.unscoped(_WHY).filter(command_id=command.pk, state=Target.ASKED).update(
            state=Target.FAILED, reason=(command.reason or command.state)[:128], changed_at=event.at
        )


def on_pile_online(event: events.PileOnline) -> None:
    """A pile that comes back with the new version is done, whether it said so or not."""
    target = (
        FirmwareTarget.objects.unscoped(_WHY)
        .filter(pile_id=event.pile.id, state=Target.ASKED)
        .select_related("campaign__firmware")
        .first()
    )
    if target is None:
        return
    version = Pile.objects.unscoped(_WHY).values_list("firmware", flat=True).get(pk=event.pile.id)
    if version == target.campaign.firmware.version != target.previous_version:
        target.state, target.stage, target.changed_at = Target.DONE, "installed", event.at
        target.save(update_fields=["state", "stage", "changed_at"])


def on_piles_online(found: Sequence[events.PileOnline]) -> None:
    """What `on_pile_online` does, for the piles of a storm of logins."""
    asked = FirmwareTarget.objects.unscoped(_WHY).filter(
        pile_id__in=[event.pile.id for event in found], state=Target.ASKED
    )
    waiting = set(asked.values_list("pile_id", flat=True))
    for event in found:
        if event.pile.id in waiting:
            on_pile_online(event)


def register() -> None:
    """Subscribe the handlers."""
    events.subscribe(events.FirmwareStatusReported, on_firmware_status)
    events.subscribe(events.CommandAnswered, on_command_answered)
    events.subscribe(events.PileOnline, on_pile_online, together=on_piles_online)


def _targets(campaign: FirmwareCampaign) -> QuerySet[FirmwareTarget]:
    return FirmwareTarget.objects.unscoped("the piles of a campaign in scope").filter(campaign=campaign)


def _chosen(
    actor: Actor,
    operator: Operator,
    firmware: FirmwareFile,
    stations: Collection[Station],
    pile_codes: Collection[str],
) -> list[Pile]:
    """The piles of a campaign; DomainError `invalid` names codes that are unknown or of another model."""
    piles = Pile.objects.for_actor(actor).filter(operator=operator).order_by("code")
    fitting = piles.filter(model=firmware.model)
    if pile_codes:
        wanted = set(pile_codes)
        found = list(fitting.filter(code__in=wanted))
        wrong = sorted(wanted - {pile.code for pile in found})
        if wrong:
            reason = _("%(codes)s: not a pile of the model %(model)s in your scope.") % {
                "codes": ", ".join(wrong[:10]),
                "model": firmware.model,
            }
            raise DomainError("invalid", {"field": "pile_codes", "reason": reason}, field="pile_codes")
        return found
    if stations:
        fitting = fitting.filter(station__in=stations)
    if fitting.count() > MOST_PILES:
        _refuse("stations", f"≤ {MOST_PILES}")
    return list(fitting)


def _why_not(pile: Pile, firmware: FirmwareFile, *, again: bool) -> str:
    if not supports(pile.protocol, DeviceCommand.Kind.UPDATE_FIRMWARE):
        return "unsupported"
    # A pile that is brought back may not have told its newer version yet.
    return "same_version" if pile.firmware == firmware.version and not again else ""


def _refuse(field: str, accepted: str) -> None:
    reason = _("%(accepted)s are accepted.") % {"accepted": accepted}
    raise DomainError("invalid", {"field": field, "reason": reason}, field=field)
