"""The token service the plain way: the same paths and JSON, FastAPI, Fernet and
SQLite. It is what our own is measured against; nothing uses it.

DATABASE names the SQLite file, KEY the Fernet key. `service.py fill N` makes N
users with five services each and one API key, the argument behind it."""
import hashlib
import os
import sqlite3
import sys
import threading
from datetime import datetime, timedelta, timezone

from cryptography.fernet import Fernet

SERVICES = ["gmail", "drive", "calendar", "sheets", "contacts"]
fernet = Fernet(os.environ["KEY"])
local = threading.local()


def database():
    if not hasattr(local, "db"):
        local.db = sqlite3.connect(os.environ["DATABASE"], timeout=20)
        local.db.execute("PRAGMA journal_mode=WAL")
        local.db.execute("PRAGMA synchronous=FULL")
    return local.db


def fill(users, key):
    db = database()
    db.executescript(
        """CREATE TABLE grants (subject TEXT, service TEXT, access TEXT, expiry TEXT, scopes TEXT, PRIMARY KEY (subject, service));
        CREATE TABLE keys (hash TEXT PRIMARY KEY, scopes TEXT);
        CREATE TABLE audit (id INTEGER PRIMARY KEY, at TEXT, subject TEXT, service TEXT, key TEXT);"""
    )
    expiry = (datetime.now(timezone.utc) + timedelta(days=1)).isoformat()
    for user in range(users):
        for service in SERVICES:
            token = f"ya29.bench-user{user:04d}-{service}-" + "x" * 160
            db.execute("INSERT INTO grants VALUES (?,?,?,?,?)", (f"user{user:04d}", service, fernet.encrypt(token.encode()).decode(), expiry, "https://www.googleapis.com/auth/" + service))
    db.execute("INSERT INTO keys VALUES (?,?)", (hashlib.sha256(key.encode()).hexdigest(), "tokens:vend:*"))
    db.commit()


if len(sys.argv) > 2 and sys.argv[1] == "fill":
    fill(int(sys.argv[2]), sys.argv[3])
    sys.exit(0)

from fastapi import FastAPI, Header, HTTPException  # noqa: E402

app = FastAPI()


@app.get("/health")
def health():
    return {"status": "ok"}


@app.get("/api/token/{user_id}/{service}")
def token(user_id: str, service: str, authorization: str = Header("")):
    db = database()
    hashed = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest()
    key = db.execute("SELECT scopes FROM keys WHERE hash = ?", (hashed,)).fetchone()
    if key is None:
        raise HTTPException(401, "unknown key")
    row = db.execute("SELECT access, expiry, scopes FROM grants WHERE subject = ? AND service = ?", (user_id, service)).fetchone()
    if row is None:
        raise HTTPException(404, "no token")
    access = fernet.decrypt(row[0].encode()).decode()
    db.execute("INSERT INTO audit (at, subject, service, key) VALUES (?,?,?,?)", (datetime.now(timezone.utc).isoformat(), user_id, service, hashed))
    db.commit()
    return {"access_token": access, "token_type": "Bearer", "user_id": user_id, "service": service, "expires_at": row[1], "scopes": row[2].split()}
