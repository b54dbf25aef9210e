"""Firmware, logs, card lists, reservations, charging profiles, certificates: asked, answered, and kept."""

from datetime import timedelta

import pytest
from cryptography import x509
from django.utils import timezone

from devices import events
from devices.models import (
    DeviceCommand,
    DeviceVariable,
    HeldItem,
    HeldProfile,
    IssuedCertificate,
    LocalList,
    PileNotice,
    PileUpload,
    Reservation,
)
from devices.services import certificates, local_lists, reservations, uploads
from kernel.actor import system
from stations.models import Connector
from tests.devices.ocpp16.station import at
from tests.devices.test_certificates import code_of, csr

K = DeviceCommand.Kind
S = DeviceCommand.State
ACTOR = system("tests")
WHEN, WIRE = "2026-12-01T08:00:00+08:00", "2026-12-01T00:00:00.000Z"
HASHES = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "a" * 64,
    "issuerKeyHash": "b" * 64,
    "serialNumber": "1f",
}
ROOT = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
PERIODS = [{"start_s": 0, "limit": "32"}, {"start_s": 3600, "limit": "8.1", "phases": 3}]
SAID_PERIODS = [{"startPeriod": 0, "limit": 32}, {"startPeriod": 3600, "limit": 8.1, "numberPhases": 3}]


@pytest.fixture
def heard():
    """Every event of these types that is published while the test runs."""
    kinds = (
        events.FirmwareStatusReported,
        events.LogUploaded,
        events.SecurityEventRaised,
        events.ReservationEnded,
        events.DeviceVariablesReported,
        events.ComponentEventRaised,
        events.ChargingLimitChanged,
    )
    said = []
    take = said.append
    for kind in kinds:
        events.subscribe(kind, take)
    yield said
    for kind in kinds:
        events._HANDLERS[kind].remove(take)


# kind, options, action, payload ("#": the command's own number), answer, state
COMMANDS = [
    (K.READ_STATUS, {"connector_no": 1}, "TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1},
     {"status": "Accepted"}, S.ACCEPTED),
    (K.TRIGGER, {"params": {"message": "Heartbeat"}}, "TriggerMessage", {"requestedMessage": "Heartbeat"},
     {"status": "NotImplemented"}, S.REJECTED),
    (K.TRIGGER, {"params": {"message": "LogStatusNotification"}}, "ExtendedTriggerMessage",
     {"requestedMessage": "LogStatusNotification"}, {"status": "Accepted"}, S.ACCEPTED),
    (K.RENEW_CERTIFICATE, {}, "ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"},
     {"status": "Accepted"}, S.ACCEPTED),
    (K.UPDATE_FIRMWARE, {"params": {"url": "ftp://f/1.bin", "retrieve_at": WHEN, "retries": 2}},
     "UpdateFirmware", {"location": "ftp://f/1.bin", "retrieveDate": WIRE, "retries": 2}, {}, S.ACCEPTED),
    (K.UPDATE_FIRMWARE,
     {"params": {"url": "https://f/2", "retrieve_at": WHEN, "install_at": WHEN, "signature": "c2ln",
                 "signing_certificate": ROOT}},
     "SignedUpdateFirmware",
     {"requestId": "#", "firmware": {"location": "https://f/2", "retrieveDateTime": WIRE,
      "installDateTime": WIRE, "signingCertificate": ROOT, "signature": "c2ln"}},
     {"status": "InvalidCertificate"}, S.REJECTED),
    (K.UPLOAD_LOG, {"params": {"url": "https://l/", "oldest": WHEN, "latest": WHEN}}, "GetDiagnostics",
     {"location": "https://l/", "startTime": WIRE, "stopTime": WIRE}, {"fileName": "d.zip"}, S.ACCEPTED),
    (K.UPLOAD_LOG, {"params": {"url": "https://l/", "log": "security"}}, "GetLog",
     {"logType": "SecurityLog", "requestId": "#", "log": {"remoteLocation": "https://l/"}},
     {"status": "AcceptedCanceled", "filename": "s.zip"}, S.ACCEPTED),
    (K.INSTALL_CERTIFICATE, {"params": {"certificate": ROOT, "use": "manufacturer"}}, "InstallCertificate",
     {"certificateType": "ManufacturerRootCertificate", "certificate": ROOT}, {"status": "Rejected"}, S.REJECTED),
    (K.GET_CHARGING_SCHEDULE, {"connector_no": 1, "params": {"unit": "W"}}, "GetCompositeSchedule",
     {"connectorId": 1, "duration": 86400, "chargingRateUnit": "W"},
     {"status": "Accepted", "connectorId": 1, "scheduleStart": WIRE}, S.ACCEPTED),
    (K.CANCEL_RESERVATION, {"params": {"reservation_id": 5}}, "CancelReservation", {"reservationId": 5},
     {"status": "Rejected"}, S.REJECTED),
]  # fmt: skip


