// The walk of docs/first-canary-in-the-browser.md on a running demo, as a person who sees the service for the first time.
// Prints what was seen as JSON. Environment: PLAYWRIGHT (folder of playwright-core), AXE (axe.min.js), CHROMIUM, BASE_URL,
// LARGE (a run of 300 metrics), PICTURES (folder).
const path = require("path");
const { base, drive, open, measure, audit } = require("../browser.cjs");
const seen = { foreign: [], errors: [], axe: [], wide: [] };

// What stands on the page on a phone, a laptop and a wide screen, light and dark; the document has the one at 1,280 pixels in light colours.
async function look(page, name, from) {
  for (const [width, colorScheme] of [[390, "light"], [390, "dark"], [1920, "dark"], [1280, "dark"], [1280, "light"]]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 760 });
    await measure(page, seen, `${name} ${width}`);
    // The other walks have every combination.
    if (width < 1920 && (width === 390) === (colorScheme === "dark")) await audit(page, seen, `${name} ${width} ${colorScheme}`);
    if (from) await page.locator(from).first().evaluate((element) => element.scrollIntoView());
    else await page.evaluate(() => scrollTo(0, 0));
    const rest = width === 1280 && colorScheme === "light" ? "" : `-${width}-${colorScheme}`;
    await page.screenshot({ path: path.join(process.env.PICTURES, `${name}${rest}.png`) });
  }
}

drive(seen, async (browser) => {
  const page = await open(browser, seen, { viewport: { width: 1280, height: 760 } });
  const go = (action) => Promise.all([page.waitForNavigation(), action()]);
  const named = (name) => page.locator(`[name="${name}"]`);
  const verdict = async () => (await page.locator("section.verdict").first().innerText()).split("\n")[0];
  const link = (name) => page.getByRole("link", { name, exact: true });
  try {
    // 1. Why did it fail?
    await page.goto(base + "/");
    await look(page, "list");
    // Rows are lines where there is room for them.
    seen.rows = await page.locator("tbody tr").evaluateAll(
      (rows) => rows.map((row) => Math.round(row.getBoundingClientRect().height)));
    await go(() => page.locator("tbody tr", { hasText: "shop-demo" }).locator("a.tag").click());
    seen.analysis = await verdict();
    await go(() => link("run 3 of 3").click());
    seen.run = await page.locator("section.verdict").first().innerText();
    await look(page, "run");
    await go(() => link("latency p99").click());
    seen.metric = await page.locator("section.verdict").first().innerText();
    await look(page, "metric");
    // 2. The one of 300.
    await page.goto(`${base}/ui/runs/${process.env.LARGE}`);
    seen.large = await page.locator("section.verdict").first().innerText();
    await look(page, "one-of-300");
    await go(() => page.keyboard.press("n"));
    seen.oneOf300 = await page.locator("h1").innerText();
    // 3. A config of one's own.
    await go(() => link("Configs").click());
    await go(() => link("New config for Prometheus").click());
    await named("name").fill("checkout");
    await named("application").fill("shop");
    await named("gauge").fill("shop_latency_p99_ms");
    await look(page, "new-config");
    await go(() => page.getByRole("button", { name: "Make the config" }).click());
    await go(() => page.getByRole("button", { name: "Add a metric" }).click());
    seen.focused = await page.evaluate(() => document.activeElement.name);
    await page.keyboard.type("cpu");
    await named("l/metrics/1/groups").fill("CPU");
    await named("t/metrics/1/query/customInlineTemplate").fill('PromQL:avg(shop_cpu_cores{version="${scope}"})');
    // The group appears among the weights once it is known.
    await named("n/classifier/groupWeights/CPU").waitFor();
    await named("n/classifier/groupWeights/CPU").fill("50");
    await named("n/classifier/groupWeights/Saturation").fill("50");
    await page.locator("#sum").getByText("No problems").waitFor();
    await look(page, "editor");
    // 4. A preview of its data.
    await page.locator("#try summary").click();
    await named("try-baseline").fill("1.0");
    await named("try-canary").fill("1.1");
    await go(() => page.getByRole("button", { name: "Try", exact: true }).first().click());
    seen.preview = await page.locator("#preview").innerText();
    await page.locator("#preview svg").first().waitFor();
    await look(page, "preview");
    // 5. Save, start, see it end.
    await go(() => page.getByRole("button", { name: "Save" }).click());
    await page.getByText("The config is saved.").waitFor();
    await go(() => link("Run this config").click());
    await named("baseline").fill("1.0");
    await named("canary").fill("1.1");
    await named("minutes").fill("60");
    await look(page, "start");
    await go(() => page.getByRole("button", { name: "Start" }).click());
    await page.locator("section.verdict").getByText("of 100").waitFor();
    seen.verdict = await verdict();
    await look(page, "verdict");
    // 6. What would have changed it?
    await go(() => link("run 1 of 1").click());
    await go(() => link("What if?").click());
    await named("pass").fill("50");
    await named("marginal").fill("25");
    await go(() => page.getByRole("button", { name: "Judge again" }).click());
    const after = page.locator("section.verdict", { hasText: "With your changes" });
    seen.thresholds = await after.innerText();
    await look(page, "what-if");
    await go(() => link("Take back all changes").click());
    await go(() => page.getByRole("link", { name: /Change the settings of every metric/ }).click());
    await named("all.allowedIncrease").fill("1.7");
    await go(() => page.getByRole("button", { name: "Judge again" }).click());
    seen.allowed = await after.innerText();
    await go(() => page.getByRole("button", { name: "Take over into the config" }).click());
    seen.taken = await page.locator("main").innerText();
    await go(() => page.getByRole("button", { name: "Save" }).click());
    await page.getByText("The config is saved.").waitFor();
    seen.saved = await named("n/metrics/0/analysisConfigurations/canary/effectSize/allowedIncrease").inputValue();
  } catch (error) {
    await page.screenshot({ path: path.join(process.env.PICTURES, "error.png"), fullPage: true });
    throw error;
  }
});
