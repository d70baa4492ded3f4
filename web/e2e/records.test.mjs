// Records, walked on the real program: a customer whom nobody knows becomes a person whose values say where they come
// from; suggestions are decided; two records become one and two again; a type of one's own gets a table.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, newPage, screenshot, signIn } from "./harness.mjs";
import { eventually, gone, openInbox } from "./mailbox.mjs";

let box;
let page;

before(async () => {
  box = await openInbox();
  page = box.page;
});
after(() => box?.stop());

const w = (path) => `/api/v1/workspaces/${box.demo.workspace_id}${path}`;
const api = async (method, path, body) => {
  const answer = await box.demo.api(method, w(path), { body });
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
};
const found = async (email) => (await api("GET", `/records?type=person&email=${encodeURIComponent(email)}`)).items[0];
const grid = (name) => page.getByRole("grid", { name });
const open = (path) => page.goto(`${box.demo.url}${path}`);

const signature = (title, phone) =>
  ["Best regards", "", "Selma Aaltonen", title, "Tuuli Interiors Oy", `Tel. ${phone}`, "Hämeentie 12, 00500 Helsinki, Finland", "www.tuuli-interiors.example"].join("\n");

const deliver = (subject, text, headers = {}) =>
  box.demo.sim("POST", `/_sim/accounts/${encodeURIComponent(box.demo.owner.email)}/messages`, {
    from: "Selma Aaltonen <selma.aaltonen@tuuli-interiors.example>",
    to: [box.demo.owner.email],
    subject,
    text,
    ...headers,
  });

test("a customer whom nobody knows becomes a person, and every value says where it stood", async () => {
  const { demo } = box;
  const { body: status } = await demo.api("GET", box.google("/status"));
  await demo.api("PATCH", box.google("/settings"), {
    body: { connection_id: status.connection_id, contact_policy: "all", enrich: "rules" },
  });
  await deliver(
    "Lamps for a showroom in Helsinki",
    `Dear Mara,\n\nwe are opening a showroom in March and would like to see your pendant lights there.\nCould you send us a price list for twelve pieces?\n\n${signature("Head of Purchasing", "+358 9 4245 0123")}`,
  );
  await demo.api("POST", box.google("/gmail/sync?wait=20s"), { body: {} });
  await eventually("she is a person with title, phone and company", async () => {
    const person = await found("selma.aaltonen@tuuli-interiors.example");
    return person?.title && person.phones.length > 0 && person.company;
  });

  await open("/crm/people?q=selma");
  await grid("People").getByRole("link", { name: /Selma Aaltonen/ }).waitFor();
  await accessible(page, "people");
  await screenshot(page, "people");
  await grid("People").getByRole("link", { name: /Selma Aaltonen/ }).click();
  const facts = page.getByRole("complementary", { name: "Facts" });
  await facts.getByText("Head of Purchasing").waitFor();
  for (const [field, line] of [
    ["title", /Head of Purchasing/],
    ["phones", /Tel\. \+358 9 4245 0123/],
    ["company", /Tuuli Interiors/],
  ]) {
    const mark = facts.getByRole("button", { name: `Where ${field} comes from` });
    await mark.focus();
    const card = page.getByRole("dialog", { name: `Where ${field} comes from` });
    await card.waitFor();
    if (field === "company") await card.getByText(/From the head of a message|Tuuli Interiors/).first().waitFor();
    else await card.getByRole("blockquote").getByText(line).waitFor();
    if (field === "title") {
      await accessible(page, "where a value comes from");
      await screenshot(page, "record-evidence");
    }
    await mark.blur();
    await gone(card);
  }
  await page.getByRole("list", { name: "Timeline" }).getByText("Lamps for a showroom in Helsinki").waitFor();
  await accessible(page, "a person");
  await screenshot(page, "record");
});

