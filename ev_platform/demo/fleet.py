"""What the demo's staff have prepared for its piles: archives, a firmware with a campaign, a parameter set."""

from datetime import timedelta

from django.core.files.base import ContentFile
from django.utils import timezone

from devices.models import FirmwareCampaign, FirmwareFile, ParameterSet
from devices.services import firmware_campaigns, firmware_files, parameters
from kernel.actor import Actor
from stations.models import Pile, Station
from stations.services import piles, stations
from users.models import Operator

WHY = "the demo's own rows"
VERSION = "2.1.0"
IMAGE = b"firmware of the demo, for no real pile\n" * 4096
PARAMETERS = {
    "HeartbeatInterval": "60",
    "MeterValueSampleInterval": "30",
    "StopTransactionOnEVSideDisconnect": "true",
}
AMENITIES = ["toilet", "rest_room", "shop"]


def prepare(*, actor: Actor, operator: Operator) -> dict[str, int]:
    """Complete what is missing at one operator; returns how many of each kind were made."""
    own = Pile.objects.unscoped(WHY).filter(operator=operator)
    made = {"archives": _archives(actor, own), "firmware": 0, "campaigns": 0, "parameter_sets": 0}
    for station in Station.objects.unscoped(WHY).filter(operator=operator, amenities=[]):
        stations.update_station(actor=actor, station=station, changes={"amenities": AMENITIES})
    fleet = own.filter(protocol=Pile.Protocol.OCPP16, model__current_type="ac").order_by("code").first()
    if fleet is None:
        return made
    firmware = FirmwareFile.objects.filter(model=fleet.model, version=VERSION).first()
    if firmware is None:
        firmware = firmware_files.add_firmware(
            actor=actor,
            model=fleet.model,
            version=VERSION,
            file=ContentFile(IMAGE, name=f"demo-{VERSION}.bin"),
            notes="修复计量精度，优化离线记录上传",
        )
        made["firmware"] = 1
    if not FirmwareCampaign.objects.unscoped(WHY).filter(operator=operator).exists():
        firmware_campaigns.create_campaign(
            actor=actor, operator=operator, firmware=firmware, name="交流桩固件升级", batch_size=2
        )
        made["campaigns"] = 1
    if not ParameterSet.objects.unscoped(WHY).filter(operator=operator).exists():
        parameters.save_set(
            actor=actor, operator=operator, model=fleet.model, name="标准参数", values=PARAMETERS
        )
        made["parameter_sets"] = 1
    return made


def _archives(actor: Actor, own) -> int:
    """SIM cards and insurance of piles without an archive; a few of them run out soon."""
    today, made = timezone.localdate(), 0
    for number, pile in enumerate(own.filter(installed_on=None).order_by("code"), 1):
        piles.update_pile(
            actor=actor,
            pile=pile,
            changes={
                "installed_on": today - timedelta(days=200 + 3 * number),
                "warranty_until": today + timedelta(days=895 - 3 * number),
                "iccid": f"898604{number:014d}",
                "network_type": "4G",
                "sim_plan_mb": 500,
                "sim_used_mb": 460 if number % 9 == 4 else 120 + 7 * number,
                "sim_expires_on": today + timedelta(days=20 if number % 7 == 3 else 300),
                "insurer": "演示保险",
                "policy_no": f"DEMO-{pile.code[-6:]}",
                "insured_until": today + timedelta(days=12 if number % 11 == 5 else 240),
            },
        )
        made += 1
    return made
