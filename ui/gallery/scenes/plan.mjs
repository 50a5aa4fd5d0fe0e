import { By } from "selenium-webdriver";

const ID = "7f3a91c04be2a8d5f6017732c19e84ab50d3f2e96c7b4a1d88f0e2b7716a9c35";
const address = `#/plan/${ID}`;
const press = (text) => async (driver) => {
  await driver.findElement(By.xpath(`//button[contains(., "${text}")]`)).click();
};
const choose = (text) => async (driver) => {
  await driver.findElement(By.xpath(`//*[@role="option"][contains(., "${text}")]`)).click();
};
const find = (text) => async (driver) => {
  await driver.findElement(By.css("[aria-label='Find a step']")).sendKeys(text);
};
// Differences are drawn by a part that is loaded when it is needed.
const settle = 900;

export default [
  { name: "plan-deploy", address, query: "plan=deploy", settle },
  { name: "plan-nginx-split", address, query: "plan=deploy&diff=split", steps: [choose("planner.conf")], settle },
  { name: "plan-nginx-unified", address, query: "plan=deploy", steps: [choose("planner.conf")], settle },
  { name: "plan-unit", address, query: "plan=apply", steps: [choose("planner@.service")], settle },
  { name: "plan-secret", address, query: "plan=apply", steps: [choose("/etc/planner/environment")], settle },
  { name: "plan-removed", address, query: "plan=apply", steps: [choose("planner-old.service")], settle },
  { name: "plan-find", address, query: "plan=apply", steps: [find("nginx")], settle },
  { name: "plan-drift", address, query: "plan=drift", steps: [choose("planner.conf")], settle },
  { name: "plan-blocked", address, query: "plan=blocked" },
  { name: "plan-keep", address, query: "plan=deploy", steps: [choose("Keep 2 more")], settle },
  { name: "plan-activation", address, query: "plan=deploy", steps: [choose("Run migrations")], settle },
  { name: "plan-records", address, query: "plan=records" },
  { name: "plan-empty", address, query: "plan=empty" },
  { name: "plan-uninstall", address, query: "plan=uninstall", settle },
  { name: "plan-gone", address: "#/plan/none" },
  { name: "plan-large", address, query: "plan=large", settle: 1500 },
  { name: "plan-hostile", address, query: "plan=hostile", settle },
  { name: "plan-stale", address, query: "plan=deploy&start=stale", steps: [press("Apply this plan")], settle },
  {
    name: "plan-consent",
    address,
    query: "plan=deploy&start=stale&make=consent",
    steps: [press("Apply this plan"), press("Make a new plan")],
    settle,
  },
  { name: "plan-locked", address, query: "plan=deploy&start=locked", steps: [press("Apply this plan")], settle },
];
