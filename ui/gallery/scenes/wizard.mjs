import { By, Key } from "selenium-webdriver";

const press = (text) => async (driver) =>
  (await driver.findElement(By.xpath(`//button[normalize-space()="${text}"]`))).click();
const at = (name, step, wizard = "full", steps = []) => ({
  name: `wizard-${name}`,
  address: "#/new/k3v9",
  query: `wizard=${wizard}&step=${step}`,
  steps,
});
const file = press("Show the site file");

export default [
  at("host", "host"),
  at("host-none", "host", "nohosts"),
  at("host-many", "host", "manyhosts"),
  at("readiness", "readiness"),
  at("readiness-looking", "readiness", "looking"),
  at("readiness-silent", "readiness", "silent"),
  at("readiness-no-host", "readiness", "new"),
  at("source", "source"),
  at("source-git", "source", "begun"),
  at("source-new", "source", "new"),
  at("kind", "kind"),
  at("kind-looking", "kind", "looking"),
  at("kind-silent", "kind", "silent"),
  at("kind-undetected", "kind", "undetected"),
  at("processes", "processes"),
  at("processes-static", "processes", "begun"),
  at("reach", "reach"),
  at("reach-own", "reach", "mistakes"),
  at("secrets", "secrets"),
  at("secrets-paste", "secrets", "full", [
    async (driver) => {
      await (await driver.findElement(By.css('[aria-label="Type or paste: SMTP_PASSWORD"]'))).click();
      await (await driver.findElement(By.css('input[type="password"]'))).sendKeys("hunter2-hunter");
    },
  ]),
  at("secrets-mistakes", "secrets", "mistakes"),
  at("secrets-none", "secrets", "begun"),
  at("care", "care"),
  at("care-device", "care", "device"),
  at("review", "review"),
  at("review-mistakes", "review", "mistakes"),
  { ...at("file", "reach", "full", [file]), settle: 900 },
  at("file-mistakes", "review", "mistakes", [press("Line 3")]),
  at("broken", "reach", "broken"),
  { ...at("broken-file", "reach", "broken", [file]), settle: 900 },
  at("unsaved", "reach", "unsaved", [
    async (driver) => (await driver.findElement(By.css("textarea"))).sendKeys("\nshop.example.org", Key.TAB),
  ]),
  at("gone", "reach", "gone"),
  { ...at("loading", "reach", "loading"), settle: 400 },
];
