"""Actions of the console: a dialog, one POST, one service.

`operator_action` is about one object, `selection_action` about a list as it is filtered. `operator_action` checks permission, scope and state when the dialog opens and again when it is sent, calls
the decorated method, and shows a refusal of the service inside the dialog. A GET never changes anything.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from kernel.errors import DomainError
from users import actors
from users.console.paging import AFTER_VAR, BEFORE_VAR, COUNT_CAP, capped_count
from users.exports import selection

NOT_NOW = _("This is not possible in the present state.")
CONFIRM = _("Confirm")


class ActionForm(forms.Form):
    """Base of dialog forms; `obj` is the row the action is about."""

    def __init__(self, *args: Any, obj: models.Model, request: HttpRequest, **kwargs: Any):
        self.obj, self.request = obj, request
        super().__init__(*args, **kwargs)


class ReasonForm(ActionForm):
    """Asks why; the reason goes to the audit trail."""

    reason = forms.CharField(
        label=_("Reason"), max_length=255, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])


def operator_action(
    *,
    title: Any,
    text: Any = "",
    permission: str,
    form: type[ActionForm] = ReasonForm,
    available: Callable[[Any], bool] | None = None,
    unavailable: Any = NOT_NOW,
    submit: Any = CONFIRM,
    icon: str = "",
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Callable:
    """Make a method `(self, request, obj, form) -> message` an action of one object.

    Args:
        title: words on the button and the dialog.
        text: what it does and to whom.
        permission: `app.codename` the staff member needs.
        form: the dialog's form.
        available: whether the object's state allows it; the button is hidden where not.
        unavailable: the sentence for a state that does not allow it.
    """

    def decorate(function: Callable) -> Callable:
        @wraps(function)
        def view(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
            if not self.has_view_permission(request) or not request.user.has_perm(permission):
                raise PermissionDenied
            obj = self.get_object(request, object_id)
            if obj is None:
                raise Http404
            context = {"title": title, "text": text, "submit_text": submit, "obj": obj, "request": request}
            if tell := getattr(self, "action_subject", None):  # whom and how much it is about
                context["subject"] = tell(obj)
            if available is not None and not available(obj):
                return render(request, "console/dialog.html", {**context, "refusal": unavailable})
            if request.method != "POST":
                return render(
                    request, "console/dialog.html", {**context, "form": form(obj=obj, request=request)}
                )
            bound = form(request.POST, obj=obj, request=request)
            if bound.is_valid():
                try:
                    message = function(self, request, obj, bound)
                except DomainError as error:
                    field = error.field if error.field in bound.fields else None
                    bound.add_error(field, error.message)
                else:
                    # A method may return (object, message) to leave for another object than its own.
                    target, message = message if isinstance(message, tuple) else (obj, message)
                    if message:
                        messages.success(request, message)
                    return _leave(request, self, target)
            return render(request, "console/dialog.html", {**context, "form": bound})

        view.short_description = title
        view.icon = icon
        view.variant = variant
        view.attrs = {}
        view.url_path = function.__name__.replace("_", "-")
        view.original_function_name = function.__name__
        view.dialog = {"title": title, "description": text}
        view.operator_permission = permission
        view.operator_available = available
        return view

    return decorate


def selection_action(
    *,
    title: Any,
    text: Any = "",
    permission: str,
    form: type[ActionForm] = ReasonForm,
    submit: Any = CONFIRM,
    icon: str = "",
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Callable:
    """Make a method `(self, request, rows, form) -> message` an action on a list as it is filtered.

    The dialog keeps the filters of the list it was opened from, and says how many rows they leave.
    """

    def decorate(function: Callable) -> Callable:
        @wraps(function)
        def view(self: Any, request: HttpRequest) -> HttpResponse:
            if not self.has_view_permission(request) or not request.user.has_perm(permission):
                raise PermissionDenied
            context = {"title": title, "text": text, "submit_text": submit, "request": request}
            sent = request.method == "POST"
            query = request.POST.get("selection", "") if sent else _query_of_list(request)
            try:
                rows = selection(self, actors.of_request(request), _without_place(query))
            except DomainError as error:
                return render(request, "console/dialog.html", {**context, "refusal": error.message})
            number = capped_count(rows.order_by())
            context["obj"] = _("%(number)s rows") % {
                "number": f"{COUNT_CAP}+" if number > COUNT_CAP else number
            }
            context["selection"] = query
            bound = form(request.POST if sent else None, obj=None, request=request)
            if sent and bound.is_valid():
                try:
                    message = function(self, request, rows, bound)
                except DomainError as error:
                    bound.add_error(error.field if error.field in bound.fields else None, error.message)
                else:
                    if message:
                        messages.success(request, message)
                    url = reverse(
                        f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist"
                    )
                    return _go(request, f"{url}?{query}" if query else url)
            return render(request, "console/dialog.html", {**context, "form": bound})

        view.short_description = title
        view.icon = icon
        view.variant = variant
        view.attrs = {}
        view.url_path = function.__name__.replace("_", "-")
        view.original_function_name = function.__name__
        view.dialog = {"title": title, "description": text}
        view.operator_permission = permission
        view.operator_available = None
        return view

    return decorate


def _query_of_list(request: HttpRequest) -> str:
    """The filters of the list that a dialog was opened from: its own address, or that of the page behind it."""
    page = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or ""
    return request.META.get("QUERY_STRING") or urlsplit(page).query


def _without_place(query: str) -> str:
    """Filters without the page of the list that was open."""
    values = QueryDict(query, mutable=True)
    for name in (PAGE_VAR, BEFORE_VAR, AFTER_VAR):
        values.pop(name, None)
    return values.urlencode()


def _leave(request: HttpRequest, model_admin: Any, obj: models.Model) -> HttpResponse:
    opts = obj._meta
    url = reverse(f"{model_admin.admin_site.name}:{opts.app_label}_{opts.model_name}_change", args=[obj.pk])
    return _go(request, url)


def _go(request: HttpRequest, url: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=200, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)
