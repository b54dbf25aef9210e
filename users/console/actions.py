"""Actions of the console: a dialog, one POST, one service.

`operator_action` checks permission, scope and state when the dialog opens and again when it is sent, calls
the decorated method, and shows a refusal of the service inside the dialog. A GET never changes anything.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from kernel.errors import DomainError

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


def _leave(request: HttpRequest, model_admin: Any, obj: models.Model) -> HttpResponse:
    opts = obj._meta
    url = reverse(f"{model_admin.admin_site.name}:{opts.app_label}_{opts.model_name}_change", args=[obj.pk])
    if request.headers.get("HX-Request"):
        return HttpResponse(status=200, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)
