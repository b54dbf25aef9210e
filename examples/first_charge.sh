#!/usr/bin/env bash
# From a bare database to a settled order with public tools only: the operations commands, curl, and a charge point
# written on the `ocpp` library in a virtual environment of its own.
#
#   examples/first_charge.sh [folder for the data]      (default: a new temporary folder)
#
# PYTHON runs the platform (default .venv/bin/python, made by `make venv`). STATION_PYTHON runs the charge point; when
# it is not given, a virtual environment with ocpp and websockets is made in the data folder.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-$PWD/.venv/bin/python}
export EV_DATA_DIR=${1:-$(mktemp -d)}
export EV_HTTP_PORT=${EV_HTTP_PORT:-8100} EV_YKC_PORT=${EV_YKC_PORT:-8867} EV_DNY_PORT=${EV_DNY_PORT:-8868} EV_LOG_LEVEL=${EV_LOG_LEVEL:-WARNING}
API=http://127.0.0.1:$EV_HTTP_PORT/api/v1/driver
PASSWORD=first-charge-secret

manage() { "$PYTHON" manage.py "$@"; }
field() { "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
say() { printf '== %s\n' "$*"; }
wait_for() {  # wait_for SECONDS COMMAND...: until the command succeeds
    local end=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || { echo "gave up waiting for: $*" >&2; return 1; }
        sleep 0.5
    done
}

if [ -z "${STATION_PYTHON:-}" ]; then
    say "a virtual environment for the charge point"
    "$PYTHON" -m venv "$EV_DATA_DIR/station-venv"
    STATION_PYTHON=$EV_DATA_DIR/station-venv/bin/python
    "$STATION_PYTHON" -m pip install -q --disable-pip-version-check ocpp websockets
fi

pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true' EXIT

say "a bare database and the platform"
"$PYTHON" manage.py serve --migrate &  # no function: the signal at the end must reach it
pids+=($!)
wait_for 60 curl -fsS "http://127.0.0.1:$EV_HTTP_PORT/readyz"

say "an operator, a station with a tariff, a pile, a driver with 50 yuan"
manage add_operator --code demo --name "First charge" --json
manage add_station --operator demo --code S1 --name "Station one" --json
manage add_tariff --operator demo --name "All day" --flat 0.80+0.40 --station S1 --json
manage add_pile --station S1 --protocol ocpp16 --code CP001 --password "$PASSWORD" --connectors 1 --power-kw 60 --json
TOKEN=$(manage add_driver --phone 13800000001 --top-up 5000 --token --json | field token)

say "the charge point dials in"
"$STATION_PYTHON" examples/charge_point.py "ws://127.0.0.1:$EV_HTTP_PORT/ocpp/CP001" "$PASSWORD" &
pids+=($!)
startable() {
    curl -fsS -H "Authorization: Bearer $TOKEN" "$API/connectors/CP00101" | grep -q '"state":"occupied"'
}
wait_for 30 startable

say "the driver starts, watches, stops"
ORDER=$(curl -fsS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{"connector_code": "CP00101"}' "$API/orders" | field order_no)
order() { curl -fsS -H "Authorization: Bearer $TOKEN" "$API/orders/$ORDER"; }
in_state() { [ "$(order | field state)" = "$1" ]; }
wait_for 30 in_state charging
sleep "${CHARGE_SECONDS:-8}"
order; echo
curl -fsS -X POST -H "Authorization: Bearer $TOKEN" "$API/orders/$ORDER/stop" >/dev/null
wait_for 30 in_state settled

say "settled"
order; echo
manage show_order "$ORDER" --json
curl -fsS -H "Authorization: Bearer $TOKEN" "$API/wallet"; echo
manage check_ledger --json
