// The inbox under a reader's hands: keys, searches that miss, files and syncs while Google is down, a connection that ends.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, newPage, openBrowser, screenshot, signIn, startDemo } from "./harness.mjs";
import { imported } from "./mailbox.mjs";

let demo;
let browser;
let page;
let problems;

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), openBrowser()]);
  ({ page, problems } = await newPage(browser));
  await signIn(page, demo, demo.owner);
  await imported(demo);
  await inbox("");
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

const google = (path) => `/api/v1/workspaces/${demo.workspace_id}/integrations/google${path}`;
const rows = () => page.getByRole("list", { name: "Conversations" }).getByRole("link");
const marked = () => page.locator("[data-thread][data-marked]");
const inbox = async (search) => {
  await page.goto(`${demo.url}/crm/inbox${search}`);
  await rows().first().waitFor();
};

test("keys move the mark and the focus together", async () => {
  await page.getByRole("navigation", { name: "Main", exact: true }).getByRole("link", { name: "Inbox" }).click();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const second = await rows().nth(1).getAttribute("data-thread");
  await page.waitForFunction((id) => document.activeElement?.getAttribute("data-thread") === id, second);
  assert.equal(await marked().count(), 1);
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(`thread=${second}`));
  await rows().nth(4).click();
  await page.keyboard.press("j");
  const sixth = await rows().nth(5).getAttribute("data-thread");
  await page.waitForURL(new RegExp(`thread=${sixth}`));
  await page.locator(`[data-open] [data-thread="${sixth}"]`).waitFor(); // the address is there before the page
  assert.equal(await marked().count(), 1);
  await page.keyboard.press("u");
  await page.waitForURL((url) => !url.searchParams.has("thread"));
  await page.waitForFunction((id) => document.activeElement?.getAttribute("data-thread") === id, sixth);
});

test("a search opens the message that matched, and says what it did not understand", async () => {
  const { body } = await demo.api("GET", google("/gmail/emails?label=INBOX&threads=true&limit=100"));
  const answered = body.items.find((e) => e.thread_count > 2 && /\w{6,}/.test(e.snippet.slice(12)));
  const word = /\w{6,}/.exec(answered.snippet.slice(12))[0];
  await inbox(`?q=${encodeURIComponent(word)}`);
  await rows().first().click();
  const region = page.getByRole("region", { name: "Conversation" });
  await region.getByRole("article").first().waitFor();
  await page.waitForFunction(() =>
    [...document.querySelectorAll("[data-body]")].some(
      (body) => body.querySelector("mark") ?? body.querySelector("iframe")?.contentDocument?.querySelector("mark"),
    ),
  );
  await screenshot(page, "inbox-hit");

  const line = page.getByRole("combobox", { name: "Search mail" });
  await line.fill("has:attachmnt");
  await line.press("Enter");
  await page.getByRole("button", { name: "has:attachment", exact: true }).click();
  await page.waitForURL(/has%3Aattachment/);
  await rows().first().waitFor();
  await line.fill("in:spam");
  await line.press("Enter");
  await page.getByText("Spam is not imported").waitFor();
  await accessible(page, "a search that finds nothing");
});

test("while Google is down a file says so, and the age of what is seen is true", async () => {
  const { body } = await demo.api("GET", google("/gmail/emails?q=has:attachment&limit=1"));
  await inbox(`?thread=${body.items[0].gmail_thread_id}&box=${body.items[0].connection_id}`);
  const file = page.locator("a[download]").first();
  await file.waitFor();
  await demo.sim("POST", "/_sim/faults", { kind: "status", status: 503 });
  await file.click();
  await page.getByText("was not downloaded").waitFor({ timeout: 30_000 });
  await screenshot(page, "file-not-downloaded");
  await page.getByRole("button", { name: "Sync now" }).click();
  await page.getByText(/last synced .*; it is tried again by itself/).waitFor({ timeout: 60_000 });
  assert.equal(await page.getByRole("button", { name: "Sync now" }).isEnabled(), true);
  await accessible(page, "inbox while Google is down");
  await screenshot(page, "inbox-google-down");
  await demo.sim("DELETE", "/_sim/faults");
  const [download] = await Promise.all([page.waitForEvent("download"), file.click()]);
  assert.ok(download.suggestedFilename());
  await page.getByText(/it is tried again by itself/).waitFor({ state: "hidden", timeout: 120_000 });
});

test("the palette finds people first and shows why", async () => {
  const { body } = await demo.api("GET", google("/gmail/emails?label=INBOX&limit=1"));
  await page.keyboard.press("Control+k");
  await page.keyboard.type(body.items[0].from_name);
  const options = page.getByRole("dialog").getByRole("option");
  await options.filter({ hasText: "All mail from them" }).first().waitFor();
  await page.getByRole("dialog").locator("mark").first().waitFor();
  await accessible(page, "palette with results");
  await screenshot(page, "palette-people");
  await page.keyboard.press("Escape");
});

test("after disconnecting, the mail stays and says until when it is", async () => {
  await demo.api("POST", google("/disconnect"), { body: { delete_data: false } });
  await inbox("");
  await page.getByText("Not connected.").waitFor();
  await page.getByText(/what was synced until/).waitFor();
  await page.getByRole("link", { name: "Connect Google" }).waitFor();
  await accessible(page, "inbox, disconnected");
  await screenshot(page, "inbox-disconnected");
  assert.deepEqual(problems, []);
});
