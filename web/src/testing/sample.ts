/** Invented people and mail for tests and for looking at pages without a server. The same on every run. */
import type { Email, Failure, GoogleStatus, Label, Member, Run } from "../lib/types";

export const workspaceId = "0198c000-0000-7000-8000-000000000001";
export const connectionId = "0198c000-0000-7000-8000-0000000000c1";
export const account = "mara.lindqvist@northwind-lamps.example";

export interface SamplePerson {
  name: string;
  email: string;
}

export const people: SamplePerson[] = [
  { name: "Jonas Okafor", email: "jonas.okafor@harbourglass.example" },
  { name: "Priya Venkatesan", email: "priya@tallpine-hotels.example" },
  { name: "Elif Demirci", email: "elif.demirci@atelier-kuzey.example" },
  { name: "Tomasz Wrona", email: "t.wrona@brightwater-logistics.example" },
  { name: "Camille Fournier-Roy", email: "camille@maison-lucerne.example" },
  { name: "Brightwater Billing", email: "billing@brightwater-logistics.example" },
  { name: "Aiko Tanaka", email: "aiko.tanaka@shiroi-design.example" },
  { name: "Noah Abernathy", email: "noah@abernathy-fitouts.example" },
  { name: "Sofia Marchetti", email: "sofia.marchetti@luce-studio.example" },
  { name: "", email: "no-reply@parcelpost.example" },
  { name: "Daniel Osei", email: "daniel.osei@northwind-lamps.example" },
  { name: "Ingrid Halvorsen", email: "ingrid@fjordkontor.example" },
];

const subjects = [
  "Pendant lamps for the lobby: final count",
  "Invoice 20418 for March",
  "Delivery window on Thursday",
  "Samples arrived, one comment on the brass finish",
  "Re: Showroom visit next week",
  "Your parcel is on its way",
  "Revised drawings, second floor",
  "Question about dimming below 10 %",
  "Contract draft with our changes",
  "Minutes of this morning",
  "Price list 2027",
  "Site access for the fitters",
  "Spare parts for the Aster series",
  "Photos from the opening",
];

const openings = [
  "Thanks for the quick answer. We went through the plan again with the architect and changed two rooms.",
  "Attached you find the updated sheet. The two rows in yellow are new since Tuesday.",
  "Could you tell me whether the matt black version is in stock before Easter?",
  "Just to confirm what we said on the phone: forty pieces in the first delivery, the rest in May.",
  "The fitters can only start at seven, so the pallets should be there the evening before.",
  "We compared the three samples in daylight and at night. The second one is clearly the warmest.",
  "No rush on this one. When you have a minute, could you look at the numbers in the sheet?",
];

/** A small generator with a seed, so that every run sees the same mail. */
function dice(seed: number) {
  let a = seed;
  return (below: number) => {
    a = (a * 1664525 + 1013904223) >>> 0;
    return Math.floor((a / 2 ** 32) * below);
  };
}

const hex = (n: number, width: number) => n.toString(16).padStart(width, "0");
const emailId = (n: number) => `0198d000-0000-7000-8000-${hex(n, 12)}`;
const gmailId = (n: number) => `18f2${hex(n * 7919, 12)}`;

const me = { name: "Mara Lindqvist", email: account };

function plain(from: SamplePerson, to: SamplePerson, opening: string): string {
  const name = from.name.split(" ")[0] || "The team";
  return `Hello ${to.name.split(" ")[0] || "all"},

${opening} If that works for you, I would pass it on to the site office today, so that nobody waits for us.

Two small things remain: the canopy for the stairwell (we assumed 120 mm), and whether the cable should be textile or plain. See https://northwind-lamps.example/aster for the one we mean.

Best regards
${name}

-- 
${from.name || from.email}
+44 20 7946 0018`;
}