@pytest.mark.message(
    "ocpp16",
    "TriggerMessage",
    "ExtendedTriggerMessage",
    "UpdateFirmware",
    "SignedUpdateFirmware",
    "GetDiagnostics",
    "GetLog",
    "InstallCertificate",
    "GetCompositeSchedule",
    "CancelReservation",
)
def test_every_management_command_and_its_answer(station, command, ended, heard):
    for kind, options, action, payload, answer, state in COMMANDS:
        sent = command(kind, **options)
        message_id, said, body = station.expect_call()
        expected = {name: sent.pk if value == "#" else value for name, value in payload.items()}
        assert (said, body) == (action, expected)
        station.answer(message_id, answer)
        row = ended(sent)
        assert (row.state, row.result) == (state, answer), kind
    # Only the signed image was refused, and a campaign hears of it.
    (refused,) = [event for event in heard if isinstance(event, events.FirmwareStatusReported)]
    assert (refused.status, refused.detail) == ("refused", "InvalidCertificate")


def test_commands_that_lack_something_fail_with_its_name(command, ended, station):
    for kind, params, reason in (
        (K.UPDATE_FIRMWARE, {}, "url is missing"),
        (K.UPDATE_FIRMWARE, {"url": "x", "retrieve_at": "soon"}, "retrieve_at is no date and time"),
        (K.UPLOAD_LOG, {"url": "x", "log": "security", "retries": "many"}, "retries is not a whole number"),
        (K.RESERVE, {"reservation_id": 1, "id_tag": "T"}, "expires_at is missing"),
        (K.SYNC_CARDS, {"cards": [{"tag": "T", "status": "maybe"}]}, "status is not one of accepted"),
        (K.SET_CHARGING_PROFILE, {"periods": []}, "periods is not a list of 1"),
        (
            K.SET_CHARGING_PROFILE,
            {"periods": PERIODS, "purpose": "transaction"},
            "transaction_ref is missing",
        ),
        (K.SET_POWER_LIMIT, {"limit_kw": "fast"}, "the limit fast is not a number"),
        (K.CLEAR_CHARGING_PROFILE, {"purpose": "mine"}, "purpose is not one of max"),
        (K.INSTALL_CERTIFICATE, {"certificate": "no"}, "certificate is no PEM text"),
        (K.DELETE_CERTIFICATE, {"hash_algorithm": "MD5"}, "hash_algorithm is not one of"),
    ):
        row = ended(command(kind, params=params))
        assert (row.state, row.reason[: len(reason)]) == (S.FAILED, reason)
    assert station.call("Heartbeat", {})


def answered(station, ended, sent, expected, answer):
    """The station gets this call and answers it; the command's row when it has ended."""
    message_id, action, payload = station.expect_call()
    assert (action, payload) == expected
    station.answer(message_id, answer)
    return ended(sent)


