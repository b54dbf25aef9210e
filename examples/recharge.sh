#!/usr/bin/env bash
# A recharge as a driver makes it, against a running `make demo`: log in, open a payment, pay it on the sandbox's page.
#
#   examples/recharge.sh [yuan] [wechat|alipay] [--pay]     (default: 50 yuan by WeChat Pay)
#
# Without --pay it prints the page where you pay or turn away yourself, and waits for what becomes of it. PHONE is the
# driver, EV_HTTP_PORT and EV_DATA_DIR are those of the demo (the login code is read from its log).
set -euo pipefail
cd "$(dirname "$0")/.."
YUAN=${1:-50} CHANNEL=${2:-wechat} PAY=${3:-}
API=http://127.0.0.1:${EV_HTTP_PORT:-8000}/api/v1/driver
PHONE=${PHONE:-13800001001}
LOG=${EV_DATA_DIR:-data}/logs/platform.log

json() { python3 -c 'import json, sys; v = json.load(sys.stdin)
for name in sys.argv[1].split("."): v = v[name]
print(v)' "$1"; }
call() { curl -sS --fail-with-body -H 'Content-Type: application/json' -H "Authorization: Bearer ${TOKEN:-}" "$@"; }

curl -sS --fail-with-body -o /dev/null -H 'Content-Type: application/json' -d "{\"phone\": \"$PHONE\"}" "$API/login/code"
CODE=$(sed -n "s/.*SMS to $PHONE: login code \([0-9]*\).*/\1/p" "$LOG" | tail -1)
TOKEN=$(curl -sS --fail-with-body -H 'Content-Type: application/json' -d "{\"phone\": \"$PHONE\", \"code\": \"$CODE\"}" "$API/login/verify" | json token)
echo "wallet before: $(call "$API/wallet")"

PAYMENT=$(call -d "{\"channel\": \"$CHANNEL\", \"amount_fen\": $((YUAN * 100))}" "$API/payments")
NUMBER=$(json out_trade_no <<<"$PAYMENT")
PAGE=$(python3 -c 'import json, sys; v = json.load(sys.stdin)["pay_params"]; print(v.get("code_url") or v["pay_url"])' <<<"$PAYMENT")
if [ "$PAY" = --pay ]; then
    PAGE=$(curl -sS -o /dev/null -L -w '%{url_effective}' "$PAGE")
    curl -sS -o /dev/null -d do=pay "$PAGE"
else
    echo "payment $NUMBER: pay or cancel it at  $PAGE"
fi
for _ in $(seq 300); do
    STATE=$(call "$API/payments/$NUMBER" | json state)
    [ "$STATE" = paying ] || break
    sleep 1
done
echo "payment $NUMBER: $STATE"
echo "wallet after:  $(call "$API/wallet")"
[ "$STATE" = succeeded ]
