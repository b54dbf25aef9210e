"""Piles, with what maintenance may ask of them."""

from datetime import timedelta

from django.contrib import admin
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant

from devices.admin import command_page, diagnosis
from devices.admin.command import command_chip
from devices.models import DeviceCommand
from devices.protocols.capabilities import supports
from devices.services.maintenance import PERMISSION, ask_pile
from devices.services.service_state import set_in_service
from devices.words import answer_text
from stations.admin.pile import PileAdmin
from stations.models import Pile
from users.console.actions import operator_action
from users.console.admin import actor_of, replace

Kind = DeviceCommand.Kind


def _can(kind):
    return lambda pile: pile.online and supports(pile.protocol, kind)


@replace(Pile)
class CommandedPileAdmin(PileAdmin):
    actions_detail = ("into_service", "out_of_service", "sync_time", "reboot", *PileAdmin.actions_detail)
    now_fields = (*PileAdmin.now_fields, "recent_commands", "frame_log", "diagnosis")

    def get_urls(self):
        wrap = self.admin_site.admin_view
        return [
            path("<path:object_id>/diagnosis/", wrap(self.diagnosis_view), name="stations_pile_diagnosis"),
            path(
                "<path:object_id>/command/<str:kind>/",
                wrap(self.command_view),
                name="stations_pile_command",
            ),
            *super().get_urls(),
        ]

    def diagnosis_view(self, request, object_id):
        return diagnosis.view(self, request, object_id)

    def command_view(self, request, object_id, kind):
        return command_page.view(self, request, object_id, kind)

    @admin.display(description=_("diagnosis"))
    def diagnosis(self, obj):
        address = reverse("admin:stations_pile_diagnosis", args=[obj.pk])
        return format_html('<a href="{}">{}</a>', address, _("Link, faults, frames and commands"))

    def recent_commands(self, obj):
        rows = (
            DeviceCommand.objects.unscoped("commands of a pile in scope").filter(pile=obj).order_by("-pk")[:5]
        )
        lines = [
            format_html(
                '<p class="ev-line">{} {} {} {}</p>',
                timezone.localtime(row.created_at).strftime("%m-%d %H:%M:%S"),
                row.get_kind_display(),
                command_chip(row),
                answer_text(obj.protocol, row.reason),
            )
            for row in rows
        ]
        return format_html("{}" * len(lines), *lines) if lines else "–"

    recent_commands.short_description = _("last commands")

    def frame_log(self, obj):
        listed = reverse(f"{self.admin_site.name}:devices_framelog_changelist")
        download = reverse(f"{self.admin_site.name}:devices_framelog_download")
        today = timezone.localdate()
        days = [
            format_html(
                '<p class="ev-line">{} <a href="{}?q={}&amp;when={}">{}</a> · '
                '<a href="{}?pile={}&amp;day={}">{}</a></p>',
                day.isoformat(), listed, obj.code, day.isoformat(), _("Frames"),
                download, obj.code, day.isoformat(), _("Download"),
            )
            for day in (today - timedelta(days=ago) for ago in range(3))
        ]  # fmt: skip
        return format_html("{}" * len(days), *days)

    frame_log.short_description = _("frame log")

    @operator_action(
        title=_("Put into service"),
        permission="stations.set_service",
        available=lambda pile: not pile.in_service,
        icon="toggle_on",
        variant=ActionVariant.SUCCESS,
    )
    def into_service(self, request, obj, form):
        set_in_service(actor=actor_of(request), pile=obj, in_service=True, reason=form.cleaned_data["reason"])
        return _("The pile is in service.")

    @operator_action(
        title=_("Take out of service"),
        text=_("New starts are refused; running sessions go on until they end."),
        permission="stations.set_service",
        available=lambda pile: pile.in_service,
        icon="toggle_off",
        variant=ActionVariant.WARNING,
    )
    def out_of_service(self, request, obj, form):
        set_in_service(
            actor=actor_of(request), pile=obj, in_service=False, reason=form.cleaned_data["reason"]
        )
        return _("The pile is out of service.")

    @operator_action(
        title=_("Sync clock"),
        permission=PERMISSION,
        available=_can(Kind.SYNC_TIME),
        icon="schedule",
    )
    def sync_time(self, request, obj, form):
        ask_pile(actor=actor_of(request), pile=obj, kind=Kind.SYNC_TIME, reason=form.cleaned_data["reason"])
        return _("The command is on its way; its answer appears on this page.")

    @operator_action(
        title=_("Reboot"),
        text=_("Charging on this pile ends."),
        permission=PERMISSION,
        available=_can(Kind.REBOOT),
        icon="restart_alt",
        variant=ActionVariant.DANGER,
    )
    def reboot(self, request, obj, form):
        ask_pile(actor=actor_of(request), pile=obj, kind=Kind.REBOOT, reason=form.cleaned_data["reason"])
        return _("The command is on its way; its answer appears on this page.")
