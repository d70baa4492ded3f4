// Mail is written: answered with a file, taken back, kept as a draft, planned. Google is the simulator.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, newPage, screenshot, signIn } from "./harness.mjs";
import { eventually, gone, openInbox } from "./mailbox.mjs";

let box;
let page;

before(async () => {
  box = await openInbox();
  page = box.page;
  await box.inbox("");
});
after(() => box?.stop());

const composer = () => page.getByRole("dialog");
const text = () => composer().getByRole("textbox", { name: "Message" });

test("an answer with a file arrives once, in its conversation", async () => {
  const mail = await box.single();
  await box.inbox(`?thread=${mail.gmail_thread_id}`);
  await page.getByRole("article").first().waitFor();
  await page.keyboard.press("r");
  await page.locator("[data-composer] .ProseMirror-focused").waitFor();
  await page.keyboard.type("Thank you, we come at ten.\nThe plan is with this mail.");
  await composer()
    .getByLabel("Files to attach")
    .setInputFiles({ name: "plan.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4 a plan") });
  await composer().getByText("plan.pdf").waitFor();
  await composer().getByText(/Draft saved/).waitFor();
  await composer().getByRole("button", { name: "Show the quoted text" }).click();
  await accessible(page, "composer");
  await screenshot(page, "composer-reply");
  const before = (await box.sent()).length;
  await text().click();
  await page.keyboard.press("Control+Enter");
  await page.keyboard.press("Control+Enter");
  const done = page.getByRole("alert").getByText("Sent", { exact: true }).waitFor({ timeout: 60_000 });
  await page.getByText(/Sending in/).waitFor();
  await accessible(page, "sending, with its undo");
  await done;
  const mails = (await box.sent()).slice(before);
  assert.equal(mails.length, 1, "sent once");
  assert.match(JSON.stringify(mails[0]), new RegExp(mail.from_email.replace(/\./g, "\\."), "i"));
  await eventually("the answer stands in its conversation, with its file", async () => {
    const messages = await box.stored(mail.gmail_thread_id);
    return messages.length === 2 && messages[1].attachments.some((a) => a.name === "plan.pdf");
  });
  assert.match((await box.stored(mail.gmail_thread_id))[1].snippet, /Thank you, we come at ten/, "every letter that was typed");
  await page.getByRole("article").nth(1).waitFor(); // it appears in the open conversation by itself
  const { body: drafts } = await box.demo.api("GET", box.google("/gmail/drafts"));
  assert.ok(!drafts.items.some((d) => d.subject.includes(mail.subject)), "no draft is left behind");
});

test("sending is taken back, and the message is there as it was", async () => {
  await box.inbox("");
  const before = (await box.sent()).length;
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
  const { body } = await box.demo.api("GET", box.google("/gmail/outbox?state=cancelled"));
  assert.equal(body.items[0].subject, "Two finishes");
  await composer().getByRole("button", { name: "Discard the draft" }).click();
  await gone(composer());
  assert.equal((await box.sent()).length, before);
});

test("a draft is there after a reload, and among the drafts", async () => {
  await box.inbox("");
  await page.keyboard.press("c");
  await composer().getByRole("textbox", { name: "Subject" }).fill("Notes for Thursday");
  await text().click();
  await page.keyboard.type("Bring the samples.");
  await composer().getByText(/Draft saved/).waitFor();
  await page.waitForURL((url) => (url.searchParams.get("compose") ?? "").includes("/")); // that of the draft
  const { body } = await box.demo.api("GET", box.google("/gmail/drafts"));
  assert.ok(body.items.some((d) => d.subject === "Notes for Thursday" && d.snippet.includes("Bring the samples.")), "what is said to be saved is");
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
  await box.inbox("");
  const before = (await box.sent()).length;
  await page.keyboard.press("c");
  await composer().getByRole("combobox", { name: "To" }).pressSequentially("ursina@alpwind.example,");
  await composer().getByRole("textbox", { name: "Subject" }).fill("Good morning");
  await composer().getByRole("button", { name: "Send later" }).click();
  await accessible(page, "times to send at");
  await page.keyboard.press("Escape"); // "tomorrow" is that of the moment at which it opens
  await gone(page.getByRole("menuitem", { name: /Tomorrow morning/ }));
  await composer().getByRole("button", { name: "Send later" }).click();
  await page.getByRole("menuitem", { name: "Pick a date and time" }).click();
  await page.getByLabel("Send at").waitFor();
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "Send later");
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: /Tomorrow morning/ }).click();
  await page.getByText(/Will be sent tomorrow, 08:00/).waitFor();
  await page.getByRole("button", { name: "Outbox" }).click();
  const planned = page.getByRole("region", { name: "Scheduled" });
  await planned.getByText("Good morning").waitFor();
  await accessible(page, "outbox");
  await screenshot(page, "outbox");
  await planned.getByRole("button", { name: "Do not send" }).click();
  await page.getByText("Nothing waits to be sent").waitFor();
  assert.equal((await box.sent()).length, before);
});

test("in the dark, and on a phone", async () => {
  const mail = await box.single();
  for (const [name, options] of [
    ["dark", { colorScheme: "dark" }],
    ["phone", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
  ]) {
    const view = await newPage(box.browser, options);
    await signIn(view.page, box.demo, box.demo.owner);
    await view.page.goto(`${box.demo.url}/crm/inbox?thread=${mail.gmail_thread_id}`);
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
  assert.deepEqual(box.problems, []);
});
