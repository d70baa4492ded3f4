/** The calls about rules for mail and about e-mail accounts, over invented ones. */
import { type HttpHandler, HttpResponse, http } from "msw";
import type { EmailAccount, MailPolicy, MailRule, NewEmailAccount, NewMailRule } from "../lib/generated/api";
import type { Note } from "./handlers";

const w = "*/api/v1/workspaces/:w";

export interface MailRulesWorld {
  rules: MailRule[];
  policy: MailPolicy;
  accounts: EmailAccount[];
}

export const makeMailRules = (): MailRulesWorld => ({
  rules: [
    {
      id: "r1",
      kind: "blocked",
      pattern: "@payroll.example",
      scope: "workspace",
      created_by: "u1",
      created_at: "2026-05-01T08:00:00Z",
    },
  ],
  policy: {
    store_internal: false,
    own_domains: ["northwind-lamps.example"],
    domains_chosen: false,
    body_retention_days: 0,
    retention_days: 0,
  },
  accounts: [],
});

const invalid = (field: string, text: string) =>
  HttpResponse.json(
    { title: text, status: 422, detail: text, code: "validation_failed", fields: { [field]: text } },
    { status: 422, headers: { "Content-Type": "application/problem+json" } },
  );

export function ruleHandlers(world: MailRulesWorld, note: Note): HttpHandler[] {
  return [
    http.get(`${w}/mail-rules`, () => HttpResponse.json({ items: world.rules, next_cursor: "" })),
    http.post(`${w}/mail-rules`, async ({ request }) => {
      note(request);
      const rule = (await request.json()) as NewMailRule;
      if (!rule.pattern.includes(".")) return invalid("pattern", "must be an address or a domain");
      const made = {
        id: `r${world.rules.length + 1}`,
        kind: rule.kind,
        pattern: rule.pattern.includes("@") ? rule.pattern : `@${rule.pattern}`,
        scope: rule.scope ?? "mine",
        created_by: "u1",
        created_at: new Date().toISOString(),
      } satisfies MailRule;
      world.rules = [...world.rules, made];
      return HttpResponse.json({ ...made, affects: 3 }, { status: 201 });
    }),
    http.delete(`${w}/mail-rules/:id`, ({ request, params }) => {
      note(request);
      world.rules = world.rules.filter((r) => r.id !== params.id);
      return new HttpResponse(null, { status: 204 });
    }),
    http.get(`${w}/mail-policy`, () => HttpResponse.json(world.policy)),
    http.patch(`${w}/mail-policy`, async ({ request }) => {
      note(request);
      const change = (await request.json()) as Partial<MailPolicy>;
      world.policy = { ...world.policy, ...change };
      if (change.own_domains) world.policy.domains_chosen = change.own_domains.length > 0;
      return HttpResponse.json(world.policy);
    }),
    ...accounts(world, note),
  ];
}

function accounts(world: MailRulesWorld, note: Note): HttpHandler[] {
  return [
    http.get(`${w}/email-accounts`, () => HttpResponse.json({ items: world.accounts, next_cursor: "" })),
    http.post(`${w}/email-accounts/test`, ({ request }) => {
      note(request);
      return HttpResponse.json({
        ok: false,
        steps: [
          { name: "dns", ok: true, detail: "imap.provider.example is there.", next_step: "" },
          { name: "tls", ok: true, detail: "The certificate is good.", next_step: "" },
          {
            name: "login",
            ok: false,
            detail: "The server refused the password.",
            next_step: "Check it at your provider.",
          },
        ],
      });
    }),
    http.post(`${w}/email-accounts`, async ({ request }) => {
      note(request);
      const wish = (await request.json()) as NewEmailAccount;
      const now = new Date().toISOString();
      const made: EmailAccount = {
        id: `a${world.accounts.length + 1}`,
        connection_id: "c9",
        email: wish.email,
        name: wish.name ?? "",
        imap: wish.imap,
        smtp: wish.smtp,
        folders: [],
        google: false,
        has_password: wish.password !== undefined,
        limit: 1000,
        visibility: "private",
        enrich: "rules",
        state: "active",
        error: "",
        next_step: "",
        consent_url: "",
        last_sync_at: now,
        created_at: now,
        updated_at: now,
      };
      world.accounts = [...world.accounts, made];
      return HttpResponse.json(made, { status: 201 });
    }),
    http.delete(`${w}/email-accounts/:id`, ({ request, params }) => {
      note(request);
      world.accounts = world.accounts.filter((a) => a.id !== params.id);
      return HttpResponse.json({ deleted_messages: 0, message: "" });
    }),
  ];
}
