// A day in the inbox: read, answer with a file, take back, tidy up, search, share, draft, plan. Google is the simulator.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, newPage, openBrowser, screenshot, signIn, startDemo } from "./harness.mjs";

let demo;
let browser;
let page;
let problems;

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), openBrowser()]);
  ({ page, problems } = await newPage(browser));
  await signIn(page, demo, demo.owner);
  for (;;) {
    const { body } = await demo.api("GET", google("/status"));
    if (body.streams.find((s) => s.stream === "gmail.backfill")?.state === "done") break;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await inbox("");
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

const google = (path) => `/api/v1/workspaces/${demo.workspace_id}/integrations/google${path}`;
const list = () => page.getByRole("list", { name: "Conversations" });
const rows = () => list().getByRole("link");
const row = (id) => page.locator(`[data-thread="${id}"]`);
const idOf = (n) => rows().nth(n).getAttribute("data-thread");
const inbox = async (search) => {
  await page.goto(`${demo.url}/crm/inbox${search}`);
  await rows().first().waitFor();
};
const composer = () => page.getByRole("dialog");
const text = () => composer().getByRole("textbox", { name: "Message" });
const gone = (locator) => locator.waitFor({ state: "detached" });
const sent = () => demo.sim("GET", "/_sim/sent");
const eventually = async (what, look) => {
  for (let i = 0; i < 120; i++) {
    if (await look()) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  assert.fail(what);
};
const stored = async (thread) => (await demo.api("GET", google(`/gmail/threads/${thread}`))).body.items;
const labelled = (thread, label) => async () => (await stored(thread)).some((m) => m.labels.includes(label));
/** One who writes alone: an answer reaches exactly one. */
const single = async () => {
  const { body } = await demo.api("GET", google("/gmail/emails?label=INBOX&threads=true&limit=50"));
  return body.items.find((e) => e.thread_count === 1 && !/no-?reply|news|digest/i.test(e.from_email) && e.cc.length === 0);
};

test("an answer with a file arrives once, in its conversation", async () => {
  const mail = await single();
  await inbox(`?thread=${mail.gmail_thread_id}`);
  await page.getByRole("article").first().waitFor();
  await page.keyboard.press("r");
  await text().waitFor();
  await page.keyboard.type("Thank you, we come at ten.\nThe plan is with this mail.");
  await composer()
    .getByLabel("Files to attach")
    .setInputFiles({ name: "plan.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4 a plan") });
  await composer().getByText("plan.pdf").waitFor();
  await composer().getByText(/Draft saved/).waitFor();
  await composer().getByRole("button", { name: "Show the quoted text" }).click();
  await accessible(page, "composer");
  await screenshot(page, "composer-reply");
  const before = (await sent()).length;
  await text().click();
  await page.keyboard.press("Control+Enter");
  await page.keyboard.press("Control+Enter");
  const done = page.getByRole("alert").getByText("Sent", { exact: true }).waitFor({ timeout: 60_000 });
  await page.getByText(/Sending in/).waitFor();
  await accessible(page, "sending, with its undo");
  await done;
  const mails = (await sent()).slice(before);
  assert.equal(mails.length, 1, "sent once");
  assert.match(JSON.stringify(mails[0]), new RegExp(mail.from_email.replace(/\./g, "\\."), "i"));
  await eventually("the answer stands in its conversation, with its file", async () => {
    const messages = await stored(mail.gmail_thread_id);
    return messages.length === 2 && messages[1].attachments.some((a) => a.name === "plan.pdf");
  });
  await page.getByText("Thank you, we come at ten.").first().waitFor();
  const { body: drafts } = await demo.api("GET", google("/gmail/drafts"));
  assert.ok(!drafts.items.some((d) => d.subject.includes(mail.subject)), "no draft is left behind");
});

test("sending is taken back, and the message is there as it was", async () => {
  await inbox("");
  const before = (await sent()).length;
  await page.keyboard.press("c");
  const to = composer().getByRole("combobox", { name: "To" });
  await to.waitFor();
  await to.pressSequentially("ursina@alpwind.example,");
  await composer().getByRole("textbox", { name: "Subject" }).fill("Two finishes");
  await text().click();
  await page.keyboard.type("Brass or black?");
  await composer().getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await composer().getByText("Brass or black?").waitFor();
  assert.equal(await composer().getByRole("textbox", { name: "Subject" }).inputValue(), "Two finishes");
  const { body } = await demo.api("GET", google("/gmail/outbox?state=cancelled"));
  assert.equal(body.items[0].subject, "Two finishes");
  await composer().getByRole("button", { name: "Discard the draft" }).click();
  await gone(composer());
  assert.equal((await sent()).length, before);
});

test("many are archived at once, and come back to their places", async () => {
  await inbox("");
  const ids = await Promise.all([0, 1, 2, 3, 4].map(idOf));
  await rows().nth(1).hover();
  await list().getByRole("checkbox").nth(1).click();
  await list().getByRole("checkbox").nth(3).click({ modifiers: ["Shift"] });
  await page.getByText("3 ticked").waitFor();
  await accessible(page, "ticked conversations");
  await screenshot(page, "inbox-ticked");
  await page.getByRole("toolbar").getByRole("button", { name: "Archive" }).click();
  await page.getByText("3 conversations archived").waitFor();
  for (const id of ids.slice(1, 4)) await gone(row(id));
  await eventually("Gmail has it", async () => !(await labelled(ids[1], "INBOX")()));
  await page.keyboard.press("z");
  for (const id of ids.slice(1, 4)) await row(id).waitFor();
  assert.deepEqual(await Promise.all([0, 1, 2, 3, 4].map(idOf)), ids);
  await eventually("Gmail has it back", labelled(ids[1], "INBOX"));
});

test("a star, a label made on the way, and a search that finds both", async () => {
  await inbox("");
  const id = await idOf(0);
  const starred = await labelled(id, "STARRED")();
  await page.keyboard.press("j");
  await page.waitForFunction((t) => document.activeElement?.getAttribute("data-thread") === t, id);
  if (starred) {
    await page.keyboard.press("s");
    await page.getByText("Star removed").waitFor();
  }
  await page.keyboard.press("s");
  await page.getByText("Starred", { exact: true }).waitFor();
  await eventually("the star is stored", labelled(id, "STARRED"));
  await page.keyboard.press("l");
  const field = page.getByRole("combobox", { name: "Label as" });
  await field.fill("Showroom");
  await page.getByRole("option", { name: /Create/ }).waitFor();
  await accessible(page, "choosing a label");
  await screenshot(page, "inbox-label");
  await field.press("Enter");
  await page.getByText("Labelled Showroom").waitFor();
  const line = page.getByRole("combobox", { name: "Search mail" });
  await line.fill("label:show");
  await page.getByRole("option", { name: /label:Showroom/ }).first().waitFor();
  await line.fill("label:Showroom is:starred");
  await line.press("Enter");
  await page.waitForURL(/Showroom/);
  await eventually("the search finds it", async () => (await rows().count()) === 1 && (await idOf(0)) === id);
});

test("what Gmail refuses comes back, with the reason", async () => {
  await inbox("");
  const id = await idOf(2);
  await demo.sim("POST", "/_sim/faults", { api: "gmail", method: "messages.modify", kind: "status", status: 400, reason: "invalidArgument", message: "Invalid label" });
  await demo.sim("POST", "/_sim/faults", { api: "gmail", method: "messages.batchModify", kind: "status", status: 400, reason: "invalidArgument", message: "Invalid label" });
  await demo.sim("POST", "/_sim/faults", { api: "gmail", method: "threads.modify", kind: "status", status: 400, reason: "invalidArgument", message: "Invalid label" });
  await rows().nth(2).hover();
  await list().getByRole("listitem").nth(2).getByRole("button", { name: "Archive" }).click();
  await page.getByText(/Gmail did not take a change/).waitFor({ timeout: 30_000 });
  await row(id).waitFor();
  await screenshot(page, "inbox-refused");
  await demo.sim("DELETE", "/_sim/faults");
  assert.ok(await labelled(id, "INBOX")());
});

test("a conversation is shared with a colleague who could not see it, and closed again", async () => {
  const mail = await single();
  const other = await newPage(browser);
  await signIn(other.page, demo, demo.member);
  const place = `${demo.url}/crm/inbox?label=ALL&thread=${mail.gmail_thread_id}&box=${mail.connection_id}`;
  await other.page.goto(place);
  await other.page.getByText("This conversation is no longer here").waitFor();
  await inbox(`?thread=${mail.gmail_thread_id}`);
  await page.getByRole("button", { name: "Share", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: /^Share with Jonas/ }).click();
  await dialog.getByText("Has it", { exact: true }).waitFor();
  await accessible(page, "sharing");
  await screenshot(page, "inbox-share");
  await other.page.goto(place);
  await other.page.getByRole("article").first().waitFor();
  await other.page.getByText(/mailbox$/).first().waitFor();
  await other.page.getByRole("list", { name: "Conversations" }).getByRole("link").first().waitFor();
  assert.equal(await other.page.getByRole("button", { name: "Reply", exact: true }).count(), 0);
  await accessible(other.page, "a colleague's conversation");
  await screenshot(other.page, "inbox-colleague");
  await dialog.getByRole("button", { name: /^Stop sharing with Jonas/ }).click();
  await dialog.getByRole("button", { name: /^Share with Jonas/ }).waitFor();
  await other.page.goto(place);
  await other.page.getByText("This conversation is no longer here").waitFor();
  assert.deepEqual(other.problems, []);
  await other.context.close();
});

test("a draft is there after a reload, and among the drafts", async () => {
  await inbox("");
  await page.keyboard.press("c");
  await composer().getByRole("textbox", { name: "Subject" }).fill("Notes for Thursday");
  await text().click();
  await page.keyboard.type("Bring the samples.");
  await composer().getByText(/Draft saved/).waitFor();
  await page.waitForURL(/compose=/);
  await page.reload();
  await composer().getByText("Bring the samples.").waitFor();
  await composer().getByRole("button", { name: "Close" }).click();
  await gone(composer());
  await page.getByRole("button", { name: /Choose a label/ }).click();
  await accessible(page, "places and labels");
  await page.getByRole("menuitem", { name: "Drafts" }).click();
  const drafts = page.getByRole("list", { name: "Drafts" });
  await drafts.getByText("Bring the samples.").first().waitFor();
  await accessible(page, "drafts");
  await drafts.getByRole("button", { name: "Delete the draft Notes for Thursday" }).click();
  await gone(drafts.getByText("Notes for Thursday"));
});

test("a planned message waits in the outbox, and is stopped there", async () => {
  await inbox("");
  const before = (await sent()).length;
  await page.keyboard.press("c");
  await composer().getByRole("combobox", { name: "To" }).pressSequentially("ursina@alpwind.example,");
  await composer().getByRole("textbox", { name: "Subject" }).fill("Good morning");
  await composer().getByRole("button", { name: "Send later" }).click();
  await accessible(page, "times to send at");
  await page.getByRole("menuitem", { name: /Tomorrow morning/ }).click();
  await page.getByText(/Will be sent tomorrow, 08:00/).waitFor();
  await page.getByRole("button", { name: "Outbox" }).click();
  const planned = page.getByRole("region", { name: "Scheduled" });
  await planned.getByText("Good morning").waitFor();
  await accessible(page, "outbox");
  await screenshot(page, "outbox");
  await planned.getByRole("button", { name: "Do not send" }).click();
  await page.getByText("Nothing waits to be sent").waitFor();
  assert.equal((await sent()).length, before);
});

test("in the dark, and on a phone", async () => {
  const mail = await single();
  for (const [name, options] of [
    ["dark", { colorScheme: "dark" }],
    ["phone", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
  ]) {
    const view = await newPage(browser, options);
    await signIn(view.page, demo, demo.owner);
    await view.page.goto(`${demo.url}/crm/inbox?thread=${mail.gmail_thread_id}`);
    await view.page.getByRole("article").first().waitFor();
    await accessible(view.page, `conversation, ${name}`);
    await screenshot(view.page, `inbox-thread-${name}`);
    await view.page.getByRole("button", { name: "Forward" }).last().click();
    await view.page.getByRole("dialog").getByRole("combobox", { name: "To" }).waitFor();
    await accessible(view.page, `composer, ${name}`);
    await screenshot(view.page, `composer-${name}`);
    const wide = await view.page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.equal(wide, false, `nothing sticks out, ${name}`);
    assert.deepEqual(view.problems, []);
    await view.context.close();
  }
  assert.deepEqual(problems, []);
});
