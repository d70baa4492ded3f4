// What every browser test needs: the real program with the simulator, and a real Chromium.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import AxeBuilder from "@axe-core/playwright";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const shots = process.env.SCREENSHOTS ?? join(root, "test-results", "screenshots");

/** Starts `rapport demo` on ports that the system chooses, with a data folder of its own; stop() ends and removes it. */
export async function startDemo() {
  const data = mkdtempSync(join(tmpdir(), "rapport-e2e-"));
  const args = ["demo", "--json", "--port", "0", "--sim-port", "0", "--data", data];
  const child = spawn(process.env.RAPPORT_BIN ?? join(root, "bin", "rapport"), args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (piece) => {
    log = (log + piece).slice(-20_000);
  });
  const lines = createInterface({ input: child.stdout });
  const first = await new Promise((resolve, reject) => {
    lines.once("line", resolve);
    child.once("exit", (code) => reject(new Error(`rapport demo ended with ${code}:\n${log}`)));
  });
  lines.on("line", () => {});
  const demo = JSON.parse(first);
  return {
    ...demo,
    log: () => log,
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      rmSync(data, { recursive: true, force: true });
    },
    /** Calls the simulator's control API. */
    async sim(method, path, body) {
      const answer = await fetch(demo.sim_url + path, {
        method,
        headers: body ? { "Content-Type": "application/json" } : {},
        body: body ? JSON.stringify(body) : undefined,
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text ? JSON.parse(text) : null;
    },
    /** Calls the program's API with the demo's key, or as somebody ({ as: demo.member }). */
    async api(method, path, { body, as } = {}) {
      const key = as ? await token(demo.url, as) : demo.api_key;
      const answer = await fetch(demo.url + path, {
        method,
        headers: { Authorization: `Bearer ${key}`, ...(body ? { "Content-Type": "application/json" } : {}) },
        body: body ? JSON.stringify(body) : undefined,
      });
      return { status: answer.status, body: await answer.json().catch(() => null) };
    },
  };
}

export async function openBrowser() {
  const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
    (path) => path && existsSync(path),
  );
  if (!executablePath) throw new Error("no Chromium found: install it, or set CHROMIUM to its path");
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A page that fails the test on any script error or refused content. */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB", timezoneId: "Europe/Berlin", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.setDefaultNavigationTimeout(60_000);
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Uncaught/.test(message.text())) problems.push(message.text());
  });
  return { context, page, problems };
}

export async function signIn(page, demo, who) {
  await page.goto(`${demo.url}/login`);
  await page.getByLabel(/e-?mail/i).fill(who.email);
  await page.getByLabel("Password", { exact: true }).fill(who.password);
  await page.getByRole("button", { name: /^sign in$/i }).click();
  await page.waitForURL(/\/crm/);
}

export async function screenshot(page, name) {
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) });
}

/**
 * What is fading in or moving has arrived: half way its colours are not those that are read. A menu begins to move
 * some frames after the click, so that calm is a number of frames without movement.
 */
const settled = (page) =>
  page.evaluate(async () => {
    for (let calm = 0; calm < 8; calm++) {
      await new Promise((next) => requestAnimationFrame(next));
      const moving = document.getAnimations().filter((a) => Number.isFinite(a.effect?.getComputedTiming().endTime) && a.playState === "running");
      if (moving.length === 0) continue;
      await Promise.all(moving.map((a) => a.finished.catch(() => undefined)));
      calm = 0;
    }
  });

/** No serious finding of axe on the page as it is now. */
export async function accessible(page, where) {
  await settled(page);
  const { violations } = await new AxeBuilder({ page }).exclude("iframe").analyze();
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).slice(0, 3).join(" | ")}`), [], `axe on ${where}`);
}

/** Walks Google's consent page; decide says what to do with the boxes and how to end. */
export async function consent(page, email, decide) {
  await page.waitForURL(/\/o\/oauth2\//);
  const account = page.locator(`[id="account-${email}"]`);
  await account.or(page.locator("#continue")).first().waitFor();
  if (await account.isVisible()) await account.click();
  await page.locator("#continue").waitFor();
  await decide(page);
}
export const allow = async (page) => {
  const all = page.locator("#select-all");
  if (await all.isVisible()) await all.check();
  await page.locator("#continue").click();
};
export const deny = (page) => page.locator("#cancel").click();

async function token(url, { email, password }) {
  const answer = await fetch(`${url}/api/v1/auth/token`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  return (await answer.json()).access_token;
}