@pytest.mark.message("ocpp16", "SetChargingProfile", "ClearChargingProfile")
def test_lesson_23_profiles_say_when_they_start_and_the_pile_holds_what_it_accepted(
    station, command, ended, pile
):
    def profile(purpose, level, **more):
        return {
            "chargingProfileId": more.pop("number"),
            "stackLevel": level,
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": more.pop("kind", "Absolute"),
            "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": SAID_PERIODS} | more,
        }

    def set_profile(params, connector, expected, status="Accepted"):
        sent = command(K.SET_CHARGING_PROFILE, connector_no=connector, params={"periods": PERIODS} | params)
        message_id, action, payload = station.expect_call()
        said = payload["csChargingProfiles"]
        begins = said["chargingSchedule"].pop("startSchedule", None)
        assert (action, payload["connectorId"]) == ("SetChargingProfile", connector)
        assert said == expected
        station.answer(message_id, {"status": status})
        return ended(sent), begins

    row, begins = set_profile({"stack_level": 2}, 1, profile("TxDefaultProfile", 2, number=201_002))
    assert begins and row.state == S.ACCEPTED
    held = HeldProfile.objects.get(pile=pile)
    assert (held.purpose, held.stack_level, held.connector_no, held.unit) == ("default", 2, 1, "A")
    assert held.periods == [{"start_s": 0, "limit": 32}, {"start_s": 3600, "limit": 8.1, "phases": 3}]
    # One level holds one profile: a newer one takes its place, a refused one does not.
    again = {"stack_level": 2, "profile_id": 7, "duration_s": 60, "starts_at": WHEN}
    _row, begins = set_profile(again, 1, profile("TxDefaultProfile", 2, number=7, duration=60))
    assert begins == WIRE
    set_profile({"profile_id": 8}, 1, profile("TxDefaultProfile", 0, number=8), status="NotSupported")
    number = station.start(0, connector=2)
    tx = profile("TxProfile", 0, number=302_000, kind="Relative") | {"transactionId": number}
    _row, begins = set_profile({"purpose": "transaction", "transaction_ref": str(number)}, 2, tx)
    assert begins is None
    limit = command(K.SET_POWER_LIMIT, params={"limit_kw": "42.5"})
    message_id, _action, payload = station.expect_call()
    said = payload["csChargingProfiles"]
    assert (said["chargingProfilePurpose"], said["chargingProfileId"]) == ("ChargePointMaxProfile", 900_000)
    assert said["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 42500}]
    station.answer(message_id, {"status": "Accepted"})
    ended(limit)
    assert set(HeldProfile.objects.values_list("profile_id", flat=True)) == {7, 302_000, 900_000}
    # The transaction ends, and its profile with it.
    station.call("StopTransaction", {"transactionId": number, "meterStop": 5, "timestamp": at()})
    lifted = command(K.SET_POWER_LIMIT)
    answered(station, ended, lifted, ("ClearChargingProfile", {"id": 900_000}), {"status": "Accepted"})
    assert list(HeldProfile.objects.values_list("profile_id", flat=True)) == [7]
    cleared = command(
        K.CLEAR_CHARGING_PROFILE, connector_no=1, params={"purpose": "default", "stack_level": 2}
    )
    wanted = {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 2}
    row = answered(station, ended, cleared, ("ClearChargingProfile", wanted), {"status": "Unknown"})
    assert row.state == S.ACCEPTED and not HeldProfile.objects.exists()


@pytest.mark.message("ocpp16", "SendLocalList", "GetLocalListVersion")
def test_card_lists_are_sent_in_versions(station, ended, pile, command):
    def sync(cards, expected, answer="Accepted", *, full):
        pile.refresh_from_db()
        sent = local_lists.sync(actor=ACTOR, pile=pile, cards=cards, full=full)
        return answered(station, ended, sent, ("SendLocalList", expected), {"status": answer})

    entry = {"idTag": "A", "idTagInfo": {"status": "Accepted"}}
    more = {"idTag": "B", "idTagInfo": {"status": "Blocked", "expiryDate": WIRE, "parentIdTag": "P"}}
    cards = [{"tag": "A"}, {"tag": "B", "status": "blocked", "expires_at": WHEN, "parent_tag": "P"}]
    full = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry, more]}
    sync(cards, full, full=True)
    row = LocalList.objects.get(pile=pile)
    assert row.version == 1 and row.entries["B"]["status"] == "blocked" and set(row.entries) == {"A", "B"}
    change = {"listVersion": 2, "updateType": "Differential", "localAuthorizationList": [{"idTag": "A"}]}
    refused = sync([{"tag": "A", "status": None}], change, "VersionMismatch", full=False)
    assert (refused.state, refused.reason) == (S.REJECTED, "VersionMismatch")
    sync([{"tag": "A", "status": None}], change, full=False)
    row.refresh_from_db()
    assert (row.version, set(row.entries)) == (2, {"B"})
    asked = command(K.QUERY_CARDS)
    answered(station, ended, asked, ("GetLocalListVersion", {}), {"listVersion": 2})
    assert local_lists.is_current(pile)
    cleared = command(K.CLEAR_CARDS, params={"version": 3})
    empty = {"listVersion": 3, "updateType": "Full", "localAuthorizationList": []}
    answered(station, ended, cleared, ("SendLocalList", empty), {"status": "Accepted"})
    row.refresh_from_db()
    assert (row.version, row.entries) == (3, {}) and not local_lists.is_current(pile)
    assert (
        code_of(
            local_lists.sync, actor=ACTOR, pile=pile, cards=[{"tag": str(n)} for n in range(501)], full=True
        )
        == "card_list_too_long"
    )


