// Signs in and out as a person would, by keyboard, at two widths, light and dark. Prints what was seen as JSON. Environment:
// PLAYWRIGHT (folder of playwright-core), AXE (axe.min.js), CHROMIUM, BASE_URL, SHORT (a service whose sessions are short),
// PICTURES (folder).
const path = require("path");
const { base, drive, open, measure, audit } = require("../browser.cjs");
const seen = { foreign: [], errors: [], wide: [], axe: [], looked: 0, walks: [] };

async function look(page, name, where) {
  seen.looked += 1;
  await measure(page, seen, `${name} ${where}`);
  await audit(page, seen, `${name} ${where}`);
  await page.screenshot({ path: path.join(process.env.PICTURES, `${name}-${where}.png`) });
}

const focused = (page) => page.evaluate(() => document.activeElement.name || document.activeElement.textContent.trim());
const alert = (page) => page.getByRole("alert").innerText();
const at = (page) => new URL(page.url()).pathname + new URL(page.url()).search;

async function walk(browser, width, colorScheme) {
  const where = `${width}-${colorScheme}`;
  const watched = { origins: [base, process.env.SHORT], expected: /status of 401/ };
  const page = await open(browser, seen, { viewport: { width, height: 800 }, colorScheme }, watched);
  const go = (action) => Promise.all([page.waitForNavigation(), action()]);
  const enter = () => go(() => page.keyboard.press("Enter"));
  const saw = { where };
  // Whoever asks for a page is asked who they are, and gets to that page.
  await page.goto(`${base}/ui/configs?search=shop`);
  saw.asked = at(page);
  saw.links = await page.locator("header nav a").count();
  saw.first = await focused(page);
  await look(page, "sign-in", where);
  await page.keyboard.type("anna");
  await page.keyboard.press("Tab");
  saw.second = await focused(page);
  await page.keyboard.type("wrong");
  await enter();
  saw.wrong = await alert(page);
  saw.kept = await page.locator("[name=username]").inputValue();
  await look(page, "sign-in-wrong", where);
  await page.locator("[name=token]").focus();
  await page.keyboard.type("nonsense");
  await enter();
  saw.wrongToken = await alert(page);
  await page.locator("[name=username]").focus();
  await page.keyboard.type("anna");
  await page.keyboard.press("Tab");
  await page.keyboard.type("an-ordinary-password");
  await enter();
  saw.arrived = at(page);
  // Out again.
  await page.getByRole("link", { name: "Sign out" }).focus();
  await enter();
  saw.who = await page.locator("main").innerText();
  await look(page, "sign-out", where);
  await page.getByRole("button", { name: "Sign out" }).focus();
  await enter();
  saw.out = at(page);
  saw.said = await page.getByRole("alert").count();
  await page.goto(`${base}/ui`);
  saw.locked = new URL(page.url()).pathname;
  // With a token.
  await page.locator("[name=token]").focus();
  await page.keyboard.type("0123456789abcdef");
  await enter();
  saw.byToken = at(page);
  // A session that ends while somebody looks at the pages.
  await page.context().clearCookies();
  await page.goto(`${process.env.SHORT}/ui/accounts`);
  await page.locator("[name=token]").fill("0123456789abcdef");
  await enter();
  for (let tries = 0; tries < 100 && !page.url().includes("/sign-in"); tries += 1) await page.reload();
  saw.ended = await alert(page);
  saw.back = new URL(page.url()).searchParams.get("next");
  await look(page, "session-ended", where);
  seen.walks.push(saw);
  await page.context().close();
}

drive(seen, async (browser) => {
  for (const width of [1280, 390]) for (const scheme of ["light", "dark"]) await walk(browser, width, scheme);
});
