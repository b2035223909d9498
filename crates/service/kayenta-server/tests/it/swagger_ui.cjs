// Opens Swagger UI in a browser and tries an operation out, as a person would. Prints what was seen as JSON.
// Environment: PLAYWRIGHT (folder of playwright-core), CHROMIUM, BASE_URL, SCREENSHOT.
const { base, drive, open } = require("./browser.cjs");
const seen = { foreign: [], errors: [] };

drive(seen, async (browser) => {
  const page = await open(browser, seen, { viewport: { width: 1120, height: 1000 } });

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
});