const html = `<div style="font-family:Arial,sans-serif"><p>Hello Mara,</p><p>here is the <b>updated sheet</b> with the final count per floor:</p>
<table border="1" cellpadding="6" style="border-collapse:collapse"><tr><th align="left">Floor</th><th>Aster 40</th><th>Aster 60</th></tr><tr><td>Lobby</td><td align="right">24</td><td align="right">6</td></tr><tr><td>First</td><td align="right">32</td><td align="right">4</td></tr><tr><td>Second</td><td align="right">28</td><td align="right">4</td></tr></table>
<p>Let us know by <a href="https://tallpine-hotels.example/plan">Wednesday</a> whether the lead time still holds.</p><p>Priya</p>
<div class="gmail_quote"><div class="gmail_attr">On Mon, Mara Lindqvist wrote:</div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex"><p>Good morning Priya, could you send me the final count per floor? We would like to reserve the canopies this week.</p></blockquote></div></div>`;

const newsletter = `<body style="background:#f4efe6;margin:0"><table width="100%" bgcolor="#f4efe6"><tr><td align="center"><table width="560" bgcolor="#ffffff" style="font-family:Georgia,serif;color:#33291d"><tr><td style="padding:28px"><img src="https://img.parcelpost.example/logo.png" width="120" height="30" alt="Parcelpost"><h2>Your parcel is on its way</h2><p>Two boxes left Rotterdam this morning and should reach you on <b>Thursday between 9 and 12</b>.</p><p><a href="https://parcelpost.example/t/88210" style="background:#b4532a;color:#fff;padding:10px 18px;text-decoration:none;border-radius:4px">Follow the parcel</a></p><img src="https://track.parcelpost.example/open.gif" width="1" height="1"></td></tr></table></td></tr></table></body>`;

/** Mail before `now`, newest first; every fifth is part of a conversation of up to six. */
export function makeMail(howMany: number, now: Date): Email[] {
  const roll = dice(42);
  const list: Email[] = [];
  let at = now.getTime() - 6 * 60_000;
  let thread = 0;
  while (list.length < howMany) {
    thread++;
    const from = people[(thread * 5 + roll(3)) % people.length] ?? me;
    const picked = subjects[(thread * 3 + roll(2)) % subjects.length] ?? "Hello";
    const subject = from.name === "" ? "Your parcel is on its way" : picked;
    const size = thread % 5 === 2 && from.name !== "" ? 2 + roll(5) : 1;
    const threadId = gmailId(100_000 + thread);
    for (let i = size - 1; i >= 0 && list.length < howMany; i--) {
      const n = list.length + 1;
      const mine = i % 2 === 1;
      const sender = mine ? me : from;
      const opening = openings[roll(openings.length)] ?? "";
      const machine = from.name === "";
      const tabular = thread === 2 && !mine;
      const attached = !mine && (thread % 6 === 1 || tabular);
      const unread = !mine && i === size - 1 && (thread < 4 || thread % 7 === 3);
      const labels = [mine ? "SENT" : "INBOX"];
      if (unread) labels.push("UNREAD");
      if (thread % 9 === 2) labels.push("STARRED");
      if (thread % 4 === 1) labels.push("Label_projects");
      if (from.email.startsWith("billing")) labels.push("Label_invoices");
      const text = machine
        ? "Two boxes left Rotterdam this morning and should reach you on Thursday between 9 and 12."
        : plain(sender, mine ? from : me, opening);
      list.push({
        id: emailId(n),
        gmail_id: gmailId(n),
        gmail_thread_id: threadId,
        subject: i > 0 && !subject.startsWith("Re:") ? `Re: ${subject}` : subject,
        from_email: sender.email,
        from_name: sender.name,
        to_emails: [mine ? from.email : account],
        cc: !mine && thread % 8 === 2 ? ["daniel.osei@northwind-lamps.example"] : [],
        bcc: [],
        reply_to: [],
        snippet: text.replace(/\s+/g, " ").slice(machine ? 0 : 12, 160),
        labels,
        is_read: !unread,
        is_starred: labels.includes("STARRED"),
        gmail_date: new Date(at).toISOString(),
        has_attachments: attached,
        thread_count: size,
        thread_senders: [{ name: sender.name, email: sender.email }],
        connection_id: connectionId,
        recipients: [mine ? { name: from.name, email: from.email } : { name: me.name, email: account }],
        access: "full",
        owner: { user_id: "u1", name: me.name, mine: true },
        shared: false,
        protected: false,
        body_text: text,
        body_html: machine ? newsletter : tabular ? html : "",
        attachments: attached
          ? [
              {
                id: `a${n}`,
                name: "lobby-count-v4.xlsx",
                type: "application/vnd.ms-excel",
                size: 48_210,
                inline: false,
              },
              { id: `b${n}`, name: "canopy drawing.pdf", type: "application/pdf", size: 1_284_400, inline: false },
            ]
          : [],
        links: [],
        records: [],
        blocked_images: 0,
      });
      at -= (20 + roll(170)) * 60_000;
    }
    at -= roll(200) * 60_000;
  }
  return list;
}

