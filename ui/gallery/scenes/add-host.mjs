const press = (name) => async (driver) => {
  const found = await driver.executeScript(
    "const [name] = arguments; const one = [...document.querySelectorAll('button, summary')].find((e) => e.textContent.trim() === name); one?.focus(); one?.click(); return Boolean(one)",
    name,
  );
  if (!found) throw new Error(`nothing is called ${name}`);
  await driver.sleep(150);
};
const type =
  (text, css = "#main input") =>
  async (driver) =>
    (await driver.findElement({ css })).sendKeys(text);
const secret = (text) => async (driver) => {
  await type(text, "#main input[type=password]")(driver);
  await press("Go on")(driver);
};
const filled = [type("deploy@staging.example.org:2222"), press("Test and add")];

export default [
  { name: "add-host", address: "#/hosts/+add" },
  { name: "add-host-suggests", address: "#/hosts/+add", steps: [type("st")] },
  { name: "add-host-errors", address: "#/hosts/+add", query: "agent=none&keys=none", steps: [press("Test and add")] },
  {
    name: "add-host-more",
    address: "#/hosts/+add",
    steps: [type("web.example.org"), press("More: port, jump host, sudo")],
  },
  { name: "add-host-slow", address: "#/hosts/+add", query: "trial=slow", steps: filled },
  { name: "add-host-key", address: "#/hosts/+add", query: "trial=key", steps: filled },
  { name: "add-host-password", address: "#/hosts/+add", query: "trial=password", steps: filled },
  {
    name: "add-host-password-wrong",
    address: "#/hosts/+add",
    query: "trial=password",
    steps: [...filled, secret("guess")],
  },
  { name: "add-host-passphrase", address: "#/hosts/+add", query: "trial=passphrase", steps: filled },
  { name: "add-host-sudo", address: "#/hosts/+add", query: "trial=sudo", steps: filled },
  { name: "add-host-changed", address: "#/hosts/+add", query: "trial=changed", steps: filled },
  { name: "add-host-revoked", address: "#/hosts/+add", query: "trial=revoked", steps: filled },
  { name: "add-host-refused", address: "#/hosts/+add", query: "trial=refused", steps: filled },
  { name: "add-host-ready", address: "#/hosts/+add", query: "trial=plain", steps: filled },
  { name: "add-host-edit", address: "#/hosts/web-1/edit" },
];
