"""Every refusal of the API is problem JSON, in the reader's language, and never a traceback."""

import pytest

from tests.api_client import ApiClient, assert_problem
from tests.factories import make_driver

pytestmark = pytest.mark.django_db


def test_an_unknown_address():
    assert_problem(ApiClient().get("/api/v1/driver/nowhere"), 404, "not_found")
    assert_problem(ApiClient().get("/api/nowhere"), 404, "not_found")


def test_a_page_outside_the_api_stays_a_page():
    response = ApiClient().get("/nowhere")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_no_token():
    response = ApiClient().get("me")
    assert_problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_wrong_method():
    response = ApiClient(make_driver(balance_fen=0)).post("me")
    assert_problem(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"]


@pytest.mark.parametrize("body", ["{", '{"phone": }', "nonsense", "\x00", b"\xff\xfe"])
@pytest.mark.promise(11)
def test_malformed_json(body):
    assert_problem(ApiClient().post("login/code", body), 400, "parse_error")


@pytest.mark.parametrize("body", ["[]", '"text"', "1", "null"])
@pytest.mark.promise(11)
def test_json_of_another_shape(body):
    assert_problem(ApiClient().post("login/code", body), 400, "invalid_request")


@pytest.mark.promise(11)
def test_json_nested_beyond_reason():
    assert_problem(ApiClient().post("login/code", "[" * 60_000), 400, "parse_error")


@pytest.mark.promise(11)
def test_a_body_beyond_reason():
    body = '{"phone": "' + "1" * 70_000 + '"}'
    assert_problem(ApiClient().post("login/code", body), 413, "body_too_large")


@pytest.mark.parametrize("value", ["1" * 5000, "1e999", "-1e-999", "1.5", '"\\u0000"', "[]", "{}", "true"])
@pytest.mark.promise(11)
def test_values_beyond_reason(value):
    body = f'{{"connector_code": "x", "limit_fen": {value}}}'
    response = ApiClient(make_driver(balance_fen=0)).post("orders", body)
    assert response.status_code == 400, response.content
    assert response.json()["code"] in ("parse_error", "invalid_request")


@pytest.mark.parametrize(
    "path",
    ["connectors/%00", "stations/%00", "orders/%00", "orders/" + "9" * 2000, "connectors/%F0%9F%94%8C"],
)
@pytest.mark.promise(11)
def test_addresses_beyond_reason(path):
    response = ApiClient(make_driver(balance_fen=0)).get(path)
    assert response.status_code == 404, response.content
    assert response.json()["code"].endswith(("unknown", "not_found"))


@pytest.mark.parametrize("query", [{"name": "a\x00b"}, {"radius_km": "1e9999999"}, {"limit": "9" * 400}])
@pytest.mark.promise(11)
def test_queries_beyond_reason(query):
    response = ApiClient(make_driver(balance_fen=0)).get("stations", {"lng": "1", "lat": "1", **query})
    assert_problem(response, 400, "invalid_request")


def test_another_media_type():
    client = ApiClient()
    response = client._client.post("/api/v1/driver/login/code", "phone=1", content_type="text/plain")
    assert_problem(response, 415, "unsupported_media_type")


@pytest.mark.promise(11)
def test_missing_fields_are_named():
    body = assert_problem(ApiClient().post("login/verify", {}), 400, "invalid_request")
    assert set(body["errors"]) == {"phone", "code"}
    assert "phone" in body["detail"]


def test_something_broken_tells_nothing(monkeypatch, caplog):
    from users.services import login

    def broken(**kwargs):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(login, "request_code", broken)
    response = ApiClient().post("login/code", {"phone": "13900000000"})
    assert_problem(response, 500, "internal_error")
    assert b"secret" not in response.content
    assert "secret detail" in caplog.text


def test_the_reader_s_language():
    chinese = ApiClient(language="zh-CN").get("/api/nowhere").json()["detail"]
    english = ApiClient(language="en").get("/api/nowhere").json()["detail"]
    assert english == "There is nothing at this address."
    assert chinese == "此地址不存在。"
