from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UsersConfig(AppConfig):
    name = "users"
    verbose_name = _("Organisation and people")

    def ready(self) -> None:
        from users import (
            errors,  # noqa: F401
            exports,
        )
        from users.console import checks  # noqa: F401

        exports.register()
