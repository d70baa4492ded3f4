// What tests of mail share: a page in the inbox of a mailbox that is imported.
import assert from "node:assert/strict";
import { newPage, openBrowser, signIn, startDemo } from "./harness.mjs";

export async function openInbox() {
  const [demo, browser] = await Promise.all([startDemo(), openBrowser()]);
  const { page, problems } = await newPage(browser);
  await signIn(page, demo, demo.owner);
  const google = (path) => `/api/v1/workspaces/${demo.workspace_id}/integrations/google${path}`;
  await imported(demo);
  const list = () => page.getByRole("list", { name: "Conversations" });
  const rows = () => list().getByRole("link");
  const stored = async (thread) => (await demo.api("GET", google(`/gmail/threads/${thread}`))).body.items;
  return {
    demo,
    browser,
    page,
    problems,
    google,
    list,
    rows,
    stored,
    row: (id) => page.locator(`[data-thread="${id}"]`),
    idOf: (n) => rows().nth(n).getAttribute("data-thread"),
    async inbox(search) {
      await page.goto(`${demo.url}/crm/inbox${search}`);
      await rows().first().waitFor();
    },
    /** Gmail has every change that was made here. */
    settled: () =>
      eventually("Gmail has every change", async () => {
        const { body } = await demo.api("GET", google("/gmail/changes?state=waiting"));
        return body.items.length === 0;
      }),
    sent: () => demo.sim("GET", "/_sim/sent"),
    labelled: (thread, label) => async () => (await stored(thread)).some((m) => m.labels.includes(label)),
    /** One who writes alone: an answer reaches exactly one. */
    async single() {
      const { body } = await demo.api("GET", google("/gmail/emails?label=INBOX&threads=true&limit=50"));
      return body.items.find(
        (e) => e.thread_count === 1 && !/no-?reply|news|digest/i.test(e.from_email) && e.cc.length === 0,
      );
    },
    async stop() {
      await browser.close();
      await demo.stop();
    },
  };
}

/** The owner's mailbox is imported. */
export const imported = (demo) =>
  eventually("the import is over", async () => {
    const { body } = await demo.api("GET", `/api/v1/workspaces/${demo.workspace_id}/integrations/google/status`);
    return body.streams.find((s) => s.stream === "gmail.backfill")?.state === "done";
  }, 240);

export const gone = (locator) => locator.waitFor({ state: "detached" });

export async function eventually(what, look, seconds = 60) {
  for (let i = 0; i < seconds * 4; i++) {
    if (await look()) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  assert.fail(what);
}