export function makeLabels(mail: Email[]): Label[] {
  const base: Omit<Label, "unread" | "total" | "off" | "text_color">[] = [
    { id: "INBOX", name: "INBOX", type: "system", color: "", chosen: true },
    { id: "SENT", name: "SENT", type: "system", color: "", chosen: true },
    { id: "STARRED", name: "STARRED", type: "system", color: "", chosen: true },
    { id: "IMPORTANT", name: "IMPORTANT", type: "system", color: "", chosen: false },
    { id: "Label_projects", name: "Projects", type: "user", color: "#16a765", chosen: true },
    { id: "Label_invoices", name: "Invoices", type: "user", color: "#ffad46", chosen: true },
  ];
  return base.map((given) => {
    const label: Omit<Label, "unread" | "total"> = { off: "", text_color: "", ...given };
    const of = mail.filter((m) => m.labels.includes(label.id));
    return { ...label, total: of.length, unread: of.filter((m) => !m.is_read).length };
  });
}

export function makeStatus(mail: Email[], now: Date): GoogleStatus {
  const before = (seconds: number) => new Date(now.getTime() - seconds * 1000).toISOString();
  const after = (seconds: number) => new Date(now.getTime() + seconds * 1000).toISOString();
  return {
    is_connected: true,
    connection_id: connectionId,
    google_email: account,
    google_name: "Mara Lindqvist",
    status: "active",
    status_reason: "",
    next_step: "",
    action_url: "",
    approval: "approved",
    granted_scopes: [
      "openid",
      "https://www.googleapis.com/auth/userinfo.email",
      "https://www.googleapis.com/auth/userinfo.profile",
      "https://www.googleapis.com/auth/gmail.modify",
    ],
    missing_scopes: [],
    gmail_sync_enabled: true,
    calendar_sync_enabled: false,
    contacts_sync_enabled: false,
    settings: {
      imap_lane: false,
      contact_policy: "sent",
      enrich: "rules",
      labels: ["INBOX", "SENT"],
      limit: 1000,
      poll_seconds: 60,
      visibility: "private",
      since: null,
      labels_off: {},
    },
    counts: {
      messages: mail.length,
      unread: mail.filter((m) => !m.is_read).length,
      threads: new Set(mail.map((m) => m.gmail_thread_id)).size,
      failures: 0,
    },
    streams: [
      {
        stream: "gmail.history",
        state: "idle",
        last_run_at: before(12),
        synced_at: before(12),
        next_run_at: after(48),
        error: "",
        next_step: "",
      },
      {
        stream: "gmail.backfill",
        state: "done",
        last_run_at: before(5400),
        synced_at: before(5400),
        next_run_at: null,
        error: "",
        next_step: "",
      },
    ],
    completeness: {
      checked_at: before(3 * 3600),
      google_count: mail.length,
      rapport_count: mail.length,
      missing: 0,
      extra: 0,
      healed: 0,
      excluded: 0,
      state: "complete",
    },
    connections: [{ id: connectionId, google_email: account, status: "active" }],
  };
}

