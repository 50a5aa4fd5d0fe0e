import { By, Key, until } from "selenium-webdriver";

// The editor is fetched when it is asked for.
const editor = (driver) => driver.wait(until.elementLocated(By.css(".pane .text .text")), 10_000, "no editor came");
const open = async (driver) =>
  (await driver.findElement(By.xpath('//button[normalize-space()="Show the site file"]'))).click();
async function content(driver) {
  const host = await editor(driver);
  return (await host.getShadowRoot()).findElement(By.css(".cm-content"));
}
const type =
  (...keys) =>
  async (driver) => {
    const field = await content(driver);
    await field.click();
    for (const key of keys) await field.sendKeys(key);
  };
const scene = (name, wizard, ...steps) => ({
  name: `editor-${name}`,
  address: "#/new/k3v9",
  query: `wizard=${wizard}&step=reach`,
  steps: [open, ...steps],
  settle: 900,
});

export default [
  scene("complete", "full", type(Key.chord(Key.CONTROL, Key.END), "tim")),
  scene("values", "full", type(Key.chord(Key.CONTROL, Key.END), "\n[tls]\nmode = ", Key.chord(Key.CONTROL, " "))),
  scene("search", "full", type(Key.chord(Key.CONTROL, "f"))),
  scene("hover", "mistakes", async (driver) => {
    const host = await editor(driver);
    const line = await (await host.getShadowRoot()).findElement(By.css(".cm-line:nth-child(3)"));
    await driver.actions().move({ origin: line, x: -120, y: 0 }).perform();
  }),
];
