"""What only a pile of OCPP 2.0.1 has: monitors, display messages, places to connect to, reports of them."""

from collections.abc import Callable
from typing import Any

from ocpp.v201 import call


class Stock:
    """Mixin of `Ocpp201Pile`; reports are queued and follow the answer."""

    configuration: dict[str, str]
    READ_ONLY: frozenset[str]
    say: Callable[..., None]
    timestamp: Callable[[], str]

    def set_up(self) -> None:
        super().set_up()  # type: ignore[misc]
        self.monitors: dict[int, dict[str, Any]] = {}
        self.messages: dict[int, dict[str, Any]] = {}
        self.networks: dict[int, dict[str, Any]] = {}
        self.costs: dict[str, float] = {}
        self.severity = 9
        self._events = 0

    # -- variables

    def report(self, request_id: int, wanted: list[str] | None = None) -> bool:
        """Queue the inventory, or some variables of it, as one NotifyReport; False when there is none."""
        data = []
        for key, value in self.configuration.items():
            if wanted is not None and key not in wanted:
                continue
            component, _, variable = key.partition(".")
            mutability = "ReadOnly" if key in self.READ_ONLY else "ReadWrite"
            data.append(
                {
                    "component": {"name": component},
                    "variable": {"name": variable},
                    "variable_attribute": [{"value": value, "mutability": mutability}],
                }
            )
        if data:
            self.tell(
                call.NotifyReport(
                    request_id=request_id,
                    generated_at=self.timestamp(),
                    seq_no=0,
                    report_data=data,
                    tbc=False,
                )
            )
        return bool(data)

    def variable_changed(self, key: str, value: str) -> None:
        """A monitor of the variable strikes."""
        component, _, variable = key.partition(".")
        for number, monitor in self.monitors.items():
            if monitor["key"] == key and monitor["severity"] <= self.severity:
                self._events += 1
                event = {
                    "event_id": self._events,
                    "timestamp": self.timestamp(),
                    "trigger": "Delta",
                    "actual_value": value,
                    "component": {"name": component},
                    "variable": {"name": variable},
                    "variable_monitoring_id": number,
                    "event_notification_type": "CustomMonitor",
                }
                self.tell(call.NotifyEvent(generated_at=self.timestamp(), seq_no=0, event_data=[event]))

    # -- monitors

    def set_monitor(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """One result of SetVariableMonitoring."""
        key = f"{wanted['component']['name']}.{wanted['variable']['name']}"
        result = {
            name: wanted[name] for name in ("component", "variable", "type", "severity") if name in wanted
        }
        if key not in self.configuration:
            return result | {"status": "UnknownVariable"}
        number = wanted.get("id") or max(self.monitors, default=0) + 1
        self.monitors[number] = {"key": key, **{name: wanted[name] for name in ("type", "value", "severity")}}
        return result | {"status": "Accepted", "id": number}

    def clear_monitor(self, number: int) -> dict[str, Any]:
        known = self.monitors.pop(number, None) is not None
        return {"id": number, "status": "Accepted" if known else "NotFound"}

    def report_monitors(self, request_id: int, wanted: list[str] | None) -> bool:
        """Queue the monitors as one NotifyMonitoringReport; False when there is none."""
        told = []
        for number, monitor in self.monitors.items():
            if wanted is not None and monitor["key"] not in wanted:
                continue
            component, _, variable = monitor["key"].partition(".")
            said = {name: monitor[name] for name in ("type", "value", "severity")}
            told.append(
                {
                    "component": {"name": component},
                    "variable": {"name": variable},
                    "variable_monitoring": [{"id": number, "transaction": False, **said}],
                }
            )
        if told:
            self.tell(
                call.NotifyMonitoringReport(
                    request_id=request_id, seq_no=0, generated_at=self.timestamp(), monitor=told
                )
            )
        return bool(told)

    # -- messages, limits, customers

    def report_messages(self, request_id: int) -> bool:
        if self.messages:
            messages = list(self.messages.values())
            self.tell(call.NotifyDisplayMessages(request_id=request_id, message_info=messages))
        return bool(self.messages)

    def report_limits(self, request_id: int, evse_id: int | None, wanted: dict[str, Any]) -> bool:
        """Queue the charging profiles, EVSE by EVSE; False when none fits."""
        numbers, purpose = wanted.get("charging_profile_id"), wanted.get("charging_profile_purpose")
        level = wanted.get("stack_level")
        fitting = [
            one
            for one in self.limits.held  # type: ignore[attr-defined]
            if (evse_id is None or one.connector == evse_id)
            and (not numbers or one.number in numbers)
            and (purpose is None or one.said["charging_profile_purpose"] == purpose)
            and (level is None or one.level == level)
        ]
        places = sorted({one.connector for one in fitting})
        for place in places:
            self.tell(
                call.ReportChargingProfiles(
                    request_id=request_id,
                    charging_limit_source="CSO",
                    evse_id=place,
                    charging_profile=[one.said for one in fitting if one.connector == place],
                    tbc=place != places[-1],
                )
            )
        return bool(fitting)

    def report_customer(self, request_id: int, who: str) -> None:
        self.tell(
            call.NotifyCustomerInformation(
                data=f"{who}: no charges are remembered",
                seq_no=0,
                generated_at=self.timestamp(),
                request_id=request_id,
            )
        )

    def tell(self, message: Any) -> None:
        """Queue a message whose answer does not matter."""

        async def send(link: Any) -> None:
            await link.call(message)

        self.say("plain", send)