@pytest.mark.message("ocpp16", "ReserveNow", "CancelReservation")
def test_a_reservation_from_asking_to_its_end(station, ended, pile, heard, eventually):
    until = timezone.now() + timedelta(hours=1)

    def reserve(answer, connector=1, tag="CARD-9"):
        pile.refresh_from_db()
        row = reservations.reserve(
            actor=ACTOR, pile=pile, connector_no=connector, id_tag=tag, expires_at=until, reference="R-1"
        )
        message_id, action, payload = station.expect_call()
        assert (action, payload["reservationId"], payload["idTag"]) == ("ReserveNow", row.pk, tag)
        station.answer(message_id, {"status": answer})
        return eventually(lambda: Reservation.objects.filter(pk=row.pk).exclude(state="asked").first())

    assert reserve("Occupied").answer == "Occupied"
    active = reserve("Accepted")
    assert active.state == "active"
    station.status("Reserved")
    assert Connector.objects.get(pile=pile, number=1).state == "reserved"
    assert (
        code_of(reservations.reserve, actor=ACTOR, pile=pile, connector_no=1, id_tag="X", expires_at=until)
        == "reservation_exists"
    )
    assert (
        code_of(
            reservations.reserve,
            actor=ACTOR,
            pile=pile,
            connector_no=2,
            id_tag="X",
            expires_at=timezone.now(),
        )
        == "reservation_time"
    )
    # The card that reserved begins to charge.
    start = {
        "connectorId": 1,
        "idTag": "CARD-9",
        "meterStart": 0,
        "timestamp": at(),
        "reservationId": active.pk,
    }
    number = station.call("StartTransaction", start)["transactionId"]
    active.refresh_from_db()
    assert (active.state, active.transaction_ref) == ("used", str(number))
    other = reserve("Accepted", connector=2)
    sent = reservations.cancel(actor=ACTOR, reservation=other, reason="no longer needed")
    wanted = ("CancelReservation", {"reservationId": other.pk})
    answered(station, ended, sent, wanted, {"status": "Rejected"})
    other.refresh_from_db()
    assert other.state == "cancelled"
    late = reserve("Accepted", connector=2)
    Reservation.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert reservations.expire_due() == 1
    assert code_of(reservations.cancel, actor=ACTOR, reservation=late, reason="x") == "reservation_over"
    ends = [event for event in heard if isinstance(event, events.ReservationEnded)]
    assert [event.state for event in ends] == ["refused", "used", "cancelled", "expired"]
    assert {event.reference for event in ends} == {"R-1"}


