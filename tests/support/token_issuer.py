"""An issuer of tokens that serves its discovery document and its keys over HTTP."""

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


class TokenIssuer:
    """Signs tokens with its newest key and counts how often its keys are asked for."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0
        self.is_away = False
        self._keys: dict[str, Any] = {}
        self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on, and publish no other."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._keys = {f"key-{time.monotonic_ns()}": key}

    def add_elliptic_key(self) -> None:
        """Publish a second key, which signs from now on."""
        self._keys["elliptic"] = ec.generate_private_key(ec.SECP256R1())

    def sign(self, *, drop: tuple[str, ...] = (), **claims: object) -> str:
        """Return a token, valid unless `claims` say otherwise."""
        now = int(time.time())
        content = {
            "iss": self.url,
            "aud": "registry",
            "sub": "u1",
            "exp": now + 300,
            "roles": ["writers"],
        } | claims
        for name in drop:
            del content[name]
        key_id, key = list(self._keys.items())[-1]
        algorithm = "ES256" if key_id == "elliptic" else "RS256"
        return jwt.encode(content, key, algorithm, {"kid": key_id})

    def document(self, path: str) -> object:
        """What is served at a path."""
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.asked += 1
        published = [self._public(key_id, key) for key_id, key in self._keys.items()]
        # Issuers publish keys of other uses and kinds beside those that sign.
        return {"keys": [{"kty": "oct", "k": "AA"}, {"kty": "new", "kid": "x"}, *published]}

    @staticmethod
    def _public(key_id: str, key: Any) -> dict[str, Any]:
        if key_id == "elliptic":
            public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
            return {**public, "kid": key_id, "alg": "ES256", "use": "sig"}
        public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        return {**public, "kid": key_id, "alg": "RS256", "use": "sig"}


@contextmanager
def serving_issuer() -> Generator[TokenIssuer]:
    """Serve an issuer on a free port of this machine."""
    issuer = TokenIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if issuer.is_away:
                self.send_error(503)
                return
            body = json.dumps(issuer.document(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (as in the base)
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
