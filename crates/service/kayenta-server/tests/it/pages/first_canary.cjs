// The walk of docs/first-canary-in-the-browser.md on a running demo, as a person who sees the service for the first time.
// Prints what was seen as JSON. Environment: PLAYWRIGHT (folder of playwright-core), AXE (axe.min.js), CHROMIUM, BASE_URL,
// LARGE (a run of 300 metrics), PICTURES (folder).
const fs = require("fs");
const path = require("path");
const { chromium } = require(process.env.PLAYWRIGHT);
const axe = fs.readFileSync(process.env.AXE, "utf8");
const base = process.env.BASE_URL;
const seen = { foreign: [], errors: [], axe: [], wide: [] };

// What stands on the page at both widths, light and dark; the document has the one at 1,280 pixels in light colours.
async function look(page, name, from) {
  for (const [width, colorScheme] of [[390, "light"], [390, "dark"], [1280, "dark"], [1280, "light"]]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 760 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (overflow > 0) seen.wide.push(`${name} ${width}: ${overflow}`);
    // The other walks have every combination.
    const checked = (width === 390) === (colorScheme === "dark");
    if (checked) await page.evaluate(axe);
    for (const violation of checked ? (await page.evaluate(() => axe.run())).violations : []) {
      const nodes = violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ");
      seen.axe.push(`${name} ${width} ${colorScheme}: ${violation.id}: ${nodes}`);
    }
    if (from) await page.locator(from).first().evaluate((element) => element.scrollIntoView());
    else await page.evaluate(() => scrollTo(0, 0));
    const rest = width === 1280 && colorScheme === "light" ? "" : `-${width}-${colorScheme}`;
    await page.screenshot({ path: path.join(process.env.PICTURES, `${name}${rest}.png`) });
  }
}

async function main() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 760 } });
  const page = await context.newPage();
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(base + "/") && !url.startsWith("data:")) seen.foreign.push(url);
  });
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") seen.errors.push(`${page.url()}: ${message.text()}`);
  });
  const go = (action) => Promise.all([page.waitForNavigation(), action()]);
  const named = (name) => page.locator(`[name="${name}"]`);
  const verdict = async () => (await page.locator("section.verdict").first().innerText()).split("\n")[0];
  const link = (name) => page.getByRole("link", { name, exact: true });
  try {
    // 1. Why did it fail?
    await page.goto(base + "/");
    await look(page, "list");
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
    process.stdout.write(JSON.stringify(seen));
  } catch (error) {
    await page.screenshot({ path: path.join(process.env.PICTURES, "error.png"), fullPage: true });
    throw error;
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error, JSON.stringify(seen).slice(0, 4000));
  process.exit(1);
});