@pytest.mark.message(
    "ocpp16",
    "FirmwareStatusNotification",
    "SignedFirmwareStatusNotification",
    "SecurityEventNotification",
    "DiagnosticsStatusNotification",
    "LogStatusNotification",
)
def test_progress_and_security_events_are_kept_and_told(station, command, ended, heard, pile):
    update = command(K.UPDATE_FIRMWARE, params={"url": "ftp://f/1"}, reference="campaign-4")
    station.answer(station.expect_call()[0], {})
    ended(update)
    for word in ("Downloading", "Downloading", "Installed", "Sideways"):
        assert station.call("FirmwareStatusNotification", {"status": word}) == {}
    assert (
        station.call("SignedFirmwareStatusNotification", {"status": "InvalidSignature", "requestId": 99})
        == {}
    )
    told = [
        (e.status, e.reference, e.request_id) for e in heard if isinstance(e, events.FirmwareStatusReported)
    ]
    known = ("campaign-4", update.pk)
    assert told == [
        ("downloading", *known),
        ("downloading", *known),
        ("installed", *known),
        ("signature_invalid", "", None),
    ]
    kept = PileNotice.objects.filter(kind="firmware").order_by("pk")
    assert [row.code for row in kept] == ["downloading", "installed", "signature_invalid"]
    event = {"type": "TamperDetectionActivated", "timestamp": WIRE, "techInfo": "door"}
    for _ in range(2):
        assert station.call("SecurityEventNotification", event) == {}
    notice = PileNotice.objects.get(kind="security")
    assert (notice.code, notice.detail, notice.critical) == ("TamperDetectionActivated", "door", True)
    (raised,) = [e for e in heard if isinstance(e, events.SecurityEventRaised)]
    assert raised.code == notice.code and raised.pile.id == pile.pk
    assert station.call("DiagnosticsStatusNotification", {"status": "Idle"}) == {}
    assert station.call("LogStatusNotification", {"status": "Uploading", "requestId": 5}) == {}
    assert station.exchange("LogStatusNotification", {})[2] == "OccurenceConstraintViolation"
    assert [e.status for e in heard if isinstance(e, events.LogUploaded)] == ["uploading"]


@pytest.mark.message("ocpp16", "GetDiagnostics", "DiagnosticsStatusNotification")
def test_a_log_comes_to_the_platform_under_an_address_of_its_own(
    station, ended, pile, heard, live_gateway, settings, tmp_path
):
    import httpx

    settings.DEVICE_FILES_URL, settings.MEDIA_ROOT = live_gateway.http_url, tmp_path
    pile.refresh_from_db()
    upload = uploads.ask(actor=ACTOR, pile=pile, reason="it stops by itself")
    message_id, action, payload = station.expect_call()
    assert action == "GetDiagnostics"
    station.answer(message_id, {"fileName": "diag 1.zip"})
    ended(upload.command)
    address = payload["location"]
    station.call("DiagnosticsStatusNotification", {"status": "Uploading"})
    content = b"log line\n" * 40_000
    assert httpx.get(address, trust_env=False).status_code == 405
    assert httpx.put(address[:-3] + "x/", content=b"x", trust_env=False).status_code == 404
    assert httpx.put(address + "diag 1.zip", content=content, trust_env=False).status_code == 201
    assert httpx.put(address + "diag 1.zip", content=b"again", trust_env=False).status_code == 404
    station.call("DiagnosticsStatusNotification", {"status": "Uploaded"})
    upload = PileUpload.objects.get(pk=upload.pk)
    assert (upload.state, upload.size_bytes, upload.name) == ("received", len(content), "diag_1.zip")
    assert upload.file.read() == content and upload.progress == "Uploading"
    told = [(e.status, e.upload_id) for e in heard if isinstance(e, events.LogUploaded)]
    assert told == [("uploading", upload.pk), ("uploaded", upload.pk)]
    # As a form, and a refusal.
    upload = uploads.ask(actor=ACTOR, pile=pile, reason="again", log="security")
    message_id, _action, payload = station.expect_call()
    station.answer(message_id, {"status": "Accepted"})
    ended(upload.command)
    address = payload["log"]["remoteLocation"]
    form = {"file": ("s.log", b"secure")}
    assert httpx.post(address, files=form, trust_env=False).status_code == 201
    assert PileUpload.objects.get(pk=upload.pk).name == "s.log"
    upload = uploads.ask(actor=ACTOR, pile=pile, reason="again", log="security")
    station.answer(station.expect_call()[0], {"status": "Rejected"})
    ended(upload.command)
    assert PileUpload.objects.get(pk=upload.pk).state == "failed"
    assert heard[-1].status == "failed"
    assert code_of(uploads.ask, actor=ACTOR, pile=pile, reason="x", log="poems") == "invalid"


