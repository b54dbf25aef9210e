"""Whether a place can be charged at now: what a start, a booking and a question ahead ask alike."""

from billing.models import Booking
from billing.models.booking import OPEN_BOOKING_STATES
from billing.services.offers import Offer, offer_for
from kernel import clock
from kernel.errors import DomainError
from stations.models import Connector, Pile, Station
from stations.models.mode import Edition
from stations.modes import Method, Mode
from stations.night import dark_until
from stations.services.modes import require_method
from users.models import Driver

STARTABLE = (Connector.State.IDLE, Connector.State.OCCUPIED)


def check_place(
    connector: Connector, pile: Pile, station: Station, method: Method, driver: Driver | None = None
) -> tuple[Offer, Mode, Booking | None]:
    """What a charge at a place would be offered, how it may run, and the driver's booking that keeps the place.

    Raises what stands against it, as a start does.

    The caller holds the pile's lock, or asks ahead and is asked again.
    """
    if not station.is_open:
        raise DomainError("station_closed", {"station": station.name})
    if not pile.in_service:
        raise DomainError("pile_out_of_service", {"code": pile.code})
    if pile.online or pile.edition == Edition.OFFLINE:
        mode = require_method(pile=pile, method=method)
    if (until := dark_until(pile, clock.now())) is not None:
        raise DomainError("night_cut_off", {"code": pile.code, "until": f"{until:%H:%M}"})
    if not pile.online or connector.state == Connector.State.OFFLINE:
        raise DomainError("pile_offline", {"code": pile.code})
    if connector.state == Connector.State.FAULT:
        raise DomainError("connector_fault", {"code": connector.code})
    booking = holder_of(connector)
    if booking is not None and (driver is None or booking.driver_id != driver.pk):
        raise DomainError("connector_reserved", {"code": connector.code})
    kept = booking is not None and connector.state == Connector.State.RESERVED
    if connector.state not in STARTABLE and not kept:
        raise DomainError("connector_busy", {"code": connector.code})
    offer = offer_for(pile=pile, station=station, driver=driver, at=clock.now(), must_hold=True)
    if offer is None:
        raise DomainError("no_tariff", {"code": pile.code})
    return offer, mode, booking


def holder_of(connector: Connector) -> Booking | None:
    """The open booking of a connector, or None; one whose time is over keeps nobody out."""
    rows = Booking.objects.unscoped("who keeps the connector").filter(
        connector=connector, state__in=OPEN_BOOKING_STATES, expires_at__gt=clock.now()
    )
    return rows.first()
