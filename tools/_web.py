"""What our servers share: who may come in, and on which address they listen."""

import argparse
import contextlib
import errno
import ipaddress
import json
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from evidence.errors import MaieuticError
from target.spec import DEFAULT_TARGET
from tools._calls import DEFAULT_GRANT
from tools._tool import Capability

TOKEN_VARIABLE = "MAIEUTIC_API_TOKEN"
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


class AddressError(MaieuticError):
    """Nothing can be served at an address."""


def token() -> str | None:
    """The token that callers must show, from the environment; None when there is none."""
    return os.environ.get(TOKEN_VARIABLE) or None


class Access:
    """An application that lets in callers with the token; where there is none, callers on this machine.

    Without a token a request must also be addressed to this machine by name, so that no web page can reach the
    application through a browser (DNS rebinding).
    """

    def __init__(self, app: App, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on, or refuse it with one sentence."""
        if scope["type"] == "lifespan" or (why := self._why_not(scope)) is None:
            await self._app(scope, receive, send)
            return
        status, sentence = why
        body = json.dumps({"error": {"type": "AccessError", "message": sentence}}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _why_not(self, scope: Scope) -> tuple[int, str] | None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self._token:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            shown = given.encode() if scheme.lower() == "bearer" else b""
            if secrets.compare_digest(shown, self._token.encode()):
                return None
            return 401, "this server asks for its token: send the header 'Authorization: Bearer TOKEN'"
        origin = headers.get("origin", "http://localhost").partition("://")[2]
        here = _is_loopback((scope.get("client") or ("",))[0]) and _is_local_name(headers.get("host", ""))
        if here and _is_local_name(origin):
            return None
        return 403, f"this server answers this machine alone: start it with a token in {TOKEN_VARIABLE} to allow others"


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to the address, before anything is loaded or said.

    Raises:
        AddressError: the port is taken, not allowed, or the host is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressError(
                f"port {port} of {host} is in use, perhaps by another Maieutic: close it, or choose another port with --port {port + 1}"
            ) from error
        why = str(error.strerror).partition(" (while")[0]
        raise AddressError(
            f"nothing can be served at {address(host, port)} ({why}): choose others with --host and --port"
        ) from error


def serve(app: Any, on: socket.socket, announcement: str) -> None:
    """Serve an application until it is interrupted; says `announcement` once it answers."""
    server = _Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    server.announcement = announcement
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[on])


def guarded(app: App, host: str) -> Access:
    """An application behind the token of the environment.

    Raises:
        AddressError: it would be open to a network without a token.
    """
    if token() is None and not _is_local_name(f"[{host}]" if ":" in host else host):
        raise AddressError(
            f"at {host} anybody on the network could run tools: set a token in {TOKEN_VARIABLE}, or use --host 127.0.0.1"
        )
    return Access(app, token())


def add_options(parser: argparse.ArgumentParser, port: int) -> None:
    """The options that our servers share."""
    parser.add_argument("--target", default=DEFAULT_TARGET, help="the target of calls that name none (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on (%(default)s)")
    parser.add_argument("--port", type=port_number, default=port, help="port to serve on (%(default)s)")
    parser.add_argument(
        "--allow",
        action="append",
        choices=("train", "export"),
        default=[],
        help="also run tools that train or export; may be given twice",
    )


def granted(options: argparse.Namespace) -> frozenset[Capability]:
    """What callers may do, from the options."""
    return DEFAULT_GRANT | set(options.allow)


def port_number(text: str) -> int:
    """A port, for argparse."""
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")


def address(host: str, port: int) -> str:
    """The address as one writes it into a browser."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Says where it is once it accepts requests."""

    announcement = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self.announcement, flush=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_local_name(host: str) -> bool:
    """Whether a Host header, with or without its port, names this machine."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name == "localhost" or _is_loopback(name)
