"""Parlour: a small multi-user Flask-SocketIO application.

Environment:
  SECRET_KEY        required
  SESSION_DIR       required; directory of the session files, made when missing
  INSTANCE          name shown by /health; the process id when unset
  PARLOUR_PASSWORD  password of every user; "parlour" when unset
  COOKIE_SECURE     1: the session cookie carries the Secure attribute
  TRUST_PROXY       1: one reverse proxy in front is trusted (X-Forwarded-*)
"""

import datetime
import functools
import hashlib
import hmac
import os
import platform
import re
import sys
import threading
import time

import version

if getattr(version, "FAIL_AT_START", None):
    raise RuntimeError(version.FAIL_AT_START)

from cachelib import FileSystemCache
from flask import Flask, jsonify, redirect, render_template, request, session, url_for
from flask_session import Session
from flask_socketio import ConnectionRefusedError, SocketIO, emit, join_room, leave_room, rooms
from werkzeug.middleware.proxy_fix import ProxyFix

USER_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
ROOM_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")
COUNT_FILE = hashlib.md5(b"__wz_cache_count").hexdigest()
MAX_BODY = 64 * 1024 * 1024


def required(name, why):
    value = os.environ.get(name, "").strip()
    if not value:
        # Not SystemExit: gunicorn would start the worker again for ever.
        raise RuntimeError("parlour: the environment variable {} is not set ({})".format(name, why))
    return value


def seconds(name):
    """A duration: from the environment, else from version.py, else 0."""
    return float(os.environ.get(name) or getattr(version, name, 0))


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")


secret_key = required("SECRET_KEY", "it signs what users are handed; use a long random value")
session_dir = os.path.abspath(required("SESSION_DIR", "the directory of the session files"))

if getattr(version, "START_DELAY", 0):
    time.sleep(seconds("START_DELAY"))

os.makedirs(session_dir, mode=0o700, exist_ok=True)

app = Flask(__name__)
app.config.update(
    SECRET_KEY=secret_key,
    MAX_CONTENT_LENGTH=MAX_BODY,
    SESSION_TYPE="cachelib",
    SESSION_CACHELIB=FileSystemCache(session_dir, threshold=10000, mode=0o600),
    SESSION_COOKIE_NAME="parlour_session",
    SESSION_COOKIE_HTTPONLY=True,
    SESSION_COOKIE_SAMESITE="Lax",
    SESSION_COOKIE_SECURE=os.environ.get("COOKIE_SECURE") == "1",
)
if os.environ.get("TRUST_PROXY") == "1":
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)
Session(app)
# manage_session=False: handlers see the session files, not a copy of their own.
socketio = SocketIO(app, async_mode="threading", manage_session=False)

STARTED_AT = now()

# Socket.IO connections of this process: sid -> (user, id of the HTTP session).
connections = {}
connections_lock = threading.Lock()
ticker_started = False


def user_room(user):
    return "user:" + user


def chat_room(name):
    return "room:" + name


def stored_sessions():
    """Sessions in SESSION_DIR, shared by every instance that uses it."""
    try:
        names = os.listdir(session_dir)
    except OSError:
        return 0
    return sum(1 for name in names if name != COUNT_FILE and re.match(r"[0-9a-f]{32}\Z", name))


def ticker():
    count = 0
    while True:
        time.sleep(1)
        count += 1
        with connections_lock:
            users = {user for user, _ in connections.values()}
        for user in users:
            tick = {"user": user, "count": count, "time": now(), "version": version.VERSION, "instance": instance()}
            try:
                socketio.emit("tick", tick, to=user_room(user))
            except Exception:  # one broken client must not stop everyone's clock
                app.logger.exception("tick for %s", user)


def start_ticker():
    # At the first connection and not at import: threads do not outlive a fork.
    global ticker_started
    with connections_lock:
        if ticker_started:
            return
        ticker_started = True
    threading.Thread(target=ticker, name="ticker", daemon=True).start()


def instance():
    return os.environ.get("INSTANCE") or str(os.getpid())


def about():
    return {"version": version.VERSION, "label": version.LABEL, "instance": instance()}


# -- pages ---------------------------------------------------------------


@app.get("/")
def index():
    user = session.get("user")
    if not user:
        return redirect(url_for("login_page"), 303)
    greeting = getattr(version, "GREETING", None)
    return render_template("index.html", user=user, about=about(), greeting=greeting and greeting(user))


@app.get("/login")
def login_page():
    return render_template("login.html", about=about(), problem=None)


