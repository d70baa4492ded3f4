#!/usr/bin/env python3
"""Works with a user's Google account through Rapport; the standard library is enough.

Settings are environment variables: RAPPORT_URL, RAPPORT_API_KEY, RAPPORT_USER_ID,
and, all optional, GOOGLE_BASE_URL (a simulator), MAIL_TO, SPREADSHEET_ID.
Arguments choose the services; none means all.
"""

import base64
import datetime
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from email.message import EmailMessage

TIMEOUT = 30  # seconds for one call


class Refused(Exception):
    """Rapport or Google said no."""


def call(method, url, token, body=None, content_type="application/json"):
    """Makes one HTTP call and gives the JSON of its answer."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    request = urllib.request.Request(url, data=body, method=method)
    request.add_header("Authorization", "Bearer " + token)
    if body is not None:
        request.add_header("Content-Type", content_type)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise Refused(explain(error.code, error.read())) from None
    except urllib.error.URLError as error:
        raise Refused(f"{url} cannot be reached: {error.reason}") from None


def explain(status, text):
    """Says why: Rapport answers problem+json (RFC 9457), Google its own shape."""
    try:
        answer = json.loads(text)
    except ValueError:
        return str(status)
    if isinstance(answer.get("error"), dict):
        return f"{status} from Google: {answer['error'].get('message', '')}"
    why = f"{status} {answer.get('code', '')}: {answer.get('detail', '')}"
    if answer.get("action_url"):
        why += "\n  authorise at: " + answer["action_url"]
    return why


def setting(name):
    value = os.environ.get(name, "")
    if not value:
        sys.exit("set RAPPORT_URL, RAPPORT_API_KEY and RAPPORT_USER_ID")
    return value


def token(service):
    """Asks Rapport for an access token, which it refreshes at Google where it has to."""
    path = "/".join(urllib.parse.quote(part, safe="") for part in (setting("RAPPORT_USER_ID"), service))
    return call("GET", setting("RAPPORT_URL").rstrip("/") + "/api/token/" + path, setting("RAPPORT_API_KEY"))["access_token"]


def google(host):
    """The address of one of Google's APIs, or of the simulator for all of them."""
    return os.environ.get("GOOGLE_BASE_URL", "").rstrip("/") or "https://" + host


def gmail():
    access, root = token("gmail"), google("gmail.googleapis.com") + "/gmail/v1/users/me"
    me = call("GET", root + "/profile", access)["emailAddress"]
    message = EmailMessage()
    message["From"], message["To"] = me, os.environ.get("MAIL_TO") or me
    message["Subject"] = "Hello from the Python plugin"
    message.set_content("Sent with a token that Rapport gave.\n")
    raw = base64.urlsafe_b64encode(message.as_bytes()).decode()
    sent = call("POST", root + "/messages/send", access, {"raw": raw})
    return f"sent message {sent['id']} to {message['To']}"


def drive():
    access, root = token("drive"), google("www.googleapis.com")
    query = urllib.parse.urlencode({"q": "trashed = false", "pageSize": 10, "fields": "files(id,name)"})
    files = call("GET", f"{root}/drive/v3/files?{query}", access)["files"]
    # One request with the description and the contents (multipart/related).
    parts = [("application/json; charset=UTF-8", json.dumps({"name": "From the Python plugin.txt"})), ("text/plain", "Hello.")]
    body = "".join(f"--part\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in parts) + "--part--\r\n"
    made = call("POST", root + "/upload/drive/v3/files?uploadType=multipart", access, body.encode(), "multipart/related; boundary=part")
    return f"saw {len(files)} files, created file {made['id']}"


def sheets():
    access, root = token("sheets"), google("sheets.googleapis.com") + "/v4/spreadsheets"
    sheet = os.environ.get("SPREADSHEET_ID")
    if not sheet:
        sheet = call("POST", root, access, {"properties": {"title": "From the Python plugin"}})["spreadsheetId"]
    row = ["python", datetime.datetime.now(datetime.timezone.utc).date().isoformat(), 1]
    url = f"{root}/{urllib.parse.quote(sheet, safe='')}/values/A1:append?valueInputOption=USER_ENTERED"
    done = call("POST", url, access, {"values": [row]})
    return f"appended {done['updates']['updatedRange']} to spreadsheet {sheet}"


def meet():
    space = call("POST", google("meet.googleapis.com") + "/v2/spaces", token("meet"), {})
    return f"created {space['name']}, join at {space['meetingUri']}"


def main(chosen):
    failed = False
    for name, do in (("gmail", gmail), ("drive", drive), ("sheets", sheets), ("meet", meet)):
        if chosen and name not in chosen:
            continue
        try:
            print(f"{name}: {do()}")
        except Refused as why:
            failed = True
            print(f"{name}: not done: {why}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
