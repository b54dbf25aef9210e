"""Starting and stopping (YKC V1.6 §6.5), of one gun or of several for one vehicle (§6.12)."""

from datetime import timedelta

from devices import events
from devices.models import DeviceCommand
from devices.protocols.ykc.codec import plausible_vin, words
from devices.protocols.ykc.downlink import NO_CARD, card_number, yuan
from devices.protocols.ykc.held import AskedStart, HeldGuns
from devices.protocols.ykc.references import gun_number
from devices.services import commands, local_starts
from kernel import clock
from kernel.runtime.dbpool import in_database

NOT_PLUGGED = "05"
ALREADY_CHARGING = "02"
PLUG_WITHIN_S = 60  # a second 33 may follow in this time (YKC V1.6 §8.2)
ASKED_AGAIN_WITHIN = timedelta(seconds=30)  # the pile did not hear the answer and asks once more
NO_TRADE = "0" * 32
CARD, VIN = 1, 3
REFUSALS = {reason: f"{code:02X}" for code, reason in enumerate(events.START_REFUSALS, 1)}


async def start_asked(consumer, held: HeldGuns, frame, message) -> None:
    """31: answered by 32 once the order is committed, or with the reason why not."""
    await consumer.reply(frame, 0x32, await _decision(consumer, held, frame, message))


async def merged_start_asked(consumer, held: HeldGuns, frame, message) -> None:
    """A1: one gun of a merged charge, answered by A2; the pile begins only when all its guns were allowed."""
    answer = await _decision(consumer, held, frame, message)
    await consumer.reply(frame, 0xA2, {**answer, "merge_no": message.fields["merge_no"]})


async def _decision(consumer, held: HeldGuns, frame, message) -> dict:
    """The fields of 32 and A2 but the merge number."""
    fields, now = message.fields, clock.now()
    number = gun_number(fields)
    gun = held.gun(number)
    asked = gun.start_asked
    if asked is not None and asked.body == frame.body and now - asked.at < ASKED_AGAIN_WITHIN:
        consumer.count(held, "start_asked_again")
        return asked.answer
    decision = await _ask(held, number, fields, now)
    refused = bool(decision.refusal)
    label = decision.account_label
    answer = {
        "trade_no": NO_TRADE if refused else decision.transaction_ref,
        "pile_code": held.pile.code,
        "gun_no": fields["gun_no"],
        "logical_card": card_number(label) if label.isdigit() and len(label) <= 16 else NO_CARD,
        "balance": yuan(decision.balance_fen),
        "ok": 0 if refused else 1,
        "fail": REFUSALS[decision.refusal] if refused else "00",
    }
    gun.start_asked = None if refused else AskedStart(frame.body, now, answer)
    return answer


async def _ask(held: HeldGuns, number: int, fields: dict, now) -> events.StartDecision:
    if fields["mode"] == CARD:
        method, credential = "card", fields["physical_card"]
    elif fields["mode"] == VIN:
        method, credential = "vin", plausible_vin(fields["vin"])
    else:
        return events.StartDecision(refusal="no_account")  # typed-in accounts: not in use (YKC V1.6 §6.5)
    return await in_database(
        local_starts.decide_start,
        events.StartRequested(
            pile=held.pile,
            connector_no=number,
            at=now,
            method=method,
            credential=credential,
            password_md5=_password(fields["password"]) if fields["need_pwd"] else "",
            merge_ref=fields.get("merge_no", ""),
            auxiliary=fields.get("role") == 1,
        ),
    )


def _password(wire: str) -> str:
    """The digest as lower-case hexadecimal: 16 digits sent as text, or 16 raw bytes; firmwares differ."""
    raw = bytes.fromhex(wire)
    text = raw.decode("ascii", "replace").lower()
    return text if all(letter in "0123456789abcdef" for letter in text) else raw.hex()


async def start_answered(consumer, held: HeldGuns, frame, message) -> None:
    """33 and A3: end the start command; «not plugged» leaves it open for a minute, the driver may plug in yet."""
    fields = message.fields
    number = gun_number(fields)
    accepted, fail = fields["ok"] == 1, fields["fail"]
    if not accepted and fail == ALREADY_CHARGING and held.gun(number).running_ref == fields["trade_no"]:
        accepted = True

    async def end() -> None:
        await in_database(
            _end_start,
            held.pile.id,
            number,
            fields["trade_no"],
            "" if accepted else words.remote_start_failure(fail).slug,
            {"fail": fail},
        )

    if not accepted and fail == NOT_PLUGGED:
        consumer.later(PLUG_WITHIN_S, end)
    else:
        await end()


def _end_start(pile_id: int, connector_no: int, trade_no: str, reason: str, result: dict) -> None:
    """End the start command of this transaction; a refused gun refuses the others of its merged charge."""
    command = commands.outstanding_command(
        pile_id=pile_id, kind=DeviceCommand.Kind.START, connector_no=connector_no
    )
    if command is None or command.params.get("transaction_ref") != trade_no:
        return
    state = DeviceCommand.State.REJECTED if reason else DeviceCommand.State.ACCEPTED
    commands.complete_command(command_id=command.pk, state=state, reason=reason, result=result)
    merge_ref = command.params.get("merge_ref")
    if not (merge_ref and reason):
        return
    for other in commands.open_commands(pile_id=pile_id, kind=DeviceCommand.Kind.START):
        if other.params.get("merge_ref") == merge_ref:
            commands.complete_command(
                command_id=other.pk, state=DeviceCommand.State.REJECTED, reason="other_gun_refused"
            )


async def stop_answered(consumer, held: HeldGuns, frame, message) -> None:
    """35: ends the stop command."""
    fields = message.fields
    accepted = fields["ok"] == 1
    await in_database(
        commands.answer_outstanding,
        pile_id=held.pile.id,
        kind=DeviceCommand.Kind.STOP,
        connector_no=gun_number(fields),
        accepted=accepted,
        reason="" if accepted else words.remote_stop_failure(fields["fail"]).slug,
        result={"fail": fields["fail"]},
    )
