"""The words of notices, in the reader's language."""

from django.utils.translation import gettext as _

from users.console.display import fen
from users.models import DriverNotice

T = DriverNotice.Topic


def title_of(notice: DriverNotice) -> str:
    return str(T(notice.topic).label)


def text_of(notice: DriverNotice) -> str:
    """One sentence, from what was known when it was told."""
    params = dict(notice.params)
    money = {name: fen(value) for name, value in params.items() if name.endswith("_fen")}
    match notice.topic:
        case T.ORDER_ENDED:
            words = _("Your charge at %(station)s has ended: %(energy_kwh)s kWh, %(total_fen)s.")
        case T.BALANCE_LOW:
            words = _("Your balance is %(balance_fen)s. Recharge before the next charge.")
        case T.COUPON_EXPIRING:
            words = _("Your coupon “%(campaign)s” can be used until %(until)s.")
        case _topic:
            words = _("You have a new coupon: “%(campaign)s”, valid until %(until)s.")
    return words % {**params, **money}
