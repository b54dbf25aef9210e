"""GetInstalledCertificateIds (M03)."""

from collections.abc import Iterator, Mapping
from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocpp201.commands.install_certificate import USES
from devices.protocols.ocppj import certificates
from devices.protocols.ocppj import reading as read
from devices.protocols.ocppj.calls import Outcome
from devices.protocols.ocppj.profiles import choice

ACTION = "GetInstalledCertificateIds"


def build(command: DeviceCommand) -> dict[str, Any]:
    """Params: optionally `use`, as InstallCertificate has it; all kinds when absent."""
    use = choice(command.params, "use", USES)
    return {"certificateType": [use]} if use else {}


def outcome(answer: dict[str, Any]) -> Outcome:
    return certificates.listed(answer, _chains(answer.get("certificateHashDataChain")))


def _chains(chains: Any) -> Iterator[tuple[str, Any]]:
    for chain in chains if isinstance(chains, list) else ():
        if isinstance(chain, Mapping):
            use = read.text(chain, "certificateType")
            yield use, chain.get("certificateHashData")
            children = chain.get("childCertificateHashData")
            yield from ((use, child) for child in (children if isinstance(children, list) else ()))
