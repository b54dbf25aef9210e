"""What an event on an order's timeline says beside its title: the codes in its data, in words."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop

from billing.models import ChargingOrder, OrderEvent
from devices.words import answer_text, ending_text, fault_text, stop_reason_text
from kernel.errors import DomainError
from stations.models import Connector

_ANSWERS = (
    "start_accepted",
    "start_refused",
    "start_unanswered",
    "stop_accepted",
    "stop_refused",
    "stop_failed",
)
_STOPS = {
    "balance": gettext_noop("The money held is nearly used up"),
    "driver": gettext_noop("By the driver"),
    "energy": gettext_noop("The wanted energy is reached"),
    "soc": gettext_noop("The wanted SoC is reached"),
    "night": gettext_noop("The night cut-off begins"),
    "overload": gettext_noop("The load was above the limit for too long"),
    "safety": gettext_noop("For safety: smoke, heat or water at the pile"),
    "time": gettext_noop("The wanted time is over"),
}
_DOUBTS = {
    "backwards": gettext_noop("The energy went back"),
    "jump": gettext_noop("More energy than the pile can deliver"),
}


def event_detail(order: ChargingOrder, event: OrderEvent) -> str:
    """The change of state and the codes of an event in the active language; empty when the title says it all."""
    states = dict(ChargingOrder.State.choices)
    parts = []
    if event.from_state and event.from_state != event.to_state:
        before, after = (states.get(state, state) for state in (event.from_state, event.to_state))
        parts.append(f"{before} → {after}")
    parts.append(_codes(order, event.kind, event.data))
    return " · ".join(filter(None, parts))


def _codes(order: ChargingOrder, kind: str, data: Mapping[str, Any]) -> str:
    protocol, reason = order.pile.protocol, str(data.get("reason") or "")
    if kind == "fault":
        return _fault(protocol, str(data.get("code") or ""), str(data.get("words") or ""))
    if kind in _ANSWERS:
        return answer_text(protocol, reason)
    if kind == "stop_requested":
        return gettext(_STOPS[reason]) if reason in _STOPS else reason  # else what a person wrote
    if kind in ("note", "record_linked"):
        return str(data.get("text") or "")
    if kind == "stop_impossible":
        return DomainError(reason, {"code": order.pile.code, "kind": "stop", "protocol": protocol}).message
    if kind in ("charge_paused", "charge_resumed"):
        return stop_reason_text(protocol, reason)
    if kind == "extended":
        return gettext("%(yuan)s yuan added") % {"yuan": f"{data.get('amount_fen', 0) / 100:.2f}"}
    if kind == "extend_failed":
        return answer_text(protocol, reason)
    if kind == "nothing_delivered":
        return stop_reason_text(protocol, str(data.get("stop_reason") or "") or reason)
    if kind == "pile_offline":
        return ending_text(reason)
    if kind == "reading_doubtful":
        why = str(data.get("why") or "")
        return gettext(_DOUBTS[why]) if why in _DOUBTS else why
    if kind in ("idle_seen", "end_seen"):
        state = str(data.get("state") or "")
        fault = fault_text(protocol, str(data["fault_code"])) if data.get("fault_code") else ""
        return " ".join(filter(None, [str(dict(Connector.State.choices).get(state, state)), fault]))
    return ""


def _fault(protocol: str, code: str, words: str) -> str:
    text = fault_text(protocol, code)
    return gettext(words) if words and text == code else text
