#!/usr/bin/env python3
"""Checks a running Parlour from outside, over HTTP or HTTPS.

    probe.py --url https://ADDR[:PORT] [--host NAME] [--insecure|--ca FILE] ACTION

ACTION:
  health   GET /health answers 200 with status "ok"
  login    logs in and prints the session cookie
  reload   logs in, gets /whoami twice with the cookie: did the session survive?
  ws       logs in, WebSocket upgrade, Engine.IO open, Socket.IO connect, a tick
  rooms    two users: each gets only their own ticks and their own room's words

ADDR is where the connection goes; NAME is the name asked for (TLS server name,
Host header, certificate check). One line of JSON is printed; the exit status is
0 when its "ok" is true, else 1 (2 for wrong usage). Standard library only.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import socket
import ssl
import sys
import time
import urllib.parse

COOKIE = "parlour_session"
WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Failure(Exception):
    """What was seen is not what must be; `facts` go into the printed JSON."""

    def __init__(self, message, **facts):
        super().__init__(message)
        self.facts = facts


class Target:
    def __init__(self, args):
        url = urllib.parse.urlsplit(args.url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise Failure("--url must be http://ADDR[:PORT] or https://ADDR[:PORT]")
        self.tls = url.scheme == "https"
        self.address = url.hostname
        default = 443 if self.tls else 80
        self.port = url.port or default
        self.name = args.host or url.hostname
        shown = "[{}]".format(self.name) if ":" in self.name else self.name
        self.host = shown if self.port == default else "{}:{}".format(shown, self.port)
        self.origin = args.origin or "{}://{}".format(url.scheme, self.host)
        self.timeout = args.timeout
        self.context = None
        if self.tls:
            self.context = ssl.create_default_context(cafile=args.ca)
            if args.insecure:
                self.context.check_hostname = False
                self.context.verify_mode = ssl.CERT_NONE

    def connect(self):
        raw = socket.create_connection((self.address, self.port), timeout=self.timeout)
        if not self.tls:
            return raw
        try:
            return self.context.wrap_socket(raw, server_hostname=self.name)
        except BaseException:
            raw.close()
            raise

    def request(self, method, path, body=None, headers=None):
        """Returns (status, headers, body)."""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=self.timeout)
        connection.sock = self.connect()
        try:
            sent = {"Host": self.host, "Connection": "close", "User-Agent": "parlour-probe"}
            sent.update(headers or {})
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, path, headers=None):
        """Returns (status, value); value is None when the body is not a JSON object."""
        status, _, body = self.request("GET", path, headers=headers)
        try:
            value = json.loads(body.decode("utf-8"))
        except ValueError:
            value = None
        return status, value if isinstance(value, dict) else None


def log_in(target, user, password):
    """Returns the session cookie's value."""
    form = urllib.parse.urlencode({"username": user, "password": password})
    status, headers, _ = target.request(
        "POST",
        "/login",
        body=form,
        headers={"Content-Type": "application/x-www-form-urlencoded", "Origin": target.origin},
    )
    if status != 303:
        raise Failure("login answered {} instead of 303".format(status), status=status)
    for line in headers.get_all("Set-Cookie") or []:
        name, _, rest = line.partition("=")
        if name.strip() == COOKIE:
            value = rest.partition(";")[0].strip()
            if value:
                return value
    raise Failure("login set no cookie named {}".format(COOKIE), status=status)


