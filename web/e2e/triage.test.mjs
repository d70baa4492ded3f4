// Mail is tidied up: many at once, stars and labels, what Gmail refuses; and shared with a colleague.
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
test("many are archived at once, and come back to their places", async () => {
  await box.inbox("");
  const ids = await Promise.all([0, 1, 2, 3, 4].map(box.idOf));
  await box.rows().nth(1).hover();
  await box.list().getByRole("checkbox").nth(1).click();
  await box.list().getByRole("checkbox").nth(3).click({ modifiers: ["Shift"] });
  await page.getByText("3 ticked").waitFor();
  await accessible(page, "ticked conversations");
  await screenshot(page, "inbox-ticked");
  await page.getByRole("toolbar").getByRole("button", { name: "Archive" }).click();
  await page.getByText("3 conversations archived").waitFor();
  for (const id of ids.slice(1, 4)) await gone(box.row(id));
  await eventually("Gmail has it", async () => !(await box.labelled(ids[1], "INBOX")()));
  await page.keyboard.press("z");
  for (const id of ids.slice(1, 4)) await box.row(id).waitFor();
  const now = () => box.rows().evaluateAll((rows) => rows.slice(0, 5).map((row) => row.getAttribute("data-thread")));
  await eventually("they are in their places", async () => JSON.stringify(await now()) === JSON.stringify(ids));
  await eventually("Gmail has it back", box.labelled(ids[1], "INBOX"));
});

test("a star, a label made on the way, and a search that finds both", async () => {
  await box.inbox("");
  const id = await box.idOf(0);
  const starred = await box.labelled(id, "STARRED")();
  await page.keyboard.press("j");
  await page.waitForFunction((t) => document.activeElement?.getAttribute("data-thread") === t, id);
  if (starred) {
    await page.keyboard.press("s");
    await page.getByText("Star removed").waitFor();
    await eventually("the star is off", async () => !(await box.labelled(id, "STARRED")()));
  }
  await page.keyboard.press("s");
  await page.getByText("Starred", { exact: true }).waitFor();
  await eventually("the star is stored", box.labelled(id, "STARRED"));
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
  await eventually("the search finds it", async () => (await box.rows().count()) === 1 && (await box.idOf(0)) === id);
});

test("what Gmail refuses comes back, with the reason", async () => {
  await box.inbox("");
  const id = await box.idOf(2);
  await box.settled(); // what was changed before is not what is refused
  await box.demo.sim("POST", "/_sim/faults", { api: "gmail", method: "messages.modify", kind: "status", status: 400, reason: "invalidArgument", message: "Invalid label" });
  await box.demo.sim("POST", "/_sim/faults", { api: "gmail", method: "messages.batchModify", kind: "status", status: 400, reason: "invalidArgument", message: "Invalid label" });
  await box.demo.sim("POST", "/_sim/faults", { api: "gmail", method: "threads.modify", kind: "status", status: 400, reason: "invalidArgument", message: "Invalid label" });
  await box.rows().nth(2).hover();
  await box.list().getByRole("listitem").nth(2).getByRole("button", { name: "Archive" }).click();
  await page.getByText(/Gmail did not take a change/).waitFor({ timeout: 30_000 });
  await box.row(id).waitFor();
  await gone(page.getByText("Archived", { exact: true }));
  await screenshot(page, "inbox-refused");
  await box.demo.sim("DELETE", "/_sim/faults");
  assert.ok(await box.labelled(id, "INBOX")());
});

test("a conversation is shared with a colleague who could not see it, and closed again", async () => {
  const mail = await box.single();
  const other = await newPage(box.browser);
  await signIn(other.page, box.demo, box.demo.member);
  const place = `${box.demo.url}/crm/inbox?label=COLLEAGUES&thread=${mail.gmail_thread_id}&box=${mail.connection_id}`;
  await other.page.goto(place);
  await other.page.getByText("This conversation is no longer here").waitFor();
  await box.inbox(`?thread=${mail.gmail_thread_id}`);
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

test("nothing went wrong on the page meanwhile", () => assert.deepEqual(box.problems, []));