test("her message leads to her and to the company, and says why", async () => {
  await page.getByRole("list", { name: "Timeline" }).getByRole("link", { name: /Lamps for a showroom/ }).click();
  await page.waitForURL(/\/crm\/inbox/);
  const panel = page.getByRole("region", { name: "Records" });
  await panel.getByRole("link", { name: /Selma Aaltonen/ }).waitFor();
  await panel.getByText(/Selma Aaltonen takes part in this conversation/).waitFor();
  await accessible(page, "records of a conversation");
  await screenshot(page, "inbox-records");
  // Linked by hand, and taken away again.
  const deal = await api("POST", "/records", { type: "deal", name: "Helsinki showroom", stage: "qualified", amount: { minor: 1_250_000, currency: "EUR" } });
  await page.keyboard.press("Shift+L");
  const dialog = page.getByRole("dialog", { name: "Link to a record" });
  await dialog.getByRole("combobox").fill("helsinki");
  await dialog.getByRole("option", { name: /Helsinki showroom/ }).waitFor();
  await accessible(page, "link to a record");
  await dialog.getByRole("option", { name: /Helsinki showroom/ }).click();
  await panel.getByRole("link", { name: /Helsinki showroom/ }).waitFor();
  await panel.getByRole("button", { name: "Take the conversation from Helsinki showroom" }).click();
  await gone(panel.getByRole("link", { name: /Helsinki showroom/ }));
  assert.ok(deal.id);
});

test("a changed signature is a suggestion: one is taken, one is not", async () => {
  const { demo } = box;
  await deliver("Re: Lamps for a showroom in Helsinki", `Dear Mara,\n\nthank you. The showroom will have eight of them in the window.\n\n${signature("Chief Executive Officer", "+358 40 555 0199")}`);
  await demo.api("POST", box.google("/gmail/sync?wait=20s"), { body: {} });
  const person = await found("selma.aaltonen@tuuli-interiors.example");
  let list;
  await eventually("something is suggested", async () => {
    list = (await api("GET", `/suggestions?record_id=${person.id}`)).items;
    return list.length > 0;
  });
  await open(`/crm/records/${person.id}`);
  const first = page.getByRole("article", { name: /Chief Executive Officer/ });
  await first.waitFor();
  await first.getByRole("blockquote").getByText("Chief Executive Officer").waitFor();
  await first.getByText(/may have changed job/i).waitFor();
  await accessible(page, "suggestions of a person");
  await screenshot(page, "record-suggestion");
  await first.getByRole("button", { name: "Accept" }).click();
  await gone(first);
  await page.getByRole("complementary", { name: "Facts" }).getByText("Chief Executive Officer").waitFor();
  assert.equal((await found("selma.aaltonen@tuuli-interiors.example")).title, "Chief Executive Officer");

  // One of the demo's own mail is dismissed, and does not come back.
  await open("/crm/suggestions");
  await page.getByRole("heading", { name: "Suggestions" }).waitFor();
  const cards = page.getByRole("article");
  await cards.first().waitFor();
  await accessible(page, "suggestions");
  await screenshot(page, "suggestions");
  // Mail that is still being read may bring others: one is meant, by its number.
  const suggested = async () => (await api("GET", "/suggestions?state=suggested")).items;
  const [item] = await suggested();
  const card = page.locator(`[data-suggestion="${item.id}"]`);
  await card.getByText(item.record.name).first().waitFor();
  await card.getByRole("button", { name: "Dismiss" }).click();
  await gone(card);
  await eventually("it is not suggested any more", async () => !(await suggested()).some((s) => s.id === item.id));
  await page.reload();
  await page.getByRole("heading", { name: "Suggestions" }).waitFor();
  await cards.first().or(page.getByText("Nothing to decide")).first().waitFor();
  assert.equal(await card.count(), 0, "it stays away");
});

test("two records become one, and two again", async () => {
  const a = await api("POST", "/records", { type: "person", name: "Bruno Keller", title: "Architect", emails: ["bruno@quayside.example"], phones: ["+49 40 555 0101"] });
  const b = await api("POST", "/records", { type: "person", name: "B. Keller", title: "Partner", emails: ["b.keller@quayside.example"], phones: ["+49 40 555 0101"] });
  await open("/crm/duplicates");
  const pair = page.getByRole("listitem").filter({ hasText: "Bruno Keller" });
  await pair.waitFor();
  await accessible(page, "duplicates");
  await screenshot(page, "duplicates");
  await pair.getByRole("button", { name: "Compare and merge" }).click();
  const dialog = page.getByRole("dialog", { name: "Merge two records" });
  await dialog.getByRole("radio", { name: "Title: Partner" }).check({ force: true });
  await accessible(page, "merging");
  await screenshot(page, "merge");
  await dialog.getByRole("button", { name: "Merge", exact: true }).click();
  await page.getByText(/^Merged into/).waitFor();
  const [ra, rb] = [await api("GET", `/records/${a.id}`), await api("GET", `/records/${b.id}`)];
  assert.equal(ra.id, rb.id, "both addresses lead to one");
  const into = ra;
  assert.equal(into.title, "Partner");
  assert.equal(into.emails.length, 2, "addresses of both");
  await page.getByRole("button", { name: /^Undo/ }).click();
  await page.getByText("They are two records again").waitFor();
  assert.equal((await api("GET", `/records/${a.id}`)).title, "Architect");
  assert.equal((await api("GET", `/records/${b.id}`)).emails[0].value, "b.keller@quayside.example");
});

