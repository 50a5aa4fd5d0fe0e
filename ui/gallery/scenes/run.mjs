import { By, Key } from "selenium-webdriver";

const address = "#/runs/418";
const press = (text) => async (driver) => {
  await driver.findElement(By.xpath(`//button[contains(., "${text}")]`)).click();
};
const tab = (text) => async (driver) => {
  await driver.findElement(By.xpath(`//*[@role="tab"][contains(., "${text}")]`)).click();
};
const pause = (ms) => (driver) => driver.sleep(ms);

/** Types into the search while 5,000 lines a second come: each key must be seen within a blink. */
async function typeWhileItFloods(driver) {
  await driver.sleep(6000);
  const input = await driver.findElement(By.css("input[type=search]"));
  await input.click();
  await driver.executeScript(
    `
    window.slowest = 0; window.frames = 0;
    const box = arguments[0];
    box.addEventListener("input", () => { const at = performance.now(); requestAnimationFrame(() => setTimeout(() => { window.slowest = Math.max(window.slowest, performance.now() - at); })); });
  `,
    input,
  );
  for (const key of "very chatty") await input.sendKeys(key);
  await input.sendKeys(Key.ENTER);
  await driver.sleep(300);
  const slowest = await driver.executeScript("return window.slowest");
  console.log(`typing while lines come: slowest key ${Math.round(slowest)} ms`);
}

export default [
  { name: "run-going", address, query: "run=going", settle: 400 },
  { name: "run-early", address, query: "run=early" },
  { name: "run-stop", address, query: "run=going", steps: [press("Stop…")] },
  { name: "run-stopping", address, query: "run=stopping", settle: 400 },
  { name: "run-rolled-back", address, query: "run=rolled-back", settle: 400 },
  { name: "run-succeeded", address, query: "run=succeeded", settle: 400 },
  { name: "run-unchanged", address, query: "run=unchanged" },
  { name: "run-failed", address, query: "run=failed", settle: 400 },
  { name: "run-split", address, query: "run=split" },
  { name: "run-unknown", address, query: "run=unknown" },
  { name: "run-not-begun", address, query: "run=not-begun" },
  { name: "run-abandoned", address, query: "run=abandoned" },
  { name: "run-lost", address, query: "run=lost" },
  { name: "run-loading", address, query: "run=loading", settle: 400 },
  { name: "run-missing", address, query: "run=missing" },
  { name: "run-hostile", address, query: "run=hostile", settle: 400 },
  { name: "run-plan", address, query: "run=succeeded", steps: [pause(200), tab("What was planned")], settle: 900 },
  { name: "run-flood", address, query: "run=flood", steps: [typeWhileItFloods] },
];