@app.post("/login")
def login():
    user = request.form.get("username", "").strip().lower()
    password = request.form.get("password", "")
    expected = os.environ.get("PARLOUR_PASSWORD") or "parlour"
    if not USER_NAME.match(user) or not hmac.compare_digest(password.encode(), expected.encode()):
        return render_template("login.html", about=about(), problem="Unknown name or wrong password."), 401
    session.clear()
    app.session_interface.regenerate(session)  # a new id: none handed out before the login stays valid
    session["user"] = user
    session["since"] = now()
    return redirect(url_for("index"), 303)


@app.post("/logout")
def logout():
    with connections_lock:
        gone = [sid for sid, (_, owner) in connections.items() if owner == session.sid]
    for sid in gone:
        socketio.server.disconnect(sid)
    session.clear()
    return redirect(url_for("login_page"), 303)


# -- JSON ----------------------------------------------------------------


@app.get("/health")
def health():
    with connections_lock:
        connected = len(connections)
    answer = dict(
        about(), status="ok", sessions=stored_sessions(), connections=connected, started_at=STARTED_AT
    )
    reason = getattr(version, "HEALTH_FAILURE", None)
    if reason:
        answer.update(status="failing", reason=reason)
        return jsonify(answer), 500
    return jsonify(answer)


@app.get("/version")
def version_():
    return jsonify(dict(about(), greeting=hasattr(version, "GREETING"), python=platform.python_version()))


@app.get("/whoami")
def whoami():
    user = session.get("user")
    if not user:
        return jsonify(error="not logged in"), 401
    return jsonify(
        user=user,
        since=session["since"],
        version=version.VERSION,
        instance=instance(),
        # What the application believes about the outside, to check a proxy's headers.
        scheme=request.scheme,
        host=request.host,
        client=request.remote_addr,
    )


def asked_wait(default):
    """The wait that a request asks for, seconds from 0 to 10; None for anything else."""
    try:
        wait = float(request.args.get("seconds", default))
    except ValueError:
        return None
    return wait if 0 <= wait <= 10 else None


@app.get("/slow")
def slow():
    wait = asked_wait("1")
    if wait is None:
        return jsonify(error="seconds must be a number from 0 to 10"), 400
    time.sleep(wait)
    return jsonify(slept=wait, version=version.VERSION, instance=instance())


@app.post("/echo")
def echo():
    wait = asked_wait("0")
    if wait is None:
        return jsonify(error="seconds must be a number from 0 to 10"), 400
    digest, length = hashlib.sha256(), 0
    while True:
        chunk = request.stream.read(65536)
        if not chunk:
            break
        digest.update(chunk)
        length += len(chunk)
    time.sleep(wait)
    return jsonify(sha256=digest.hexdigest(), length=length)


# -- Socket.IO -----------------------------------------------------------


@socketio.on("connect")
def on_connect(auth=None):
    user = session.get("user")
    if not user:
        raise ConnectionRefusedError("not logged in")
    join_room(user_room(user))
    with connections_lock:
        connections[request.sid] = (user, session.sid)
    start_ticker()


@socketio.on("disconnect")
def on_disconnect(*_reason):
    with connections_lock:
        connections.pop(request.sid, None)


def event(name):
    """A handler for connected users; it gets the user and a valid room name."""

    def wrap(function):
        @socketio.on(name)
        @functools.wraps(function)
        def handler(data=None):
            with connections_lock:
                user, _ = connections.get(request.sid, (None, None))
            room = data.get("room") if isinstance(data, dict) else None
            if not user:
                return {"ok": False, "error": "not connected"}
            if not isinstance(room, str) or not ROOM_NAME.match(room):
                return {"ok": False, "error": "bad room name"}
            return function(user, room, data)

        return handler

    return wrap


@event("join")
def on_join(user, room, data):
    join_room(chat_room(room))
    return {"ok": True, "room": room}


@event("leave")
def on_leave(user, room, data):
    leave_room(chat_room(room))
    return {"ok": True, "room": room}


@event("say")
def on_say(user, room, data):
    if chat_room(room) not in rooms():
        return {"ok": False, "error": "not in this room"}
    text = str(data.get("text", ""))[:500]
    emit("said", {"room": room, "user": user, "text": text, "time": now()}, to=chat_room(room))
    return {"ok": True}


# -- start ---------------------------------------------------------------


def crash_later(delay):
    time.sleep(delay)
    print("parlour: crashing on purpose after {:g} s".format(delay), file=sys.stderr, flush=True)
    os._exit(3)


if getattr(version, "CRASH_AFTER", 0):
    threading.Thread(target=crash_later, args=(seconds("CRASH_AFTER"),), daemon=True).start()

application = app
