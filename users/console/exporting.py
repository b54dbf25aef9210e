"""The console's door to exports: a page beside each list that asks which columns and which format."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminRadioSelectWidget

from kernel.errors import DomainError
from kernel.models import ExportJob
from kernel.services import exports
from users import actors
from users.exports import EXPORT_PERMISSION, ListExport


class ExportForm(forms.Form):
    file_format = forms.ChoiceField(
        label=gettext_lazy("Format"),
        choices=ExportJob.Format.choices,
        initial=ExportJob.Format.XLSX,
        widget=UnfoldAdminRadioSelectWidget,
    )
    columns = forms.MultipleChoiceField(
        label=gettext_lazy("Columns"), widget=forms.CheckboxSelectMultiple(attrs={"class": "ev-columns"})
    )

    def __init__(self, *args: Any, columns: list[tuple[str, Any]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["columns"].choices = columns
        self.fields["columns"].initial = [code for code, _title in columns]


class ExportingMixin:
    """Adds `export/` to a ModelAdmin. `export_columns` are read fast; without them the list's columns are used."""

    exportable = True
    export_columns: tuple[Any, ...] = ()

    def get_urls(self):
        if not self.exportable:
            return super().get_urls()
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [
            path("export/", self.admin_site.admin_view(self.export_view), name=name),
            *super().get_urls(),
        ]

    def may_export(self, request: HttpRequest) -> bool:
        return (
            self.exportable and self.has_view_permission(request) and request.user.has_perm(EXPORT_PERMISSION)
        )

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """GET asks for format and columns; POST queues the export and leads to its progress."""
        if not self.may_export(request):
            raise PermissionDenied
        source = ListExport(self)
        choices = [(column.code, column.title) for column in source.columns()]
        query = source.clean({"query": request.META.get("QUERY_STRING", "")})["query"]
        form = ExportForm(request.POST or None, columns=choices)
        if request.method == "POST" and form.is_valid():
            try:
                job = exports.request_export(
                    actor=actors.of_request(request),
                    exporter=f"list:{self.opts.label_lower}",
                    file_format=form.cleaned_data["file_format"],
                    params={"query": query},
                    columns=form.cleaned_data["columns"],
                )
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.message)
            else:
                return HttpResponseRedirect(
                    reverse(f"{self.admin_site.name}:kernel_exportjob_change", args=[job.pk])
                )
        back = reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Export: %(what)s") % {"what": self.opts.verbose_name_plural},
            "form": form,
            "opts": self.opts,
            "filtered": bool(query),
            "back_url": f"{back}?{query}" if query else back,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "console/export.html", context)
