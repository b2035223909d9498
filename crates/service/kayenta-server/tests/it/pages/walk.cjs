// Walks the pages in a browser, as a person would: two widths, light and dark, by keyboard, and with script off. Prints what
// was seen as JSON. Environment: PLAYWRIGHT (folder of playwright-core), AXE (axe.min.js), CHROMIUM, BASE_URL, PAGES (JSON:
// paths by name), PICTURES (folder).
const fs = require("fs");
const path = require("path");
const { base, drive, open, measure, audit } = require("../browser.cjs");
const pages = JSON.parse(process.env.PAGES);
const seen = { foreign: [], errors: [], dialogs: 0, wide: [], axe: [], visited: 0, texts: {} };

async function openPage(browser, options) {
  const page = await open(browser, seen, options);
  page.on("dialog", async (dialog) => {
    seen.dialogs += 1;
    await dialog.dismiss();
  });
  return page;
}

async function walk(browser) {
  for (const width of [1280, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await openPage(browser, { viewport: { width, height: 900 }, colorScheme });
      for (const [name, address] of Object.entries(pages)) {
        const where = `${name} ${width} ${colorScheme}`;
        await page.goto(base + address);
        seen.visited += 1;
        await measure(page, seen, where);
        await audit(page, seen, where);
        if (!name.startsWith("hostile")) {
          await page.screenshot({ path: path.join(process.env.PICTURES, `${name}-${width}-${colorScheme}.png`) });
        }
      }
      await page.context().close();
    }
  }
}

async function readWithoutScript(browser) {
  const page = await openPage(browser, { viewport: { width: 1280, height: 900 }, javaScriptEnabled: false });
  for (const [name, address] of Object.entries(pages)) {
    await page.goto(base + address);
    seen.texts[name] = await page.locator("body").innerText();
  }
  await page.context().close();
}

async function byKeyboard(browser) {
  const page = await openPage(browser, { viewport: { width: 1280, height: 900 } });
  await page.goto(base + "/");
  seen.home = new URL(page.url()).pathname;
  await page.keyboard.press("/");
  seen.focused = await page.evaluate(() => document.activeElement.name);
  await page.keyboard.type("mixed");
  await page.keyboard.press("Enter");
  await page.waitForURL(/search=mixed/);
  seen.searched = await page.locator("tbody tr").count();
  // From the list to the analysis, to its last run, to the metric that failed: Tab and Enter alone.
  const follow = async (selector) => {
    await page.locator(selector).first().focus();
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  };
  await follow("tbody tr a.tag");
  seen.analysis = new URL(page.url()).pathname;
  await follow("tbody tr a");
  seen.run = new URL(page.url()).pathname;
  await follow("tbody tr a");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("n")]);
  seen.failing = await page.locator("h1").innerText();
  // The one of 300 metrics that failed is a key away.
  const metric = page.url();
  await page.goto(`${base}/ui/runs/${process.env.LARGE}`);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("n")]);
  seen.oneOf300 = await page.locator("h1").innerText();
  // What the verdict would have been: a threshold is changed and the run judged again.
  await page.goto(base + seen.run);
  await follow("a.btn:has-text('What if?')");
  await page.locator("input[name=pass]").focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("50");
  await Promise.all([page.waitForURL(/pass=50/), page.keyboard.press("Enter")]);
  const after = page.locator("section.verdict", { hasText: "With your changes" });
  seen.whatIf = (await after.locator("h2, .big").allInnerTexts()).join(" ").replace("✓ ", "");
  await page.goto(metric);
  // The pointer reads values, dragging zooms, and the arrow keys go from value to value.
  const chart = page.locator("[data-from] svg").first();
  await chart.scrollIntoViewIfNeeded();
  const box = await chart.boundingBox();
  const at = (share) => [box.x + box.width * share, box.y + box.height / 2];
  await page.mouse.move(...at(0.5));
  await page.waitForFunction(() => document.querySelector(".readout").textContent.includes("canary "));
  seen.readout = await page.locator(".readout").first().innerText();
  await page.locator("[data-from]").first().focus();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(
    (before) => document.querySelector(".readout").textContent !== before, seen.readout);
  seen.next = await page.locator(".readout").first().innerText();
  await page.mouse.move(...at(0.3));
  await page.mouse.down();
  await page.mouse.move(...at(0.5));
  await Promise.all([page.waitForURL(/zoom=/), page.mouse.up()]);
  seen.zoom = new URL(page.url()).searchParams.get("zoom");
  // The chart is kept as a picture, as far as it is zoomed into.
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download the chart as PNG" }).click(),
  ]);
  const png = fs.readFileSync(await download.path()).toString("base64");
  seen.picture = await page.evaluate(async (png) => {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const count = (red, green, blue) => {
      let pixels = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) pixels += 1;
      }
      return pixels;
    };
    return {
      width: canvas.width, white: count(255, 255, 255) / (canvas.width * canvas.height),
      baseline: count(0x2f, 0x6f, 0xb3), canary: count(0xc8, 0x61, 0x0a),
    };
  }, png);
  seen.picture.name = download.suggestedFilename();
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy the link" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  seen.link = await page.evaluate(() => navigator.clipboard.readText());
  seen.address = page.url();
  seen.copies = await page.locator(".query button").count();
  await page.getByRole("button", { name: /show the local zone/ }).focus();
  await page.keyboard.press("Enter");
  seen.zone = await page.locator("#zone").innerText();
  await page.goto(base + seen.analysis);
  seen.zones = await page.locator("[data-zone]").allInnerTexts();
  await page.context().close();
}

drive(seen, async (browser) => {
  await byKeyboard(browser);
  await readWithoutScript(browser);
  await walk(browser);
});
