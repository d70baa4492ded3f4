import { screen, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { Suspense } from "react";
import { expect, it } from "vitest";
import { live, renderPage } from "@/testing/render";
import { server } from "@/testing/setup";
import { WebhookNotice } from "./WebhookNotice";

const failing = "2026-03-02T10:00:00Z";

function show(role: "owner" | "member", hooks: { state: string; failing_since: string | null }[]) {
  let asked = 0;
  live((w) => {
    for (const workspace of w.me.workspaces) workspace.role = role;
  });
  server.use(
    http.get("*/api/v1/workspaces/:w/webhooks", () => {
      asked++;
      return HttpResponse.json({ items: hooks, next_cursor: "" });
    }),
  );
  renderPage(
    <Suspense>
      <WebhookNotice />
      <p>the page</p>
    </Suspense>,
  );
  return () => asked;
}

it("says that a webhook was disabled, and leads there", async () => {
  show("owner", [
    { state: "disabled", failing_since: failing },
    { state: "enabled", failing_since: failing },
  ]);
  expect(await screen.findByText("1 webhook was disabled")).toBeDefined();
  expect(screen.getByRole("link", { name: "Open the webhooks" }).getAttribute("href")).toBe("/admin/webhooks");
});

it("says that one fails, before it is disabled", async () => {
  show("owner", [{ state: "enabled", failing_since: failing }]);
  expect(await screen.findByText("1 webhook fails")).toBeDefined();
});

it("is silent about one that somebody switched off", async () => {
  const asked = show("owner", [{ state: "disabled", failing_since: null }]);
  await waitFor(() => expect(asked()).toBe(1));
  expect(screen.queryByRole("region", { name: "Webhooks" })).toBeNull();
});

it("asks nothing for members", async () => {
  const asked = show("member", []);
  expect(await screen.findByText("the page")).toBeDefined();
  expect(asked()).toBe(0);
});
