"""Cards at the reader (AP3000 device protocol V8.6 §3.2)."""

from devices.protocols.dny.codec.words import CARD_ACCOUNTS
from devices.protocols.dny.references import connector_of
from devices.services import transactions
from kernel import clock
from kernel.runtime.dbpool import in_database


async def card(consumer, held, frame, message) -> None:
    """02: the floors above are asked about the card; one they do not vouch for is «not registered».

    An accepted card only means that the account is in order: power flows after the start command of an order.
    """
    fields = message.fields
    verdict = await in_database(
        transactions.authorize,
        pile=held.pile,
        connector_no=connector_of(fields["port"]),
        id_tag=fields.get("card2") or fields["card"],
        at=clock.now(),
    )
    account = CARD_ACCOUNTS.get(verdict, CARD_ACCOUNTS["invalid"])
    await consumer.reply(frame, {"card": fields["card"], "account": account, "port": fields["port"]})
