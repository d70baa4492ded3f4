/** Changes, what is sent, drafts and shares over the sample mail. */
import { type HttpHandler, HttpResponse, http } from "msw";
import type { Change, Draft, Email, Label, NewChange, NewShare, Outgoing, SendEmail, Share } from "../lib/types";
import { type Note, problem, type World } from "./handlers";
import * as sample from "./sample";

export interface Post {
  outbox: Outgoing[];
  /** The row that each Idempotency-Key has made. */
  keys: Map<string, string>;
  /** Everything that was asked to be sent, as it came. */
  sent: SendEmail[];
  drafts: Draft[];
  shares: Share[];
  labels: Label[];
  changes: { change: Change; before: Map<string, string[]> }[];
}

export const makePost = (): Post => ({
  outbox: [],
  keys: new Map(),
  sent: [],
  drafts: [],
  shares: [],
  labels: [],
  changes: [],
});

const google = "*/api/v1/workspaces/:w/integrations/google";

const aims: Record<string, [string[], string[]]> = {
  read: [[], ["UNREAD"]],
  unread: [["UNREAD"], []],
  star: [["STARRED"], []],
  unstar: [[], ["STARRED"]],
  archive: [[], ["INBOX"]],
  inbox: [["INBOX"], []],
  trash: [["TRASH"], ["INBOX"]],
  untrash: [["INBOX"], ["TRASH"]],
  spam: [["SPAM"], ["INBOX"]],
  not_spam: [["INBOX"], ["SPAM"]],
};

function relabel(mail: Email, labels: string[]) {
  mail.labels = labels;
  mail.is_read = !labels.includes("UNREAD");
  mail.is_starred = labels.includes("STARRED");
}

function change(world: World, wish: NewChange): Change {
  const [add, remove] =
    wish.action === "add_label"
      ? [[wish.label_id ?? ""], []]
      : wish.action === "remove_label"
        ? [[], [wish.label_id ?? ""]]
        : (aims[wish.action] ?? [[], []]);
  const meant = world.mail.filter(
    (m) => wish.email_ids?.includes(m.id) || wish.thread_ids?.includes(m.gmail_thread_id),
  );
  const before = new Map(meant.map((m) => [m.id, m.labels]));
  for (const m of meant) relabel(m, [...new Set([...m.labels.filter((l) => !remove.includes(l)), ...add])]);
  const made: Change = {
    id: `change-${world.post.changes.length + 1}`,
    connection_id: sample.connectionId,
    action: wish.action,
    label_id: wish.label_id ?? "",
    state: "waiting",
    count: meant.length,
    reason: "",
    undo_of: "",
    created_at: world.now().toISOString(),
    finished_at: null,
  };
  world.post.changes.push({ change: made, before });
  return made;
}

function outgoing(world: World, wish: SendEmail): Outgoing {
  const now = world.now();
  const at = wish.send_at ?? new Date(now.getTime() + (wish.undo_seconds ?? 0) * 1000).toISOString();
  return {
    id: `out-${world.post.outbox.length + 1}`,
    connection_id: sample.connectionId,
    state: "queued",
    from: wish.from ?? sample.account,
    to: wish.to ?? [],
    cc: wish.cc ?? [],
    bcc: wish.bcc ?? [],
    subject: wish.subject ?? "",
    thread_id: "",
    reply_to_email_id: wish.reply_to_email_id ?? "",
    draft_id: wish.draft_id ?? "",
    created_at: now.toISOString(),
    send_at: at,
    sent_at: null,
    email_id: "",
    gmail_id: "",
    attempts: 0,
    next_try_at: at,
    error: "",
    next_step: "",
    can_cancel: true,
  };
}

function draftOf(world: World, id: string, wish: SendEmail): Draft {
  const before = world.post.drafts.find((d) => d.id === id);
  const kept = (wish.attachments ?? []).map((a, i) => {
    const old = a.id ? before?.attachments.find((x) => x.id === a.id) : undefined;
    return old
      ? { ...old, id: `${i + 1}` }
      : { id: `${i + 1}`, name: a.name ?? "", type: a.type ?? "", size: Math.floor(((a.data ?? "").length * 3) / 4) };
  });
  return {
    id,
    connection_id: sample.connectionId,
    gmail_message_id: crypto.randomUUID(),
    thread_id: "",
    from: wish.from ?? sample.account,
    to: wish.to ?? [],
    cc: wish.cc ?? [],
    bcc: wish.bcc ?? [],
    subject: wish.subject ?? "",
    text: wish.text ?? "",
    html: wish.html ?? "",
    snippet: (wish.text ?? wish.html ?? "").replace(/<[^>]*>/g, " ").trim(),
    attachments: kept,
    updated_at: world.now().toISOString(),
  };
}

