const press = (name) => async (driver) => {
  const found = await driver.executeScript(
    "const [name] = arguments; const one = [...document.querySelectorAll('button')].find((e) => e.textContent.trim() === name); one?.focus(); one?.click(); return Boolean(one)",
    name,
  );
  if (!found) throw new Error(`nothing is called ${name}`);
  await driver.sleep(150);
};

export default [
  { name: "settings", address: "#/settings" },
  { name: "settings-keyring", address: "#/settings", query: "keyring=missing&templates=failing" },
  { name: "settings-loading", address: "#/settings", query: "keyring=loading" },
  { name: "settings-imported", address: "#/settings", steps: [press("Import, keep what is here…")] },
  {
    name: "settings-import-failed",
    address: "#/settings",
    query: "inventory=failing",
    steps: [press("Import, keep what is here…")],
  },
  { name: "settings-replace", address: "#/settings", steps: [press("Import and replace…")] },
];
