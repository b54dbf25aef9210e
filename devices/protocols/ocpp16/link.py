"""A connected charge point of OCPP 1.6: its transactions have numbers that the platform gave."""

from devices.protocols.ocppj.link import Link, database
from devices.services import stops
from devices.services.stops import TransactionState


class Link16(Link):
    """References are the numbers as text."""

    async def find(self, ref: str | None, connector_no: int | None) -> TransactionState | None:
        number = None if ref is None else int(ref)
        return await database(
            stops.transaction_state, pile_id=self.pile.id, number=number, connector_no=connector_no
        )