test("a table is changed by the keys, and what is refused comes back", async () => {
  await open("/crm/people?q=keller");
  const name = grid("People").getByRole("link", { name: /Bruno Keller/ });
  await name.waitFor();
  // The answer is still on its way when Z is pressed.
  let answer;
  const pressed = new Promise((resolve) => {
    answer = resolve;
  });
  await page.route("**/records/*", async (route) => {
    if (route.request().method() !== "PATCH") return route.continue();
    const response = await route.fetch();
    await pressed;
    return route.fulfill({ response });
  });
  await page.getByRole("gridcell", { name: "Title: Architect" }).click();
  await page.keyboard.press("Enter");
  await page.getByRole("textbox", { name: "Title" }).fill("Chief Architect");
  await page.keyboard.press("Enter");
  await page.getByRole("gridcell", { name: "Title: Chief Architect" }).waitFor();
  await eventually("it is stored", async () => (await found("bruno@quayside.example")).title === "Chief Architect");
  await page.keyboard.press("z");
  answer();
  await page.getByRole("gridcell", { name: "Title: Architect" }).waitFor();
  await eventually("it is as before", async () => (await found("bruno@quayside.example")).title === "Architect");
  await page.unroute("**/records/*");
  // No phone number: the old ones are there again, with the reason.
  await page.route("**/records/*", (route) =>
    route.request().method() === "PATCH"
      ? route.fulfill({ status: 422, contentType: "application/problem+json", body: JSON.stringify({ title: "No", status: 422, code: "validation_failed", detail: "This title is not possible." }) })
      : route.continue(),
  );
  await page.getByRole("gridcell", { name: "Title: Architect" }).click();
  await page.keyboard.press("Enter");
  await page.getByRole("textbox", { name: "Title" }).fill("Nothing");
  await page.keyboard.press("Enter");
  await page.getByText("This title is not possible.").waitFor();
  await page.getByRole("gridcell", { name: "Title: Architect" }).waitFor();
  await page.unroute("**/records/*");
  // Addresses open with one to type in, not with the star that says which is the main one.
  await page.getByRole("gridcell", { name: /^E-mails: bruno@/ }).click();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "E-mail address");
  await page.keyboard.press("Escape");
});

test("many are changed at once, and taken back", async () => {
  await open("/crm/companies");
  await grid("Companies").getByRole("link").first().waitFor();
  await page.getByRole("checkbox", { name: "Tick all that are shown" }).check();
  const bar = page.getByRole("toolbar", { name: "With the ticked records" });
  const ticked = Number.parseInt(await bar.getByText(/\d+ ticked/).textContent(), 10); // new companies may come meanwhile
  await bar.getByRole("button", { name: "Tag", exact: true }).click();
  await page.getByRole("combobox", { name: "Find or make a tag" }).fill("Fair 2026");
  await accessible(page, "many records, tagged");
  await page.keyboard.press("Enter");
  await page.getByText(/tagged Fair 2026/).waitFor();
  const [tag] = (await api("GET", "/tags")).items.filter((t) => t.name === "Fair 2026");
  assert.equal((await api("GET", `/records?type=company&tag_id=${tag.id}&limit=1`)).total, ticked);
  await page.keyboard.press("z");
  await page.getByText(/as before/).waitFor();
  assert.equal((await api("GET", `/records?type=company&tag_id=${tag.id}&limit=1`)).total, 0);
});

test("a deal is moved on the board by the keys, and the sums follow", async () => {
  await open("/crm/deals?layout=board");
  const column = (name) => page.getByRole("region", { name, exact: true });
  const card = column("Qualified").getByRole("link", { name: /Helsinki showroom/ });
  await card.waitFor();
  await column("Qualified").getByText("€12,500").first().waitFor();
  await accessible(page, "board of deals");
  await screenshot(page, "board");
  await card.focus();
  await page.keyboard.press("Shift+ArrowRight");
  await column("Proposal").getByRole("link", { name: /Helsinki showroom/ }).waitFor();
  await column("Proposal").getByText("€12,500").first().waitFor();
  await eventually("it is stored", async () => (await api("GET", "/records?type=deal&stage=proposal")).items.some((d) => d.name === "Helsinki showroom"));
});

