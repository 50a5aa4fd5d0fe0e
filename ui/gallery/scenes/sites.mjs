import { By } from "selenium-webdriver";

const press = (name) => async (driver) => {
  const found = await driver.wait(
    () =>
      driver
        .findElements(
          By.xpath(
            `//main//*[self::button or @role='menuitem'][normalize-space(.)=${JSON.stringify(name)} or @aria-label=${JSON.stringify(name)}]`,
          ),
        )
        .then((all) => all[0]),
    5000,
    `no button ${name}`,
  );
  await found.click();
};
const item = (name) => async (driver) => {
  const found = await driver.wait(
    () =>
      driver
        .findElements(By.xpath(`//*[@role='menuitem'][contains(., ${JSON.stringify(name)})]`))
        .then((all) => all[0]),
    5000,
    `no item ${name}`,
  );
  await found.click();
};
const type = (label, text) => async (driver) => {
  const found = await driver.findElement(By.css(`[aria-label=${JSON.stringify(label)}]`));
  await found.sendKeys(text);
};
const on = "#/sites/planner/web-1";

export default [
  { name: "sites", address: "#/sites" },
  { name: "sites-empty", address: "#/sites", query: "sites=empty" },
  { name: "sites-loading", address: "#/sites", query: "sites=loading&drafts=none", settle: 400 },
  { name: "sites-failing", address: "#/sites", query: "sites=failing" },
  { name: "sites-many", address: "#/sites", query: "sites=many&drafts=none" },
  { name: "site", address: on },
  { name: "site-draining", address: on, query: "site=draining" },
  { name: "site-degraded", address: on, query: "site=degraded" },
  { name: "site-down", address: on, query: "site=down" },
  { name: "site-lost", address: on, query: "site=lost" },
  { name: "site-never-seen", address: on, query: "site=never" },
  { name: "site-not-deployed", address: on, query: "site=not-deployed" },
  { name: "site-interrupted", address: on, query: "site=interrupted" },
  { name: "site-loading", address: on, query: "site=loading", settle: 400 },
  { name: "site-gone", address: on, query: "site=gone" },
  { name: "site-two-hosts", address: "#/sites/shop" },
  { name: "site-no-host", address: "#/sites/lab" },
  { name: "site-menu", address: on, steps: [press("Control")] },
  { name: "site-stop", address: on, steps: [press("Control"), item("Stop…")] },
  { name: "site-tested", address: on, steps: [press("Control"), item("Test nginx")] },
  { name: "site-releases", address: `${on}/releases` },
  { name: "site-releases-many", address: `${on}/releases`, query: "releases=many" },
  { name: "site-configuration", address: `${on}/configuration`, settle: 700 },
  { name: "site-remove", address: `${on}/configuration`, steps: [press("Remove…")], settle: 500 },
  {
    name: "site-remove-data",
    address: `${on}/configuration`,
    steps: [
      press("Remove…"),
      async (driver) => {
        await driver.findElement(By.css("input[value=data]")).click();
      },
    ],
    settle: 500,
  },
  { name: "site-configuration-broken", address: `${on}/configuration`, query: "file=broken", settle: 700 },
  { name: "site-drift", address: `${on}/drift`, query: "drift=some", settle: 900 },
  { name: "site-drift-none", address: `${on}/drift` },
  { name: "site-audit", address: `${on}/audit` },
  { name: "secrets", address: `${on}/secrets` },
  { name: "secrets-failing", address: `${on}/secrets`, query: "secrets=failing" },
  { name: "secrets-rotate", address: `${on}/secrets`, steps: [press("Rotate SECRET_KEY")] },
  {
    name: "secrets-typed",
    address: `${on}/secrets`,
    steps: [
      press("Rotate DATABASE_URL"),
      async (driver) => {
        await driver.findElement(By.css("input[type=password]")).sendKeys("tr0ub4dor&3");
      },
    ],
    settle: 500,
  },
  { name: "secrets-remove", address: `${on}/secrets`, steps: [press("More for SECRET_KEY"), item("Remove…")] },
  {
    name: "secrets-reveal-asked",
    address: `${on}/secrets`,
    steps: [press("More for SECRET_KEY"), item("Show the value")],
  },
  {
    name: "secrets-reveal",
    address: `${on}/secrets`,
    steps: [press("More for SECRET_KEY"), item("Show the value"), press("Show it for 20 seconds")],
  },
  { name: "deploy", address: `${on}/deploy` },
  { name: "deploy-plain", address: `${on}/deploy`, query: "refs=plain" },
  {
    name: "deploy-many",
    address: `${on}/deploy`,
    query: "refs=many",
    steps: [type("Search branches and tags, or type a commit", "ticket-3")],
  },
  { name: "deploy-folder", address: `${on}/deploy`, query: "refs=folder" },
  { name: "deploy-failing", address: `${on}/deploy`, query: "refs=failing" },
  { name: "deploy-loading", address: `${on}/deploy`, query: "refs=loading", settle: 400 },
  { name: "deploy-asked", address: `${on}/deploy`, steps: [press("See what will happen")], settle: 500 },
  { name: "rollback", address: `${on}/rollback`, settle: 900 },
  { name: "rollback-many", address: `${on}/rollback`, query: "releases=many&compare=same" },
  { name: "rollback-empty", address: `${on}/rollback`, query: "releases=empty" },
  { name: "rollback-asked", address: `${on}/rollback`, steps: [press("See what will happen")], settle: 500 },
];
