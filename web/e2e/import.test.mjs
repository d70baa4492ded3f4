// A file becomes records, walked on the real program: chosen, its columns matched, looked at, run, found in the table,
// and taken back. A line that cannot be read is told by its number, beforehand and afterwards.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, newPage, openBrowser, screenshot, signIn, startDemo } from "./harness.mjs";
import { eventually, gone } from "./mailbox.mjs";

let demo;
let browser;
let page;
let problems;

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), openBrowser()]);
  ({ page, problems } = await newPage(browser));
  await signIn(page, demo, demo.owner);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

const api = async (path) => {
  const { status, body } = await demo.api("GET", `/api/v1/workspaces/${demo.workspace_id}${path}`);
  assert.equal(status, 200, path);
  return body;
};
const grid = (name) => page.getByRole("grid", { name });
const dialog = (name) => page.getByRole("dialog", { name });

// The third line has no name, the fourth an address that is none; "Mobil 2" is no head that is known.
const people = [
  "Name;Mail;Mobil 2;Firma;Bemerkung intern",
  "Ines Duarte;ines@lumen-atelier.example;+351 21 555 0134;Lumen Atelier;met at the fair",
  "Tiago Pires;tiago@lumen-atelier.example;+351 21 555 0135;Lumen Atelier;",
  ";;;Lumen Atelier;a line without a name",
  "Rita Couto;no address;;Lumen Atelier;",
].join("\n");

test("a table becomes people: matched, looked at, run, and there", async () => {
  await page.goto(`${demo.url}/crm/people`);
  await grid("People").getByRole("link").first().waitFor();
  await page.getByRole("main").getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Import a file" }).click();
  const form = dialog("Import people");
  await form.getByText("Nothing is stored before you have seen what will happen").waitFor();
  await accessible(page, "choosing a file");
  await form.getByLabel("File to import").setInputFiles({ name: "fair.csv", mimeType: "text/csv", buffer: Buffer.from(people) });

  // What is known by its head is matched; the rest is matched by hand.
  const becomes = (column) => form.getByRole("combobox", { name: `${column} becomes` });
  await becomes("Name").waitFor();
  assert.equal(await becomes("Mail").inputValue(), "E-mails");
  assert.equal(await becomes("Firma").inputValue(), "Company");
  const choose = async (column, field) => {
    await becomes(column).click();
    await page.getByRole("option", { name: field, exact: true }).click();
    await eventually(`${column} becomes ${field}`, async () => (await becomes(column).inputValue()) === field);
  };
  await choose("Mobil 2", "Phones");
  await choose("Bemerkung intern", "Description");

  // What will happen, line by line.
  const lines = form.getByRole("list", { name: "The first lines" }).getByRole("listitem");
  await form.getByText(/4 lines: 3 new, 1 with mistakes/).waitFor();
  assert.equal(await lines.count(), 4);
  assert.match(await lines.nth(0).innerText(), /^1\s+Ines Duarte\s+New/);
  assert.match(await lines.nth(2).innerText(), /^3\s+No name\s+Cannot be read\s+There is no name\.$/);
  assert.match(await lines.nth(3).innerText(), /^4\s+Rita Couto\s+New\s+Left out: email \(no address\)/);
  await accessible(page, "an import, looked at");
  await screenshot(page, "import-preview");
  assert.equal((await api("/records?type=person&q=duarte")).items.length, 0, "nothing is stored yet");

  await form.getByRole("button", { name: "Import 3" }).click();
  await form.getByText("Imported: 3 made, 1 with mistakes").waitFor();
  const link = form.getByRole("link", { name: "The lines that could not be stored as they are" });
  await link.waitFor();
  await accessible(page, "an import that is over");
  const told = await page.evaluate(async (href) => (await fetch(href)).text(), await link.getAttribute("href"));
  assert.match(told, /^row,name,why\n3,,There is no name\.\n4,Rita Couto,Left out: email \(no address\)[^\n]*\n$/);
  await form.getByRole("button", { name: "Done" }).click();
  await gone(form);

  // They are in the table, with what was matched by hand.
  await page.goto(`${demo.url}/crm/people?q=lumen`);
  for (const name of ["Ines Duarte", "Tiago Pires", "Rita Couto"]) await grid("People").getByRole("link", { name }).waitFor();
  const [ines] = (await api("/records?type=person&q=duarte")).items;
  assert.equal(ines.phones[0].value, "+351215550134");
  assert.equal(ines.description, "met at the fair");
  assert.equal(ines.company.name, "Lumen Atelier");
  assert.equal(ines.created_by.by, "import");
  await screenshot(page, "imported");
});

test("amounts of several currencies, and an import that is taken back", async () => {
  await page.goto(`${demo.url}/crm/deals?open=import`);
  const form = dialog("Import deals");
  const deals = "Name,Amount,Currency\nLanterns for Kyoto,1200,JPY\nLamps for the souk,1.234,KWD\nRoof lights,99.5,EUR\nBarter,3,ABC\n";
  await form.getByLabel("File to import").setInputFiles({ name: "deals.csv", mimeType: "text/csv", buffer: Buffer.from(deals) });
  await form.getByText(/4 lines: 4 new/).waitFor();
  await form.getByText(/has the currency "ABC", which ISO 4217 does not have/).waitFor();
  await form.getByRole("button", { name: "Import 4" }).click();
  await form.getByText("Imported: 4 made").waitFor();
  await form.getByRole("button", { name: "Done" }).click();
  await gone(form);
  await page.goto(`${demo.url}/crm/deals`);
  await grid("Deals").getByRole("link", { name: "Lanterns for Kyoto" }).waitFor();
  await page.getByRole("gridcell", { name: "Amount: ¥1,200" }).waitFor();
  await page.getByRole("gridcell", { name: /Amount: KWD\s1\.234/ }).waitFor();
  await page.getByRole("gridcell", { name: "Amount: €99.50" }).waitFor();

  await page.goto(`${demo.url}/crm/deals?open=import`);
  await form.getByLabel("File to import").setInputFiles({ name: "again.csv", mimeType: "text/csv", buffer: Buffer.from("Name\nA mistake\n") });
  await form.getByRole("button", { name: "Import 1" }).click();
  await form.getByText("Imported: 1 made").waitFor();
  assert.equal((await api("/records?type=deal&q=mistake")).items.length, 1);
  await form.getByRole("button", { name: "Undo the import" }).click();
  await page.getByText("The import is taken back").waitFor();
  await eventually("it is gone", async () => (await api("/records?type=deal&q=mistake")).items.length === 0);
  assert.deepEqual(problems, []);
});