@pytest.mark.message(
    "ocpp16",
    "SignCertificate",
    "CertificateSigned",
    "GetInstalledCertificateIds",
    "DeleteCertificate",
    "GetConfiguration",
)
def test_a_certificate_is_asked_for_signed_and_installed(
    station, command, ended, pile, eventually, settings, tmp_path
):
    settings.EV_DATA_DIR = tmp_path
    assert station.call("SignCertificate", {"csr": csr("another-pile")}) == {"status": "Rejected"}
    assert PileNotice.objects.get(kind="certificate").code == "certificate_request_name"
    assert not IssuedCertificate.objects.exists()
    assert station.call("SignCertificate", {"csr": csr(pile.code)}) == {"status": "Accepted"}
    message_id, action, payload = station.expect_call()
    assert action == "CertificateSigned"
    leaf, authority = x509.load_pem_x509_certificates(payload["certificateChain"].encode())
    leaf.verify_directly_issued_by(authority)
    station.answer(message_id, {"status": "Accepted"})
    row = eventually(lambda: IssuedCertificate.objects.filter(installed_at__isnull=False).first())
    assert certificates.find_by_fingerprint(row.fingerprint).pile_id == pile.pk
    listed = command(K.LIST_CERTIFICATES)
    wanted = ("GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"})
    answer = {"status": "Accepted", "certificateHashData": [HASHES]}
    answered(station, ended, listed, wanted, answer)
    assert HeldItem.objects.get(pile=pile, kind="certificate").data["serialNumber"] == "1f"
    params = {"issuer_name_hash": "a" * 64, "issuer_key_hash": "b" * 64, "serial_no": "1f"}
    deleted = command(K.DELETE_CERTIFICATE, params=params)
    wanted = ("DeleteCertificate", {"certificateHashData": HASHES})
    answered(station, ended, deleted, wanted, {"status": "Accepted"})
    assert not HeldItem.objects.exists()
    # The configuration becomes variables, and a changed one its new value.
    report = command(K.GET_REPORT)
    keys = [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}, {"key": "X", "readonly": True}]
    answered(station, ended, report, ("GetConfiguration", {}), {"configurationKey": keys})
    change = command(K.CHANGE_CONFIGURATION, params={"key": "HeartbeatInterval", "value": "30"})
    wanted = ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "30"})
    answered(station, ended, change, wanted, {"status": "Accepted"})
    values = DeviceVariable.objects.filter(pile=pile).order_by("path")
    assert [(v.path, v.value, v.mutability) for v in values] == [
        ("HeartbeatInterval", "30", "ReadWrite"),
        ("X", "", "ReadOnly"),
    ]