test("a type of one's own: from nothing to a table with records", async () => {
  await open("/admin/objects");
  await page.getByText("No types of your own yet").waitFor();
  await accessible(page, "object types");
  await page.getByRole("button", { name: "Create a type" }).click();
  const dialog = page.getByRole("dialog", { name: "Create a type" });
  await dialog.getByRole("textbox", { name: "Name", exact: true }).fill("Project");
  await dialog.getByRole("button", { name: "Add a field" }).click();
  await dialog.getByRole("textbox", { name: "Name of the field" }).fill("Budget");
  await dialog.getByRole("combobox", { name: "Kind of Budget" }).click();
  await page.getByRole("option", { name: "Money" }).click();
  await dialog.getByRole("button", { name: "Add a field" }).click();
  await dialog.getByRole("textbox", { name: "Name of the field" }).nth(1).fill("Start");
  await dialog.getByRole("combobox", { name: "Kind of Start" }).click();
  await page.getByRole("option", { name: "Date" }).click();
  await accessible(page, "a new object type");
  await screenshot(page, "object-type");
  await dialog.getByRole("button", { name: "Create the type" }).click();
  await gone(dialog);
  await page.getByRole("table", { name: "Own types" }).getByRole("link", { name: /Projects/ }).click();
  await page.waitForURL(/\/crm\/objects\/project/);
  await page.getByText("No projects yet").waitFor();
  await accessible(page, "an empty table");
  for (const [name, budget] of [["Lobby of the Quayside", "12000"], ["Canopy", "4500"]]) {
    await page.keyboard.press("n");
    const form = page.getByRole("dialog", { name: "New project" });
    await form.getByRole("textbox", { name: "Name" }).fill(name);
    await form.getByRole("textbox", { name: "Budget" }).fill(budget);
    await form.getByRole("button", { name: "Make the project" }).click();
    await gone(form);
    await grid("Projects").getByRole("link", { name }).waitFor();
  }
  await page.getByRole("gridcell", { name: "Budget: €12,000" }).waitFor();
  await page.getByRole("complementary", { name: "Navigation" }).getByRole("link", { name: /Projects/ }).waitFor();
  await accessible(page, "a table of one's own type");
  await screenshot(page, "objects");
});

test("activities, tasks and the palette", async () => {
  await open("/crm/activities");
  await page.getByRole("link", { name: /showroom/ }).first().waitFor();
  await accessible(page, "activities");
  await screenshot(page, "activities");
  await open("/crm/tasks");
  await page.getByRole("textbox", { name: "New task" }).fill("Send the price list");
  await page.keyboard.press("Enter");
  const box = page.getByRole("checkbox", { name: "Done: Send the price list" });
  await box.waitFor();
  await accessible(page, "tasks");
  await screenshot(page, "tasks");
  await box.click();
  await gone(box);
  await page.getByRole("alert").getByRole("button", { name: /Undo/ }).click();
  await box.waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /Search records/ }).fill("selma");
  await page.getByRole("option", { name: /Selma Aaltonen.*Person/ }).first().waitFor(); // records stand above senders
  await accessible(page, "records in the palette");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/crm\/records\//);
  await page.keyboard.press("?");
  await page.getByText("Write a note").first().waitFor();
  await page.keyboard.press("Escape");
  await open("/admin/enrichment");
  await page.getByText("No text leaves this server").waitFor();
  await accessible(page, "enrichment");
  await screenshot(page, "enrichment");
});

test("on a phone and in the dark", async () => {
  const phone = await newPage(box.browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await signIn(phone.page, box.demo, box.demo.owner);
  const dark = await newPage(box.browser, { colorScheme: "dark" });
  await signIn(dark.page, box.demo, box.demo.owner);
  const { id } = await found("selma.aaltonen@tuuli-interiors.example");
  for (const [name, path] of [
    ["people", "/crm/people"],
    ["record", `/crm/records/${id}`],
    ["board", "/crm/deals?layout=board"],
  ]) {
    for (const [look, p] of [["phone", phone.page], ["dark", dark.page]]) {
      await p.goto(`${box.demo.url}${path}`);
      await p.getByRole("main").getByRole("link").first().waitFor();
      await accessible(p, `${name}, ${look}`);
      await screenshot(p, `${name}-${look}`);
    }
  }
  const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.equal(wide, false, "nothing is wider than the phone");
  assert.deepEqual([...phone.problems, ...dark.problems, ...box.problems], []);
});
