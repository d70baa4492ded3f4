import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, describe, expect, it } from "vitest";
import {
  deliverySaid,
  needsCare,
  type Webhook,
  type WebhookDelivery,
  type WebhookPatch,
  webhookState,
} from "@/lib/webhooks";
import { live, renderPage } from "@/testing/render";
import { server } from "@/testing/setup";
import { WebhooksPage } from "./WebhooksPage";

const w = "*/api/v1/workspaces/:w";

const hook = (change: Partial<Webhook> = {}): Webhook => ({
  id: "h1",
  url: "https://crm.example/hooks",
  events: ["email.received", "email.sent"],
  audience: "workspace",
  description: "The shop",
  include_body: false,
  state: "enabled",
  disabled_at: null,
  disabled_reason: "",
  created_by: "u1",
  mine: true,
  created_at: "2026-03-02T09:00:00Z",
  updated_at: "2026-03-02T09:00:00Z",
  last_success_at: "2026-03-02T10:00:00Z",
  failing_since: null,
  waiting: 0,
  old_secret_until: null,
  ...change,
});

const delivery = (change: Partial<WebhookDelivery> = {}): WebhookDelivery => ({
  id: "d1",
  event: "email.received",
  object_id: "e1",
  connection_id: "c1",
  state: "failed",
  happened_at: "2026-03-02T10:00:00Z",
  created_at: "2026-03-02T10:00:00Z",
  next_try_at: null,
  finished_at: "2026-03-05T10:00:00Z",
  attempts: 10,
  status: 500,
  error: "The receiver answered 500 Internal Server Error.",
  ...change,
});

it("a delivery that failed and is tried again does not merely wait", () => {
  expect(deliverySaid(delivery({ state: "waiting", attempts: 2 })).tone).toBe("warn");
  expect(deliverySaid(delivery({ state: "waiting", attempts: 0, error: "" })).tone).toBe("busy");
  expect(deliverySaid(delivery()).text).toBe("Given up");
});

it("a webhook that was disabled because nobody answered needs care, one that was switched off does not", () => {
  const failing = { failing_since: "2026-03-02T10:00:00Z" };
  expect(webhookState(hook({ ...failing, state: "disabled" })).tone).toBe("bad");
  expect(needsCare(hook(failing))).toBe(true);
  expect(webhookState(hook({ state: "disabled", disabled_reason: "Somebody switched it off." })).tone).toBe("off");
});

let hooks: Webhook[];
let sent: { path: string; body: unknown }[];

function serve() {
  const said = async (request: Request) => {
    const text = await request.text();
    sent.push({
      path: new URL(request.url).pathname.replace(/.*\/webhooks/, ""),
      body: text ? JSON.parse(text) : null,
    });
  };
  server.use(
    http.get(`${w}/webhooks`, () => HttpResponse.json({ items: hooks, next_cursor: "" })),
    http.get(`${w}/webhook-events`, () =>
      HttpResponse.json({
        items: [
          { name: "email.received", words: "A message came in." },
          { name: "email.sent", words: "A message went out." },
        ],
        next_cursor: "",
      }),
    ),
    http.post(`${w}/webhooks`, async ({ request }) => {
      await said(request);
      const made = hook({ id: "h2" });
      hooks = [...hooks, made];
      return HttpResponse.json({ ...made, secret: "whsec_onlyOnce" }, { status: 201 });
    }),
    http.patch(`${w}/webhooks/:id`, async ({ request, params }) => {
      const patch = (await request.clone().json()) as WebhookPatch;
      await said(request);
      hooks = hooks.map((h) => (h.id === params.id ? { ...h, state: patch.state ?? h.state } : h));
      return HttpResponse.json(hooks[0]);
    }),
    http.post(`${w}/webhooks/:id/rotate`, async ({ request }) => {
      await said(request);
      return HttpResponse.json({ ...hooks[0], secret: "whsec_another" });
    }),
    http.get(`${w}/webhooks/:id/deliveries`, () => HttpResponse.json({ items: [delivery()], next_cursor: "" })),
    http.get(`${w}/webhooks/:id/deliveries/:d`, () =>
      HttpResponse.json({
        ...delivery(),
        tries: [{ at: "2026-03-02T10:00:00Z", took_ms: 31, status: 500, error: "", answer: "out of paper" }],
        payload: { type: "email.received", data: { subject: "Forty lamps" } },
      }),
    ),
    http.post(`${w}/webhooks/:id/deliveries/:d/redeliver`, async ({ request }) => {
      await said(request);
      return HttpResponse.json(delivery({ state: "waiting" }), { status: 202 });
    }),
  );
}

