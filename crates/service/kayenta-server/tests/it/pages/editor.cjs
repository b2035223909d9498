// Writes a config in a browser as a person would: guided form, preview, save, run, look, change, delete. Prints what was seen
// as JSON. Environment: PLAYWRIGHT (folder of playwright-core), AXE (axe.min.js), CHROMIUM, BASE_URL, PICTURES (folder),
// START and END (the window of the data).
const fs = require("fs");
const path = require("path");
const { chromium } = require(process.env.PLAYWRIGHT);
const axe = fs.readFileSync(process.env.AXE, "utf8");
const base = process.env.BASE_URL;
const seen = { foreign: [], errors: [], axe: [], wide: [] };

async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(base + "/") && !url.startsWith("data:")) seen.foreign.push(url);
  });
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("console", (message) => {
    // The browser reports an answer that says "changed by somebody else" itself.
    if (message.type() === "error" && !/status of (400|409)/.test(message.text())) seen.errors.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}

async function look(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (overflow > 0) seen.wide.push(`${name} ${width}: ${overflow}`);
      await page.evaluate(axe);
      const found = await page.evaluate(() => axe.run());
      for (const violation of found.violations) {
        const nodes = violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(" | ");
        seen.axe.push(`${name} ${width} ${colorScheme}: ${violation.id}: ${nodes}`);
      }
      await page.screenshot({ path: path.join(process.env.PICTURES, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
}

async function main() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const named = (page, name) => page.locator(`[name="${name}"]`);
  const go = (page, action) => Promise.all([page.waitForNavigation(), action()]);
  try {
    const page = await open(browser);
    await page.goto(`${base}/ui/configs`);
    await look(page, "configs-empty");
    await go(page, () => page.getByRole("link", { name: "New config for Prometheus" }).click());
    await look(page, "guided");
    await named(page, "name").fill("checkout");
    await named(page, "application").fill("shop");
    await named(page, "label").fill("v");
    await named(page, "gauge").fill("latency_ms");
    await go(page, () => page.getByRole("button", { name: "Make the config" }).click());
    // A mistake is reported while it is written.
    await named(page, "t/metrics/0/analysisConfigurations/canary/nanStrategy").waitFor();
    await page.locator('textarea[name="json"]').fill(
      (await page.locator('textarea[name="json"]').inputValue()).replace('"direction": "increase"', '"direction": "up"'));
    await page.locator(".problems").getByText("is none of").first().waitFor();
    seen.live = await page.locator(".problems").innerText();
    await named(page, "t/metrics/0/analysisConfigurations/canary/direction").selectOption("increase");
    await page.locator("#sum").getByText("No problems").waitFor();
    // The preview, from the real store.
    await page.locator("#try summary").click();
    await named(page, "try-baseline").fill("1.0");
    await named(page, "try-canary").fill("1.1");
    await named(page, "try-start").fill(process.env.START);
    await named(page, "try-end").fill(process.env.END);
    await go(page, () => page.getByRole("button", { name: "Try", exact: true }).click());
    seen.preview = await page.locator("#preview").innerText();
    await page.locator("#preview svg").first().waitFor();
    await look(page, "preview");
    await named(page, "t/description").fill("by hand");
    await page.waitForFunction(() => document.querySelector('textarea[name="json"]').value.includes("by hand"));
    seen.text = await page.locator('textarea[name="json"]').inputValue();
    // By keyboard.
    await page.getByRole("button", { name: "Save" }).focus();
    await go(page, () => page.keyboard.press("Enter"));
    await page.getByText("The config is saved.").waitFor();
    const address = page.url();
    await look(page, "config");
    // Somebody else has it open, too.
    const other = await open(browser);
    await other.goto(address);
    await other.locator('textarea[name="json"]').fill(
      (await other.locator('textarea[name="json"]').inputValue()).replace("by hand", "by text"));
    await other.waitForFunction(() => document.querySelector('[name="t/description"]').value === "by text");
    await go(other, () => other.getByRole("button", { name: "Save" }).click());
    seen.description = await named(other, "t/description").inputValue();
    await named(page, "t/description").fill("too late");
    await page.waitForFunction(() => document.querySelector('textarea[name="json"]').value.includes("too late"));
    await go(page, () => page.getByRole("button", { name: "Save" }).click());
    seen.conflict = await page.locator("main").innerText();
    await look(page, "conflict");
    await go(page, () => page.getByRole("button", { name: "Save" }).click());
    await page.getByText("The config is saved.").waitFor();
    // Run it and see it end.
    await go(page, () => page.getByRole("link", { name: "Run this config" }).click());
    await named(page, "baseline").fill("1.0");
    await named(page, "canary").fill("1.1");
    await named(page, "start").fill(process.env.START);
    await named(page, "end").fill(process.env.END);
    await go(page, () => page.getByRole("button", { name: "Check" }).last().click());
    await look(page, "new");
    await go(page, () => page.getByRole("button", { name: "Start" }).click());
    for (let tries = 0; tries < 60; tries += 1) {
      seen.verdict = await page.locator("main").innerText();
      if (/\bFail\b/.test(seen.verdict)) break;
      await page.waitForTimeout(1000);
      await page.reload();
    }
    await look(page, "analysis");
    await page.goto(`${base}/ui/configs`);
    seen.strip = await page.locator("tbody").innerText();
    await look(page, "configs");
    await go(page, () => page.getByRole("link", { name: "checkout", exact: true }).click());
    await go(page, () => page.getByRole("link", { name: "History" }).click());
    seen.history = await page.locator("main").innerText();
    await look(page, "history");
    // Without script the same form checks on request.
    const plain = await open(browser, { javaScriptEnabled: false });
    await plain.goto(`${base}/ui/new-config`);
    await named(plain, "t/name").fill("two words");
    await go(plain, () => plain.locator(".bar").getByRole("button", { name: "Check" }).click());
    seen.withoutScript = await plain.locator(".problems").innerText();
    // Deleting asks for the name.
    await page.goto(address);
    await named(page, "confirm").fill("checkout");
    await go(page, () => page.getByRole("button", { name: "Delete the config" }).click());
    seen.deleted = await page.locator("tbody tr").count();
    process.stdout.write(JSON.stringify(seen));
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error, JSON.stringify(seen).slice(0, 4000));
  process.exit(1);
});
