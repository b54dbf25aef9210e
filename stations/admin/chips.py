"""Colours and words of connector and pile states, the same on every page."""

from collections import Counter
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from stations.models import Connector, Pile
from stations.words import fault_text
from users.console.display import chip

TONES = {
    Connector.State.CHARGING: "blue",
    Connector.State.IDLE: "green",
    Connector.State.OCCUPIED: "violet",
    Connector.State.RESERVED: "amber",
    Connector.State.FAULT: "red",
    Connector.State.OFFLINE: "grey",
}
ORDER = tuple(TONES)


def connector_chip(connector: Connector) -> SafeString:
    """The state of a connector, with the fault when there is one."""
    words = connector.get_state_display()
    if connector.state == Connector.State.FAULT and connector.fault_code:
        words = f"{words} · {fault_text(connector.pile.protocol, connector.fault_code)}"
    return chip(words, TONES.get(connector.state, "grey"))


def connector_chips(connectors: Any) -> SafeString:
    """Number and state of each connector in one line."""
    return format_html_join(
        " ",
        '<span class="ev-chip ev-{}">{} {}</span>',
        (
            (TONES.get(row.state, "grey"), row.number, row.get_state_display())
            for row in sorted(connectors, key=lambda row: row.number)
        ),
    )


def online_chip(pile: Pile) -> SafeString:
    if not pile.in_service:
        return chip(_("Out of service"), "amber")
    return chip(_("Online"), "green") if pile.online else chip(_("Offline"), "grey")


def state_bar(counts: Counter | dict[str, int]) -> SafeString:
    """A bar of connector states with its figures in words for those who do not see colours."""
    total = sum(counts.values())
    if not total:
        return SafeString("–")
    labels = dict(Connector.State.choices)
    parts = [(TONES[state], counts.get(state, 0), labels[state]) for state in ORDER if counts.get(state)]
    words = "、".join(f"{label} {number}" for _tone, number, label in parts)
    bar = format_html_join(
        "",
        '<i class="ev-fill-{}" style="flex-grow:{}" title="{} {}"></i>',
        ((tone, number, label, number) for tone, number, label in parts),
    )
    return format_html(
        '<span class="ev-bar" role="img" aria-label="{}">{}</span><span class="ev-sub">{}</span>',
        words,
        bar,
        words,
    )