def cookie_for(target, args):
    """The cookie given or kept, else a new login's."""
    if args.cookie:
        return args.cookie
    if args.cookie_file and args.action != "login" and os.path.exists(args.cookie_file):
        with open(args.cookie_file, encoding="utf-8") as kept:
            return kept.read().strip()
    value = log_in(target, args.user, args.password)
    if args.cookie_file:
        descriptor = os.open(args.cookie_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as kept:
            kept.write(value + "\n")
    return value


class SocketIo:
    """A Socket.IO connection over one WebSocket."""

    def __init__(self, target, cookie, deadline):
        self.deadline = deadline
        self.buffer = b""
        self.socket = target.connect()
        try:
            self.upgrade(target, cookie)
            opening = self.packet()
            if not opening.startswith("0"):
                raise Failure("no Engine.IO open packet", packet=opening[:200])
            self.engine = json.loads(opening[1:])
            self.send("40")
            answer = self.packet()
            while answer.startswith("42"):  # a tick may overtake the answer
                answer = self.packet()
            if answer.startswith("44"):
                raise Failure("Socket.IO connect refused", reason=json.loads(answer[2:]).get("message"))
            if not answer.startswith("40"):
                raise Failure("no Socket.IO connect packet", packet=answer[:200])
            self.sid = json.loads(answer[2:])["sid"]
        except BaseException:
            self.socket.close()
            raise

    def close(self):
        try:
            self.frame(8, b"\x03\xe8")
        except OSError:
            pass
        self.socket.close()

    def upgrade(self, target, cookie):
        key = base64.b64encode(os.urandom(16))
        lines = [
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
            "Host: " + target.host,
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: " + key.decode("ascii"),
            "Sec-WebSocket-Version: 13",
            "Origin: " + target.origin,
            "User-Agent: parlour-probe",
        ]
        if cookie:
            lines.append("Cookie: {}={}".format(COOKIE, cookie))
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode("ascii"))
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > 65536:
                raise Failure("the answer to the WebSocket upgrade has no end")
            self.receive()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        status, *fields = head.decode("latin-1").split("\r\n")
        parts = status.split(" ", 2)
        if len(parts) < 2 or parts[1] != "101":
            raise Failure("no WebSocket upgrade: " + status, body=self.buffer[:200].decode("latin-1"))
        headers = {name.strip().lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
        expected = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID).digest()).decode("ascii")
        if headers.get("sec-websocket-accept") != expected:
            raise Failure("wrong Sec-WebSocket-Accept")

    def receive(self):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Failure("timed out waiting for the server")
        self.socket.settimeout(left)
        data = self.socket.recv(65536)
        if not data:
            raise Failure("the server closed the connection")
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self.receive()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def frame(self, opcode, payload):
        length = len(payload)
        if length < 126:
            head = bytes([0x80 | opcode, 0x80 | length])
        elif length < 65536:
            head = bytes([0x80 | opcode, 0x80 | 126]) + length.to_bytes(2, "big")
        else:
            head = bytes([0x80 | opcode, 0x80 | 127]) + length.to_bytes(8, "big")
        mask = os.urandom(4)
        self.socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def send(self, text):
        self.frame(1, text.encode("utf-8"))

    def message(self):
        """The next whole WebSocket message; answers pings on the way."""
        parts = b""
        while True:
            first, second = self.take(2)
            length = second & 0x7F
            if length == 126:
                length = int.from_bytes(self.take(2), "big")
            elif length == 127:
                length = int.from_bytes(self.take(8), "big")
            if second & 0x80:
                raise Failure("the server sent a masked frame")
            payload = self.take(length)
            opcode = first & 0x0F
            if opcode == 8:
                code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None
                raise Failure("the server closed the WebSocket", code=code)
            if opcode == 9:
                self.frame(10, payload)
            elif opcode in (0, 1, 2):
                parts += payload
                if first & 0x80:
                    return parts.decode("utf-8")

    def packet(self):
        """The next Engine.IO packet that is not a ping."""
        while True:
            packet = self.message()
            if packet != "2":
                return packet
            self.send("3")

    def emit(self, name, data):
        self.send("42" + json.dumps([name, data]))

    def event(self):
        """The next Socket.IO event: (name, data)."""
        while True:
            packet = self.packet()
            if packet == "1" or packet.startswith("41"):
                raise Failure("the server disconnected")
            if packet.startswith("42"):
                name, *data = json.loads(packet[2:])
                return name, data[0] if data else None


def do_health(target, args):
    status, health = target.json("/health")
    if health is None:
        raise Failure("/health answered {} without JSON".format(status), status=status)
    if status != 200 or health.get("status") != "ok":
        raise Failure("/health answered {}".format(status), status=status, health=health)
    return {"status": status, "health": health}


def do_login(target, args):
    return {"user": args.user, "cookie": cookie_for(target, args)}


