// Writes a config in a browser as a person would: guided form, preview, save, run, look, change, delete. Prints what was seen
// as JSON. Environment: PLAYWRIGHT (folder of playwright-core), AXE (axe.min.js), CHROMIUM, BASE_URL, PICTURES (folder),
// START and END (the window of the data).
const path = require("path");
const { base, drive, open, measure, audit } = require("../browser.cjs");
const seen = { foreign: [], errors: [], axe: [], wide: [] };

function openPage(browser, options = {}) {
  // The browser reports an answer that says "changed by somebody else" itself.
  const watched = { expected: /status of (400|409)/ };
  return open(browser, seen, { viewport: { width: 1280, height: 900 }, ...options }, watched);
}

async function look(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await measure(page, seen, `${name} ${width}`);
      await audit(page, seen, `${name} ${width} ${colorScheme}`);
      await page.screenshot({ path: path.join(process.env.PICTURES, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
}

drive(seen, async (browser) => {
  const named = (page, name) => page.locator(`[name="${name}"]`);
  const go = (page, action) => Promise.all([page.waitForNavigation(), action()]);
  const page = await openPage(browser);
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
  const other = await openPage(browser);
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
  const plain = await openPage(browser, { javaScriptEnabled: false });
  await plain.goto(`${base}/ui/new-config`);
  await named(plain, "t/name").fill("two words");
  await go(plain, () => plain.locator(".bar").getByRole("button", { name: "Check" }).click());
  seen.withoutScript = await plain.locator(".problems").innerText();
  // Deleting asks for the name.
  await page.goto(address);
  await named(page, "confirm").fill("checkout");
  await go(page, () => page.getByRole("button", { name: "Delete the config" }).click());
  seen.deleted = await page.locator("tbody tr").count();
});
