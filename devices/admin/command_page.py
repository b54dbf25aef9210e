"""One command to one pile: the form that `devices.services.command_forms` describes, drawn for the console."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from devices.models import DeviceCommand
from devices.services import command_fields, command_forms
from devices.services.maintenance import PERMISSION, ask_pile
from kernel.errors import DomainError
from stations.models import Pile
from users.console.admin import actor_of


class CommandForm(forms.Form):
    """The fields of one kind of command for one pile, its connector and the reason."""

    def __init__(self, *args: Any, form: command_fields.Form, pile: Pile, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if form.aim != "pile":
            numbers = [(str(one.number), one.code) for one in pile.connectors.all()]
            whole = [("0", _("The whole pile"))] if form.aim == "either" else []
            self.fields["connector_no"] = forms.ChoiceField(
                label=_("connector"), choices=[*whole, *numbers], widget=UnfoldAdminSelectWidget
            )
        for field in form.fields_for(pile.protocol):
            self.fields[field.name] = _drawn(field, pile.protocol)
        self.fields["reason"] = forms.CharField(
            label=_("Reason"), max_length=255, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
        )


def _drawn(field: command_fields.Field, protocol: str) -> forms.Field:
    shared = {
        "label": field.label,
        "required": field.required,
        "help_text": field.help,
        "initial": field.default,
    }
    if field.kind == "choice":
        empty = [] if field.required or field.default is not None else [("", "–")]
        choices = [*empty, *field.choices_for(protocol)]
        return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget, **shared)
    if field.kind == "boolean":
        return forms.BooleanField(widget=UnfoldBooleanWidget, **{**shared, "required": False})
    if field.kind == "moment":
        return forms.SplitDateTimeField(widget=UnfoldAdminSplitDateTimeWidget, **shared)
    if field.kind in ("lines", "list", "json"):
        return forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}), **shared)
    # Numbers are read by the service too, which names what it accepts.
    return forms.CharField(widget=UnfoldAdminTextInputWidget, **shared)


def kinds_of(pile: Pile) -> list[tuple[str, str]]:
    """(kind, words) of every command that staff may fill in for this pile."""
    return [
        (kind, DeviceCommand.Kind(kind).label)
        for kind in command_forms.FORMS
        if command_forms.form_of(kind, pile.protocol) is not None
    ]


NOT_CARRIED = gettext_lazy("Piles of this protocol do not take this command.")


def view(model_admin: Any, request: HttpRequest, object_id: str, kind: str) -> HttpResponse:
    """The form on GET; on POST the command is sent and the diagnosis page shows its answer."""
    if not model_admin.has_view_permission(request) or not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    pile = model_admin.get_object(request, object_id)
    description = command_forms.form_of(kind, pile.protocol) if pile is not None else None
    if pile is None or description is None:
        raise Http404(NOT_CARRIED)
    form = CommandForm(request.POST or None, form=description, pile=pile)
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            ask_pile(
                actor=actor_of(request),
                pile=pile,
                kind=kind,
                reason=data.pop("reason"),
                connector_no=int(data.pop("connector_no", 0)),
                data=data,
            )
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
        else:
            messages.success(request, _("The command is on its way; its answer appears on this page."))
            return HttpResponseRedirect(reverse("admin:stations_pile_diagnosis", args=[pile.pk]))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{DeviceCommand.Kind(kind).label}: {pile}",
        "form": form,
        "warning": description.warning,
        "offline": not pile.online,
        "back": reverse("admin:stations_pile_diagnosis", args=[pile.pk]),
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "devices/command.html", context)
