"""Starting and stopping (YKC V1.6 §6.5)."""

from devices.models import DeviceCommand
from devices.protocols.ykc.codec import words
from devices.protocols.ykc.downlink import NO_CARD
from devices.services import commands
from kernel.runtime.dbpool import in_database

NOT_PLUGGED = "05"
ALREADY_CHARGING = "02"
PLUG_WITHIN_S = 60  # a second 33 may follow in this time (YKC V1.6 §8.2)
NO_SUCH_ACCOUNT = "01"


async def start_asked(consumer, held, frame, message) -> None:
    """31: no account stands behind a card or VIN on this platform, so the pile is told so."""
    fields = message.fields
    await consumer.reply(
        frame,
        0x32,
        {
            "trade_no": "0" * 32,
            "pile_code": held.pile.code,
            "gun_no": fields["gun_no"],
            "logical_card": NO_CARD,
            "balance": 0,
            "ok": 0,
            "fail": NO_SUCH_ACCOUNT,
        },
    )


async def start_answered(consumer, held, frame, message) -> None:
    """33: ends the start command; «not plugged» leaves it open for a minute, the driver may plug in yet."""
    fields = message.fields
    number = int(fields["gun_no"])
    accepted, fail = fields["ok"] == 1, fields["fail"]
    if not accepted and fail == ALREADY_CHARGING and held.gun(number).running_ref == fields["trade_no"]:
        accepted = True

    async def end() -> None:
        command = await in_database(
            commands.outstanding_command,
            pile_id=held.pile.id,
            kind=DeviceCommand.Kind.START,
            connector_no=number,
        )
        if command is None or command.params.get("transaction_ref") != fields["trade_no"]:
            return
        await in_database(
            commands.complete_command,
            command_id=command.pk,
            state=DeviceCommand.State.ACCEPTED if accepted else DeviceCommand.State.REJECTED,
            reason="" if accepted else words.remote_start_failure(fail).slug,
            result={"fail": fail},
        )

    if not accepted and fail == NOT_PLUGGED:
        consumer.later(PLUG_WITHIN_S, end)
    else:
        await end()


async def stop_answered(consumer, held, frame, message) -> None:
    """35: ends the stop command."""
    fields = message.fields
    accepted = fields["ok"] == 1
    await in_database(
        commands.answer_outstanding,
        pile_id=held.pile.id,
        kind=DeviceCommand.Kind.STOP,
        connector_no=int(fields["gun_no"]),
        accepted=accepted,
        reason="" if accepted else words.remote_stop_failure(fields["fail"]).slug,
        result={"fail": fields["fail"]},
    )
