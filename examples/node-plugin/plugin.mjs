#!/usr/bin/env node
// Works with a user's Google account through Rapport; Node 18 or newer, no
// dependencies.
//
// Settings are environment variables: RAPPORT_URL, RAPPORT_API_KEY,
// RAPPORT_USER_ID, and, all optional, GOOGLE_BASE_URL (a simulator), MAIL_TO,
// SPREADSHEET_ID. Arguments choose the services; none means all.

const { RAPPORT_URL, RAPPORT_API_KEY, RAPPORT_USER_ID, GOOGLE_BASE_URL, MAIL_TO, SPREADSHEET_ID } = process.env;

/** Rapport or Google said no. */
class Refused extends Error {}

/** Makes one HTTP call and gives the JSON of its answer. */
async function call(method, url, token, body, type = "application/json") {
  let answer;
  try {
    answer = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": type }) },
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
      redirect: "manual",
      signal: AbortSignal.timeout(30_000),
    });
  } catch (error) {
    throw new Refused(`${url} cannot be reached: ${error.cause?.message ?? error.message}`);
  }
  const text = await answer.text();
  if (!answer.ok) throw new Refused(explain(answer.status, text));
  return JSON.parse(text);
}

/** Says why: Rapport answers problem+json (RFC 9457), Google its own shape. */
function explain(status, text) {
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    return String(status);
  }
  if (answer.error?.message) return `${status} from Google: ${answer.error.message}`;
  const way = answer.action_url ? `\n  authorise at: ${answer.action_url}` : "";
  return `${status} ${answer.code ?? ""}: ${answer.detail ?? ""}${way}`;
}

/** Asks Rapport for an access token, which it refreshes at Google where it has to. */
async function token(service) {
  const path = [RAPPORT_USER_ID, service].map(encodeURIComponent).join("/");
  return (await call("GET", `${RAPPORT_URL.replace(/\/+$/, "")}/api/token/${path}`, RAPPORT_API_KEY)).access_token;
}

/** The address of one of Google's APIs, or of the simulator for all of them. */
const google = (host) => GOOGLE_BASE_URL?.replace(/\/+$/, "") || `https://${host}`;

const plugins = {
  async gmail() {
    const access = await token("gmail");
    const root = `${google("gmail.googleapis.com")}/gmail/v1/users/me`;
    const { emailAddress } = await call("GET", `${root}/profile`, access);
    const to = MAIL_TO || emailAddress;
    const message = [
      `From: ${emailAddress}`, `To: ${to}`, "Subject: Hello from the Node plugin", "Content-Type: text/plain; charset=utf-8", "",
      "Sent with a token that Rapport gave.", "",
    ].join("\r\n");
    const sent = await call("POST", `${root}/messages/send`, access, { raw: Buffer.from(message).toString("base64url") });
    return `sent message ${sent.id} to ${to}`;
  },

  async drive() {
    const access = await token("drive");
    const root = google("www.googleapis.com");
    const query = new URLSearchParams({ q: "trashed = false", pageSize: "10", fields: "files(id,name)" });
    const { files } = await call("GET", `${root}/drive/v3/files?${query}`, access);
    // One request with the description and the contents (multipart/related).
    const parts = [["application/json; charset=UTF-8", JSON.stringify({ name: "From the Node plugin.txt" })], ["text/plain", "Hello."]];
    const body = parts.map(([type, text]) => `--part\r\nContent-Type: ${type}\r\n\r\n${text}\r\n`).join("") + "--part--\r\n";
    const made = await call("POST", `${root}/upload/drive/v3/files?uploadType=multipart`, access, body, "multipart/related; boundary=part");
    return `saw ${files.length} files, created file ${made.id}`;
  },

  async sheets() {
    const access = await token("sheets");
    const root = `${google("sheets.googleapis.com")}/v4/spreadsheets`;
    const id = SPREADSHEET_ID || (await call("POST", root, access, { properties: { title: "From the Node plugin" } })).spreadsheetId;
    const row = ["node", new Date().toISOString().slice(0, 10), 1];
    const done = await call("POST", `${root}/${encodeURIComponent(id)}/values/A1:append?valueInputOption=USER_ENTERED`, access, { values: [row] });
    return `appended ${done.updates.updatedRange} to spreadsheet ${id}`;
  },

  async meet() {
    const space = await call("POST", `${google("meet.googleapis.com")}/v2/spaces`, await token("meet"), {});
    return `created ${space.name}, join at ${space.meetingUri}`;
  },
};

if (!RAPPORT_URL || !RAPPORT_API_KEY || !RAPPORT_USER_ID) {
  console.error("set RAPPORT_URL, RAPPORT_API_KEY and RAPPORT_USER_ID");
  process.exit(1);
}
const chosen = process.argv.slice(2);
for (const [name, run] of Object.entries(plugins)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  try {
    console.log(`${name}: ${await run()}`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    process.exitCode = 1;
    console.log(`${name}: not done: ${error.message}`);
  }
}