export const notConnected: GoogleStatus = {
  is_connected: false,
  connection_id: "",
  google_email: "",
  google_name: "",
  status: "none",
  status_reason: "",
  next_step: "Connect your Google account.",
  action_url: "/crm/onboarding/connect",
  approval: "approved",
  granted_scopes: [],
  missing_scopes: [],
  gmail_sync_enabled: false,
  calendar_sync_enabled: false,
  contacts_sync_enabled: false,
  settings: {
    imap_lane: false,
    contact_policy: "sent",
    enrich: "rules",
    labels: ["INBOX", "SENT"],
    limit: 1000,
    poll_seconds: 60,
    visibility: "private",
    since: null,
    labels_off: {},
  },
  counts: { messages: 0, unread: 0, threads: 0, failures: 0 },
  streams: [],
  connections: [],
};

export function makeRuns(now: Date): Run[] {
  const before = (seconds: number) => new Date(now.getTime() - seconds * 1000).toISOString();
  type Counts = Pick<Run["counts"], "added" | "updated" | "deleted" | "failed">;
  const run = (n: number, stream: string, ago: number, length: number, counts: Counts, error = ""): Run => ({
    id: `0198e000-0000-7000-8000-${hex(n, 12)}`,
    connection_id: connectionId,
    stream,
    total: 0,
    next_step: error ? "Rapport tries again by itself." : "",
    state: error ? "failed" : "succeeded",
    started_at: before(ago + length),
    finished_at: before(ago),
    counts: { seen: counts.added + counts.updated + counts.failed, skipped: 0, units: 5, ...counts },
    error,
  });
  return [
    run(1, "gmail.history", 12, 0.4, { added: 1, updated: 0, deleted: 0, failed: 0 }),
    run(2, "gmail.history", 72, 0.3, { added: 0, updated: 2, deleted: 0, failed: 0 }),
    run(3, "gmail.history", 132, 0.3, { added: 0, updated: 0, deleted: 1, failed: 0 }),
    run(
      4,
      "gmail.history",
      4100,
      2.1,
      { added: 0, updated: 0, deleted: 0, failed: 0 },
      "Google did not answer in time",
    ),
    run(5, "gmail.backfill", 5400, 244, { added: 1200, updated: 0, deleted: 0, failed: 1 }),
  ];
}

export function makeFailures(now: Date): Failure[] {
  return [
    {
      id: "0198f000-0000-7000-8000-000000000001",
      stream: "gmail.backfill",
      item_id: "18f2aa03be11",
      subject: "Scan of the signed contract",
      reason: "The message is larger than the limit of 50 MB",
      attempts: 5,
      next_try_at: now.toISOString(),
      parked: true,
    },
    {
      id: "0198f000-0000-7000-8000-000000000002",
      stream: "gmail.history",
      item_id: "18f2aa03be12",
      subject: "",
      reason: "Google answered with an error (500)",
      attempts: 2,
      next_try_at: new Date(now.getTime() + 4 * 60_000).toISOString(),
      parked: false,
    },
  ];
}

export const members: Member[] = [
  { user_id: "u1", email: account, name: "Mara Lindqvist", role: "owner", joined_at: "2026-01-12T09:00:00Z" },
  {
    user_id: "u2",
    email: "daniel.osei@northwind-lamps.example",
    name: "Daniel Osei",
    role: "member",
    joined_at: "2026-02-03T14:20:00Z",
  },
  {
    user_id: "u3",
    email: "hanne.brandt@northwind-lamps.example",
    name: "Hanne Brandt",
    role: "admin",
    joined_at: "2026-02-03T14:25:00Z",
  },
];