const signature = '<div class="gmail_signature"><div>Mara Lindqvist<br>Northwind Lamps</div></div>';

export function mailHandlers(world: World, note: Note): HttpHandler[] {
  return [...changes(world, note), ...sending(world, note), ...drafts(world, note), ...sharing(world, note)];
}

function changes(world: World, note: Note): HttpHandler[] {
  return [
    http.post(`${google}/gmail/changes`, async ({ request }) => {
      note(request);
      return HttpResponse.json(change(world, (await request.json()) as NewChange), { status: 202 });
    }),
    http.post(`${google}/gmail/changes/:id/undo`, ({ request, params }) => {
      note(request);
      const found = world.post.changes.find((c) => c.change.id === params.id);
      if (!found) return problem(404, "not_found", "There is no such change.");
      for (const [id, labels] of found.before) {
        const mail = world.mail.find((m) => m.id === id);
        if (mail) relabel(mail, labels);
      }
      found.change.state = "undone";
      return HttpResponse.json(found.change);
    }),
    http.post(`${google}/gmail/labels`, async ({ request }) => {
      note(request);
      const { name } = (await request.json()) as { name: string };
      const label: Label = {
        id: `Label_${name.toLowerCase()}`,
        name,
        type: "user",
        color: "",
        text_color: "",
        chosen: true,
        off: "",
        total: 0,
        unread: 0,
      };
      world.post.labels.push(label);
      return HttpResponse.json(label, { status: 201 });
    }),
  ];
}

function sending(world: World, note: Note): HttpHandler[] {
  const { post } = world;
  const row = (id: unknown) => post.outbox.find((o) => o.id === id);
  return [
    http.get(`${google}/gmail/send-as`, () =>
      HttpResponse.json({
        items: [
          {
            email: sample.account,
            name: "Mara Lindqvist",
            signature_html: "<div>Mara Lindqvist<br>Northwind Lamps</div>",
            reply_to: "",
            is_default: true,
            is_primary: true,
            verified: true,
          },
        ],
      }),
    ),
    http.get(`${google}/gmail/emails/:id/compose`, ({ request, params }) => {
      const mail = world.mail.find((m) => m.id === params.id);
      if (!mail) return problem(404, "not_found", "There is no such message.");
      const kind = new URL(request.url).searchParams.get("kind") ?? "reply";
      const forward = kind === "forward";
      const others = mail.to_emails.concat(mail.cc).filter((a) => a !== sample.account);
      return HttpResponse.json({
        connection_id: sample.connectionId,
        from: `Mara Lindqvist <${sample.account}>`,
        to: forward ? [] : [`${mail.from_name} <${mail.from_email}>`],
        cc: kind === "reply_all" ? others : [],
        subject: forward ? `Fwd: ${mail.subject}` : mail.subject.replace(/^(Re: )?/, "Re: "),
        html: `<div><br></div>${signature}<div><br></div><div class="gmail_quote"><div>${mail.from_name} wrote:<br></div><blockquote class="gmail_quote">${mail.body_text}</blockquote></div>`,
        text: `\n\n-- \nMara Lindqvist\n\n${mail.from_name} wrote:\n\n> ${mail.body_text.replace(/\n/g, "\n> ")}`,
        reply_to_email_id: forward ? "" : mail.id,
        forward_email_id: forward ? mail.id : "",
        attachments: forward ? mail.attachments.map(({ inline: _, ...a }) => a) : [],
      });
    }),
    http.post(`${google}/gmail/send`, async ({ request }) => {
      note(request);
      const key = request.headers.get("Idempotency-Key") ?? crypto.randomUUID();
      const known = row(post.keys.get(key));
      if (known) return HttpResponse.json(known, { status: 202 });
      const wish = (await request.json()) as SendEmail;
      if (!wish.to?.length) return problem(422, "validation_failed", "Nobody is named to send this to.");
      const made = outgoing(world, wish);
      post.sent.push(wish);
      post.outbox.unshift(made);
      post.keys.set(key, made.id);
      return HttpResponse.json(made, { status: 202 });
    }),
    http.get(`${google}/gmail/outbox`, ({ request }) => {
      const state = new URL(request.url).searchParams.get("state");
      return HttpResponse.json({ items: post.outbox.filter((o) => !state || o.state === state), next_cursor: "" });
    }),
    http.get(`${google}/gmail/outbox/:id`, ({ params }) => {
      const found = row(params.id);
      return found ? HttpResponse.json(found) : problem(404, "not_found", "There is no such message.");
    }),
    http.delete(`${google}/gmail/outbox/:id`, ({ request, params }) => {
      note(request);
      const found = row(params.id);
      if (!found?.can_cancel) return problem(409, "too_late", "Gmail has this message already.");
      Object.assign(found, { state: "cancelled", can_cancel: false, next_try_at: null });
      return HttpResponse.json(found);
    }),
    http.post(`${google}/gmail/outbox/:id/retry`, ({ request, params }) => {
      note(request);
      const found = row(params.id);
      Object.assign(found ?? {}, { state: "queued", error: "", next_step: "" });
      return HttpResponse.json(found, { status: 202 });
    }),
    http.patch(`${google}/gmail/outbox/:id`, async ({ request, params }) => {
      note(request);
      const found = row(params.id);
      Object.assign(found ?? {}, await request.json());
      return HttpResponse.json(found);
    }),
  ];
}

