/** Webhooks: the calls, and what is said of them. */
import type { Tone } from "./connection";
import type {
  CreatedWebhook,
  NewWebhook,
  Webhook,
  WebhookDelivery,
  WebhookDeliveryDetail,
  WebhookDeliveryState,
  WebhookEvent,
  WebhookPatch,
} from "./generated/api";
import * as api from "./generated/api";

export type { CreatedWebhook, NewWebhook, Webhook, WebhookDelivery, WebhookDeliveryDetail, WebhookEvent, WebhookPatch };
export type DeliveryState = WebhookDeliveryState;

type Stop = AbortSignal | undefined;

export const webhooksApi = {
  list: (w: string, signal?: Stop) => api.listWebhooks(w, { signal }),
  events: (w: string, signal?: Stop) => api.listWebhookEvents(w, { signal }),
  create: (w: string, wish: NewWebhook) => api.createWebhook(w, wish),
  change: (w: string, id: string, patch: WebhookPatch) => api.changeWebhook(w, id, patch),
  remove: (w: string, id: string) => api.deleteWebhook(w, id),
  rotate: (w: string, id: string) => api.rotateWebhook(w, id),
  test: (w: string, id: string) => api.testWebhook(w, id),
  deliveries: (w: string, id: string, state?: DeliveryState, cursor?: string, signal?: Stop) =>
    api.listWebhookDeliveries(w, id, { state, cursor }, { signal }),
  delivery: (w: string, id: string, delivery: string, signal?: Stop) =>
    api.getWebhookDelivery(w, id, delivery, { signal }),
  redeliver: (w: string, id: string, delivery: string) => api.redeliverWebhook(w, id, delivery),
};

export const webhookKeys = {
  all: (w: string) => ["admin", w, "webhooks"] as const,
  list: (w: string) => ["admin", w, "webhooks", "list"] as const,
  events: (w: string) => ["admin", w, "webhooks", "events"] as const,
  deliveries: (w: string, id: string) => ["admin", w, "webhooks", "log", id] as const,
};

/** Chooses everything. */
export const everything = "*";

export interface Said {
  tone: Tone;
  text: string;
  note?: string;
}

/** How a webhook is, in a word and a sentence. */
export function webhookState(hook: Webhook): Said {
  if (hook.state === "disabled")
    return { tone: needsCare(hook) ? "bad" : "off", text: "Disabled", note: hook.disabled_reason };
  if (hook.failing_since)
    return { tone: "bad", text: "Failing", note: "It is disabled after three days without success." };
  if (!hook.last_success_at) return { tone: "busy", text: "Nothing sent yet" };
  return { tone: "ok", text: "Working" };
}

export const deliveryStates: Record<DeliveryState, Said> = {
  held: { tone: "busy", text: "Held", note: "An earlier delivery about the same object goes first." },
  waiting: { tone: "busy", text: "Waiting" },
  sending: { tone: "busy", text: "Sending" },
  delivered: { tone: "ok", text: "Delivered" },
  failed: { tone: "bad", text: "Given up" },
  withheld: { tone: "off", text: "Withheld", note: "Who this webhook is for does not see it any more." },
};

/** How a delivery is: one that failed and is tried again does not merely wait. */
export function deliverySaid({ state, attempts, error }: Pick<WebhookDelivery, "state" | "attempts" | "error">): Said {
  if ((state === "waiting" || state === "sending") && attempts > 0 && error)
    return { tone: "warn", text: "Failed, tried again" };
  return deliveryStates[state];
}

/** Nothing arrives there, or soon nothing will. Who switches a webhook off ends its failing. */
export const needsCare = (hook: Webhook): boolean => hook.failing_since !== null;

export const isOver = (state: DeliveryState) => state === "delivered" || state === "failed" || state === "withheld";
