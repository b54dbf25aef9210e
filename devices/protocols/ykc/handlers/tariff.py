"""Tariff check and request (YKC V1.6 §6.2). The pile is always told the platform's own model number."""

from devices import ports
from devices.events import PileRef
from kernel.runtime.dbpool import in_database

NO_MODEL = "0000"


def _compare(pile: PileRef, model_no: str):
    """The tariff in force; when the pile holds it, that is confirmed."""
    tariff = ports.tariffs().current(pile)
    if tariff is not None and tariff.model_no == model_no and not tariff.held:
        ports.tariffs().confirm(pile, model_no)
    return tariff


async def check(consumer, held, frame, message) -> None:
    """05: 06/0 when the pile holds the model in force, else 06/1 and it will ask with 09."""
    tariff = await in_database(_compare, held.pile, message.fields["model_no"])
    same = tariff is not None and tariff.model_no == message.fields["model_no"]
    await consumer.reply(
        frame,
        0x06,
        {
            "pile_code": held.pile.code,
            "model_no": tariff.model_no if tariff else NO_MODEL,
            "result": 0 if same else 1,
        },
    )


async def request(consumer, held, frame, message) -> None:
    """09: the model in force as 0A. Without one there is no answer: the pile must not charge."""
    tariff = await in_database(ports.tariffs().current, held.pile)
    if tariff is None:
        consumer.count(held, "no_tariff")
        return
    await consumer.reply(
        frame, 0x0A, {"pile_code": held.pile.code, "model_no": tariff.model_no, **tariff.fields}
    )
    if not tariff.held:
        await in_database(ports.tariffs().confirm, held.pile, tariff.model_no)
