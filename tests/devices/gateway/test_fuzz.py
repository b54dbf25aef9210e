"""Hostile frames at the live listeners, a short run; `python -m benchmarks.fuzz` is the long one."""

import asyncio
import logging

import pytest

from benchmarks import fuzz
from devices.models import FrameLog
from stations.models import Connector, Pile
from tests import factories
from tests.devices.gateway.test_ykc_listener import until

FRAMES = 2_500
SEED = 20


@pytest.mark.promise(8)
@pytest.mark.feature("PIL-50")
def test_hostile_frames_harm_nobody(live_gateway, transactional_db, caplog):
    station = factories.make_site(online=False).station
    codes = {"ykc": [factories.add_pile(station).code for _ in range(3)]}
    boxes = [factories.add_pile(station, protocol=Pile.Protocol.DNY) for _ in range(3)]
    for number, box in enumerate(boxes, 1):
        Pile.objects.filter(pk=box.pk).update(code=f"04AA00{number:02X}")
    codes["dny"] = [f"04AA00{number:02X}" for number in range(1, 4)]
    ports = {"ykc": live_gateway.ykc_port, "dny": live_gateway.dny_port}

    run = fuzz.Run(FRAMES)
    asyncio.run(fuzz.storm(run, ports, codes, seed=SEED, good=1))

    assert run.sent >= FRAMES and run.sockets >= 4
    assert (run.unanswered, run.lost_beats) == (0, 0)
    assert run.waits, "the piles that behave were answered all the time"
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    good = Connector.objects.filter(pile__code=codes["ykc"][0])
    assert not good.filter(state=Connector.State.FAULT).exists(), "no foreign frame touched it"
    unreadable = FrameLog.objects.filter(error__gt="").exclude(raw="")
    until(lambda: unreadable.count() > FRAMES / 10)
