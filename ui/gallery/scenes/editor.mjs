import { By, Key } from "selenium-webdriver";

const open = async (driver) => (await driver.findElement(By.xpath('//button[normalize-space()="Show the site file"]'))).click();
async function content(driver) {
  const host = await driver.findElement(By.css(".pane .text .text"));
  return (await host.getShadowRoot()).findElement(By.css(".cm-content"));
}
const type = (...keys) => async (driver) => {
  const field = await content(driver);
  await field.click();
  for (const key of keys) await field.sendKeys(key);
};
const scene = (name, wizard, ...steps) => ({ name: `editor-${name}`, address: "#/new/k3v9", query: `wizard=${wizard}&step=reach`, steps: [open, ...steps], settle: 900 });

export default [
  scene("complete", "full", type(Key.chord(Key.CONTROL, Key.END), "tim")),
  scene("values", "full", type(Key.chord(Key.CONTROL, Key.END), "\n[tls]\nmode = ", Key.chord(Key.CONTROL, " "))),
  scene("search", "full", type(Key.chord(Key.CONTROL, "f"))),
  scene("hover", "mistakes", async (driver) => {
    const host = await driver.findElement(By.css(".pane .text .text"));
    const line = await (await host.getShadowRoot()).findElement(By.css(".cm-line:nth-child(3)"));
    await driver.actions().move({ origin: line, x: -120, y: 0 }).perform();
  }),
];