const click = (name: string | RegExp) => fireEvent.click(screen.getByRole("button", { name }));
const choose = async (name: string) => {
  fireEvent.click(await screen.findByRole("button", { name: "More for https://crm.example/hooks" }));
  fireEvent.click(await screen.findByRole("menuitem", { name }));
};
const dialog = async () => within(await screen.findByRole("dialog"));

beforeEach(() => {
  hooks = [hook()];
  sent = [];
  live();
  serve();
});

const show = () => renderPage(<WebhooksPage />, { path: "/admin/webhooks" });

describe("webhooks", () => {
  it("shows a new secret once", async () => {
    hooks = [];
    show();
    expect(await screen.findByText("No program is told anything yet")).toBeDefined();
    click("Create a webhook");
    const form = await dialog();
    fireEvent.change(form.getByLabelText("Address"), { target: { value: " https://crm.example/hooks " } });
    fireEvent.click(form.getByLabelText("Everything"));
    fireEvent.click(await form.findByLabelText("email.sent"));
    click("Create the webhook");
    expect(await screen.findByText("whsec_onlyOnce")).toBeDefined();
    expect(sent[0]?.body).toMatchObject({
      url: "https://crm.example/hooks",
      audience: "workspace",
      include_body: false,
    });
    click("Done");
    await waitFor(() => expect(screen.queryByText("whsec_onlyOnce")).toBeNull());
  });

  it("says why one is disabled, and enables it", async () => {
    hooks = [hook({ state: "disabled", disabled_reason: "The receiver answered 410 Gone." })];
    show();
    expect(await screen.findByText("The receiver answered 410 Gone.")).toBeDefined();
    await choose("Enable");
    await waitFor(() => expect(sent[0]?.body).toEqual({ state: "enabled" }));
    expect(await screen.findByText("Working")).toBeDefined();
  });

  it("makes a new secret after saying what follows", async () => {
    show();
    await choose("New secret");
    expect((await dialog()).getByText(/signs too for 24 hours/)).toBeDefined();
    click("Make a new secret");
    expect(await screen.findByText("whsec_another")).toBeDefined();
  });

  it("shows what was sent, and sends it again", async () => {
    show();
    fireEvent.click(await screen.findByRole("button", { name: "Log of https://crm.example/hooks" }));
    const log = await dialog();
    fireEvent.click(await log.findByRole("button", { name: /email\.received/ }));
    expect(await log.findByText("out of paper")).toBeDefined();
    expect(log.getByText(/Forty lamps/)).toBeDefined();
    fireEvent.click(log.getByRole("button", { name: "Send again" }));
    await waitFor(() => expect(sent[0]?.path).toBe("/h1/deliveries/d1/redeliver"));
  });

  it("gives others nothing but an end of what is for its maker's eyes", async () => {
    hooks = [hook({ audience: "mine", mine: false, created_by: "u2" })];
    show();
    fireEvent.click(await screen.findByRole("button", { name: "More for https://crm.example/hooks" }));
    const items = (await screen.findAllByRole("menuitem")).map((i) => i.textContent);
    expect(items).toEqual(["Disable", "Delete"]);
    expect(screen.queryByRole("button", { name: /^Log of/ })).toBeNull();
  });
});
