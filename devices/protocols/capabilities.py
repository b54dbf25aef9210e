"""Which command each protocol can carry."""

from devices.models.command import DeviceCommand

_K = DeviceCommand.Kind

_SUPPORTED: dict[str, frozenset[str]] = {
    "ykc": frozenset(
        {
            _K.START,
            _K.STOP,
            _K.SET_TARIFF,
            _K.SET_BALANCE,
            _K.SYNC_TIME,
            _K.READ_STATUS,
            _K.SET_AVAILABILITY,
            _K.SET_POWER_LIMIT,
            _K.REBOOT,
            _K.MOVE_BAY_LOCK,
            _K.SYNC_CARDS,
            _K.CLEAR_CARDS,
            _K.QUERY_CARDS,
            _K.UPDATE_FIRMWARE,
            _K.SET_QR_PREFIX,
        }
    ),
    "dny": frozenset(
        {
            _K.START,
            _K.STOP,
            _K.EXTEND,
            _K.READ_STATUS,
            _K.REBOOT,
            _K.GET_CONFIGURATION,
            _K.CHANGE_CONFIGURATION,
        }
    ),
    "mqtt": frozenset(
        {
            _K.START,
            _K.STOP,
            _K.EXTEND,
            _K.READ_STATUS,
            _K.REBOOT,
            _K.UNLOCK,
            _K.SET_AVAILABILITY,
            _K.SYNC_TIME,
            _K.GET_CONFIGURATION,
            _K.CHANGE_CONFIGURATION,
        }
    ),
    "ocpp16": frozenset(
        {
            _K.START,
            _K.STOP,
            _K.READ_STATUS,
            _K.GET_REPORT,
            _K.UPDATE_FIRMWARE,
            _K.UPLOAD_LOG,
            _K.SYNC_CARDS,
            _K.CLEAR_CARDS,
            _K.QUERY_CARDS,
            _K.RESERVE,
            _K.CANCEL_RESERVATION,
            _K.SET_CHARGING_PROFILE,
            _K.CLEAR_CHARGING_PROFILE,
            _K.SET_POWER_LIMIT,
            _K.GET_CHARGING_SCHEDULE,
            _K.TRIGGER,
            _K.RENEW_CERTIFICATE,
            _K.SEND_CERTIFICATE,
            _K.INSTALL_CERTIFICATE,
            _K.DELETE_CERTIFICATE,
            _K.LIST_CERTIFICATES,
            _K.SET_AVAILABILITY,
            _K.REBOOT,
            _K.UNLOCK,
            _K.GET_CONFIGURATION,
            _K.CHANGE_CONFIGURATION,
            _K.CLEAR_CACHE,
            _K.DATA_TRANSFER,
        }
    ),
    "ocpp201": frozenset(
        {
            _K.START,
            _K.STOP,
            _K.READ_STATUS,
            _K.TRIGGER,
            _K.GET_REPORT,
            _K.UPDATE_FIRMWARE,
            _K.UPLOAD_LOG,
            _K.SYNC_CARDS,
            _K.CLEAR_CARDS,
            _K.QUERY_CARDS,
            _K.RESERVE,
            _K.CANCEL_RESERVATION,
            _K.SET_CHARGING_PROFILE,
            _K.CLEAR_CHARGING_PROFILE,
            _K.SET_POWER_LIMIT,
            _K.GET_CHARGING_SCHEDULE,
            _K.RENEW_CERTIFICATE,
            _K.SEND_CERTIFICATE,
            _K.INSTALL_CERTIFICATE,
            _K.DELETE_CERTIFICATE,
            _K.LIST_CERTIFICATES,
            _K.DISPLAY_MESSAGE,
            _K.SET_NETWORK_PROFILE,
            _K.MONITOR_VARIABLE,
            _K.CUSTOMER_INFORMATION,
            _K.SHOW_COST,
            _K.TRANSACTION_STATUS,
            _K.SET_AVAILABILITY,
            _K.REBOOT,
            _K.UNLOCK,
            _K.GET_CONFIGURATION,
            _K.CHANGE_CONFIGURATION,
            _K.CLEAR_CACHE,
            _K.DATA_TRANSFER,
        }
    ),
}


def supports(protocol: str, kind: str) -> bool:
    """Whether piles of this protocol can carry a command of this kind."""
    return kind in _SUPPORTED.get(protocol, frozenset())


def supported_kinds(protocol: str) -> frozenset[str]:
    return _SUPPORTED.get(protocol, frozenset())
