// Webhooks, walked on the real program: one is made, its secret is seen once, a test and a message arrive signed, the
// receiver fails and what was sent is sent again, a new secret signs beside the old one.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { accessible, newPage, openBrowser, screenshot, signIn, startDemo } from "./harness.mjs";
import { eventually, imported } from "./mailbox.mjs";

let demo;
let browser;
let owner;
let receiver;

before(async () => {
  process.env.OUTBOUND_ALLOW_PRIVATE = "true"; // the receiver is on this machine
  [demo, browser, receiver] = await Promise.all([startDemo(), openBrowser(), startReceiver()]);
  owner = await newPage(browser);
  await signIn(owner.page, demo, demo.owner);
  // The import makes hundreds of records, each told of; here it is about single deliveries.
  await imported(demo);
  let newest;
  await eventually("records are quiet", async () => {
    const { body } = await demo.api("GET", `/api/v1/workspaces/${demo.workspace_id}/records?sort=-updated_at&limit=1`);
    const before = newest;
    newest = `${body.items[0]?.id} ${body.items[0]?.updated_at}`;
    if (newest !== before) await new Promise((resolve) => setTimeout(resolve, 4000));
    return newest === before;
  });
});
after(async () => {
  await browser?.close();
  await demo?.stop();
  receiver?.close();
});

/** Another program: it keeps what it gets, and answers as it is told to. */
function startReceiver() {
  const got = [];
  const waiting = [];
  const state = { answer: 200 };
  const server = createServer((request, response) => {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      const body = Buffer.concat(pieces);
      got.push({ headers: request.headers, body, ...JSON.parse(body) });
      response.writeHead(state.answer).end(state.answer === 200 ? "thank you" : "out of paper");
      for (const look of waiting.splice(0)) look();
    });
  });
  const one = async (is) => {
    const late = AbortSignal.timeout(90_000); // the second try of a delivery comes after a minute
    const gone = new Promise((resolve) => late.addEventListener("abort", resolve));
    for (;;) {
      const found = got.find(is);
      if (found) return found;
      if (late.aborted) throw new Error(`It did not come. There were: ${got.map((g) => `${g.type} ${g.headers["webhook-id"]}`).join(", ")}`);
      await Promise.race([new Promise((resolve) => waiting.push(resolve)), gone]);
    }
  };
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve({ url: `http://127.0.0.1:${server.address().port}/hooks`, got, one, state, close: () => server.close() });
    });
  });
}

function signed({ headers, body }, secret) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const want = createHmac("sha256", key).update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`).update(body).digest("base64");
  return headers["webhook-signature"].split(" ").includes(`v1,${want}`);
}

/** Mail and records make deliveries of their own meanwhile. */
const isTest = (got) => got.type === "webhook.test";

test("another program is told, and what failed is sent again", async (t) => {
  const { page, problems } = owner;
  const dialog = page.getByRole("dialog");
  let secret;

  await t.test("a webhook is made, and its secret is seen once", async () => {
    await page.goto(`${demo.url}/admin/webhooks`);
    await page.getByText("No program is told anything yet").waitFor();
    await accessible(page, "webhooks, none yet");
    await page.getByRole("button", { name: "Create a webhook" }).first().click();
    await dialog.getByLabel("Address").fill(receiver.url);
    await dialog.getByLabel("Description").fill("Orders of the shop");
    await dialog.getByLabel("Everything").click();
    await dialog.getByLabel("email.updated").click();
    await screenshot(page, "webhooks-create");
    await accessible(page, "a new webhook");
    await dialog.getByRole("button", { name: "Create the webhook" }).click();
    secret = await dialog.getByText(/^whsec_/).textContent();
    await dialog.getByRole("button", { name: "Done" }).click();
    await page.getByText(receiver.url).first().waitFor();
    assert.equal(await page.getByText(secret).count(), 0);
  });

  await t.test("a test arrives, signed, and stands in the log", async () => {
    await page.getByRole("button", { name: `More for ${receiver.url}` }).click();
    await page.getByRole("menuitem", { name: "Send a test" }).click();
    const test = await receiver.one((g) => g.type === "webhook.test");
    assert.ok(signed(test, secret), "its signature");
    await dialog.getByRole("button", { name: /webhook\.test.*Delivered/ }).click();
    await dialog.getByText("thank you").waitFor();
    await screenshot(page, "webhooks-log");
    await accessible(page, "the log of a webhook");
    await page.keyboard.press("Escape");
  });

  await t.test("what failed says why, and is sent again with the same id", async () => {
    receiver.state.answer = 500;
    await page.getByRole("button", { name: `More for ${receiver.url}` }).click();
    await page.getByRole("menuitem", { name: "Send a test" }).click();
    await dialog.getByRole("button", { name: /webhook\.test.*answered 500/ }).first().waitFor();
    await page.reload(); // the list reads itself again every 15 s only
    await page.getByText("Failing", { exact: true }).waitFor();
    await screenshot(page, "webhooks");
    receiver.state.answer = 200;
    const failed = receiver.got.filter(isTest).at(-1).headers["webhook-id"];
    const seen = receiver.got.length;
    await receiver.one((g) => g.headers["webhook-id"] === failed && receiver.got.indexOf(g) >= seen); // after 5 s by itself
    await page.getByRole("button", { name: `Log of ${receiver.url}` }).click();
    await dialog.getByRole("button", { name: /webhook\.test/ }).first().click();
    await dialog.getByText(failed).waitFor();
    await dialog.getByRole("button", { name: "Send again" }).waitFor(); // its answer is noted
    const before = receiver.got.length;
    await dialog.getByRole("button", { name: "Send again" }).click();
    const again = await receiver.one((g) => isTest(g) && receiver.got.indexOf(g) >= before);
    assert.equal(again.headers["webhook-id"], failed);
    await page.keyboard.press("Escape");
  });

  await t.test("a new secret signs beside the old one", async () => {
    await page.getByRole("button", { name: `More for ${receiver.url}` }).click();
    await page.getByRole("menuitem", { name: "New secret" }).click();
    await dialog.getByRole("button", { name: "Make a new secret" }).click();
    const fresh = await dialog.getByText(/^whsec_/).textContent();
    await dialog.getByRole("button", { name: "Done" }).click();
    const before = receiver.got.length;
    await page.getByRole("button", { name: `More for ${receiver.url}` }).click();
    await page.getByRole("menuitem", { name: "Send a test" }).click();
    const test = await receiver.one((g) => isTest(g) && receiver.got.indexOf(g) >= before);
    assert.ok(signed(test, secret) && signed(test, fresh));
    await page.keyboard.press("Escape");
  });

  assert.deepEqual(problems, []);
});
