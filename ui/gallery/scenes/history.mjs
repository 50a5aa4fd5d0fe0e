import { By } from "selenium-webdriver";

const select = (label, value) => async (driver) => {
  await driver
    .findElement(By.xpath(`//label[contains(., "${label}")]/select/option[normalize-space()="${value}"]`))
    .click();
};

export default [
  { name: "history", address: "#/history" },
  { name: "history-active", address: "#/history", query: "active=3" },
  { name: "history-many", address: "#/history", query: "history=many" },
  { name: "history-filtered", address: "#/history", steps: [select("How it ended", "Rolled back")] },
  {
    name: "history-none-fits",
    address: "#/history",
    steps: [select("What", "Roll back"), select("How it ended", "Left in between")],
  },
  { name: "history-empty", address: "#/history", query: "history=empty" },
  { name: "history-failing", address: "#/history", query: "history=failing" },
  { name: "history-loading", address: "#/history", query: "history=loading", settle: 400 },
  { name: "closing", address: "#/history", query: "active=1&closing=1", settle: 500 },
  { name: "closing-many", address: "#/history", query: "active=7&closing=7", settle: 500 },
];
