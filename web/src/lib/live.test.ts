import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keys } from "./keys";
import { followWorkspace, liveEvents, onLive, staleKeys } from "./live";
import { recordKeys } from "./records";

/** A stream that the test speaks through. */
class FakeSource extends EventTarget {
  static readonly CLOSED = 2;
  static all: FakeSource[] = [];
  readyState = 1;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  constructor(readonly url: string) {
    super();
    FakeSource.all.push(this);
  }
  say(name: string, data: unknown = {}) {
    this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data) }));
  }
  close() {
    this.closed = true;
  }
}

let client: QueryClient;
let dropped: string[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", FakeSource);
  FakeSource.all = [];
  dropped = [];
  client = new QueryClient();
  vi.spyOn(client, "invalidateQueries").mockImplementation(async (filters) => {
    dropped.push(JSON.stringify(filters?.queryKey));
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const source = () => FakeSource.all.at(-1) as FakeSource;
const has = (key: readonly unknown[]) => dropped.includes(JSON.stringify(key));

describe("live events", () => {
  it("every event makes something stale", () => {
    for (const name of liveEvents) expect(staleKeys({ name, workspace_id: "w" }).length).toBeGreaterThan(0);
  });

  it("new mail drops the lists, the conversations and the counts", () => {
    const stop = followWorkspace("w", client);
    source().say("mail.arrived", { connection_id: "c", data: { ids: ["1"] } });
    vi.advanceTimersByTime(2000);
    expect([has(keys.mail.lists("w")), has(keys.mail.threads("w")), has(keys.google.status("w"))]).toEqual([
      true,
      true,
      true,
    ]);
    stop();
    expect(source().closed).toBe(true);
  });

  it("who has another role is asked anew who they are", () => {
    const stop = followWorkspace("w", client);
    source().say("member.changed", { data: { user_id: "u1", role: "admin" } });
    vi.advanceTimersByTime(2000);
    expect([has(keys.me), has(keys.members("w"))]).toEqual([true, true]);
    stop();
  });

  it("a thousand events of an import drop the status once per interval, not a thousand times", () => {
    const stop = followWorkspace("w", client, 1500);
    for (let i = 0; i < 1000; i++) source().say("sync.progress");
    vi.advanceTimersByTime(1500);
    expect(dropped).toHaveLength(1);
    stop();
  });

  it("a second 'ready' means that events were lost: everything is read again", () => {
    const stop = followWorkspace("w", client);
    source().say("ready");
    vi.advanceTimersByTime(2000);
    expect(dropped).toEqual([]);
    source().say("ready");
    vi.advanceTimersByTime(2000);
    const all = [keys.google.all("w"), keys.mail.all("w"), keys.outgoing.outbox("w"), keys.me, keys.approval("w")];
    for (const key of [...all, recordKeys.all("w"), recordKeys.timelines("w"), recordKeys.suggestions("w")])
      expect(has(key)).toBe(true);
    stop();
  });

  it("opens a new stream when the browser gave up", () => {
    const stop = followWorkspace("w", client);
    source().readyState = FakeSource.CLOSED;
    source().onerror?.();
    vi.advanceTimersByTime(5000);
    expect(FakeSource.all).toHaveLength(2);
    stop();
  });

  it("tells listeners until they stop", () => {
    const heard: string[] = [];
    const deaf = onLive((event) => heard.push(event.name));
    const stop = followWorkspace("w", client);
    source().say("mail.changed");
    deaf();
    source().say("mail.changed");
    expect(heard).toEqual(["mail.changed"]);
    stop();
  });
});
