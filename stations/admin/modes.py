"""The mode matrix in the console: 36 boxes to tick, with a reason."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.translation import gettext as _

from kernel.errors import DomainError
from stations.models import ModeCell
from stations.models.mode import ChargeMode, Edition, StartWay
from stations.modes import ALLOWED, ROWS, Cell, Method
from stations.services import modes
from users.console.admin import FactAdmin, actor_of
from users.scope import grants_of


@admin.register(ModeCell)
class ModeCellAdmin(FactAdmin):
    shared_reason = "rules of the platform, without any operator's data"
    list_display = ("__str__", "allowed", "changed_at", "changed_by")
    ordering = ("-changed_at",)
    fields = ("edition", "current_type", "mode", "method", "allowed", "changed_at", "changed_by")
    change_list_template = "stations/mode_matrix.html"

    def changelist_view(self, request, extra_context=None):
        if not self.has_view_permission(request):
            raise PermissionDenied
        typed: dict[Cell, bool] | None = None
        if request.method == "POST":
            typed = {cell: "/".join(cell) in request.POST for cell in modes.CELLS}
            if self._saved(request, typed):
                return HttpResponseRedirect(request.path)
            request.method = "GET"  # the list under the matrix is drawn as always
        context = {"matrix": self._rows(typed), "may_edit": self._may_edit(request)}
        context["methods"] = [StartWay(method).label for method in Method]
        context["reason"] = request.POST.get("reason", "")
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def _saved(self, request: HttpRequest, typed: dict[Cell, bool]) -> bool:
        try:
            changed = modes.set_matrix(
                actor=actor_of(request), cells=typed, reason=request.POST.get("reason", "")
            )
        except DomainError as error:
            messages.error(request, error.message)
            return False
        messages.success(request, _("%(count)d cells of the matrix are changed.") % {"count": changed})
        return True

    def _may_edit(self, request: HttpRequest) -> bool:
        return request.user.has_perm("stations.change_modecell") and grants_of(actor_of(request)).everything

    def _rows(self, typed: dict[Cell, bool] | None) -> list[dict]:
        now = {**modes.matrix(), **(typed or {})}
        return [
            {
                "edition": Edition(edition).label,
                "current": ModeCell.Current(current).label,
                "mode": ChargeMode(mode).label,
                "cells": [
                    {
                        "name": "/".join(cell),
                        "allowed": now[cell],
                        "usual": now[cell] == (cell in ALLOWED),
                        "label": str(StartWay(method).label),
                    }
                    for method in Method
                    for cell in [Cell(edition, current, mode, method)]
                ],
            }
            for edition, current, mode in ROWS
        ]
