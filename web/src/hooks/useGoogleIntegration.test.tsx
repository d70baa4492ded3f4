import { act, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { describe, expect, it, vi } from "vitest";
import { live, renderWithClient } from "@/testing/render";
import { connectionId, workspaceId } from "@/testing/sample";
import { server } from "@/testing/setup";
import { useGoogleEmails, useGoogleIntegrationConnect, useGoogleIntegrationStatus } from "./useGoogleIntegration";

describe("useGoogleIntegrationStatus", () => {
  it("gives the status, and reads it again on refresh", async () => {
    const world = live();
    const { result } = renderWithClient(() => useGoogleIntegrationStatus(workspaceId));
    expect(result.current.isLoading).toBe(true);
    await waitFor(() => expect(result.current.status?.status).toBe("active"));
    world.status = { ...world.status, status: "needs_reauth" };
    await act(() => result.current.refresh());
    await waitFor(() => expect(result.current.status?.status).toBe("needs_reauth"));
    expect(result.current.error).toBeNull();
  });

  it("gives the error in plain words", async () => {
    server.use(
      http.get("*/status", () =>
        HttpResponse.json({ detail: "No such workspace.", code: "not_found" }, { status: 404 }),
      ),
    );
    const { result } = renderWithClient(() => useGoogleIntegrationStatus(workspaceId));
    await waitFor(() => expect(result.current.error?.message).toBe("No such workspace."));
    expect(result.current.isLoading).toBe(false);
  });
});

describe("useGoogleIntegrationConnect", () => {
  it("sends the browser to Google for the services, and back to this page", async () => {
    live();
    const asked: URL[] = [];
    server.events.on("request:start", ({ request }) => void asked.push(new URL(request.url)));
    const go = vi.fn();
    const { result } = renderWithClient(() => useGoogleIntegrationConnect(workspaceId, go));
    await act(() =>
      result.current.connect(["gmail", "calendar"], { connectionId, returnTo: "/crm/onboarding/connect" }),
    );
    expect(go).toHaveBeenCalledExactlyOnceWith("https://accounts.example/o/oauth2/v2/auth?state=sample");
    const query = asked[0]?.searchParams;
    expect([query?.get("services"), query?.get("connection_id"), query?.get("return_to")]).toEqual([
      "gmail,calendar",
      connectionId,
      "/crm/onboarding/connect",
    ]);
    server.events.removeAllListeners();
  });

  it("goes nowhere when the server refuses", async () => {
    server.use(http.get("*/connect", () => HttpResponse.json({ detail: "Not approved yet." }, { status: 403 })));
    const go = vi.fn();
    const { result } = renderWithClient(() => useGoogleIntegrationConnect(workspaceId, go));
    await act(async () => {
      await expect(result.current.connect(["gmail"])).rejects.toThrow("Not approved yet.");
    });
    await waitFor(() => expect(result.current.isConnecting).toBe(false));
    expect(go).not.toHaveBeenCalled();
  });

  it("disconnects, keeping the data unless told otherwise", async () => {
    const world = live();
    const { result } = renderWithClient(() => useGoogleIntegrationConnect(workspaceId));
    await act(() => result.current.disconnect());
    expect(world.mail.length).toBeGreaterThan(0);
    await act(() => result.current.disconnect({ deleteData: true }));
    expect(world.mail).toEqual([]);
  });
});

describe("useGoogleEmails", () => {
  it("reads page after page, and each message once", async () => {
    live(() => undefined, 120);
    const { result } = renderWithClient(() => useGoogleEmails(workspaceId));
    await waitFor(() => expect(result.current.emails).toHaveLength(50));
    expect(result.current.total).toBe(120);
    await act(() => result.current.loadMore());
    await act(() => result.current.loadMore());
    await waitFor(() => expect(result.current.emails).toHaveLength(120));
    expect(result.current.hasMore).toBe(false);
    expect(new Set(result.current.emails.map((e) => e.id)).size).toBe(120);
  });

  it("does not show a message twice that moved to the next page meanwhile", async () => {
    const world = live(() => undefined, 80);
    const { result } = renderWithClient(() => useGoogleEmails(workspaceId));
    await waitFor(() => expect(result.current.emails).toHaveLength(50));
    const first = world.mail[0];
    if (first) world.mail.unshift({ ...first, id: "new", gmail_thread_id: "new" });
    await act(() => result.current.loadMore());
    await waitFor(() => expect(result.current.emails.length).toBeGreaterThan(50));
    const ids = result.current.emails.map((e) => e.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("syncs and shows what came", async () => {
    const world = live(() => undefined, 10);
    const { result } = renderWithClient(() => useGoogleEmails(workspaceId));
    await waitFor(() => expect(result.current.emails).toHaveLength(10));
    const first = world.mail[0];
    if (first) world.mail.unshift({ ...first, id: "arrived" });
    await act(() => result.current.sync());
    await waitFor(() => expect(result.current.emails[0]?.id).toBe("arrived"));
    expect(result.current.isSyncing).toBe(false);
    expect(world.log).toContain(`POST /workspaces/${workspaceId}/integrations/google/gmail/sync`);
  });

  it("gets one message with its text", async () => {
    const world = live(() => undefined, 3);
    const { result } = renderWithClient(() => useGoogleEmails(workspaceId));
    const id = world.mail[0]?.id ?? "";
    await expect(result.current.getEmail(id)).resolves.toMatchObject({ id, body_text: world.mail[0]?.body_text });
  });

  it("sends with a key of its own, so that a repeated request sends once", async () => {
    live();
    const seen: (string | null)[] = [];
    server.use(
      http.post("*/gmail/send", ({ request }) => {
        seen.push(request.headers.get("Idempotency-Key"));
        return HttpResponse.json({ id: "1" }, { status: 201 });
      }),
    );
    const { result } = renderWithClient(() => useGoogleEmails(workspaceId));
    await result.current.sendEmail({ to: ["a@b.example"], subject: "s", text: "t" });
    await result.current.sendEmail({ to: ["a@b.example"], subject: "s", text: "t" });
    expect(seen.every(Boolean) && new Set(seen).size === 2).toBe(true);
  });
});
