"""Transaction records exactly as piles sent them."""

from django.contrib import admin
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from devices.admin.places import PileFactAdmin, date_window
from devices.models import TransactionRecord
from devices.services.record_import import RecordImporter
from devices.words import stop_reason_text
from users.console.display import chip, quantity
from users.console.importing import import_view
from users.templatetags.console import pretty_json


@admin.register(TransactionRecord)
class TransactionRecordAdmin(PileFactAdmin):
    reference_field = "transaction_ref"
    list_links = (
        (
            _("Import offline records"),
            "devices_transactionrecord_import",
            "devices.add_transactionrecord",
        ),
    )
    list_display = (
        "received_at",
        "pile_page",
        "connector_no",
        "transaction_ref",
        "energy",
        "repeats",
        "stopped",
    )
    list_filter = (date_window("received_at", _("Time")),)
    fields = (
        "transaction_ref", "pile_page", "connector_no", "protocol_name", "started_at", "ended_at", "energy",
        "meter_start_kwh", "meter_end_kwh", "device_amount", "stopped", "stop_code", "start_method", "id_tag",
        "received_at", "repeats", "payload_text", "raw_text",
    )  # fmt: skip

    def get_urls(self):
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="devices_transactionrecord_import"), *super().get_urls()]

    def import_view(self, request):
        return import_view(
            self,
            request,
            RecordImporter(),
            permission="devices.add_transactionrecord",
            back=reverse("admin:devices_transactionrecord_changelist"),
        )

    @admin.display(description=_("energy"))
    def energy(self, obj):
        return quantity(obj.energy_kwh, "kWh", 4)

    @admin.display(description=_("stop reason"))
    def stopped(self, obj):
        return stop_reason_text(obj.protocol, obj.stop_reason) or "–"

    @admin.display(description=_("received"))
    def repeats(self, obj):
        words = f"× {obj.times_received}"
        return chip(f"{words} {_('with other content')}", "red") if obj.conflicts else words

    @admin.display(description=_("decoded"))
    def payload_text(self, obj):
        return format_html("<pre>{}</pre>", pretty_json(obj.payload))

    @admin.display(description=_("raw"))
    def raw_text(self, obj):
        return format_html('<pre class="ev-raw">{}</pre>', obj.raw)
