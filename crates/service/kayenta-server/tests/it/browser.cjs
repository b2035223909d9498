// What the scripts that drive a browser have in common. Environment: PLAYWRIGHT (folder of playwright-core), CHROMIUM,
// BASE_URL, and AXE (axe.min.js) for those that check pages.
const fs = require("fs");
const { chromium } = require(process.env.PLAYWRIGHT);
const base = process.env.BASE_URL;

// Runs `steps` with a browser and prints `seen` as JSON; when they fail, why, and what had been seen by then.
async function drive(seen, steps) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    await steps(browser);
    process.stdout.write(JSON.stringify(seen));
  } catch (error) {
    console.error(error, JSON.stringify(seen).slice(0, 4000));
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

// A page of its own context, of which `seen` gets the requests that leave the origins, and the errors but `expected` ones,
// which the browser reports itself.
async function open(browser, seen, options, { origins = [base], expected } = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("request", (request) => {
    const url = request.url();
    const known = origins.some((origin) => url.startsWith(origin + "/"));
    if (!known && !url.startsWith("data:")) seen.foreign.push(url);
  });
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !expected?.test(message.text())) seen.errors.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}

// Notes where a page is wider than its window.
async function measure(page, seen, where) {
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (overflow > 0) seen.wide.push(`${where}: ${overflow}`);
}

// Notes what axe-core finds on a page.
async function audit(page, seen, where) {
  await page.evaluate(fs.readFileSync(process.env.AXE, "utf8"));
  for (const violation of (await page.evaluate(() => axe.run())).violations) {
    const nodes = violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(" | ");
    seen.axe.push(`${where}: ${violation.id}: ${nodes}`);
  }
}

module.exports = { base, drive, open, measure, audit };
