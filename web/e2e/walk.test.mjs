// The main job, walked as a person would: sign in, connect through Google's consent page, watch the import count up,
// read, search, and see new mail arrive without reloading.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, allow, consent, deny, newPage, openBrowser, screenshot, signIn, startDemo } from "./harness.mjs";

let demo;
let browser;

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), openBrowser()]);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

const conversations = (page) => page.getByRole("list", { name: "Conversations" }).getByRole("link");

test("the second member connects, with a denial and an unticked box on the way", async (t) => {
  const { context, page, problems } = await newPage(browser);
  const google = (await demo.sim("GET", "/_sim/accounts")).find((a) => a.email === demo.member.email).email;
  await page.goto(`${demo.url}/login`);
  await page.getByRole("button", { name: /^sign in$/i }).waitFor();
  await screenshot(page, "login");
  await accessible(page, "login");
  await signIn(page, demo, demo.member);
  await page.getByRole("region", { name: "Google connection" }).getByText("Connect your Google account").waitFor();
  await screenshot(page, "home-not-connected");
  await accessible(page, "home");

  await t.test("denied: the page says what happened and what can be done", async () => {
    await page.getByRole("link", { name: "Connect Google" }).click();
    await page.getByRole("button", { name: "Connect with Google" }).waitFor();
    await accessible(page, "connect");
    await screenshot(page, "connect");
    await page.getByRole("button", { name: "Connect with Google" }).click();
    await page.waitForURL(/\/o\/oauth2\//);
    await screenshot(page, "consent-account");
    await consent(page, google, async () => {
      await screenshot(page, "consent");
      await accessible(page, "consent");
      await deny(page);
    });
    await page.waitForURL(/google=denied/);
    await page.getByRole("alert").or(page.getByRole("status")).first().waitFor();
    await screenshot(page, "connect-denied");
    const { body } = await demo.api("GET", `/api/v1/workspaces/${demo.workspace_id}/integrations/google/status`, { as: demo.member });
    assert.equal(body.is_connected, false, "nothing is stored after a denial");
  });

  await t.test("a box left unticked: partly connected, and repaired with one click", async () => {
    await page.goto(`${demo.url}/crm/onboarding/connect`);
    await page.getByRole("button", { name: "Connect with Google" }).click();
    await consent(page, google, async () => {
      await page.locator('input[name="scope"][value$="gmail.readonly"]').check();
      await page.locator("#continue").click();
    });
    await page.waitForURL(/\/crm\//);
    await page.goto(`${demo.url}/crm/settings/integrations`);
    const repair = page.getByRole("button", { name: /missing permission/i }).first();
    await repair.waitFor();
    await accessible(page, "settings, partly connected");
    await screenshot(page, "settings-partly");
    await repair.click();
    await consent(page, google, allow);
    await page.waitForURL(/\/crm\//);
  });

  await t.test("the import counts up to everything Gmail has", async () => {
    await page.goto(`${demo.url}/crm/settings/integrations`);
    await page.getByText(`Connected as ${google}`).first().waitFor();
    await screenshot(page, "settings-importing");
    await page.getByText(/(?<![\d,])(\d[\d,]*) of \1(?![\d,])/).first().waitFor({ timeout: 120_000 });
    await accessible(page, "settings");
    await screenshot(page, "settings");
  });

  await t.test("the inbox shows the mail", async () => {
    await page.goto(`${demo.url}/crm/inbox`);
    await conversations(page).first().waitFor();
    assert.ok((await conversations(page).count()) > 5);
  });
  assert.deepEqual(problems, []);
  await context.close();
});

test("the owner reads, searches with operators and sees new mail without reloading", async (t) => {
  const { context, page, problems } = await newPage(browser);
  await signIn(page, demo, demo.owner);
  await page.goto(`${demo.url}/crm/inbox`);
  await conversations(page).first().waitFor();

  await t.test("opens a conversation with the keyboard", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Conversation" }).getByRole("article").first().waitFor();
    await accessible(page, "inbox");
    await screenshot(page, "inbox-light");
  });

  await t.test("search finds what Gmail finds", async () => {
    const listed = await demo.api("GET", `/api/v1/workspaces/${demo.workspace_id}/integrations/google/gmail/emails?q=has:attachment&limit=1`);
    const sender = listed.body.items[0].from_email;
    const q = `from:${sender} has:attachment`;
    const found = await demo.api("GET", `/api/v1/workspaces/${demo.workspace_id}/integrations/google/gmail/emails?limit=200&q=${encodeURIComponent(q)}`);
    assert.ok(found.body.items.length > 0);
    assert.ok(found.body.items.every((e) => e.from_email === sender && e.has_attachments));
    await page.keyboard.press("Escape");
    await page.getByRole("combobox", { name: "Search mail" }).fill(q);
    await page.getByRole("combobox", { name: "Search mail" }).press("Enter");
    await page.waitForURL(/q=/);
    await conversations(page).getByLabel("With files").first().waitFor();
    await screenshot(page, "inbox-search");
  });

  await t.test("a message delivered at Google appears by itself", async () => {
    await page.goto(`${demo.url}/crm/inbox`);
    await conversations(page).first().waitFor();
    const subject = `Lamp samples ${Date.now()}`;
    await demo.sim("POST", `/_sim/accounts/${encodeURIComponent(demo.owner.email)}/messages`, {
      from: "Ines Marlow <ines.marlow@harbour-hotels.example>",
      to: [demo.owner.email],
      subject,
      text: "The samples arrived this morning. Could we talk on Thursday?",
      html: '<p>The samples arrived <b>this morning</b>. Could we talk on Thursday?</p><script>document.title="broken"</script><img src="http://127.0.0.1:9/pixel.png">',
    });
    await page.getByRole("button", { name: "Sync now" }).click();
    const row = conversations(page).filter({ hasText: subject });
    await row.waitFor({ timeout: 75_000 });
    await row.click();
    const article = page.getByRole("region", { name: "Conversation" }).getByRole("article").first();
    await article.waitFor();
    const frame = article.frameLocator("iframe");
    await frame.getByText("this morning").waitFor();
    await page.getByText(/images/i).first().waitFor();
    assert.notEqual(await page.title(), "broken");
    await screenshot(page, "inbox-new-mail");
  });

  await t.test("a poll alone shows new mail too", async () => {
    const subject = `Without a click ${Date.now()}`;
    await demo.sim("POST", `/_sim/accounts/${encodeURIComponent(demo.owner.email)}/messages`, {
      from: "Ines Marlow <ines.marlow@harbour-hotels.example>",
      to: [demo.owner.email],
      subject,
      text: "One more thing.",
    });
    await conversations(page).filter({ hasText: subject }).waitFor({ timeout: 180_000 });
  });

  await t.test("home, palette, keys and settings are accessible", async () => {
    await page.goto(`${demo.url}/crm`);
    await page.getByRole("heading").first().waitFor();
    await page.waitForLoadState("networkidle").catch(() => {});
    await accessible(page, "home of the owner");
    await screenshot(page, "home");
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").waitFor();
    await accessible(page, "palette");
    await screenshot(page, "palette");
    await page.keyboard.press("Escape");
    await page.goto(`${demo.url}/crm/settings/members`);
    await page.getByText(demo.member.email).first().waitFor();
    await accessible(page, "members");
    await screenshot(page, "members");
  });

  await t.test("completeness: the button compares the ids and says so", async () => {
    await page.goto(`${demo.url}/crm/settings/integrations`);
    await page.getByRole("button", { name: /check/i }).first().click();
    await page.getByText(/Gmail has .* Rapport has/i).first().waitFor({ timeout: 60_000 });
    await screenshot(page, "settings-verified");
  });
  assert.deepEqual(problems, []);
  await context.close();
});

test("dark, and on a phone", async () => {
  for (const [name, options] of [
    ["dark", { colorScheme: "dark" }],
    ["phone", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
    ["phone-dark", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: "dark" }],
  ]) {
    const { context, page, problems } = await newPage(browser, options);
    await signIn(page, demo, demo.owner);
    await page.getByRole("heading").first().waitFor();
    await page.waitForLoadState("networkidle").catch(() => {});
    await screenshot(page, `home-${name}`);
    await page.goto(`${demo.url}/crm/inbox`);
    await conversations(page).first().waitFor();
    await screenshot(page, `inbox-list-${name}`);
    await conversations(page).nth(1).click();
    await page.getByRole("article").first().waitFor();
    await accessible(page, `inbox ${name}`);
    await screenshot(page, `inbox-${name}`);
    if (name.startsWith("phone")) {
      await page.getByRole("button", { name: "Back to the list" }).click();
      await conversations(page).first().waitFor();
    }
    await page.goto(`${demo.url}/crm/settings/integrations`);
    await page.getByText(/Connected as/).first().waitFor();
    await accessible(page, `settings ${name}`);
    await screenshot(page, `settings-${name}`);
    await page.goto(`${demo.url}/crm/onboarding/connect`);
    await page.getByRole("heading").first().waitFor();
    await screenshot(page, `connect-${name}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.equal(wide, false, `${name}: nothing scrolls sideways`);
    assert.deepEqual(problems, []);
    await context.close();
  }
});
