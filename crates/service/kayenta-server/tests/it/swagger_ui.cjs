// Opens Swagger UI in a browser and tries an operation out, as a person would. Prints what was seen as JSON.
// Environment: PLAYWRIGHT (folder of playwright-core), CHROMIUM, BASE_URL, SCREENSHOT.
const { chromium } = require(process.env.PLAYWRIGHT);
const base = process.env.BASE_URL;

async function main() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1120, height: 1000 } });
    const seen = { foreign: [], errors: [] };
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(base) && !url.startsWith("data:")) seen.foreign.push(url);
    });
    page.on("pageerror", (error) => seen.errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") seen.errors.push(message.text());
    });

    // The address the guides name leads to the page.
    await page.goto(`${base}/swagger-ui.html`);
    const tag = page.locator("#operations-tag-credentials-controller");
    await tag.waitFor();
    seen.url = page.url();
    seen.title = (await page.locator(".info .title").innerText()).split("\n")[0];
    seen.tags = await page.locator("h3.opblock-tag").evaluateAll((all) => all.map((e) => e.dataset.tag));

    const operation = page.locator("#operations-credentials-controller-listCredentials");
    if (!(await operation.isVisible())) await tag.click();
    await operation.locator(".opblock-summary-control").first().click();
    await operation.locator(".try-out__btn").click();
    await operation.locator("button.execute").click();
    const live = operation.locator(".live-responses-table tbody tr").first();
    await live.waitFor();
    seen.status = (await live.locator(".response-col_status").innerText()).trim().split(/\s/)[0];
    seen.body = JSON.parse(await live.locator(".highlight-code code, .highlight-code pre").first().innerText());

    await tag.scrollIntoViewIfNeeded();
    await tag.evaluate((element) => element.scrollIntoView());
    await page.screenshot({ path: process.env.SCREENSHOT });
    process.stdout.write(JSON.stringify(seen));
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
