"""Diagnosis of one pile on one page: link, faults with advice, ends of charging, frames, findings, commands."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from devices.admin.command import command_chip
from devices.admin.command_page import kinds_of
from devices.admin.parameters import check_chip, findings_table
from devices.models import (
    DeviceCommand,
    DeviceTransaction,
    FrameLog,
    ParameterCheck,
    PileNotice,
    PileSession,
    TransactionRecord,
)
from devices.services.maintenance import PERMISSION
from devices.words import (
    advice_text,
    answer_text,
    ending_text,
    fault_text,
    finding_text,
    frame_title,
    stop_reason_text,
)
from stations.admin.chips import connector_chip, online_chip
from stations.models import Pile
from users.templatetags.console import pretty_json

_WHY = "rows of a pile in scope"
SESSIONS, ENDINGS, FRAMES, COMMANDS, NOTICES = 8, 8, 30, 20, 10


def view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The page; parts that the reader may not see in their own lists are left out here too."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    pile = model_admin.get_object(request, object_id)
    if pile is None:
        raise Http404
    may = request.user.has_perm
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Diagnosis: %(name)s") % {"name": pile},
        "pile": pile,
        "link": online_chip(pile),
        "facts": _facts(pile),
        "connectors": _connectors(pile),
        "findings": sorted((finding_text(one), number) for one, number in pile.findings.items()),
        "sessions": _sessions(pile) if may("devices.view_pilesession") else None,
        "endings": _endings(pile) if may("devices.view_transactionrecord") else None,
        "frames": _frames(pile) if may("devices.view_framelog") else None,
        "notices": _notices(pile) if may("devices.view_pilenotice") else None,
        "parameters": _parameters(pile) if may("devices.view_parametercheck") else None,
        "commands": _commands(pile) if may("devices.view_devicecommand") else None,
        "buttons": _buttons(pile) if may(PERMISSION) else [],
        "back": reverse("admin:stations_pile_change", args=[pile.pk]),
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "devices/diagnosis.html", context)


def _facts(pile: Pile) -> list[tuple[Any, Any]]:
    """What identifies the pile and its link; the empty ones are left out."""
    field = Pile._meta.get_field
    names = (
        "vendor", "reported_model", "serial", "firmware", "iccid", "carrier", "network_type", "signal",
        "last_seen_at", "online_changed_at",
    )  # fmt: skip
    facts = [(field(name).verbose_name, getattr(pile, name)) for name in names if getattr(pile, name)]
    return [(field("protocol").verbose_name, pile.get_protocol_display()), *facts]


def _connectors(pile: Pile) -> list[dict[str, Any]]:
    return [
        {
            "code": one.code,
            "chip": connector_chip(one),
            "fault": fault_text(pile.protocol, one.fault_code) if one.fault_code else "",
            "advice": advice_text(pile.protocol, one.fault_code) if one.fault_code else "",
            "since": one.state_changed_at,
        }
        for one in pile.connectors.all()
    ]


def _sessions(pile: Pile) -> list[dict[str, Any]]:
    rows = PileSession.objects.unscoped(_WHY).filter(pile=pile).order_by("-pk")[:SESSIONS]
    return [
        {
            "opened_at": row.opened_at,
            "closed_at": row.closed_at,
            "why": ending_text(row.close_reason) if row.closed_at else "",
            "node": row.node,
            "address": row.remote_address,
        }
        for row in rows
    ]


def _endings(pile: Pile) -> list[dict[str, Any]]:
    """How the last charges ended, from records (YKC, DNY) and transactions (OCPP)."""
    records = TransactionRecord.objects.unscoped(_WHY).filter(pile=pile).order_by("-pk")
    transactions = DeviceTransaction.objects.unscoped(_WHY).filter(pile=pile, ended_at__isnull=False)
    found = [(row.ended_at, row.transaction_ref, row.stop_reason) for row in records[:ENDINGS]]
    known = {ref for _at, ref, _reason in found}
    found += [
        (row.ended_at, row.ref, row.stop_reason)
        for row in transactions.order_by("-pk")[:ENDINGS]
        if row.ref not in known
    ]
    found.sort(key=lambda one: one[0].timestamp() if one[0] else 0, reverse=True)
    return [
        {
            "at": at,
            "ref": ref,
            "why": stop_reason_text(pile.protocol, reason) if reason else "–",
            "advice": advice_text(pile.protocol, reason),
        }
        for at, ref, reason in found[:ENDINGS]
    ]


def _frames(pile: Pile) -> list[dict[str, Any]]:
    rows = FrameLog.objects.unscoped(_WHY).filter(pile_id=pile.pk).order_by("-pk")[:FRAMES]
    return [
        {
            "at": row.at,
            "inward": row.direction == FrameLog.Direction.IN,
            "title": frame_title(row.protocol, row.name),
            "connector_no": row.connector_no,
            "error": row.error,
            "raw": row.raw,
            "decoded": pretty_json(row.decoded) if row.decoded is not None else "",
        }
        for row in rows
    ]


def _notices(pile: Pile) -> list[PileNotice]:
    return list(PileNotice.objects.unscoped(_WHY).filter(pile=pile).order_by("-pk")[:NOTICES])


def _parameters(pile: Pile) -> dict[str, Any] | None:
    check = (
        ParameterCheck.objects.unscoped(_WHY)
        .filter(pile=pile)
        .select_related("pile", "parameter_set")
        .first()
    )
    if check is None:
        return None
    return {"row": check, "chip": check_chip(check), "table": findings_table(check)}


def _commands(pile: Pile) -> list[dict[str, Any]]:
    rows = DeviceCommand.objects.unscoped(_WHY).filter(pile=pile).order_by("-pk")[:COMMANDS]
    return [
        {
            "row": row,
            "chip": command_chip(row),
            "answer": answer_text(pile.protocol, row.reason),
            "advice": advice_text(pile.protocol, row.reason) if row.reason else "",
            "result": pretty_json(row.result) if row.result else "",
        }
        for row in rows
    ]


def _buttons(pile: Pile) -> list[dict[str, str]]:
    return [
        {"words": words, "address": reverse("admin:stations_pile_command", args=[pile.pk, kind])}
        for kind, words in kinds_of(pile)
    ]