function drafts(world: World, note: Note): HttpHandler[] {
  const { post } = world;
  return [
    http.get(`${google}/gmail/drafts`, () => HttpResponse.json({ items: post.drafts, next_cursor: "" })),
    http.get(`${google}/gmail/drafts/:id`, ({ params }) => {
      const found = post.drafts.find((d) => d.id === params.id);
      return found ? HttpResponse.json(found) : problem(404, "not_found", "This draft is no longer there.");
    }),
    http.post(`${google}/gmail/drafts`, async ({ request }) => {
      note(request);
      const made = draftOf(world, `draft-${post.drafts.length + 1}`, (await request.json()) as SendEmail);
      post.drafts.unshift(made);
      return HttpResponse.json(made, { status: 201 });
    }),
    http.put(`${google}/gmail/drafts/:id`, async ({ request, params }) => {
      note(request);
      const made = draftOf(world, String(params.id), (await request.json()) as SendEmail);
      post.drafts = [made, ...post.drafts.filter((d) => d.id !== params.id)];
      return HttpResponse.json(made);
    }),
    http.delete(`${google}/gmail/drafts/:id`, ({ request, params }) => {
      note(request);
      post.drafts = post.drafts.filter((d) => d.id !== params.id);
      return new HttpResponse(null, { status: 204 });
    }),
  ];
}

function sharing(world: World, note: Note): HttpHandler[] {
  const { post } = world;
  return [
    http.get(`${google}/gmail/shares`, ({ request }) => {
      const thread = new URL(request.url).searchParams.get("thread_id");
      return HttpResponse.json({ items: post.shares.filter((s) => !thread || s.gmail_thread_id === thread) });
    }),
    http.post(`${google}/gmail/shares`, async ({ request }) => {
      note(request);
      const wish = (await request.json()) as NewShare;
      const made: Share = {
        id: `share-${crypto.randomUUID()}`,
        connection_id: wish.connection_id,
        gmail_thread_id: wish.thread_id ?? "",
        email_id: wish.email_id ?? "",
        user_ids: wish.user_ids ?? [],
        workspace: wish.workspace ?? false,
        created_by: "u1",
        created_at: world.now().toISOString(),
      };
      post.shares.push(made);
      return HttpResponse.json(made, { status: 201 });
    }),
    http.delete(`${google}/gmail/shares/:id`, ({ request, params }) => {
      note(request);
      post.shares = post.shares.filter((s) => s.id !== params.id);
      return new HttpResponse(null, { status: 204 });
    }),
    http.get(`${google}/gmail/suggest`, ({ request }) => {
      const q = new URL(request.url).searchParams.get("q") ?? "";
      const operator = /(from|to|cc):([^ ]*)$/.exec(q);
      const word = (operator?.[2] ?? q.split(" ").at(-1) ?? "").toLowerCase();
      const before = q.slice(0, q.length - (operator?.[0] ?? q.split(" ").at(-1) ?? "").length);
      const found = word
        ? sample.people.filter((p) => `${p.name} ${p.email}`.toLowerCase().includes(word)).slice(0, 8)
        : [];
      return HttpResponse.json({
        items: found.map((p) => ({
          text: `${before}${operator?.[1] ?? "from"}:${p.email}`,
          hint: p.name,
          kind: "person",
        })),
      });
    }),
  ];
}
