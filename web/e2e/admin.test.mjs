// The administration, walked on the real program: an approval after a member asked, an organisation that refuses, an
// invitation, a box left unticked and mended with one click, a key that is used and revoked, a set-up that breaks and is
// mended, colleagues who connect by a link.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, allow, consent, newPage, openBrowser, screenshot, signIn, startDemo } from "./harness.mjs";

let demo;
let browser;
let owner;
let members;

const domain = "northwind-lamps.example";
/** A colleague in the simulated organisation who has nothing to do with Rapport yet. */
const newcomer = { email: `viktor.noren@${domain}`, name: "Viktor Norén", password: "brass-and-shade-9" };

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), openBrowser()]);
  owner = await newPage(browser);
  await signIn(owner.page, demo, demo.owner);
  members = (await demo.api("GET", at("/members"))).body.items;
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

const at = (path) => `/api/v1/workspaces/${demo.workspace_id}${path}`;
const open = (page, path) => page.goto(demo.url + path);
const dialog = (page) => page.getByRole("dialog");

test("a member asks, the administrator approves, and the member connects with one click", async (t) => {
  const { page: admin } = owner;
  const { context, page, problems } = await newPage(browser);

  await t.test("the approval is taken back, after its consequences were said", async () => {
    await open(admin, "/admin/approval");
    await admin.getByRole("radio", { name: "Pending" }).click();
    await dialog(admin).getByText("Connections that exist go on").waitFor();
    await accessible(admin, "taking the approval back");
    await dialog(admin).getByRole("button", { name: "Set to pending" }).click();
    await admin.getByRole("heading", { name: "Google waits for your approval" }).waitFor();
  });

  await t.test("the member is told why, and asks", async () => {
    await signIn(page, demo, demo.member);
    await page.getByRole("link", { name: "Ask for approval" }).click();
    await page.getByRole("region", { name: "An administrator has to approve Google first" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Connect with Google" }).count(), 0);
    await accessible(page, "waiting for approval");
    await screenshot(page, "approval-member-asks");
    await page.getByLabel("A note for them").fill("To answer the fitters from here.");
    await page.getByRole("button", { name: "Ask my administrator" }).click();
    await page.getByRole("region", { name: "Your administrator has been asked" }).waitFor();
    await screenshot(page, "approval-member-asked");
  });

  await t.test("members find no administration", async () => {
    const other = await context.newPage();
    await open(other, "/admin/members");
    await other.getByText("There is no page here").waitFor();
    assert.equal(await other.getByRole("link", { name: "Administration" }).count(), 0);
    const refused = await demo.api("PATCH", at("/google-approval"), { as: demo.member, body: { state: "approved" } });
    assert.equal(refused.status, 403);
    await other.close();
  });

  await t.test("the administrator sees the request without reloading, and approves", async () => {
    await admin.getByText("To answer the fitters from here.").waitFor();
    await admin.getByRole("navigation", { name: "Administration", exact: true }).getByText("1 open requests").waitFor();
    await accessible(admin, "approval with a request");
    await screenshot(admin, "approval-request");
    await admin.getByRole("button", { name: "Approve", exact: true }).click();
    await admin.getByRole("heading", { name: "Google is approved" }).waitFor();
    await admin.getByText("To answer the fitters from here.").waitFor({ state: "detached" });
  });

  await t.test("the member's page offers to connect by itself; one click, and Google's consent", async () => {
    await page.getByRole("button", { name: "Connect with Google" }).click();
    await consent(page, demo.member.email, allow);
    await page.getByRole("heading", { name: "You are connected" }).waitFor();
    await screenshot(page, "approval-member-connected");
  });
  assert.deepEqual(problems, []);
  await context.close();
});

test("somebody is invited, their organisation refuses, then one box is missing", async (t) => {
  const { page: admin } = owner;
  const { context, page, problems } = await newPage(browser);
  const policy = (app) => demo.sim("POST", "/_sim/project", { blocked: { domain, app, mode: "callback" } });
  let link;

  await t.test("the link is shown once", async () => {
    await open(admin, "/admin/members");
    await admin.getByRole("button", { name: "Invite", exact: true }).click();
    await dialog(admin).getByLabel("E-mail address").fill(newcomer.email);
    await dialog(admin).getByLabel("Name").fill(newcomer.name);
    await accessible(admin, "inviting");
    await dialog(admin).getByRole("button", { name: "Make the link" }).click();
    link = await dialog(admin).locator("code").innerText();
    assert.match(link, /\/invite\/[\w-]{40,}$/);
    await accessible(admin, "an invitation");
    await screenshot(admin, "invitation-made");
    await dialog(admin).getByRole("button", { name: "Done" }).click();
    await admin.getByRole("button", { name: `Revoke the invitation of ${newcomer.email}` }).waitFor();
  });

  await t.test("the invited person comes in, and the link is spent", async () => {
    await page.goto(link);
    await page.getByRole("heading", { name: /^Join / }).waitFor();
    await accessible(page, "invitation");
    await screenshot(page, "invitation");
    await page.getByLabel("Password", { exact: true }).fill(newcomer.password);
    await page.getByRole("button", { name: "Join" }).click();
    await page.waitForURL(/\/crm\/onboarding\/connect/);
    const again = await context.newPage();
    await again.goto(link);
    await again.getByRole("heading", { name: "This invitation is no longer good" }).waitFor();
    await screenshot(again, "invitation-spent");
    await again.close();
  });

  await t.test("an organisation that refuses: what its administrator needs, and a way on", async () => {
    await policy(true);
    await page.getByRole("button", { name: "Connect with Google" }).click();
    const account = page.locator(`[id="account-${newcomer.email}"]`);
    await account.or(page.getByRole("region", { name: /administrator has to approve Rapport/ })).first().waitFor();
    if (await account.isVisible()) await account.click();
    await page.waitForURL(/google=waiting_for_admin/);
    await page.getByRole("region", { name: /administrator has to approve Rapport/ }).waitFor();
    await page.getByText(/apps\.googleusercontent\.com$/).waitFor();
    await page.getByRole("button", { name: "Copy a message for them" }).waitFor();
    await accessible(page, "organisation refuses");
    await screenshot(page, "connect-waiting-for-admin");
    await open(admin, "/admin/connections");
    await admin.getByRole("radio", { name: /Needs attention/ }).check();
    await admin.getByRole("row").filter({ hasText: newcomer.name }).getByText("Waiting for approval").waitFor();
    await screenshot(admin, "connections-attention");
  });

  await t.test("allowed, but one box stays unticked: partly connected", async () => {
    await policy(false);
    await page.getByRole("button", { name: "Try again" }).click();
    await consent(page, newcomer.email, async () => {
      const boxes = page.locator('input[name="scope"]');
      for (let i = 0; i < (await boxes.count()); i++) {
        const send = (await boxes.nth(i).getAttribute("value")).endsWith("gmail.send");
        if (!send && !(await boxes.nth(i).isChecked())) await boxes.nth(i).check();
      }
      const send = page.locator('input[name="scope"][value$="gmail.send"]');
      if (await send.count()) assert.equal(await send.isChecked(), false);
      const modify = page.locator('input[name="scope"][value$="gmail.modify"]');
      if (await modify.count()) await modify.uncheck();
      await page.locator("#continue").click();
    });
    await page.waitForURL(/\/crm\//);
    await open(page, "/crm/settings/integrations");
    await page.getByText("Partly connected").first().waitFor();
    await accessible(page, "partly connected");
    await screenshot(page, "repair-before");
  });

  await t.test("one click beside the feature mends it", async () => {
    await page.getByRole("button", { name: /^Allow: / }).first().click();
    await consent(page, newcomer.email, allow);
    await page.waitForURL(/\/crm\/settings\/integrations/);
    await page.getByRole("heading", { name: `Connected as ${newcomer.email}` }).first().waitFor();
    assert.equal(await page.getByRole("button", { name: /^Allow: / }).count(), 0);
    await screenshot(page, "repair-after");
  });
  assert.deepEqual(problems, []);
  await context.close();
});

test("a key is created, used and revoked", async () => {
  const { page: admin } = owner;
  await open(admin, "/admin/api-keys");
  await admin.getByRole("button", { name: "Create a key" }).first().click();
  await dialog(admin).getByLabel("Name").fill("Walk");
  await dialog(admin).getByLabel("Read mail").check();
  await dialog(admin).getByLabel("Gmail").check();
  await accessible(admin, "creating a key");
  await screenshot(admin, "key-create");
  await dialog(admin).getByRole("button", { name: "Create the key" }).click();
  await dialog(admin).getByText("Copy the key now").waitFor();
  const key = await dialog(admin).locator("code").first().innerText();
  await accessible(admin, "a key");
  await dialog(admin).getByRole("button", { name: "Done" }).click();
  assert.ok(!(await admin.content()).includes(key), "the key is gone from the page");

  const me = members.find((m) => m.email === demo.owner.email).user_id;
  const call = (path) => fetch(demo.url + path, { headers: { Authorization: `Bearer ${key}` } });
  assert.equal((await call(at("/integrations/google/gmail/emails?limit=1"))).status, 200);
  const vended = await call(`/api/token/${me}/gmail`);
  assert.equal(vended.status, 200, "a key of the member gets a token of the member's own mailbox");
  assert.equal((await vended.json()).token_type, "Bearer");
  assert.equal((await call(`/api/token/${me}/drive`)).status, 403, "a key for gmail gets nothing of drive");

  await open(admin, "/admin/api-keys");
  const row = admin.getByRole("row").filter({ hasText: "Walk" });
  await row.getByText(/just now|\d+ (s|min) ago/).waitFor();
  await row.getByRole("button", { name: "Revoke the key Walk" }).click();
  await accessible(admin, "revoking a key");
  await dialog(admin).getByRole("button", { name: "Revoke the key" }).click();
  await admin.getByRole("table", { name: "Revoked and expired keys" }).getByText("Walk").waitFor();
  assert.equal((await call(at("/integrations/google/gmail/emails?limit=1"))).status, 401);

  await open(admin, "/admin/audit");
  await admin.getByText("was given a Gmail token").first().waitFor();
  await admin.getByText("revoked an API key").first().waitFor();
  await admin.getByRole("button", { name: /was refused a Drive token/ }).first().click();
  await admin.getByText("denied", { exact: true }).waitFor();
  await accessible(admin, "audit log");
  await screenshot(admin, "audit");
  assert.ok(!(await admin.content()).includes(key));
});

test("blocked: connections rest and no tokens are given, until it is approved again", async () => {
  const { page: admin } = owner;
  const me = members.find((m) => m.email === demo.owner.email).user_id;
  await open(admin, "/admin/approval");
  await admin.getByRole("radio", { name: "Blocked" }).click();
  await dialog(admin).getByText(/stop reading mail and wait|No connection is running/).waitFor();
  await dialog(admin).getByRole("button", { name: "Block", exact: true }).click();
  await admin.getByRole("heading", { name: "Google is blocked" }).waitFor();
  await screenshot(admin, "approval-blocked");
  await open(admin, "/admin/connections");
  await admin.getByRole("row").filter({ hasText: demo.owner.email }).getByText("Waiting for approval").waitFor();
  const refused = await demo.api("GET", `/api/token/${me}/gmail`);
  assert.equal(refused.status, 403);
  assert.equal(refused.body.code, "waiting_for_admin");
  await open(admin, "/crm/onboarding/connect");
  await admin.getByRole("region", { name: "Google is blocked in this workspace" }).waitFor();
  await accessible(admin, "blocked");
  await screenshot(admin, "connect-blocked");
  await admin.getByRole("link", { name: "Open the approval" }).click();
  await admin.getByRole("radio", { name: "Approved" }).click();
  await admin.getByRole("heading", { name: "Google is approved" }).waitFor();
  await open(admin, "/admin/connections");
  await admin.getByRole("row").filter({ hasText: demo.owner.email }).getByText("Connected", { exact: true }).waitFor();
  assert.equal((await demo.api("GET", `/api/token/${me}/gmail`)).status, 200);
});

test("the set-up check names the first broken link, and is content when it is mended", async () => {
  const { page: admin } = owner;
  const elsewhere = "http://localhost:1/oauth/elsewhere";
  await demo.sim("POST", "/_sim/project", { redirect_uris: [elsewhere] });
  await open(admin, "/admin/setup-check");
  await admin.getByRole("heading", { name: /^The first broken link: Redirect URI/ }).waitFor({ timeout: 60_000 });
  await admin.getByText("How to mend it").waitFor();
  const uri = `${demo.url}/api/v1/integrations/google/callback`;
  await admin.getByRole("button", { name: `Copy ${uri}` }).waitFor();
  await accessible(admin, "a broken set-up");
  await screenshot(admin, "check-broken");
  await demo.sim("POST", "/_sim/project", { redirect_uris: [] });
  await admin.getByRole("button", { name: "Run again" }).click();
  await admin.getByRole("heading", { name: /Everything is in order|^It works/ }).waitFor({ timeout: 60_000 });
  assert.equal(await admin.getByRole("img", { name: "Broken" }).count(), 0);
  await accessible(admin, "a mended set-up");
  await screenshot(admin, "check-mended");
});

test("colleagues who have not connected get a link that needs no password", async (t) => {
  const { page: admin } = owner;
  await demo.sim("PATCH", `/_sim/accounts/${encodeURIComponent(demo.owner.email)}`, { admin: true });
  let link;
  let who;

  await t.test("the directory is connected first", async () => {
    await open(admin, "/admin/colleagues");
    await admin.getByRole("link", { name: "Connect the directory" }).waitFor();
    await accessible(admin, "directory not connected");
    await screenshot(admin, "colleagues-not-connected");
    await admin.getByRole("link", { name: "Connect the directory" }).click();
    await consent(admin, demo.owner.email, allow);
    await admin.waitForURL(/\/admin\/colleagues/);
    await admin.getByRole("table", { name: "Colleagues" }).waitFor();
    assert.equal(await admin.getByRole("table", { name: "Colleagues" }).getByText(demo.owner.email).count(), 0, "who is connected is not asked");
  });

  await t.test("a link is made for one of them", async () => {
    const box = admin.getByRole("checkbox", { name: /^Select (?!everybody)/ }).first();
    who = (await admin.getByRole("row").filter({ has: box }).locator("td").nth(1).innerText()).split("\n").at(-1).trim();
    await box.check();
    await admin.getByRole("button", { name: "Make connect links" }).click();
    link = await dialog(admin).locator("code").innerText();
    await accessible(admin, "connect links");
    await screenshot(admin, "connect-links");
    await dialog(admin).getByRole("button", { name: "Done" }).click();
    await admin.getByRole("table", { name: "Links not used yet" }).getByText(who).waitFor();
    await screenshot(admin, "colleagues");
  });

  await t.test("it works signed out, once", async () => {
    // An app in testing: what is given now ends after seven days.
    await demo.sim("POST", "/_sim/project", { publishing: "testing", test_users: [who] });
    const { context, page, problems } = await newPage(browser);
    await page.goto(link);
    await page.getByText(who).waitFor();
    await accessible(page, "connect link");
    await screenshot(page, "connect-link");
    await page.getByRole("link", { name: "Continue at Google" }).click();
    await consent(page, who, allow);
    await page.getByRole("heading", { name: "Your Google account is connected" }).waitFor();
    await accessible(page, "connected by a link");
    await screenshot(page, "connect-link-done");
    await page.goto(link);
    await page.getByRole("heading", { name: "This link is no longer good" }).waitFor();
    await screenshot(page, "connect-link-spent");
    assert.deepEqual(problems, []);
    await context.close();
    await open(admin, "/admin/connections");
    await admin.getByRole("row").filter({ hasText: who }).getByText("Google ends it in 7 days").waitFor();
  });

  await t.test("the approval counts down while the app is in testing", async () => {
    await open(admin, "/admin/approval");
    await admin.getByRole("heading", { name: "Connections begin to end in 7 days" }).waitFor();
    await admin.getByRole("button", { name: "How to end this" }).click();
    await dialog(admin).getByText("For your own organisation: make it internal").waitFor();
    await accessible(admin, "testing mode");
    await screenshot(admin, "approval-testing");
    await demo.sim("POST", "/_sim/project", { publishing: "production" });
  });
});

test("sessions are listed, one is ended, and all at once", async () => {
  const { context, page, problems } = await newPage(browser);
  const second = await newPage(browser);
  await signIn(page, demo, newcomer);
  await signIn(second.page, demo, newcomer);
  await open(page, "/crm/settings/account");
  await page.getByText("This one").waitFor();
  await accessible(page, "account");
  await screenshot(page, "account");
  const alive = async (of) => (await of.request.get(`${demo.url}/api/v1/me`)).status();
  const end = page.getByRole("button", { name: /^End the session/ });
  assert.ok((await end.count()) >= 1);
  for (let left = await end.count(); left > 0; left--) {
    await end.first().click();
    await page.waitForFunction((n) => document.querySelectorAll('button[aria-label^="End the session"]').length === n, left - 1);
  }
  assert.equal(await alive(second.context), 401, "an ended session is over");
  assert.equal(await alive(context), 200, "the session that asked goes on");
  await signIn(second.page, demo, newcomer);
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await accessible(page, "signing out everywhere");
  await dialog(page).getByRole("button", { name: "Sign out everywhere" }).click();
  await page.waitForURL(/\/login/);
  assert.equal(await alive(second.context), 401);
  assert.equal(await alive(context), 401);
  assert.deepEqual(problems, []);
  await second.context.close();
  await context.close();
});

test("every page, light, dark and on a phone", async () => {
  const me = members.find((m) => m.email === demo.owner.email).user_id;
  const lease = await demo.api("POST", "/api/v1/tokens/leases", {
    body: { name: "Mail merge", user_id: me, service: "gmail", methods: ["GET"], paths: ["/gmail/v1/users/me/messages*"], max_calls: 50 },
  });
  assert.equal(lease.status, 201, JSON.stringify(lease.body));
  const pages = [
    ["/admin/members", (page) => page.getByText(demo.member.email).first()],
    ["/admin/colleagues", (page) => page.getByRole("table", { name: "Colleagues" })],
    ["/admin/approval", (page) => page.getByText("Manage third-party app access")],
    ["/admin/google", (page) => page.getByText(/apps\.googleusercontent\.com/).first()],
    ["/admin/connections", (page) => page.getByText("Connected", { exact: true }).first()],
    ["/admin/setup-check", (page) => page.getByRole("list", { name: "The chain" })],
    ["/admin/api-keys", (page) => page.getByRole("table").first()],
    ["/admin/tokens", (page) => page.getByText("Mail merge")],
    ["/admin/audit", (page) => page.getByRole("region", { name: "Today" })],
    ["/crm/settings/account", (page) => page.getByText("This one")],
  ];
  for (const [name, options] of [
    ["light", {}],
    ["dark", { colorScheme: "dark" }],
    ["phone", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
  ]) {
    const { context, page, problems } = await newPage(browser, options);
    await signIn(page, demo, demo.owner);
    for (const [path, there] of pages) {
      // So that something was done today, also where midnight comes before this page.
      if (path === "/admin/audit") await demo.api("GET", `/api/token/${me}/gmail`);
      await open(page, path);
      await there(page).waitFor({ timeout: 60_000 });
      await accessible(page, `${path} ${name}`);
      await screenshot(page, `${path.slice(1).replace(/\W+/g, "-")}-${name}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      assert.equal(wide, false, `${path} ${name}: nothing scrolls sideways`);
    }
    if (name === "phone") {
      await page.getByRole("link", { name: "Settings" }).or(page.getByRole("button", { name: "Settings" })).first().click();
      await page.getByRole("menuitem", { name: "Administration" }).click();
      await page.waitForURL(/\/admin\/members/);
      await page.getByRole("button", { name: "Administration", exact: true }).click();
      await page.getByRole("menuitem", { name: "Set-up check" }).waitFor();
      await accessible(page, "the menu of the administration");
      await screenshot(page, "admin-menu-phone");
    } else {
      await page.keyboard.press("Control+k");
      await page.keyboard.type("who did what");
      await page.getByRole("option", { name: /Audit log/ }).waitFor();
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/admin\/audit/);
    }
    assert.deepEqual(problems, []);
    await context.close();
  }
});
