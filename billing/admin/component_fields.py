"""The inputs from which a person composes a price without code: one group per component, yuan and minutes typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.pricing import Component, PricingError, component_from_json, slot_label
from billing.services import tariffs

YUAN, MINUTES, CHOICE, SLOT, ROWS = "yuan", "minutes", "choice", "slot", "rows"
ROW_COUNT = 5
FEES_OF_TIME = (("time", gettext_lazy("a line of its own")), ("service", gettext_lazy("the service fee")))
FEES_OF_USE = (("use", gettext_lazy("a line of its own")), ("service", gettext_lazy("the service fee")))
YES_NO = (("1", gettext_lazy("yes")), ("", gettext_lazy("no")))
FOLLOW = (
    ("highest", gettext_lazy("a step once reached is kept")),
    ("actual", gettext_lazy("every moment at its own power")),
)
SLOTS = [("", "–"), *((str(slot), slot_label(slot)) for slot in range(48)), ("48", "24:00")]


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a component; `initial` is what an empty group shows, `optional` may stay empty."""

    name: str
    label: Any
    kind: str = YUAN
    initial: str = ""
    choices: Any = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """The inputs of one component; `key` sets two groups of one kind apart."""

    key: str
    kind: str
    title: Any
    note: Any
    inputs: tuple[Input, ...]


def _time(key: str, title: Any) -> Group:
    return Group(
        key,
        "time",
        title,
        gettext_lazy("Time of charging has a price, in all hours or in part of the day."),
        (
            Input("fen", gettext_lazy("price (yuan)")),
            Input("per_s", gettext_lazy("for so many minutes"), MINUTES, "60"),
            Input("unit_s", gettext_lazy("in started units of (minutes)"), MINUTES, "1"),
            Input("free_s", gettext_lazy("first minutes free"), MINUTES, "0"),
            Input("from", gettext_lazy("only from"), SLOT, choices=SLOTS, optional=True),
            Input("to", gettext_lazy("until"), SLOT, choices=SLOTS, optional=True),
            Input("fee", gettext_lazy("counts as"), CHOICE, "time", FEES_OF_TIME),
        ),
    )


