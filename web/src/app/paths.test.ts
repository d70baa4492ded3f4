import { describe, expect, it } from "vitest";
import { inboxSearch, loginSearch } from "./paths";

describe("where signing in leads", () => {
  it.each(["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", ""])(
    "never to %s",
    (next) => {
      expect(loginSearch({ next }).next).toBeUndefined();
    },
  );
  it("to a page of ours", () => expect(loginSearch({ next: "/crm/inbox?q=a" }).next).toBe("/crm/inbox?q=a"));
});

it("reads the address of the inbox whatever its parts look like", () => {
  expect(inboxSearch({ q: 2026, unread: "true", files: "no", thread: 18, label: "" })).toEqual({
    q: "2026",
    unread: true,
    files: undefined,
    label: undefined,
    account: undefined,
    thread: "18",
    box: undefined,
  });
});
