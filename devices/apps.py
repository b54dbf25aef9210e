from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DevicesConfig(AppConfig):
    name = "devices"
    verbose_name = _("Device link")

    def ready(self) -> None:
        from devices import errors, events, words  # noqa: F401
        from devices.services import command_effects
        from stations.words import register_fault_text

        register_fault_text(words.fault_text)
        events.subscribe(events.CommandAnswered, command_effects.apply)