GROUPS: tuple[Group, ...] = (
    Group(
        "occupancy",
        "occupancy",
        gettext_lazy("Occupancy fee"),
        gettext_lazy("For staying plugged in after the charge; a fee of its own, shown before the start."),
        (
            Input("fen", gettext_lazy("price (yuan)")),
            Input("block_s", gettext_lazy("for every started (minutes)"), MINUTES, "15"),
            Input("grace_s", gettext_lazy("first minutes free"), MINUTES, "15"),
            Input("cap_fen", gettext_lazy("at most (yuan)"), YUAN, "50"),
            Input("cap_day_fen", gettext_lazy("at most a day (yuan)"), YUAN, optional=True),
        ),
    ),
    _time("time", gettext_lazy("Time fee")),
    _time("time2", gettext_lazy("Second time fee")),
    Group(
        "power",
        "power",
        gettext_lazy("Time by power"),
        gettext_lazy("The watts drawn decide what the time costs; for e-bikes."),
        (
            Input("rows", gettext_lazy("up to (W), yuan, for so many minutes"), ROWS),
            Input("follow", gettext_lazy("when the power changes"), CHOICE, "highest", FOLLOW),
            Input("fee", gettext_lazy("counts as"), CHOICE, "service", FEES_OF_TIME),
        ),
    ),
    Group(
        "package",
        "package",
        gettext_lazy("Time bought ahead"),
        gettext_lazy("Amounts a driver chooses from at the start."),
        (
            Input("rows", gettext_lazy("yuan, minutes"), ROWS),
            Input("refundable", gettext_lazy("unused time is not charged"), CHOICE, "1", YES_NO),
            Input("fee", gettext_lazy("counts as"), CHOICE, "service", FEES_OF_TIME),
        ),
    ),
    Group(
        "use",
        "use",
        gettext_lazy("Fee per use"),
        gettext_lazy("A fixed amount for every charge that delivered energy."),
        (
            Input("fen", gettext_lazy("price (yuan)")),
            Input("fee", gettext_lazy("counts as"), CHOICE, "use", FEES_OF_USE),
        ),
    ),
    Group(
        "start",
        "start",
        gettext_lazy("Start fee"),
        gettext_lazy("A fixed amount for every charge that delivered energy."),
        (Input("fen", gettext_lazy("price (yuan)")),),
    ),
    Group(
        "minimum",
        "minimum",
        gettext_lazy("Minimum charge"),
        gettext_lazy("What is missing becomes a line of its own."),
        (Input("fen", gettext_lazy("at least (yuan)")),),
    ),
    Group(
        "parking",
        "parking",
        gettext_lazy("Parking fee"),
        gettext_lazy("Booked when the car leaves the bay, where somebody sees it."),
        (
            Input("fen", gettext_lazy("price (yuan)")),
            Input("block_s", gettext_lazy("for every started (minutes)"), MINUTES, "60"),
            Input("free_s", gettext_lazy("first minutes free"), MINUTES, "0"),
            Input("free_charging", gettext_lazy("free while charging"), CHOICE, "1", YES_NO),
            Input("cap_fen", gettext_lazy("at most (yuan)"), YUAN, "50"),
            Input("cap_day_fen", gettext_lazy("at most a day (yuan)"), YUAN, optional=True),
        ),
    ),
    Group(
        "reservation",
        "reservation",
        gettext_lazy("Reservation fee"),
        gettext_lazy("For holding a connector until the driver comes."),
        (
            Input("fen", gettext_lazy("price (yuan)"), YUAN, "0"),
            Input("block_s", gettext_lazy("for every started (minutes)"), MINUTES, "15"),
            Input("free_s", gettext_lazy("first minutes free"), MINUTES, "0"),
            Input("no_show_fen", gettext_lazy("when nobody comes (yuan)"), YUAN, "0"),
            Input("cap_fen", gettext_lazy("at most (yuan)"), YUAN, "50"),
        ),
    ),
)
Typed = dict[str, str]


def typed(post: QueryDict) -> Typed:
    """What was typed into the groups, by input name."""
    return {name: post.get(name, "").strip()[:40] for name in post if name.startswith("c-")}


def of_components(components: list[Mapping[str, Any]]) -> Typed:
    """The components of a version as they would be typed."""
    found: Typed = {}
    waiting = list(components)
    for group in GROUPS:
        row = next((one for one in waiting if one["kind"] == group.kind), None)
        if row is None:
            continue
        waiting.remove(row)
        found[f"c-{group.key}-on"] = "1"
        for one in group.inputs:
            _show(found, f"c-{group.key}-{one.name}", one, row)
    return found


def groups_for(values: Typed) -> list[dict[str, Any]]:
    """The groups for the page, with what was typed or what is usual."""
    return [
        {
            "key": group.key,
            "title": group.title,
            "note": group.note,
            "on": bool(values.get(f"c-{group.key}-on")),
            "inputs": [_shown(group, one, values) for one in group.inputs],
        }
        for group in GROUPS
    ]


def components_of(values: Typed) -> tuple[list[Component], list[str]]:
    """The components that were composed, and what is wrong with them in words."""
    found: list[Component] = []
    errors: list[str] = []
    for group in GROUPS:
        if not values.get(f"c-{group.key}-on"):
            continue
        wrong: list[str] = []
        row: dict[str, Any] = {"kind": group.kind}
        for one in group.inputs:
            _read(row, one, f"c-{group.key}-{one.name}", values, wrong)
        if group.kind == "time":
            begin, end = row.pop("from", None), row.pop("to", None)
            if (begin is None) != (end is None):
                wrong.append(_("give both ends of the time of day, or none"))
            row["window"] = None if begin is None or end is None else [begin, end]
        if not wrong:
            try:
                found.append(component_from_json(row))
            except PricingError as error:
                errors.append(f"{group.title}: {tariffs.invalid(error).params['reason']}")
        errors += [f"{group.title}: {text}" for text in wrong]
    return found, errors


