/** Clicks what has this name, as a person reads it. */
const press = (name) => async (driver) => {
  const found = await driver.executeScript(
    "const [name] = arguments; const all = [...document.querySelectorAll('button, [role=menuitem], label, summary')]; const one = all.find((e) => (e.getAttribute('aria-label') ?? e.textContent.trim()) === name) ?? all.find((e) => e.textContent.trim().startsWith(name)); one?.focus(); one?.click(); return Boolean(one)",
    name,
  );
  if (!found) throw new Error(`nothing is called ${name}`);
  await driver.sleep(150);
};
const menu = (item) => async (driver) => {
  await driver
    .actions()
    .click(await driver.findElement({ css: "#main .menu-dots" }))
    .perform();
  await driver.sleep(200);
  await press(item)(driver);
};

export default [
  { name: "first-run", address: "#/hosts", query: "hosts=empty" },
  { name: "first-run-not-here", address: "#/hosts", query: "hosts=empty&disposable=none" },
  {
    name: "first-run-starting",
    address: "#/hosts",
    query: "hosts=empty&disposable=slow",
    steps: [press("Try it on a disposable host")],
  },
  {
    name: "first-run-failed",
    address: "#/hosts",
    query: "hosts=empty&disposable=failing",
    steps: [press("Try it on a disposable host")],
  },
  { name: "hosts", address: "#/hosts" },
  { name: "hosts-table", address: "#/hosts", query: "view=table" },
  { name: "hosts-calm", address: "#/hosts", query: "hosts=calm" },
  { name: "hosts-many", address: "#/hosts", query: "hosts=many" },
  { name: "hosts-many-table", address: "#/hosts", query: "hosts=many&view=table" },
  { name: "hosts-loading", address: "#/hosts", query: "hosts=loading" },
  { name: "hosts-failing", address: "#/hosts", query: "hosts=failing" },
  { name: "hosts-import", address: "#/hosts", query: "hosts=calm", steps: [press("Import from SSH config")] },
  { name: "hosts-answer", address: "#/hosts", steps: [press("Give it to gate")] },
  { name: "host", address: "#/hosts/web-1" },
  { name: "host-partial", address: "#/hosts/web-1", query: "host=partial&runs=none" },
  { name: "host-down", address: "#/hosts/db-1" },
  { name: "host-password", address: "#/hosts/gate" },
  { name: "host-key-changed", address: "#/hosts/old-shop", query: "trial=changed" },
  { name: "host-loading", address: "#/hosts/web-1", query: "host=loading&hosts=loading" },
  { name: "host-gone", address: "#/hosts/nobody" },
  { name: "host-forget", address: "#/hosts/web-1", steps: [menu("Forget this host")] },
];
