from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DevicesConfig(AppConfig):
    name = "devices"
    verbose_name = _("Device link")

    def ready(self) -> None:
        from devices import errors, events, words  # noqa: F401
        from devices.gauges import gateway_gauges
        from devices.services import command_effects, firmware_campaigns, parameters
        from kernel.metrics import register_gauges
        from stations.words import register_fault_text, register_finding_text

        register_fault_text(words.fault_text)
        register_finding_text(words.finding_text)
        register_gauges(gateway_gauges)
        events.subscribe(events.CommandAnswered, command_effects.apply)
        firmware_campaigns.register()
        parameters.register()