def _shown(group: Group, one: Input, values: Typed) -> dict[str, Any]:
    name = f"c-{group.key}-{one.name}"
    shown: dict[str, Any] = {"name": name, "label": one.label, "kind": one.kind}
    if one.kind == ROWS:
        columns = 3 if group.kind == "power" else 2
        shown["rows"] = [
            [
                {"name": f"{name}-{row}-{column}", "value": values.get(f"{name}-{row}-{column}", "")}
                for column in range(columns)
            ]
            for row in range(ROW_COUNT)
        ]
        return shown
    value = values.get(name, one.initial if not values.get(f"c-{group.key}-on") else "")
    shown["value"] = value
    if one.choices:
        shown["choices"] = [(code, label, code == value) for code, label in one.choices]
    return shown


def _show(found: Typed, name: str, one: Input, row: Mapping[str, Any]) -> None:
    if one.kind == ROWS:
        rows = (
            [(str(step["up_to_w"]), _yuan(step["fen"]), _minutes(step["per_s"])) for step in row["steps"]]
            if "steps" in row
            else [(_yuan(fen), _minutes(seconds)) for fen, seconds in row["pairs"]]
        )
        for number, cells in enumerate(rows):
            found |= {f"{name}-{number}-{column}": text for column, text in enumerate(cells)}
    elif one.kind == SLOT:
        window = row.get("window")
        found[name] = "" if window is None else str(window[0 if one.name == "from" else 1])
    elif one.kind == CHOICE:
        value = row.get(one.name)
        found[name] = ("1" if value else "") if isinstance(value, bool) else str(value)
    else:
        value = row.get(one.name)
        found[name] = "" if value is None else _yuan(value) if one.kind == YUAN else _minutes(value)


def _yuan(fen: int) -> str:
    return f"{Decimal(fen) / 100:f}"


def _minutes(seconds: int) -> str:
    exact = Decimal(seconds) / 60
    return f"{exact.quantize(Decimal('0.0001')).normalize():f}"


def _read(row: dict[str, Any], one: Input, name: str, values: Typed, wrong: list[str]) -> None:
    text = values.get(name, "")
    if one.kind == ROWS:
        _read_rows(row, name, values, wrong)
    elif one.kind == SLOT:
        row[one.name] = int(text) if text.isdigit() else None
    elif one.kind == CHOICE:
        row[one.name] = bool(text) if one.choices is YES_NO else text
    elif not text and one.optional:
        row[one.name] = None
    else:
        row[one.name] = _whole(text, 100 if one.kind == YUAN else 60, one.label, wrong)


def _read_rows(row: dict[str, Any], name: str, values: Typed, wrong: list[str]) -> None:
    power = row["kind"] == "power"
    rows: list[Any] = []
    for number in range(ROW_COUNT):
        cells = [values.get(f"{name}-{number}-{column}", "") for column in range(3 if power else 2)]
        if not any(cells):
            continue
        fen = _whole(cells[-2], 100, _("yuan"), wrong)
        seconds = _whole(cells[-1], 60, _("minutes"), wrong)
        if power:
            watts = _whole(cells[0], 1, "W", wrong)
            rows.append({"up_to_w": watts, "fen": fen, "per_s": seconds})
        else:
            rows.append([fen, seconds])
    row["steps" if power else "pairs"] = rows


def _whole(text: str, scale: int, label: Any, wrong: list[str]) -> int:
    """`text` × `scale` as a whole number; 0 and a sentence when it is none."""
    try:
        value = Decimal(text) * scale
        if value.is_finite() and value == int(value) and 0 <= value < 10**9:
            return int(value)
    except (InvalidOperation, ValueError):
        pass
    accepted = (
        _("an amount of yuan with at most two decimals")
        if scale == 100
        else _("a number that makes whole seconds")
    )
    wrong.append(
        _("%(field)s: “%(value)s” is not accepted; accepted is %(accepted)s.")
        % {"field": label, "value": text[:20], "accepted": accepted}
    )
    return 0
