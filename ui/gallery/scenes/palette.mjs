const keys = (css, text) => async (driver) => {
  await driver.sleep(100);
  await (await driver.findElement({ css })).sendKeys(text);
  await driver.sleep(100);
};
const open = async (driver) => {
  await driver.executeScript("document.querySelector('header .find').click()");
  await driver.sleep(250);
};

export default [
  { name: "palette", address: "#/hosts", steps: [open] },
  { name: "palette-found", address: "#/hosts", steps: [open, keys("[role=combobox]", "web")] },
  { name: "palette-nothing", address: "#/hosts", steps: [open, keys("[role=combobox]", "zzzz")] },
  {
    name: "palette-many",
    address: "#/hosts",
    query: "hosts=many&sites=many",
    steps: [open, keys("[role=combobox]", "node 01")],
  },
  { name: "palette-keys", address: "#/settings", steps: [keys("#main", "?")] },
];
