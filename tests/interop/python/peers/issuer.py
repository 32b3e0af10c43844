"""An authorization server made with Authlib and Flask, for the tests in ../../node: its issuer has a path, clients get
secrets, which they send in the body, and a token that is taken back takes no other with it.

Its argument is JSON: `resources` that tokens may be for, `lifetime` of access tokens in seconds, `format` of them, the
`machine` and the `resource` server as clients with secrets. It says on stdout, as lines of JSON, its `url`, every `secret`
that it gives out or is sent, and every way in which it has `granted` tokens. Each line of stdin is an access token that it is
to forget, and it says when it has `forgotten` it. It ends with stdin.
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

# Only this machine is reached.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.common.security import generate_token
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE, DeviceAuthorizationEndpoint, DeviceCodeGrant
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, Response, abort, jsonify, redirect, request, session
from joserfc.jwk import RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

SETTINGS = json.loads(sys.argv[1])
SCOPE = "notes"
POST = "client_secret_post"
SECRETS = ("access_token", "client_secret", "code", "code_verifier", "device_code", "refresh_token")
KEY = RSAKey.generate_key(2048)

clients, codes, tokens, devices, approvals = {}, {}, [], {}, {}

app = Flask(__name__)
app.secret_key = generate_token(48)
app.config["OAUTH2_SCOPES_SUPPORTED"] = [SCOPE]


@dataclass
class Client(ClientMixin):
    id: str
    secret: str
    grant_types: tuple
    redirects: tuple = ()

    def get_client_id(self):
        return self.id

    def get_allowed_scope(self, scope):
        return scope if scope == SCOPE else ""

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri in self.redirects

    def check_client_secret(self, client_secret):
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method == POST or endpoint == "introspection"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type in self.grant_types


@dataclass
class User:
    name: str

    def get_user_id(self):
        return self.name


@dataclass
class Code:
    client: Client
    user: User
    redirect_uri: str
    resource: str
    code_challenge: str
    code_challenge_method: str = "S256"
    scope: str = SCOPE

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope


@dataclass
class Token(TokenMixin):
    client: Client
    user: User | None
    access: str
    refresh: str | None
    resource: str
    expires_at: float
    is_taken_back: bool = False

    def check_client(self, client):
        return client is self.client

    def get_scope(self):
        return SCOPE

    def is_expired(self):
        return self.expires_at < time.time()

    def is_revoked(self):
        return self.is_taken_back


@dataclass
class Device:
    client_id: str
    user_code: str
    expires_at: float

    def get_client_id(self):
        return self.client_id

    def get_scope(self):
        return SCOPE

    def get_user_code(self):
        return self.user_code

    def is_expired(self):
        return self.expires_at < time.time()


def save_token(token, oauth):
    expires_at = time.time() + token["expires_in"]
    resource, refresh = oauth.form["resource"], token.get("refresh_token")
    tokens.append(Token(oauth.client, oauth.user, token["access_token"], refresh, resource, expires_at))


def renewable(refresh):
    return next((token for token in tokens if token.refresh == refresh), None)


server = AuthorizationServer(app, query_client=clients.get, save_token=save_token)


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [POST]

    def save_authorization_code(self, code, oauth):
        data = oauth.payload.data
        held = (data["redirect_uri"], data["resource"], data["code_challenge"])
        codes[code] = Code(oauth.client, oauth.user, *held)

    def query_authorization_code(self, code, client):
        held = codes.get(code)
        resource = self.request.form.get("resource")
        return held if held and held.client is client and held.resource == resource else None

    def delete_authorization_code(self, authorization_code):
        for code in [code for code, held in codes.items() if held is authorization_code]:
            del codes[code]

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [POST]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token):
        token = renewable(refresh_token)
        return token if token and token.resource == self.request.form.get("resource") else None

    def authenticate_user(self, refresh_token):
        return refresh_token.user

    def revoke_old_credential(self, refresh_token):
        refresh_token.refresh = None


class MachineGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [POST]


class TypedCode(DeviceCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [POST]

    def query_device_credential(self, device_code):
        return devices.get(device_code)

    def query_user_grant(self, user_code):
        return approvals.get(user_code)

    def should_slow_down(self, credential):
        return False


class DeviceCodes(DeviceAuthorizationEndpoint):
    CLIENT_AUTH_METHODS = [POST]
    INTERVAL = 1

    def get_verification_uri(self):
        return f"{ISSUER}/device"

    def save_device_credential(self, client_id, scope, data):
        expires_at = time.time() + data["expires_in"]
        devices[data["device_code"]] = Device(client_id, data["user_code"], expires_at)


class Registration(ClientRegistrationEndpoint):
    def authenticate_token(self, oauth):
        return "anybody"

    def get_server_metadata(self):
        return metadata()

    def save_client(self, client_info, client_metadata, oauth):
        redirects = tuple(client_metadata.get("redirect_uris", ()))
        kinds = tuple(client_metadata["grant_types"])
        client = Client(client_info["client_id"], client_info["client_secret"], kinds, redirects)
        clients[client.id] = client
        return client


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = [POST]

    def query_token(self, token_string, token_type_hint):
        return next((token for token in tokens if token_string in (token.access, token.refresh)), None)

    def revoke_token(self, token, oauth):
        if oauth.form["token"] == token.refresh:
            token.refresh = None
        else:
            token.is_taken_back = True


class Introspection(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = ["client_secret_basic"]

    def check_permission(self, token, client, oauth):
        return client.id == SETTINGS["resource"]["id"]

    def query_token(self, token_string, token_type_hint):
        return next((token for token in tokens if token.access == token_string), None)

    def introspect_token(self, token):
        told = {"client_id": token.client.id, "scope": SCOPE, "exp": int(token.expires_at), "aud": token.resource}
        return told | ({"sub": token.user.name} if token.user else {})


class Signed(JWTBearerTokenGenerator):
    def get_jwks(self):
        return KEY.as_dict(private=True)

    def get_audiences(self, client, user, scope):
        return request.form["resource"]


def say(**message):
    print(json.dumps(message), flush=True)


def metadata():
    return {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "device_authorization_endpoint": f"{ISSUER}/device_authorization",
        "registration_endpoint": f"{ISSUER}/register",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "introspection_endpoint": f"{ISSUER}/introspect",
        "jwks_uri": f"{ISSUER}/jwks",
        "token_endpoint_auth_methods_supported": [POST],
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", DEVICE_CODE_GRANT_TYPE],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": [SCOPE],
    }


@app.get("/.well-known/oauth-authorization-server/tenant")
def well_known():
    return jsonify(metadata())


@app.get("/tenant/jwks")
def jwks():
    return jsonify(keys=[KEY.as_dict(private=False)])


@app.before_request
def look_at_resource():
    """Authlib does not know RFC 8707."""
    wants = request.path.removeprefix("/tenant") in ("/authorize", "/token", "/device_authorization")
    if wants and request.values.get("resource") not in SETTINGS["resources"]:
        return jsonify(error="invalid_target"), 400
    return None


@app.after_request
def tell(response: Response):
    told = response.get_json(silent=True) or {}
    place = dict(parse_qsl(urlsplit(response.headers.get("Location", "")).query))
    for values in (request.form, told, place):
        for kind in SECRETS:
            if kind in values:
                say(secret=values[kind], kind=kind)
    if "access_token" in told:
        token = next(token for token in tokens if token.access == told["access_token"])
        say(granted=request.form["grant_type"], to=token.user.name if token.user else None)
    return response


def asked_for(prompt):
    """The form of one step; where nobody has logged in, it is always that of the login."""
    fields = '<input name="login"><input type="password" name="password">' if prompt == "login" else ""
    leave = '<button name="no" value="no" type="submit" formnovalidate>Cancel</button>'
    return (
        f'<form method="post"><input type="hidden" name="prompt" value="{prompt}">{fields}'
        f'<button type="submit">Continue</button></form><form method="post">{leave}</form>'
    )


@app.route("/tenant/authorize", methods=["GET", "POST"])
def authorize():
    if "no" in request.form:
        return server.create_authorization_response(grant_user=None)
    if request.form.get("prompt") == "login":
        session["user"] = request.form["login"]
    elif request.form.get("prompt") == "consent" and "user" in session:
        return server.create_authorization_response(grant_user=User(session["user"]))
    server.get_consent_grant(end_user=session.get("user"))
    return asked_for("consent" if "user" in session else "login")


@app.route("/tenant/device", methods=["GET", "POST"])
def device():
    code = request.form.get("user_code") or session.get("code")
    if code is None:
        return '<form method="post"><input name="user_code"><button type="submit">Continue</button></form>'
    if code not in {one.user_code for one in devices.values()}:
        abort(404)
    if "user_code" in request.form:
        session["code"] = code
        return f'<p>{code}</p><form method="post"><button type="submit">Continue</button></form>'
    if request.form.get("prompt") == "login":
        session["user"] = request.form["login"]
    elif request.form.get("prompt") == "consent" and "user" in session:
        approvals[code] = (User(session["user"]), True)
        return "<p>It is done.</p>"
    return asked_for("consent" if "user" in session else "login")


@app.post("/tenant/token")
def token():
    return server.create_token_response()


for path in ("device_authorization", "register", "revoke", "introspect"):
    names = {"register": "client_registration", "revoke": "revocation", "introspect": "introspection"}
    name = names.get(path, path)
    app.post(f"/tenant/{path}", endpoint=path)(lambda name=name: server.create_endpoint_response(name))

for kind in (RefreshGrant, MachineGrant, TypedCode):
    server.register_grant(kind)
server.register_grant(CodeGrant, [CodeChallenge(required=True)])
for kind in (DeviceCodes, Registration, Revocation, Introspection):
    server.register_endpoint(kind)


class Silent(WSGIRequestHandler):
    def log_request(self, code="-", size="-"):
        """Requests hold secrets, and are nobody's business."""


listener = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent)
ISSUER = f"http://127.0.0.1:{listener.server_port}/tenant"


def lifetime(client, grant_type):
    return SETTINGS["lifetime"]


def renewal(**_):
    return generate_token(48)


if SETTINGS["format"] == "jwt":
    generator = Signed(ISSUER, refresh_token_generator=renewal, expires_generator=lifetime)
else:
    generator = BearerTokenGenerator(lambda **_: generate_token(42), renewal, lifetime)
server.register_token_generator("default", generator)
for role, kinds in (("machine", ("client_credentials",)), ("resource", ())):
    held = SETTINGS[role]
    clients[held["id"]] = Client(held["id"], held["secret"], kinds)

Thread(target=listener.serve_forever, daemon=True).start()
say(url=ISSUER)
for line in sys.stdin:
    for one in tokens:
        one.is_taken_back |= one.access == line.strip()
    say(forgotten=line.strip())