def do_reload(target, args):
    cookie = cookie_for(target, args)
    seen = []
    for turn in range(2):
        if turn and args.pause:
            time.sleep(args.pause)
        status, who = target.json("/whoami", headers={"Cookie": "{}={}".format(COOKIE, cookie)})
        seen.append({"status": status, "whoami": who})
    good = [s["status"] == 200 and s["whoami"] and s["whoami"].get("user") == args.user for s in seen]
    same = all(good) and seen[0]["whoami"].get("since") == seen[1]["whoami"].get("since")
    if not same:
        raise Failure("the session did not survive", survived=False, answers=seen)
    return {"survived": True, "user": args.user, "answers": seen}


def do_ws(target, args):
    cookie = None if args.anonymous else cookie_for(target, args)
    started = time.monotonic()
    connection = SocketIo(target, cookie, started + args.timeout)
    try:
        ticks = []
        while len(ticks) < args.ticks:
            name, data = connection.event()
            if name == "tick":
                if data.get("user") != args.user:
                    raise Failure("a tick for another user", tick=data)
                ticks.append(data)
    finally:
        connection.close()
    return {
        "sid": connection.sid,
        "ticks": len(ticks),
        "tick": ticks[-1],
        "seconds": round(time.monotonic() - started, 3),
    }


def do_rooms(target, args):
    users = [args.user, args.user + "-2"]
    open_connections = []
    deadline = time.monotonic() + args.timeout
    heard = {user: [] for user in users}
    try:
        for user in users:
            cookie = log_in(target, user, args.password)
            connection = SocketIo(target, cookie, deadline)
            open_connections.append(connection)
            connection.emit("join", {"room": user})
        # A user must not hear a room they did not join, nor say anything there.
        open_connections[0].emit("say", {"room": users[0], "text": "own"})
        open_connections[0].emit("say", {"room": users[1], "text": "intruder"})
        for user, connection in zip(users, open_connections):
            ticks = 0
            while ticks < 3:
                name, data = connection.event()
                heard[user].append((name, data))
                ticks += name == "tick"
    finally:
        for connection in open_connections:
            connection.close()
    for user in users:
        for name, data in heard[user]:
            if name == "tick" and data["user"] != user:
                raise Failure("a tick for another user", user=user, tick=data)
    said = {user: [data["text"] for name, data in heard[user] if name == "said"] for user in users}
    if said != {users[0]: ["own"], users[1]: []}:
        raise Failure("words reached the wrong users", said=said)
    return {"users": users, "said": said}


ACTIONS = {"health": do_health, "login": do_login, "reload": do_reload, "ws": do_ws, "rooms": do_rooms}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )
    parser.add_argument("--url", required=True, help="http://ADDR[:PORT] or https://ADDR[:PORT]")
    parser.add_argument("--host", help="name to ask for; ADDR when left out")
    parser.add_argument("--origin", help="Origin header; made from --url and --host when left out")
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--insecure", action="store_true", help="accept any certificate")
    trust.add_argument("--ca", help="file of the CA certificates to trust")
    parser.add_argument("--user", default="alice")
    parser.add_argument("--password", default="parlour")
    parser.add_argument("--cookie", help="use this session cookie; no login")
    parser.add_argument("--cookie-file", help="login writes the cookie here; the others use it when it is there")
    parser.add_argument("--timeout", type=float, default=15, help="seconds (15)")
    parser.add_argument("--pause", type=float, default=0, help="reload: seconds between the two requests")
    parser.add_argument("--ticks", type=int, default=1, help="ws: ticks to wait for")
    parser.add_argument("--anonymous", action="store_true", help="ws: send no cookie")
    parser.add_argument("action", choices=sorted(ACTIONS))
    args = parser.parse_args()
    args.ticks = max(args.ticks, 1)

    result = {"ok": False, "action": args.action}
    try:
        result.update(ACTIONS[args.action](Target(args), args))
        result["ok"] = True
    except Failure as failure:
        result.update(failure.facts, error=str(failure))
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        result["error"] = "{}: {}".format(type(error).__name__, error)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
