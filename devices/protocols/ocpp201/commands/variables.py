"""Variables of the device model in one line of text (OCPP 2.0.1 part 1 §4).

    Component[instance]@evse:connector.Variable[instance]

Only component and variable are needed: `SampledDataCtrlr.TxUpdatedInterval`, `EVSE@1.AvailabilityState`.
"""

import re
from collections.abc import Mapping
from typing import Any

from devices.protocols.ocppj import reading as read

_NAME, _INSTANCE = r"[^.@:\[\]]+", r"(?:\[(?P<%s>[^\[\]]+)\])?"
_VARIABLE = re.compile(
    rf"(?P<component>{_NAME}){_INSTANCE % 'component_instance'}(?:@(?P<evse>\d+)(?::(?P<connector>\d+))?)?"
    rf"\.(?P<variable>{_NAME}){_INSTANCE % 'variable_instance'}"
)


def parse(text: str) -> dict[str, Any]:
    """`component` and `variable` as GetVariables and SetVariables want them; ValueError for other text."""
    found = _VARIABLE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:50]} is not Component.Variable")
    parts = found.groupdict()
    component: dict[str, Any] = {"name": parts["component"]}
    variable: dict[str, Any] = {"name": parts["variable"]}
    if parts["component_instance"]:
        component["instance"] = parts["component_instance"]
    if parts["variable_instance"]:
        variable["instance"] = parts["variable_instance"]
    if parts["evse"]:
        component["evse"] = {"id": int(parts["evse"])}
        if parts["connector"]:
            component["evse"]["connectorId"] = int(parts["connector"])
    return {"component": component, "variable": variable}


def path_of(said: Any) -> str:
    """The line of text for the `component` and `variable` of a message; empty when they cannot be read."""
    component, variable = read.part(said, "component"), read.part(said, "variable")
    names = read.text(component, "name", 50), read.text(variable, "name", 50)
    if not all(names):
        return ""
    where = read.part(component, "evse")
    evse, connector = read.connector(where, "id"), read.connector(where, "connectorId")
    at = "" if evse is None else f"@{evse}" + ("" if connector is None else f":{connector}")
    return f"{names[0]}{_instance(component)}{at}.{names[1]}{_instance(variable)}"


def _instance(part: Mapping[str, Any]) -> str:
    name = read.text(part, "instance", 50)
    return f"[{name}]" if name else ""


def statuses(results: Any) -> list[str]:
    """The `attributeStatus` of every result that can be read."""
    if not isinstance(results, list):
        return []
    words = (one.get("attributeStatus") for one in results if isinstance(one, dict))
    return [word[:64] for word in words if isinstance(word, str)]
