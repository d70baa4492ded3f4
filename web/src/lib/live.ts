/** One stream of server-sent events for the workspace; an event makes the cache forget what it changed. */
import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { eventsUrl } from "./api";
import { keys } from "./keys";
import { recordKeys } from "./records";

export const liveEvents = [
  "mail.arrived",
  "mail.changed",
  "mail.sending",
  "mail.refused",
  "mail.shared",
  "sync.progress",
  "sync.completed",
  "sync.failed",
  "connection.granted",
  "connection.needs_reauth",
  "connection.changed",
  "approval.asked",
  "approval.decided",
  "member.changed",
  "record.created",
  "record.updated",
  "record.deleted",
  "record.restored",
  "record.linked",
  "record.suggested",
] as const;

export interface LiveEvent {
  name: (typeof liveEvents)[number];
  workspace_id: string;
  connection_id?: string;
  data?: Record<string, unknown>;
}

export type LiveState = "connecting" | "live" | "lost";

let state: LiveState = "connecting";
const watchers = new Set<() => void>();
const listeners = new Set<(event: LiveEvent) => void>();

function setState(next: LiveState) {
  if (next === state) return;
  state = next;
  for (const watch of watchers) watch();
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (onChange) => {
      watchers.add(onChange);
      return () => watchers.delete(onChange);
    },
    () => state,
  );
}

/** Hear every live event; returns how to stop. */
export function onLive(listener: (event: LiveEvent) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Which entries of the cache an event makes stale. */
export function staleKeys(event: LiveEvent): (readonly unknown[])[] {
  const w = event.workspace_id;
  switch (event.name) {
    case "mail.arrived":
    case "mail.changed":
    case "mail.refused":
      return [keys.mail.lists(w), keys.mail.threads(w), keys.mail.labels(w), keys.google.status(w)];
    case "mail.sending":
      return [keys.outgoing.outbox(w), keys.outgoing.drafts(w)];
    case "mail.shared":
      return [keys.mail.all(w)];
    case "sync.progress":
      return [keys.google.status(w)];
    case "sync.completed":
    case "sync.failed":
      return [keys.google.all(w), keys.mail.lists(w), keys.mail.labels(w)];
    case "connection.granted":
    case "connection.needs_reauth":
    case "connection.changed":
      return [keys.google.all(w), keys.mail.labels(w), keys.members(w), keys.admin.connections(w)];
    case "record.created":
    case "record.updated":
    case "record.deleted":
    case "record.restored":
      return [recordKeys.all(w), recordKeys.timelines(w)];
    case "member.changed":
      return [keys.me, keys.members(w), keys.admin.all(w)];
    case "record.linked":
      return [recordKeys.timelines(w), recordKeys.lists(w), keys.mail.lists(w), keys.mail.threads(w)];
    case "record.suggested":
      return [recordKeys.suggestions(w)];
    case "approval.asked":
      return [keys.approval(w)];
    case "approval.decided":
      return [keys.approval(w), keys.google.all(w), keys.admin.connections(w)];
  }
}

/** Everything that events tell of. */
function followed(w: string): (readonly unknown[])[] {
  const all = liveEvents.flatMap((name) => staleKeys({ name, workspace_id: w }));
  return [...new Map(all.map((key) => [JSON.stringify(key), key])).values()];
}

/** Gathers keys and drops them from the cache at most once in `ms`: an import of thousands sends many events. */
function gatherer(client: QueryClient, ms: number) {
  const waiting = new Map<string, readonly unknown[]>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = 0;
  const flush = () => {
    timer = undefined;
    last = Date.now();
    const due = [...waiting.values()];
    waiting.clear();
    for (const queryKey of due) void client.invalidateQueries({ queryKey });
  };
  return {
    add(stale: (readonly unknown[])[]) {
      for (const key of stale) waiting.set(JSON.stringify(key), key);
      timer ??= setTimeout(flush, Math.max(60, last + ms - Date.now()));
    },
    stop: () => clearTimeout(timer),
  };
}

/**
 * Follows the workspace's events until the returned function is called. The browser reconnects by itself after a
 * break; what happened meanwhile is unknown, so everything of the workspace is then read again.
 */
export function followWorkspace(workspace: string, client: QueryClient, ms = 1500): () => void {
  if (typeof EventSource === "undefined") return () => undefined;
  const gather = gatherer(client, ms);
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;

  const hear = (name: LiveEvent["name"]) => (message: MessageEvent<string>) => {
    const event: LiveEvent = {
      ...(JSON.parse(message.data) as Omit<LiveEvent, "name">),
      name,
      workspace_id: workspace,
    };
    gather.add(staleKeys(event));
    for (const listener of listeners) listener(event);
  };
  // Said at the start of a stream, and again when events had to be dropped.
  let heardReady = false;
  const ready = () => {
    if (heardReady) gather.add(followed(workspace));
    heardReady = true;
  };
  const open = () => {
    source = new EventSource(eventsUrl(workspace));
    source.onopen = () => setState("live");
    source.onerror = () => {
      setState("lost");
      if (source?.readyState === EventSource.CLOSED) retry = setTimeout(open, 5000);
    };
    for (const name of liveEvents) source.addEventListener(name, hear(name));
    source.addEventListener("ready", ready);
  };
  open();
  return () => {
    clearTimeout(retry);
    gather.stop();
    source?.close();
    setState("connecting");
  };
}
